//! What the lobby has counted, for the operator.

use std::collections::BTreeMap;

use protocol::v1::{Farewell, Refusal};

/// Counters since the start, and how many there are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LobbyStats {
    /// Requests refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Sessions told goodbye, by reason.
    pub farewells: BTreeMap<Farewell, u64>,
    /// Logins by password, token, registration or resuming.
    pub logged_in: u64,
    /// Accounts made.
    pub registered: u64,
    /// Logins that went on with an earlier one by its session token.
    pub resumed: u64,
    /// Sessions that lost their login to another one.
    pub taken_over: u64,
    /// Characters that were brought into the world.
    pub entered: u64,
    /// Logins that ended because nobody came back in time.
    pub grace_over: u64,
    /// Sessions there now, those that were told goodbye included.
    pub sessions: usize,
    /// Accounts logged in now, those in their grace time included.
    pub logins: usize,
    /// Accounts in their grace time now.
    pub away: usize,
    /// Characters in the world now, or on their way out of it.
    pub characters: usize,
    /// Requests that wait for an answer or a save now.
    pub waiting: usize,
    /// Wishes to enter that had to wait for a turn.
    pub queued: u64,
    /// Wishes to enter that wait for their turn now.
    pub in_queue: usize,
}
