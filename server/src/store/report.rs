//! How the store's threads tell the loop what became of its questions.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{Answer, Breakage, Load};

/// Called whenever there is something to poll for; the loop passes its waker.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a thread has to say.
pub(super) enum Report {
    /// A batch of writes is durable.
    Settled { answers: Vec<Answer>, load: Load, took: Duration },
    /// A read is answered.
    Found(Answer),
    /// The writer waits for space or a lock.
    Stalled,
    /// And goes on.
    Recovered,
    /// Whether the disk has less room than the reserve.
    Short(bool),
    /// The database can't be used any more.
    Broken(Breakage),
}

/// A thread's way to the loop. A thread that panics says so on its way out, so that the loop never waits for an
/// answer that nobody will give.
pub(super) struct Reporter {
    sender: mpsc::Sender<Report>,
    wake: Wake,
}

impl Reporter {
    pub(super) const fn new(sender: mpsc::Sender<Report>, wake: Wake) -> Self {
        Self { sender, wake }
    }

    /// Queues a report and wakes the loop. The queue is bounded by the questions that the handle lets through. A
    /// handle that was dropped has nobody left to tell.
    pub(super) fn send(&self, report: Report) {
        if self.sender.send(report).is_ok() {
            (self.wake)();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a store thread");
            self.send(Report::Broken(Breakage::Failed(format!("{name} panicked"))));
        }
    }
}
