//! A connection to the file, set up so that what it reports as done is done, and its schema at this build's version.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use rustix::fs::{Access as Right, access};

use crate::priority::Stint;
use crate::store::{Location, OpenError};

use super::failure::{is_full, is_impossible};
use super::file;
use super::log_mark::{self, NEEDS_LOG, WHOLE};

/// How long a statement waits for somebody else's lock, such as a backup tool's, before the batch is put off.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Prepared statements kept per connection; there are fewer than 40 of them.
const STATEMENTS: usize = 64;
/// Steps of SQLite's machine between two looks at the clock, some 10 us. A COMMIT and a checkpoint are one step each.
const STEPS: i32 = 100;
/// Bytes to which the write-ahead log shrinks after a burst has made it larger.
const LOG_BYTES: i64 = 64 << 20;

/// Why what every world has may not be there.
const STRANGE_LOG: &str = "does the -wal beside it belong to it?";
const NO_MARK: &str = "it doesn't say who has used it";

mod embedded {
    #![allow(unused_qualifications, reason = "the macro's code, not ours")]
    refinery::embed_migrations!("src/store/sqlite/migrations");
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Why a database couldn't be opened, before its path is put to it.
#[derive(Debug)]
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    NotOurs,
    Newer { found: i32 },
    Older { found: i32 },
    Empty,
    Damaged(String),
    OtherSchema(String),
    Full,
    Migration(String),
    Setting(&'static str),
    Log(std::io::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(problem: rusqlite::Error) -> Self {
        Self::Sqlite(problem)
    }
}

impl Problem {
    /// The one line for the operator.
    pub(super) fn into_open_error(self, path: &Path) -> OpenError {
        let place = Location::from(path);
        let known = known_schema();
        match self {
            Self::NotOurs => OpenError::NotOurs { place },
            Self::Newer { found } => OpenError::NewerSchema { place, found, known },
            Self::Older { found } => OpenError::OlderSchema { place, found, known },
            Self::Empty => OpenError::Empty { place },
            Self::Damaged(detail) => OpenError::Corrupt { place, detail },
            Self::OtherSchema(detail) => OpenError::OtherSchema { place, detail },
            Self::Full => OpenError::Full { place },
            Self::Migration(detail) => OpenError::Engine { place, detail },
            Self::Setting(name) => OpenError::Engine {
                place,
                detail: format!("this file system doesn't support {name}; use a local disk"),
            },
            Self::Log(problem) if problem.kind() == std::io::ErrorKind::StorageFull => {
                OpenError::Full { place }
            }
            Self::Log(problem) => OpenError::Engine {
                place,
                detail: format!("its -wal can't be brought to disk ({problem}); look at the disk"),
            },
            Self::Sqlite(problem) => match problem.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => OpenError::NotOurs { place },
                Some(ErrorCode::DatabaseCorrupt) => {
                    let detail = format!("{problem}; {STRANGE_LOG}");
                    OpenError::Corrupt { place, detail }
                }
                _ if is_full(&problem) => OpenError::Full { place },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    let holder = "a program that holds SQLite's lock".to_owned();
                    OpenError::InUse { place, holder }
                }
                // Of each file both rights were looked at before: these are a log and an index that can't be made.
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
                    OpenError::Directory { place, source: std::io::Error::other(problem) }
                }
                Some(ErrorCode::ConstraintViolation) => {
                    OpenError::Corrupt { place, detail: format!("{problem}; {STRANGE_LOG}") }
                }
                _ if problem == rusqlite::Error::QueryReturnedNoRows => {
                    OpenError::Corrupt { place, detail: format!("{NO_MARK}; {STRANGE_LOG}") }
                }
                _ if is_impossible(&problem) => {
                    OpenError::Corrupt { place, detail: problem.to_string() }
                }
                _ => OpenError::Engine { place, detail: problem.to_string() },
            },
        }
    }
}

/// Opens the file, which must be there.
pub(super) fn open(path: &Path, intent: Access) -> Result<Connection, OpenError> {
    if let Err(problem) = access(path, Right::EXISTS) {
        // It may lack its file alone.
        file::look(path)?;
        return Err(match problem {
            rustix::io::Errno::NOENT => OpenError::Missing { place: path.into() },
            other => OpenError::Access { place: path.into(), source: other.into() },
        });
    }
    // SQLite would only say that it can't open the file, not why.
    access(path, Right::READ_OK | Right::WRITE_OK)
        .map_err(std::io::Error::from)
        .and_then(|()| match path.is_dir() {
            true => Err(std::io::ErrorKind::IsADirectory.into()),
            false => Ok(()),
        })
        .map_err(|source| OpenError::Access { place: path.into(), source })?;
    for part in ["-wal", "-shm"] {
        let file = file::beside(&file::real(path), part);
        match access(&file, Right::READ_OK | Right::WRITE_OK) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(problem) => return Err(OpenError::Beside { file, source: problem.into() }),
        }
    }
    file::refuse_odd_file(path)?;
    file::look(path)?;
    set_up(path, intent).map_err(|problem| problem.into_open_error(path))
}

