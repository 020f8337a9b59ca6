//! Which core does what: the server that is measured has one to itself, and the load another.

use anyhow::{Context as _, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A core, by the system's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Core(pub(crate) usize);

impl From<Core> for Vec<Core> {
    fn from(core: Core) -> Self {
        vec![core]
    }
}

/// The cores of a measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    /// What is measured runs here, and nothing else of ours.
    pub(crate) server: Core,
    /// Whoever gives it work runs here.
    pub(crate) load: Core,
}

impl Cores {
    /// Two different cores of those that this process may use.
    ///
    /// # Errors
    /// When there is one alone: a server that shares it with its load measures both.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("which cores may we use?")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).map(Core);
        let (server, load) = (cores.next(), cores.next());
        ensure!(load.is_some(), "a server and its load need two cores, and here is one");
        let (server, load) = server.zip(load).context("no core")?;
        Ok(Self { server, load })
    }

    /// Where a server with so many busy threads runs: with more than one, it shares the load's core.
    pub(crate) fn of_server(self, threads: usize) -> Vec<Core> {
        if threads > 1 { vec![self.server, self.load] } else { vec![self.server] }
    }
}

/// Keeps this thread, and threads that it starts meanwhile, where it is told, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// From now on this thread runs on `core` alone.
    ///
    /// # Errors
    /// When the system doesn't allow it.
    pub(crate) fn to(core: Core) -> anyhow::Result<Self> {
        Self::to_any(&[core])
    }

    /// From now on this thread runs on these cores alone.
    ///
    /// # Errors
    /// When the system doesn't allow it.
    pub(crate) fn to_any(cores: &[Core]) -> anyhow::Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(core.0));
        sched_setaffinity(None, &set).with_context(|| format!("can't run on {cores:?}"))?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Those cores were allowed before, so they are now.
        let _ = sched_setaffinity(None, &self.before);
    }
}
