//! The connection that changes the world: a transaction is one fsync.

use std::io;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::engine::{Database, check_epoch};
use crate::store::error::EngineError;

use super::file::Identity;
use super::lock::FileLock;
use super::rows::unsigned;
use super::transaction::SqliteTransaction;

/// Pages in the write-ahead log from which on they are copied into the database: 4 MiB, some ten milliseconds. A copy
/// takes all that it may: after a backup or an audit, which holds pages in the log for as long as it runs, it is
/// everything that was written meanwhile, once.
const CHECKPOINT_PAGES: i64 = 1_000;

/// The files that are open. Who moves, replaces or deletes them doesn't reach what is open here.
pub(super) struct Files {
    database: Identity,
    log: Identity,
}

impl Files {
    /// # Errors
    /// When one of them isn't there or can't be reached. There is a log once something was written.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { database: Identity::of(path)?, log: Identity::of_log(path)? })
    }
}

/// Owns the database.
pub(super) struct SqliteDatabase {
    connection: Connection,
    files: Files,
    node: u16,
    epoch: u64,
    /// After the connection, so that nobody else gets in before it is closed.
    _lock: FileLock,
}

impl SqliteDatabase {
    pub(super) const fn new(
        connection: Connection,
        files: Files,
        lock: FileLock,
        node: u16,
        epoch: u64,
    ) -> Self {
        Self { connection, files, node, epoch, _lock: lock }
    }

    /// Other files under these names are what the next start would find, and not what is confirmed here.
    fn check_files(&self) -> Result<(), EngineError> {
        if !self.files.database.holds() {
            return Err(EngineError::Superseded(
                "the database's file was moved, replaced or deleted while the server ran; what was confirmed is in it and \
                 in its -wal: put both back together before you start again"
                    .to_owned(),
            ));
        }
        if self.files.log.holds() {
            return Ok(());
        }
        let gone = "the database's -wal was moved, replaced or deleted while the server ran";
        // Nobody else can reach the log any more. What is in it belongs in the database.
        Err(EngineError::Superseded(match self.checkpoint("PASSIVE") {
            Ok(0) => format!(
                "{gone}; all that was confirmed is in the database now: delete a -wal that lies beside it, and start again"
            ),
            Ok(pages) => format!("{gone}, and {pages} pages of it are lost; restore a backup"),
            Err(problem) => {
                format!("{gone}, and what was in it is lost ({problem}); restore a backup")
            }
        }))
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

impl Database for SqliteDatabase {
    type Transaction<'a> = SqliteTransaction<'a>;

    fn begin(&mut self) -> Result<SqliteTransaction<'_>, EngineError> {
        self.check_files()?;
        let rows = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // The lock lies beside the database: whoever removes it, or comes to the database by another name, gets past it.
        check_epoch(self.epoch, epoch(&rows)?)?;
        Ok(SqliteTransaction { rows, node: self.node, epoch: self.epoch })
    }

    fn tend(&mut self) -> Result<(), EngineError> {
        if self.checkpoint("NOOP")? >= CHECKPOINT_PAGES {
            self.checkpoint("PASSIVE")?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        self.check_files()?;
        self.checkpoint("TRUNCATE").map(|_| ())
    }
}

/// Of the last start that has claimed the database.
pub(super) fn epoch(connection: &Connection) -> rusqlite::Result<u64> {
    let mut ask = connection.prepare_cached("SELECT value FROM meta WHERE key = 'epoch'")?;
    ask.query_row([], |row| unsigned(row, 0))
}
