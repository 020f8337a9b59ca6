//! The connection that changes the world: a batch is one transaction, a transaction is one fsync.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::engine::Writer;
use crate::store::error::EngineError;
use crate::store::{Answer, Write};

use super::failure::now_ms;
use super::lock::FileLock;
use super::rows::{signed, unsigned};

/// Pages of the write-ahead log that are copied into the database at once: 4 MiB, some ten milliseconds.
const CHECKPOINT_PAGES: i64 = 1_000;

/// Owns the database.
pub(super) struct SqliteWriter {
    connection: Connection,
    node: u16,
    epoch: u64,
    /// After the connection, so that nobody else gets in before it is closed.
    _lock: FileLock,
}

/// How far this start has come: commits and operations at or below are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) commits: u64,
    pub(super) operations: u64,
}

/// A batch on its way into the database. Everything that a write needs to know comes from here or from the
/// transaction, never from memory, so that a batch that was rolled back leaves nothing behind.
pub(super) struct Batch<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) node: u16,
    pub(super) epoch: u64,
    pub(super) marks: Marks,
    /// Unix milliseconds, one moment for the whole batch.
    pub(super) now_ms: i64,
}

impl SqliteWriter {
    pub(super) const fn new(connection: Connection, lock: FileLock, node: u16, epoch: u64) -> Self {
        Self { connection, node, epoch, _lock: lock }
    }

    /// The write-ahead log into the database; `mode` as SQLite names it. Gives the pages that are in the log alone.
    fn checkpoint(&self, mode: &str) -> Result<i64, EngineError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let pages = self.connection.query_row(&sql, [], |row| {
            let (in_log, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(in_log - copied)
        });
        pages.map_err(|problem| EngineError::from(problem).at("checkpoint"))
    }
}

impl Writer for SqliteWriter {
    fn apply(&mut self, _number: u64, batch: &[Write]) -> Result<Vec<Answer>, EngineError> {
        // Dropped on every way out but the last one, and thereby rolled back.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = read_marks(&transaction, self.epoch)?;
        let mut work = Batch {
            transaction: &transaction,
            node: self.node,
            epoch: self.epoch,
            marks: before,
            now_ms: now_ms(),
        };
        let answers = batch.iter().map(|write| work.write(write)).collect::<Result<_, _>>()?;
        if work.marks != before {
            work.write_marks()?;
        }
        transaction.commit()?;
        Ok(answers)
    }

    fn tend(&mut self) -> Result<(), EngineError> {
        if self.checkpoint("NOOP")? >= CHECKPOINT_PAGES {
            self.checkpoint("PASSIVE")?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        self.checkpoint("TRUNCATE").map(|_| ())
    }
}

fn read_marks(transaction: &Transaction<'_>, epoch: u64) -> Result<Marks, EngineError> {
    let marks = transaction
        .prepare_cached("SELECT commits, operations FROM epochs WHERE epoch = ?1")?
        .query_row([signed(epoch)?], |row| {
            Ok(Marks { commits: unsigned(row, 0)?, operations: unsigned(row, 1)? })
        })?;
    Ok(marks)
}

impl Batch<'_> {
    fn write(&mut self, write: &Write) -> Result<Answer, EngineError> {
        match write {
            Write::Commit(commit) => self.commit(commit),
            Write::Register { ticket, name, password_hash } => {
                self.register(*ticket, name, password_hash.expose())
            }
            Write::AdmitToken { ticket, token_id, expires_at, account } => {
                self.admit_token(*ticket, token_id, *expires_at, account)
            }
            Write::CreateCharacter { ticket, account, name, limit } => {
                self.create_character(*ticket, *account, name, *limit)
            }
            Write::DeleteCharacter { ticket, account, character } => {
                self.delete_character(*ticket, *account, *character)
            }
            Write::ReserveItemIds { count } => self.reserve_item_ids(*count),
        }
    }

    fn write_marks(&self) -> Result<(), EngineError> {
        self.transaction
            .prepare_cached("UPDATE epochs SET commits = ?2, operations = ?3 WHERE epoch = ?1")?
            .execute((
                signed(self.epoch)?,
                signed(self.marks.commits)?,
                signed(self.marks.operations)?,
            ))?;
        Ok(())
    }
}
