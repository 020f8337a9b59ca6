//! The connection that changes the world: a transaction is one fsync.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::engine::{Database, check_epoch};
use crate::store::error::EngineError;

use super::connection::{empty_log, warn_of_readers};
use super::file::{Header, Identity, beside, real};
use super::lock::FileLock;
use super::log_mark::{self, NEEDS_LOG, WHOLE};
use super::rows::unsigned;
use super::transaction::SqliteTransaction;

/// Pages in the write-ahead log from which on they are copied into the database: 4 MiB, some ten milliseconds. A copy
/// takes all that it may: after a backup or an audit, which holds pages in the log for as long as it runs, it is
/// everything that was written meanwhile, once.
const CHECKPOINT_PAGES: i64 = 1_000;
/// How long an end waits for those who keep a log from being rescued. In play they are waited for as long as it takes:
/// nothing can be confirmed before.
const RESCUE_PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts at it, where SQLite itself doesn't wait.
const RESCUE_PAUSE: Duration = Duration::from_millis(20);

/// What became of a checkpoint.
struct Checkpoint {
    /// Pages that are in the log alone, as far as it saw.
    left: i64,
    /// Whether there are none.
    complete: bool,
}

/// The files that are open. Who moves, replaces or deletes them doesn't reach what is open here.
pub(super) struct Files {
    database: Identity,
    /// See [`open_beside`](super::file::open_beside).
    own: File,
    log: Identity,
    /// Where who writes, reads and copies pages lock each other out.
    index: Identity,
}

impl Files {
    /// # Errors
    /// When one of them isn't there or can't be reached. There are a log and its index once something was written.
    pub(super) fn of(path: &Path, own: File) -> io::Result<Self> {
        let part = |name| Identity::of(&beside(&real(path), name));
        Ok(Self { database: Identity::of(path)?, own, log: part("-wal")?, index: part("-shm")? })
    }

    fn header(&self) -> Result<Header, EngineError> {
        let unread = |problem| EngineError::Fatal(format!("the file's first page: {problem}"));
        Header::read(&self.own).map_err(unread)
    }
}

