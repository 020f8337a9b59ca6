//! The demo's server: started on a free port, watched by its log, stopped as an operator would.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Places;
use crate::child;

/// How the server says that clients may come.
const READY: &str = "realmbeat-server ready on ";
/// How long that may take. It takes tenths of a second; the rest is for a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long the orderly end may take: the server's own deadline (20 s), and time to be late.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// Lines of the log that are shown when the server ends unasked.
const LAST_WORDS: usize = 12;
/// Sessions that the server takes without being told to.
const SESSIONS_BY_DEFAULT: u32 = 10_000;
/// Sessions beyond one for each bot: connections of which only one end knows that they are over.
const SPARE_SESSIONS: u32 = 1000;

/// The server's program with the settings of this demo.
pub(super) struct ServerBinary {
    program: PathBuf,
    world: PathBuf,
    secret: String,
}

/// A running server.
pub(super) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl ServerBinary {
    pub(super) fn new(program: PathBuf, places: &Places, secret: &str) -> Self {
        Self { program, world: places.world.clone(), secret: secret.to_owned() }
    }

    /// Starts it and waits for its ready line.
    ///
    /// # Errors
    /// When the line doesn't come; the message has the end of the log.
    pub(super) fn start(&self, bots: u32, log: &Path) -> anyhow::Result<Server> {
        let sessions = SESSIONS_BY_DEFAULT.max(bots.saturating_add(SPARE_SESSIONS));
        let log_file =
            std::fs::File::create(log).with_context(|| format!("can't write {}", log.display()))?;
        let mut child = child::command(&self.program)?
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.world)
            .arg("--set")
            .arg(format!("network.max_sessions={sessions}"))
            .args(["--set", "log.format=text"])
            .env("REALMBEAT__AUTH__TOKEN_SECRET", &self.secret)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .context("can't start the server")?;
        let output = child.stdout.take().context("the server has no output")?;
        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            // Nobody waits for it any more when it comes too late.
            let _ = said.send(read.map(|_| line));
        });
        let mut server =
            Server { child, log: log.to_owned(), address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let line = match heard.recv_timeout(START_PATIENCE) {
            Ok(line) => line.context("can't read what the server says")?,
            Err(_) => bail!(
                "the server isn't ready after {} s{}",
                START_PATIENCE.as_secs(),
                server.last_words()
            ),
        };
        let address = line.trim().strip_prefix(READY);
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            child::wait(&mut server.child, STOP_PATIENCE)?;
            bail!("the server didn't start{}", server.last_words());
        };
        server.address = address;
        Ok(server)
    }

    /// Proves the items of the world that it has left behind.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(super) fn audit(&self) -> anyhow::Result<Output> {
        Command::new(&self.program)
            .arg("--data-dir")
            .arg(&self.world)
            .arg("audit")
            .output()
            .context("can't start the audit")
    }
}

impl Server {
    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end and waits until it has saved everybody.
    ///
    /// # Errors
    /// When it doesn't end.
    pub(super) fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        child::terminate(&self.child);
        match child::wait(&mut self.child, STOP_PATIENCE)? {
            Some(status) => Ok(status),
            None => bail!("the server doesn't end{}", self.last_words()),
        }
    }

    /// The end of its log, to stand behind a sentence.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
        if last.is_empty() {
            return format!("; its log {} is empty", self.log.display());
        }
        format!("; the end of {}:\n  {}", self.log.display(), last.join("\n  "))
    }
}

impl Drop for Server {
    /// Whatever went wrong, it doesn't stay behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            child::terminate(&self.child);
            if !matches!(child::wait(&mut self.child, STOP_PATIENCE), Ok(Some(_))) {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}
