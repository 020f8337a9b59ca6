//! What a running process has used, as the system counts it.

use std::time::Duration;

use anyhow::Context as _;

use super::Child;

/// A thread, and what it has used.
#[derive(Debug)]
pub(crate) struct Thread {
    /// At most 15 bytes: the system cuts the rest off.
    #[allow(dead_code, reason = "who measures a whole server tells its threads apart")]
    pub(crate) name: String,
    pub(crate) cpu: Duration,
}

impl Child {
    /// CPU time of all threads that it has. Exact when they sleep; of one that runs, up to a tick of the scheduler may
    /// be missing.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(self.threads()?.iter().map(|thread| thread.cpu).sum())
    }

    /// Its threads.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn threads(&self) -> anyhow::Result<Vec<Thread>> {
        let gone = || format!("{} is gone", self.name);
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.id())).with_context(gone)?;
        // A thread may end between the look into the folder and the look at it.
        let threads = tasks.flatten().filter_map(|task| {
            let read = |name| std::fs::read_to_string(task.path().join(name)).ok();
            let ran = read("schedstat")?.split_whitespace().next()?.parse().ok()?;
            let name = read("comm")?.trim().to_owned();
            Some(Thread { name, cpu: Duration::from_nanos(ran) })
        });
        Ok(threads.collect())
    }

    /// Bytes of memory that are its own: its heap and stacks, as far as they were ever touched.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id()))
            .with_context(|| format!("{} is gone", self.name))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")).context("no figure")?;
        Ok(kib.trim().parse::<u64>()? << 10)
    }
}
