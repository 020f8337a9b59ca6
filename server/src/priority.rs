//! Which threads stand back when cores are short: the loop comes first, then the database, then passwords. Linux applies
//! a nice value, a scheduling policy and a time slice to the thread that asks.

use std::io;
use std::time::{Duration, Instant};

/// How long a thread that stands back keeps a core which the loop may be waiting for. It is its time slice too, because
/// Linux lets a thread that yields forgo the rest of its slice: with the usual one of 3 ms the writer came to nothing on a
/// full core, and confirmations took 20 s. From 6.12 on Linux takes a slice from 0.1 to 100 ms; before, it has its own.
const STINT: Duration = Duration::from_micros(200);

/// How far a kind of thread stands back for the loop, as a nice value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The database's threads. One of equal rank takes up to 27 ms from a tick of 10,000 players on one core; with this
    /// one it has its share, and players enter as quickly. Where there is a core for each it changes nothing.
    Store = 5,
    /// Password threads, behind the database: who is not in yet waits for those who are.
    Passwords = 10,
}

/// The calling thread stands back from here on. Without the right to do so it runs at the loop's rank, which harms
/// nothing but the ticks.
///
/// The loop wakes the writer whenever it hands a commit over, in mid-tick. On the same core a thread of the usual policy
/// then takes over at once, for 2 to 3 ms, whatever its nice value; one of `SCHED_BATCH` waits for its turn. The price is
/// paid where no core is free at all: a confirmation then comes some 10 ms later, a tenth of a tick.
pub(crate) fn stand_back(priority: Priority) {
    if let Err(error) = set_rank(priority) {
        tracing::debug!(%error, ?priority, "a thread doesn't stand back for the loop as it should");
    }
}

#[expect(unsafe_code, reason = "no crate of ours wraps this call")]
#[expect(clippy::cast_possible_truncation, reason = "small constants")]
fn set_rank(priority: Priority) -> io::Result<()> {
    let rank = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_BATCH as u32,
        sched_flags: 0,
        sched_nice: priority as i32,
        sched_priority: 0,
        sched_runtime: STINT.as_nanos() as u64,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: 0 is the calling thread, and the attributes are only read, while the call lasts.
    match unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const rank, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How long a thread has had its core without offering it to others. Linux looks at slices in its timer's tick alone,
/// often 250 times a second, so that a batch of saves would take up to 4 ms from a tick once it has its turn.
#[derive(Debug)]
pub(crate) struct Stint {
    began: Instant,
}

impl Stint {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now() }
    }

    /// Offers the core when its time is up. Called every few microseconds.
    pub(crate) fn offer_core(&mut self) {
        if self.began.elapsed() >= STINT {
            std::thread::yield_now();
            self.began = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    /// Nice value and scheduling policy of the calling thread, as the kernel tells them.
    fn rank() -> (i32, i32) {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // The third field of the line comes first here: proc_pid_stat(5) counts from 1.
        let field = |number: usize| fields[number - 3].parse().unwrap();
        (field(19), field(41))
    }

    #[test]
    fn who_stands_back_has_a_lower_rank_and_wakes_without_preempting_and_nobody_else_does() {
        let before = rank();
        let stood_back = thread::spawn(|| {
            stand_back(Priority::Store);
            rank()
        });
        assert_eq!(stood_back.join().unwrap(), (Priority::Store as i32, libc::SCHED_BATCH));
        assert_eq!(rank(), before);
    }
}
