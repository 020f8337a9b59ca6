//! The connection that changes the world: a transaction is one fsync.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::engine::{Database, check_epoch};
use crate::store::error::EngineError;

use super::connection::empty_log;
use super::file::{Header, Identity, beside, real};
use super::lock::FileLock;
use super::log_mark::{self, NEEDS_LOG, WHOLE};
use super::rows::unsigned;
use super::transaction::SqliteTransaction;

/// Pages in the write-ahead log from which on they are copied into the database: 4 MiB, some ten milliseconds. A copy
/// takes all that it may: after a backup or an audit, which holds pages in the log for as long as it runs, it is
/// everything that was written meanwhile, once.
const CHECKPOINT_PAGES: i64 = 1_000;
/// The same when all was copied, and somebody's short look kept the file from being marked.
const MARK_PAGES: i64 = 50;
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
    own: Arc<File>,
    log: Identity,
    /// Where who writes, reads and copies pages lock each other out.
    index: Identity,
}

impl Files {
    /// # Errors
    /// When one of them isn't there or can't be reached. There are a log and its index once something was written.
    pub(super) fn of(path: &Path, own: Arc<File>) -> io::Result<Self> {
        let part = |name| Identity::of(&beside(&real(path), name));
        Ok(Self { database: Identity::of(path)?, own, log: part("-wal")?, index: part("-shm")? })
    }

    /// `None` when it can't be read: a disk that doesn't answer shows where it matters.
    fn header(&self) -> Option<Header> {
        Header::read(&self.own).ok()
    }
}

