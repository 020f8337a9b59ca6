//! The demo's bots: `realmbeat-bots` with its progress on our terminal.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use super::Demo;
use crate::child;

/// How long bots may take to leave when the demo ends in the middle.
const LEAVE_PATIENCE: Duration = Duration::from_secs(15);

/// A running swarm.
pub(super) struct Swarm(Child);

impl Swarm {
    /// Sends it to `server`.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) fn start(
        program: &Path,
        demo: &Demo,
        server: SocketAddr,
        secret: &str,
        report: &Path,
    ) -> anyhow::Result<Self> {
        let child = child::command(program)?
            .args(["--config", "config/swarm.toml"])
            .args(["--server", &server.to_string()])
            .args(["--bots", &demo.bots.to_string()])
            .args(["--scenario", &demo.scenario])
            .args(["--for", &demo.duration])
            .args(["--ramp", &demo.ramp])
            .args(["--seed", &demo.seed.to_string()])
            .arg("--report")
            .arg(report)
            .env("REALMBEAT_TOKEN_SECRET", secret)
            .stdin(Stdio::null())
            .spawn()
            .context("can't start the bots")?;
        Ok(Self(child))
    }

    /// Asks it to leave; asked again, it ends at once.
    pub(super) fn terminate(&self) {
        child::terminate(&self.0);
    }

    /// Waits for its end, at most this long.
    pub(super) fn wait(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        Ok(child::wait(&mut self.0, patience)?)
    }
}

impl Drop for Swarm {
    /// Whatever went wrong, it doesn't stay behind.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            child::terminate(&self.0);
            if !matches!(child::wait(&mut self.0, LEAVE_PATIENCE), Ok(Some(_))) {
                let _ = self.0.kill();
                let _ = self.0.wait();
            }
        }
    }
}
