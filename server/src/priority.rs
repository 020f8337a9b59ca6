//! Which threads stand back when cores are short: the loop comes first, then the database, then passwords. Linux applies
//! a nice value, a scheduling policy and a time slice to the thread that asks.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

/// How long a thread of the database keeps a core which the loop may be waiting for. It is its time slice too, because
/// Linux lets a thread that yields forgo the rest of its slice: with the usual one of 3 ms the writer came to nothing on a
/// full core, and confirmations took 20 s. Linux takes a slice from 0.1 to 100 ms from 6.12 on; where it doesn't, nobody
/// yields.
const STINT: Duration = Duration::from_micros(200);

thread_local! {
    /// Whether this thread has a slice of [`STINT`].
    static HAS_STINTS: Cell<bool> = const { Cell::new(false) };
}

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
    // Behind the loop, whose value need not be 0. By itself, since a sandbox may refuse the newer call.
    let nice = rustix::process::getpriority_process(None)
        .map(|loops| (loops + priority as i32).min(19))
        .and_then(|nice| rustix::process::setpriority_process(None, nice).map(|()| nice));
    let slice = match priority {
        Priority::Store => STINT,
        // Linux's own: these change caches seldom.
        Priority::Passwords => Duration::ZERO,
    };
    let scheduled = nice.map_err(io::Error::from).and_then(|nice| wait_for_turns(nice, slice));
    match scheduled {
        Ok(granted) => HAS_STINTS.set(granted == STINT),
        Err(error) => {
            tracing::debug!(%error, ?priority, "a thread doesn't stand back for the loop as it should");
        }
    }
}

/// Sets `SCHED_BATCH` and a slice, and gives the slice that Linux has granted; before 6.12 it says 0.
#[expect(unsafe_code, reason = "no crate of ours wraps these calls")]
#[expect(clippy::cast_possible_truncation, reason = "small constants")]
fn wait_for_turns(nice: i32, slice: Duration) -> io::Result<Duration> {
    const THIS_THREAD: libc::c_long = 0;
    const NO_FLAGS: libc::c_long = 0;
    const SIZE: u32 = size_of::<libc::sched_attr>() as u32;
    let mut rank = libc::sched_attr {
        size: SIZE,
        sched_policy: libc::SCHED_BATCH as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: slice.as_nanos() as u64,
        sched_deadline: 0,
        sched_period: 0,
    };
    let done = |code| if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: the attributes are only read, while the call lasts.
    let set =
        unsafe { libc::syscall(libc::SYS_sched_setattr, THIS_THREAD, &raw const rank, NO_FLAGS) };
    done(set)?;
    let (size, attributes) = (libc::c_long::from(SIZE), &raw mut rank);
    // SAFETY: `size` bytes are written at most, while the call lasts.
    let get =
        unsafe { libc::syscall(libc::SYS_sched_getattr, THIS_THREAD, attributes, size, NO_FLAGS) };
    done(get)?;
    Ok(Duration::from_nanos(rank.sched_runtime))
}

/// Offers the core of a thread that stands back. Linux looks at slices in its timer's tick alone, often 250 times a second,
/// so that a batch of saves would take up to 4 ms from the loop's tick once it has its turn.
#[derive(Debug)]
pub(crate) struct Stint {
    began: Instant,
    looked: Instant,
}

impl Stint {
    pub(crate) fn begin(now: Instant) -> Self {
        Self { began: now, looked: now }
    }

    /// Offers the core when its time is up. Called every few microseconds, as long as the thread has work.
    pub(crate) fn offer_core(&mut self) {
        if HAS_STINTS.get() && self.is_over(Instant::now()) {
            std::thread::yield_now();
        }
    }

    /// Whether it is, and the next one begins.
    fn is_over(&mut self, now: Instant) -> bool {
        // Not looked for so long: the thread slept, waited for the disk or for its turn, and has the core anew.
        if now - self.looked >= STINT {
            self.began = now;
        }
        self.looked = now;
        let over = now - self.began >= STINT;
        if over {
            self.began = now;
        }
        over
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
        let nice = (before.0 + Priority::Store as i32).min(19);
        assert_eq!(stood_back.join().unwrap(), (nice, libc::SCHED_BATCH));
        assert_eq!(rank(), before);
        assert!(!HAS_STINTS.get());
    }

    #[test]
    fn a_core_is_offered_after_a_stint_and_not_when_the_thread_has_just_got_it() {
        let begin = Instant::now();
        let at = |micros| begin + Duration::from_micros(micros);
        let mut stint = Stint::begin(begin);
        let offered: Vec<u64> =
            (1..=60).map(|look| look * 10).filter(|micros| stint.is_over(at(*micros))).collect();
        assert_eq!(offered, [200, 400, 600]);
        assert!(!stint.is_over(at(5_000)), "it slept");
        assert!(!stint.is_over(at(5_100)) && stint.is_over(at(5_200)));
    }
}
