//! Processes that a command starts: out of reach of the terminal's Ctrl-C, which is ours to pass on in the right
//! order, and never left behind, even when we are killed.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

/// How often a waiting command looks again. A person doesn't notice, a processor neither.
const LOOK: Duration = Duration::from_millis(30);

/// Becomes another program that gets SIGTERM as soon as the process that started it is gone.
///
/// The system takes this wish only from the process itself, so a child passes through here first.
#[derive(Debug, clap::Args)]
pub(crate) struct UntilParentEnds {
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    line: Vec<OsString>,
}

impl UntilParentEnds {
    /// Doesn't return unless the program can't be started.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        let (program, arguments) = self.line.split_first().context("no program is named")?;
        let error = Command::new(program).args(arguments).exec();
        Err(error).with_context(|| format!("can't start {}", program.display()))
    }
}

/// A call of `program` that lives in a process group of its own and ends with us at the latest.
///
/// # Errors
/// When the system doesn't tell where this program lies.
pub(crate) fn command(program: &Path) -> anyhow::Result<Command> {
    let ourselves = std::env::current_exe().context("where is xtask?")?;
    let mut command = Command::new(ourselves);
    command.arg("until").arg("--").arg(program).process_group(0);
    Ok(command)
}

/// Sends SIGTERM. One that is gone already has nothing to be told.
pub(crate) fn terminate(child: &Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// Waits until it ends, at most this long. `None` when it goes on.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
