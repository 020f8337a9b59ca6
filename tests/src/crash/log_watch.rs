//! Sees when a database writes to its log.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use crate::server::PATIENCE;

/// Room for some events of the system.
const BUFFER: usize = 4096;

/// Watches a log.
pub(super) struct LogWatch(OwnedFd);

impl LogWatch {
    /// Sees all writes from now on to the file at `log`, or to those in the folder.
    pub(super) fn new(log: &Path) -> Result<Self> {
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        add_watch(&watch, log, WatchFlags::MODIFY).with_context(|| log.display().to_string())?;
        Ok(Self(watch))
    }

    /// Returns right at the next write after so many others, or when `over` says that none will come. It never sleeps:
    /// by the time it were awake the moment would be gone.
    pub(super) fn wait(self, mut others: u32, mut over: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut events = Reader::new(&self.0, &mut buffer);
        loop {
            match events.next() {
                Ok(_) if others == 0 => return Ok(()),
                Ok(_) => others -= 1,
                Err(Errno::AGAIN) if over() => return Ok(()),
                Err(Errno::AGAIN) => {
                    ensure!(Instant::now() < deadline, "the database has nothing to write down");
                    std::thread::yield_now();
                }
                Err(problem) => return Err(problem.into()),
            }
        }
    }
}
