//! How much work a write is, so that what waits can be bounded and what was done can be reported.

use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

use game::record::{SharedRequest, Work};

use super::Write;

/// What a request weighs, in rows: it asks the database several things one after the other, each a round trip on
/// PostgreSQL, while many rows share one.
const REQUEST_ROWS: usize = 32;

/// An amount of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Commits.
    pub commits: usize,
    /// Value operations in them.
    pub operations: usize,
    /// Item changes, character saves and log lines in them.
    pub rows: usize,
    /// Writes that aren't commits.
    pub requests: usize,
}

impl Load {
    /// What one write is.
    #[must_use]
    pub fn of(write: &Write) -> Self {
        let Write::Commit(commit) = write else {
            return Self { requests: 1, ..Self::default() };
        };
        let changes = commit.operations.iter().map(|operation| match &operation.work {
            Work::Done(changes) => changes.len(),
            Work::Asked(SharedRequest::SendMail { items, .. }) => items.len() + 2,
            Work::Asked(SharedRequest::TakeMail { slots, .. }) => slots.len() + 1,
            Work::Asked(SharedRequest::DeleteMail { .. }) => 1,
        });
        let changes: usize = changes.sum();
        Self {
            commits: 1,
            operations: commit.operations.len(),
            rows: changes + commit.characters.len() + commit.gm_log.len(),
            requests: 0,
        }
    }

    /// Its share of a transaction, in rows: an otherwise empty commit is one.
    pub(super) const fn weight(self) -> usize {
        self.commits + self.rows + self.requests * REQUEST_ROWS
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.operations += other.operations;
        self.rows += other.rows;
        self.requests += other.requests;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.commits -= other.commits;
        self.operations -= other.operations;
        self.rows -= other.rows;
        self.requests -= other.requests;
    }
}

/// Counts since the store was opened, for the log and the benches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// All that is durable.
    pub done: Load,
    /// Transactions that made it so. Each is one fsync of the write-ahead log, so `done.operations / batches` is
    /// operations per fsync.
    pub batches: u64,
    /// Reads answered.
    pub reads: u64,
    /// Times the writer had to wait for space or a lock.
    pub stalls: u64,
    /// Submitted and not yet durable.
    pub waiting: Load,
    /// The last transaction, from its first statement to the fsync.
    pub last_batch: Duration,
    /// The longest one.
    pub longest_batch: Duration,
}
