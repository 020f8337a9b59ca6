//! A private NATS server for a test: on a free port of the loopback, gone when the test ends, however it ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long nats-server may take to listen. It takes some 20 ms; the rest is for a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// What nats-server writes when it listens.
const READY: &str = "Server is ready";

/// Runs nats-server and kills it as soon as the pipe to this process closes, so also when the test process is killed.
const RUN_UNTIL_THE_PIPE_CLOSES: &str =
    r#"nats-server "$@" & server=$!; read -r _; kill -9 $server; wait $server 2>/dev/null"#;

/// A nats-server of our own. Dropping it kills it, as a crash would, and waits until it is gone.
#[derive(Debug)]
pub struct NatsServer {
    /// Where it listens on 127.0.0.1, also after a restart.
    pub port: u16,
    running: Option<Child>,
}

impl NatsServer {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// When nats-server isn't installed (the message names the package), or doesn't start.
    pub fn start() -> Result<Self> {
        let mut server = Self::not_yet_started()?;
        server.restart()?;
        Ok(server)
    }

    /// Picks the port of one that isn't there yet. [`NatsServer::restart`] starts it.
    ///
    /// # Errors
    /// When the system has no free port.
    pub fn not_yet_started() -> Result<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).context("no free port for nats-server")?;
        Ok(Self { port: free.local_addr()?.port(), running: None })
    }

    /// The `bus.url` that reaches it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it without a chance to say goodbye and waits until it is gone. Without effect when it isn't running.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        drop(running.stdin.take());
        // It was ours and is gone now, or was gone before; a test has nothing else to do about it.
        let _ = running.wait();
    }

    /// Kills it if it runs, starts it on the same port and waits until it listens.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let port = self.port.to_string();
        let mut child = Command::new("sh")
            .args(["-c", RUN_UNTIL_THE_PIPE_CLOSES, "nats-server"])
            .args(["-a", "127.0.0.1", "-p", &port])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("sh can't be started")?;
        let log = child.stderr.take().context("nats-server has no log")?;
        self.running = Some(child);

        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            // To its end, so that the server never waits for a reader of its log.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains(READY) || line.contains("[FTL]") || line.contains("not found") {
                    // Only the first is waited for.
                    let _ = said.send(line);
                }
            }
        });
        let line = heard
            .recv_timeout(START_PATIENCE)
            .context("nats-server doesn't say that it is ready")?;
        if line.contains("not found") {
            bail!("nats-server isn't installed: install the package `nats-server` ({line})");
        }
        if !line.contains(READY) {
            bail!("nats-server doesn't start: {line}");
        }
        Ok(())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
