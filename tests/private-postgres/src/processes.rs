//! The processes of a server: the first one and its children, each of which leads a process group of its own.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Stops all of them where they are.
pub(crate) fn stop(server: u32) -> Result<()> {
    // The first one first, so that it makes no more children.
    signal(server, Signal::STOP)?;
    children(server)?.into_iter().try_for_each(|child| signal(child, Signal::STOP))
}

/// Lets all of them go on.
pub(crate) fn go_on(server: u32) -> Result<()> {
    children(server)?.into_iter().try_for_each(|child| signal(child, Signal::CONT))?;
    signal(server, Signal::CONT)
}

fn signal(process: u32, signal: Signal) -> Result<()> {
    let process = Pid::from_raw(i32::try_from(process)?).context("no process has the number 0")?;
    match kill_process(process, signal) {
        // One that ended just now needs no signal.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(problem) => Err(problem.into()),
    }
}

fn children(server: u32) -> Result<Vec<u32>> {
    let all = std::fs::read_dir("/proc").context("the processes of the system aren't known")?;
    let numbers = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(|process| parent(*process) == Some(server)).collect())
}

/// `None` when the process is gone.
fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
