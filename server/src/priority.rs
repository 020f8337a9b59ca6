//! Which threads stand back when cores are short: the loop comes first, then the database, then passwords. Linux applies
//! a nice value and a scheduling policy to the thread that asks.

use std::io;

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
pub(crate) fn stand_back(priority: Priority) {
    let nice = rustix::process::setpriority_process(None, priority as i32);
    for outcome in [nice.map_err(io::Error::from), wake_without_preempting()] {
        if let Err(error) = outcome {
            tracing::debug!(%error, ?priority, "a thread doesn't stand back for the loop as it should");
        }
    }
}

/// The loop wakes the writer whenever it hands a commit over, in mid-tick. On the same core a thread of the usual policy
/// then takes over at once, for 2 to 3 ms, whatever its nice value; one of `SCHED_BATCH` waits for its turn. The price is
/// paid where no core is free at all: a confirmation then comes some 10 ms later, a tenth of a tick.
#[expect(unsafe_code, reason = "no crate of ours wraps this call")]
fn wake_without_preempting() -> io::Result<()> {
    let static_priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread, and the parameter is only read, while the call lasts.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const static_priority) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
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