/// Owns the database.
pub(super) struct SqliteDatabase {
    connection: Connection,
    files: Files,
    /// The newest first page is marked: the last copy couldn't take that back.
    is_marked: bool,
    /// Pages in the log alone at which it is copied next. Where a reader or a full disk has ended a copy, the next one would
    /// end, too: it comes as many pages later.
    copy_at: i64,
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
        Self {
            connection,
            files,
            is_marked: false,
            copy_at: CHECKPOINT_PAGES,
            node,
            epoch,
            _lock: lock,
        }
    }

    /// Copies the log, of which so many pages are in it alone, into the file, as far as nobody reads an older state, and then
    /// marks the file as one that needs what comes behind it. The log is marked for no longer than its own page takes, and a
    /// mark that can't be made keeps no copy from being made.
    pub(super) fn copy_log(&mut self, left: i64) -> Result<(), EngineError> {
        self.copy_at = left + CHECKPOINT_PAGES;
        let Checkpoint { left, complete } = self.checkpoint("PASSIVE")?;
        self.copy_at = left + CHECKPOINT_PAGES;
        if complete {
            self.copy_at = MARK_PAGES;
            self.mark(NEEDS_LOG)?;
            let marked = self.checkpoint("PASSIVE");
            let unmarked = self.unmark();
            marked?;
            unmarked?;
            if self.files.header().is_some_and(|header| header.needs_log) {
                self.copy_at = CHECKPOINT_PAGES;
            }
        }
        Ok(())
    }

    /// Whether the log is to be copied, with so many pages in it alone.
    fn is_copy_due(&mut self, left: i64) -> bool {
        let somebody_else_has_copied = left + CHECKPOINT_PAGES < self.copy_at;
        if somebody_else_has_copied {
            self.copy_at = CHECKPOINT_PAGES;
        }
        if self.copy_at != CHECKPOINT_PAGES {
            return left >= self.copy_at;
        }
        // What others copy calls the file whole, and then something came behind it.
        let has_lost_mark = || self.files.header().is_some_and(|header| !header.needs_log);
        left >= CHECKPOINT_PAGES || left > 0 && has_lost_mark()
    }

    /// Writes the mark into the log, if this start still has the database.
    fn mark(&mut self, mark: i32) -> Result<(), EngineError> {
        let rows = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        check_epoch(self.epoch, epoch(&rows)?)?;
        log_mark::say(&rows, mark)?;
        rows.commit()?;
        self.is_marked = mark == NEEDS_LOG;
        Ok(())
    }

    /// So that whoever copies the log to its end calls the file whole.
    fn unmark(&mut self) -> Result<(), EngineError> {
        if !self.is_marked {
            return Ok(());
        }
        match self.mark(WHOLE) {
            // A log that was copied begins anew, and needs no room for it.
            Err(problem) if !problem.is_final() => {
                self.checkpoint("PASSIVE")?;
                self.mark(WHOLE)
            }
            outcome => outcome,
        }
    }

    /// Other files under these names are what the next start would find, and not what is confirmed here. Waits so long for
    /// those who keep a log that is gone from being rescued.
    fn check_files(&mut self, patience: Option<Duration>) -> Result<(), EngineError> {
        if !self.files.database.holds() {
            return Err(EngineError::Superseded(
                "the database's file was moved, replaced or deleted while the server ran; what was confirmed is in it and \
                 in its -wal: put both back together before you start again, or restore a backup if it was deleted"
                    .to_owned(),
            ));
        }
        if self.files.header().is_some_and(|header| header.is_anothers()) {
            return Err(EngineError::Superseded(
                "the database's file was emptied, or another one copied over it, while the server ran, and what was in it is \
                 lost: restore a backup, and move the -wal and -shm away before"
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
    fn rescue_log(&mut self, patience: Option<Duration>) -> Result<(), EngineError> {
        let began = Instant::now();
        let mut told = false;
        while !self.copy_all()? {
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

    /// All of the log into the file, which calls itself whole then. False if somebody else keeps it from that for now.
    fn copy_all(&mut self) -> Result<bool, EngineError> {
        let unmarked = self.unmark();
        let copied = self.checkpoint("FULL")?.complete;
        match unmarked {
            Ok(()) => Ok(copied),
            Err(problem) if problem.is_final() => Err(problem),
            Err(_) => Ok(false),
        }
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
        self.unmark()?;
        let left = self.checkpoint("NOOP")?.left;
        if self.is_copy_due(left) {
            self.check_files(None)?;
            self.copy_log(left)?;
        }
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        let room = rustix::fs::fstatvfs(&*self.files.own).ok()?;
        Some(room.f_bavail.saturating_mul(room.f_frsize))
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        self.check_files(Some(RESCUE_PATIENCE))?;
        self.unmark()?;
        empty_log(&self.connection).map_err(|problem| EngineError::from(problem).at("checkpoint"))
    }
}

/// Of the last start that has claimed the database.
pub(super) fn epoch(connection: &Connection) -> rusqlite::Result<u64> {
    let mut ask = connection.prepare_cached("SELECT value FROM meta WHERE key = 'epoch'")?;
    ask.query_row([], |row| unsigned(row, 0))
}

#[cfg(test)]
mod tests {
    use super::super::{connection, file};
    use super::*;

    /// A database in a file of its own, as a start has it that has written something.
    fn database(directory: &tempfile::TempDir) -> SqliteDatabase {
        let path = directory.path().join("world.db");
        file::provide(&path).unwrap();
        let lock = FileLock::take(&path).unwrap();
        let own = Arc::new(file::open_beside(&path).unwrap());
        let mut connection = connection::open(&path, connection::Access::Write).unwrap();
        connection::migrate(&mut connection).unwrap();
        let epoch = epoch(&connection).unwrap();
        SqliteDatabase::new(connection, Files::of(&path, own).unwrap(), lock, 1, epoch)
    }

    #[test]
    fn a_log_is_copied_when_it_is_long_or_its_file_has_lost_its_mark() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = database(&directory);
        assert!(database.is_copy_due(1), "nothing has marked it");
        assert!(!database.is_copy_due(0));
        database.copy_log(0).unwrap();
        assert!(!database.is_copy_due(CHECKPOINT_PAGES - 1));
        assert!(database.is_copy_due(CHECKPOINT_PAGES));
    }

    /// A login, say, that looks at the newest state just then.
    #[test]
    fn a_mark_that_a_reader_kept_from_the_file_is_tried_again_soon() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = database(&directory);
        assert!(database.checkpoint("PASSIVE").unwrap().complete);
        let reader = connection::open_another(&directory.path().join("world.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT COUNT(*) FROM meta").unwrap();
        database.copy_log(0).unwrap();
        assert!(!database.files.header().unwrap().needs_log);
        assert_eq!(log_mark::seen(&database.connection).unwrap(), WHOLE);
        assert!(!database.is_copy_due(MARK_PAGES - 1));
        assert!(database.is_copy_due(MARK_PAGES));
        reader.execute_batch("COMMIT").unwrap();
        database.copy_log(MARK_PAGES).unwrap();
        assert!(database.files.header().unwrap().needs_log);
    }

    #[test]
    fn a_copy_that_a_reader_held_up_isnt_tried_again_before_as_much_is_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = database(&directory);
        let reader = connection::open_another(&directory.path().join("world.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT COUNT(*) FROM meta").unwrap();
        database.mark(WHOLE).unwrap();
        database.copy_log(0).unwrap();
        let left = database.checkpoint("NOOP").unwrap().left;
        assert!(left > 0);
        assert!(!database.is_copy_due(left + CHECKPOINT_PAGES - 1));
        assert!(database.is_copy_due(left + CHECKPOINT_PAGES));
        assert!(!database.is_copy_due(0), "somebody else has copied it");
        assert!(database.is_copy_due(CHECKPOINT_PAGES));
    }

    /// A copy leaves it so that had no room to take it back, or waited too long for somebody's lock.
    #[test]
    fn a_mark_that_was_left_in_the_log_is_taken_back_with_the_next_batch_or_at_the_end() {
        for is_end in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let mut database = database(&directory);
            database.copy_log(0).unwrap();
            database.mark(NEEDS_LOG).unwrap();
            if is_end {
                database.finish().unwrap()
            } else {
                database.tend().unwrap()
            }
            assert_eq!(log_mark::seen(&database.connection).unwrap(), WHOLE);
        }
    }

    /// The only copy of what was confirmed: it is in the file, and the file calls itself whole.
    #[test]
    fn a_deleted_log_that_was_left_marked_is_unmarked_as_it_is_rescued() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = database(&directory);
        database.mark(NEEDS_LOG).unwrap();
        std::fs::remove_file(directory.path().join("world.db-wal")).unwrap();
        assert!(matches!(database.begin().map(drop), Err(EngineError::Superseded(_))));
        let header = database.files.header().unwrap();
        assert!(!header.needs_log && !header.is_anothers());
    }
}
