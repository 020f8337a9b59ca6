//! Where the world's database is and how much may wait for it.

use std::time::Duration;

use super::Location;

/// Node numbers that a database may have: 10 bits of an id, without 0, so that no id is ever 0.
pub const NODE_RANGE: std::ops::RangeInclusive<u16> = 1..=1023;

/// What [`Store::open`](super::Store::open) needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The database.
    pub place: Location,
    /// The high bits of every id that this database gives out ([`NODE_RANGE`]), so that ids of two databases never
    /// meet. Fixed when the database is made.
    pub node: u16,
    /// How much may wait.
    pub bounds: Bounds,
    /// How long [`Store::close`](super::Store::close) goes on trying while the disk is full or the database is
    /// locked by somebody, before it gives up and reports what isn't saved.
    pub close_patience: Duration,
    /// Entries of the ledger that are older than this are folded; zero keeps them all.
    pub ledger_retention: Duration,
    /// Bytes of room below which value operations are refused, where the engine can tell; zero looks at nothing.
    pub disk_reserve: u64,
}

impl StoreSettings {
    /// The defaults around one database.
    pub fn new(place: impl Into<Location>, node: u16) -> Self {
        Self {
            place: place.into(),
            node,
            bounds: Bounds::default(),
            close_patience: Duration::from_secs(10),
            ledger_retention: Duration::ZERO,
            disk_reserve: 0,
        }
    }
}

/// How much may wait in front of the database. Commits and requests are counted apart: a flood of logins can't take
/// the room of a commit, which can't be refused any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Commits. From here on value operations are refused before anything changes, until half of them are done.
    /// 20 are two seconds of ticks: longer nobody should wait to hear that an item is theirs.
    pub commits_soft: usize,
    /// Commits. One more doesn't fit. 1,200 are two minutes of ticks, more than a restart of a disk's host takes.
    pub commits_hard: usize,
    /// Rows in waiting commits. At about 1 KiB for a character's save, 200,000 are some 200 MB of memory.
    pub rows_hard: usize,
    /// Registrations, token logins and other requests that may be refused. 1,024 are done in well under a second, so
    /// more of them waiting means that the disk has stopped.
    pub requests: usize,
    /// Reads, counted until their answers are taken. As for requests.
    pub reads: usize,
    /// Rows after which a transaction ends although more is waiting, so that those in front don't wait for those
    /// behind: 4,096 take some tens of milliseconds.
    pub batch_rows: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            commits_soft: 20,
            commits_hard: 1_200,
            rows_hard: 200_000,
            requests: 1_024,
            reads: 1_024,
            batch_rows: 4_096,
        }
    }
}