/// Owns the database.
pub(super) struct SqliteDatabase {
    connection: Connection,
    files: Files,
    /// Pages that a copy had to leave in the log: somebody reads an older state. 0 if it was complete.
    held_up_at: i64,
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
        Self { connection, files, held_up_at: 0, node, epoch, _lock: lock }
    }

    /// Copies the log into the file, as far as nobody reads an older state, and marks the file as one that needs what comes
    /// behind it; `mode` as SQLite names it. True if all of it was copied.
    pub(super) fn copy_log(&mut self, mode: &str) -> Result<bool, EngineError> {
        self.mark(NEEDS_LOG)?;
        let copied = self.checkpoint(mode);
        self.mark(WHOLE)?;
        let Checkpoint { left, complete } = copied?;
        self.held_up_at = if complete { 0 } else { left.max(1) };
        Ok(complete)
    }

    /// Whether the log is to be copied, with so many pages in it alone: when it is long, and at once if the file has lost its
    /// mark, because another program has copied the log. Not before as much came behind what a reader held up: a copy
    /// costs syncs, and would end where the last one did.
    fn is_copy_due(&self, left: i64) -> Result<bool, EngineError> {
        Ok(match self.held_up_at {
            0 => left >= CHECKPOINT_PAGES || left > 0 && !self.files.header()?.needs_log,
            held_up_at => left >= held_up_at + CHECKPOINT_PAGES,
        })
    }

    /// Marks the log, if this start still has the database.
    fn mark(&self, mark: i32) -> Result<(), EngineError> {
        let rows = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        check_epoch(self.epoch, epoch(&rows)?)?;
        log_mark::say(&rows, mark)?;
        Ok(rows.commit()?)
    }

    /// So that a log that is put into the file to its end calls it whole: a copy may have failed in the middle.
    fn unmark(&self) -> Result<(), EngineError> {
        match log_mark::seen(&self.connection)? {
            WHOLE => Ok(()),
            _ => self.mark(WHOLE),
        }
    }

    /// Other files under these names are what the next start would find, and not what is confirmed here. Waits so long for
    /// those who keep a log that is gone from being rescued.
    fn check_files(&self, patience: Option<Duration>) -> Result<(), EngineError> {
        if !self.files.database.holds() {
            return Err(EngineError::Superseded(
                "the database's file was moved, replaced or deleted while the server ran; what was confirmed is in it and \
                 in its -wal: put both back together before you start again, or restore a backup if it was deleted"
                    .to_owned(),
            ));
        }
        if self.files.header()?.is_without_log {
            return Err(EngineError::Superseded(
                "another file was copied over the database while the server ran, and what was in it is lost: restore a backup, \
                 and move the -wal and -shm away before"
                    .to_owned(),
            ));
        }
        if self.files.log.holds() {
            if self.files.index.holds() {
                return Ok(());
            }
            // Another program may be at the log with a new index, and copy pages under other locks than ours.
            return Err(EngineError::Superseded(
                "the database's -shm was moved, replaced or deleted while the server ran; what was confirmed is in the \
                 database and its -wal: let no other program write to them, start again and run audit"
                    .to_owned(),
            ));
        }
        let gone = "the database's -wal was moved, replaced or deleted while the server ran";
        Err(EngineError::Superseded(match self.rescue_log(patience) {
            Ok(()) => format!(
                "{gone}; all that was confirmed is in the database now: delete a -wal that lies beside it, and start again"
            ),
            Err(problem) => {
                format!("{gone}, and what was in it is lost ({problem}); restore a backup")
            }
        }))
    }

    /// Nobody else can reach the log any more: what is in it belongs in the database. Who reads an older state or copies
    /// pages there is waited for, not longer than `patience`.
    fn rescue_log(&self, patience: Option<Duration>) -> Result<(), EngineError> {
        let began = Instant::now();
        let mut told = false;
        self.unmark()?;
        while !self.checkpoint("FULL")?.complete {
            if patience.is_some_and(|patience| began.elapsed() >= patience) {
                let why = "others have been reading an older state of it all the time";
                return Err(EngineError::Transient(why.to_owned()));
            }
            if !std::mem::replace(&mut told, true) {
                tracing::error!(
                    "the database's -wal was moved, replaced or deleted, and is put into the database as soon as no other \
                     program reads it: end such programs, not this server"
                );
            }
            std::thread::sleep(RESCUE_PAUSE);
        }
        Ok(())
    }

    /// The write-ahead log into the database; `mode` as SQLite names it.
    fn checkpoint(&self, mode: &str) -> Result<Checkpoint, EngineError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let outcome = self.connection.query_row(&sql, [], |row| {
            // Both counts are -1 when it couldn't even begin.
            let (busy, in_log, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Checkpoint { left: in_log - copied, complete: !busy && in_log == copied })
        });
        outcome.map_err(|problem| EngineError::from(problem).at("checkpoint"))
    }
}

impl Database for SqliteDatabase {
    type Transaction<'a> = SqliteTransaction<'a>;

    fn begin(&mut self) -> Result<SqliteTransaction<'_>, EngineError> {
        self.check_files(None)?;
        let rows = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // The lock lies beside the database: whoever removes it, or comes to the database by another name, gets past it.
        check_epoch(self.epoch, epoch(&rows)?)?;
        Ok(SqliteTransaction { rows, node: self.node, epoch: self.epoch })
    }

    fn tend(&mut self) -> Result<(), EngineError> {
        let left = self.checkpoint("NOOP")?.left;
        if self.is_copy_due(left)? {
            self.check_files(None)?;
            self.copy_log("PASSIVE")?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        self.check_files(Some(RESCUE_PATIENCE))?;
        // All but the first page, so that the file isn't called whole before it is.
        if !self.copy_log("FULL")? {
            warn_of_readers();
            return Ok(());
        }
        empty_log(&self.connection).map_err(|problem| EngineError::from(problem).at("checkpoint"))
    }
}

/// Of the last start that has claimed the database.
pub(super) fn epoch(connection: &Connection) -> rusqlite::Result<u64> {
    let mut ask = connection.prepare_cached("SELECT value FROM meta WHERE key = 'epoch'")?;
    ask.query_row([], |row| unsigned(row, 0))
}
