//! Where and when a figure was taken: without that it says nothing.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

/// The machine that a bench runs on.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    /// The day, in UTC.
    date: String,
    kernel: String,
    cpu: String,
    /// Cores that this process may use.
    cores: usize,
    /// Bytes of memory.
    memory: u64,
}

impl Machine {
    /// This one, now. What the system doesn't tell is unknown; no figure depends on it.
    pub(super) fn this() -> Self {
        let unknown = || "unknown".to_owned();
        let system = rustix::system::uname();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            date: OffsetDateTime::now_utc().date().to_string(),
            kernel: format!(
                "{} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy()
            ),
            cpu: value("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores,
            memory: rustix::system::sysinfo().totalram,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, kernel, cpu, cores, memory } = self;
        write!(f, "{date}, {kernel}, {cpu}, {cores} cores, {} GiB", memory >> 30)
    }
}

/// What stands behind the colon in the first line of a file that begins with `key`.
fn value(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
