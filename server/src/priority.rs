//! Which threads stand back when cores are short: the loop comes first, then the database, then passwords. Linux applies
//! a nice value to the thread that asks.

/// How far a kind of thread stands back for the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The database's threads. One of equal rank that is woken on the loop's core takes that core at once, for up to
    /// 27 ms in the middle of a tick of 10,000 players; with this one it waits until the loop sleeps or has had its
    /// share, and players enter as quickly. Where there is a core for each it changes nothing.
    Store = 5,
    /// Password threads, behind the database: who is not in yet waits for those who are.
    Passwords = 10,
}

/// The calling thread stands back from here on. Without the right to do so it runs at the loop's rank, which harms
/// nothing but the ticks.
pub(crate) fn stand_back(priority: Priority) {
    if let Err(error) = rustix::process::setpriority_process(None, priority as i32) {
        tracing::debug!(%error, ?priority, "a thread runs at the loop's priority");
    }
}
