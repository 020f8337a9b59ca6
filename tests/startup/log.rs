//! A log that nobody reads, and signals that come early.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use tests::client::Client;
use tests::server::{PATIENCE, ServerSetup};

/// Writes to a pipe until it takes nothing more, through a description of its own: who else has the pipe still waits.
fn fill(pipe: &impl AsRawFd) {
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    let mut again = OpenOptions::new().write(true).custom_flags(flags).open(path).unwrap();
    for size in [4096, 1] {
        while again.write(&vec![b'.'; size]).is_ok() {}
    }
}

fn ready_on(child: &mut Child) -> SocketAddr {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("realmbeat-server ready on ");
    address.unwrap_or_else(|| panic!("not ready: {line:?}")).parse().unwrap()
}

#[test]
fn a_log_that_nobody_reads_holds_up_neither_the_world_nor_its_end() {
    let setup = ServerSetup::new().set("log.level", "debug");
    let (log, full) = std::io::pipe().unwrap();
    fill(&full);
    let mut server =
        setup.command().stdout(Stdio::piped()).stderr(full).spawn().expect("the server starts");
    let address = ready_on(&mut server);
    let (mut ada, _) = Client::enter(address, "ada", "Ada");
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert!(ada.read_to_end().is_some(), "she is told of the end");
    assert_eq!(server.wait().unwrap().code(), Some(0));
    drop(log);
}

/// Whether the process has a handler for SIGHUP.
fn hears_hangups(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 != 0
}

#[test]
fn a_hangup_during_the_start_waits_for_the_end_of_it() {
    let setup = ServerSetup::new();
    // The start stands still where it opens this file, until somebody writes to it.
    let layer = setup.data_dir().join("layer.toml");
    assert!(Command::new("mkfifo").arg(&layer).status().unwrap().success());
    let mut command = setup.command();
    command.arg("--config").arg(&layer).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("the server starts");
    let deadline = Instant::now() + PATIENCE;
    while !hears_hangups(server.id()) {
        assert!(Instant::now() < deadline, "no handler");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&server), Signal::HUP).unwrap();
    let writer = File::options().write(true).open(&layer).unwrap();
    // The same file is read again.
    std::fs::remove_file(&layer).unwrap();
    std::fs::write(&layer, "").unwrap();
    drop(writer);
    ready_on(&mut server);
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let reloaded = lines.find(|line| line.as_ref().unwrap().contains("nothing has changed"));
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    assert!(reloaded.is_some());
    for line in lines {
        drop(line);
    }
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
