//! What the store's threads need of a database. SQLite is the one that is built in; another one implements these
//! two traits and passes the same tests.

use super::error::EngineError;
use super::{Answer, Claim, Read, Write};

/// The one connection that changes the world. Owned by the writer thread.
pub(super) trait Writer: Send {
    /// Makes all of `batch` durable in one transaction, in order, and answers each write in that order; or does
    /// nothing. A request that the rules refuse is answered so and harms nobody else in the batch. May be called
    /// again with a batch whose outcome is unknown: what was applied before isn't applied twice.
    fn apply(&mut self, batch: &[Write]) -> Result<Vec<Answer>, EngineError>;

    /// Housekeeping that nobody waits for; called after the answers to a batch are out.
    fn tend(&mut self) -> Result<(), EngineError>;

    /// Leaves the database tidy; called once, after the last batch.
    fn finish(&mut self) -> Result<(), EngineError>;
}

/// A connection that only looks. Owned by the reader thread.
pub(super) trait Reader: Send {
    /// Looks one thing up, in one snapshot that has everything answered by the writer before.
    fn read(&mut self, question: &Read) -> Result<Answer, EngineError>;
}

/// A database that is open, migrated and claimed.
pub(super) struct Opened {
    pub(super) writer: Box<dyn Writer>,
    pub(super) reader: Box<dyn Reader>,
    pub(super) claim: Claim,
}
