//! A clock that what else runs on the machine takes nothing of.

use rustix::time::{ClockId, clock_gettime};

/// What this thread has had of the processor, in nanoseconds.
pub(crate) fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "minutes at the most")]
    let (seconds, nanoseconds) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds * 1e9 + nanoseconds
}
