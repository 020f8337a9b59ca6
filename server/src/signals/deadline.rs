//! Ends the process when it doesn't end by itself: a thread that waits for nothing but the time.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Instant;

use crate::telemetry;

/// When the process has to be gone. Clones share one moment.
#[derive(Clone, Default)]
pub(super) struct Deadline(Arc<(Mutex<Option<Instant>>, Condvar)>);

impl Deadline {
    /// Starts the thread; there is no deadline yet.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub(super) fn watch() -> io::Result<Self> {
        let deadline = Self::default();
        let watched = deadline.clone();
        Builder::new().name("deadline".to_owned()).spawn(move || {
            watched.wait();
            force_end();
        })?;
        Ok(deadline)
    }

    /// The process must be gone by then, or by an earlier moment that was set before.
    pub(super) fn set(&self, at: Instant) {
        let mut due = self.lock();
        *due = Some(due.map_or(at, |due| due.min(at)));
        self.0.1.notify_all();
    }

    /// There is none any more.
    pub(super) fn lift(&self) {
        *self.lock() = None;
    }

    /// Returns when the deadline has passed.
    fn wait(&self) {
        let mut due = self.lock();
        loop {
            let changed = &self.0.1;
            due = match *due {
                None => changed.wait(due).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    let waited = changed.wait_timeout(due, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without anything that another thread could hold up: no destructors, no handlers of the C library.
fn force_end() {
    telemetry::print_error(
        "the server didn't end by itself in the time that it has for that, and was ended at once, as asked: what was \
         not saved yet is lost",
    );
    signal_hook::low_level::exit(1);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_deadline_counts_and_one_that_was_lifted_doesnt() {
        let now = Instant::now();
        let later = now + Duration::from_secs(3_600);
        let deadline = Deadline::default();
        deadline.set(later);
        deadline.set(now);
        deadline.set(later);
        // Returns at once, or this test hangs.
        deadline.wait();
        deadline.lift();
        assert_eq!(*deadline.lock(), None);
    }
}