/// Opens a file to write that lacks the log that it needs, and calls it whole.
pub(super) fn open_without_log(path: &Path) -> Result<Connection, OpenError> {
    set_up(path, Access::Write).map_err(|problem| problem.into_open_error(path))
}

/// Opens the file once more to read, where this process has it open already. The file isn't looked at a second time, see
/// [`file::look`].
pub(super) fn open_another(path: &Path) -> Result<Connection, OpenError> {
    set_up(path, Access::Read).map_err(|problem| problem.into_open_error(path))
}

fn set_up(path: &Path, intent: Access) -> Result<Connection, Problem> {
    let flags = match intent {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let mut connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let mut stint = Stint::begin(Instant::now());
    let offer_core = move || {
        stint.offer_core();
        // Nothing is broken off.
        false
    };
    connection.progress_handler(STEPS, Some(offer_core))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    if intent == Access::Write {
        // Looked at before anything is changed: the file may be somebody else's.
        check_schema(&connection)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            return Err(Problem::Setting("a write-ahead log"));
        }
        connection.pragma_update(None, "synchronous", "full")?;
        // On a Mac an ordinary fsync leaves the bytes in the disk's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
        // SQLite's own checkpoints ignore a failed fsync and make the batch at hand wait: the writer does them itself.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // Holding the lock of those who write.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        file::write_log_again(path).map_err(Problem::Log)?;
        // A kill has left it so, or the file has lost its log.
        if log_mark::seen(&transaction)? == NEEDS_LOG {
            log_mark::say(&transaction, WHOLE)?;
        }
        transaction.commit()?;
    }
    Ok(connection)
}

/// Puts all of the log into the file, which is whole then, and empties it. Who reads the database keeps it from that.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        tracing::warn!(
            "another program reads the database: what was saved is in it and in its -wal, and neither is whole without the other"
        );
    }
    Ok(())
}

/// Brings the schema to this build's version. A kill in between leaves the old one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Problem> {
    use refinery::error::Kind;
    let outcome = embedded::migrations::runner().set_grouped(true).run(connection);
    let Err(problem) = outcome else { return Ok(()) };
    if let Kind::Connection(_, source) = problem.kind() {
        let code =
            source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        return Err(match code {
            Some(ErrorCode::DiskFull) => Problem::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Problem::Damaged(source.to_string())
            }
            _ => Problem::Migration(problem.to_string()),
        });
    }
    Err(Problem::OtherSchema(problem.to_string()))
}

/// The schema must be exactly this build's, for those who only look.
pub(super) fn require_current(connection: &Connection) -> Result<(), Problem> {
    match check_schema(connection)? {
        0 => Err(Problem::Empty),
        found if found == known_schema() => Ok(()),
        found => Err(Problem::Older { found }),
    }
}

/// The newest migration of this build.
pub(in crate::store) fn known_schema() -> i32 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|each| each.version());
    versions.max().unwrap_or(0)
}

/// The schema version of the file, 0 for an empty one; refuses one that this build can't understand.
pub(super) fn check_schema(connection: &Connection) -> Result<i32, Problem> {
    let tables =
        "SELECT COUNT(*), COALESCE(SUM(name = 'refinery_schema_history'), 0) FROM sqlite_schema";
    let (tables, ours): (i64, i64) =
        connection.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if tables == 0 {
        return Ok(0);
    }
    if ours == 0 {
        return Err(Problem::NotOurs);
    }
    let newest = "SELECT version FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    let found = connection.query_row(newest, [], |row| row.get(0)).optional()?.unwrap_or(0);
    if found > known_schema() {
        return Err(Problem::Newer { found });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_keeps_sqlite_from_opening_is_told_in_an_operators_words() {
        for (code, told) in [
            (ffi::SQLITE_CANTOPEN, "its directory can't be written"),
            (ffi::SQLITE_READONLY_DIRECTORY, "its directory can't be written"),
            (ffi::SQLITE_BUSY, "in use by a program that holds SQLite's lock"),
            (ffi::SQLITE_FULL, "the disk is full"),
            (ffi::SQLITE_CORRUPT, "damaged"),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, "does the -wal beside it belong to it?"),
        ] {
            let problem = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let told_so = Problem::from(problem).into_open_error(Path::new("world.db")).to_string();
            assert!(told_so.contains(told), "{told_so}");
        }
    }
}
