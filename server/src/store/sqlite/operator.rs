//! A database file in an operator's hands.

use std::path::Path;
use std::time::Duration;

use game::Rank;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params_from_iter};
use tracing::warn;

use crate::store::error::EngineError;
use crate::store::ledger::Watch;
use crate::store::rules::fold;
use crate::store::snapshot::{Snapshot, Value};
use crate::store::transfer::{Loader, Table};
use crate::store::{Migrated, OpenError, OperatorError, TransferError};

use super::connection::{self, Access};
use super::file;
use super::lock::FileLock;
use super::log_mark::{self, WHOLE};
use super::rows;

/// Pages of a copy that are read at once: 4 MiB.
const PAGES_AT_ONCE: i32 = 1_000;
/// How long a copy waits for a lock between attempts, and how often: a minute in all.
const COPY_PAUSE: Duration = Duration::from_millis(100);
const COPY_ATTEMPTS: u32 = 600;

/// Does something with one moment of the database.
pub(in crate::store) fn look<T>(
    path: &Path,
    work: impl FnOnce(&mut dyn Snapshot) -> Result<T, EngineError>,
) -> Result<T, OperatorError> {
    let mut connection = open_to_look(path)?;
    let mut snapshot = connection.transaction().map_err(|problem| failed(path, problem))?;
    work(&mut snapshot).map_err(|problem| failed(path, problem))
}

/// Gives a character a rank.
pub(in crate::store) fn set_rank(path: &Path, name: &str, rank: Rank) -> Result<(), OperatorError> {
    let _lock = lock_existing(path)?;
    let connection = connection::open(path, Access::Write)?;
    connection::require_current(&connection).map_err(|problem| problem.into_open_error(path))?;
    let found = connection
        .execute(
            "UPDATE characters SET rank = ?2 WHERE folded_name = ?1",
            (fold(name), rows::rank_name(rank)),
        )
        .map_err(|problem| failed(path, problem))?;
    match found {
        0 => Err(OperatorError::NoSuchCharacter(name.to_owned())),
        _ => {
            leave_whole(&connection);
            Ok(())
        }
    }
}

/// What was done is durable whether or not the log can be emptied.
fn leave_whole(connection: &Connection) {
    if let Err(problem) = connection::empty_log(connection) {
        warn!(%problem, "what was done is in the database's -wal, which belongs to it");
    }
}

/// Brings the schema up to date.
pub(in crate::store) fn migrate(path: &Path) -> Result<Migrated, OperatorError> {
    let _lock = lock_existing(path)?;
    let mut connection = connection::open(path, Access::Write)?;
    let open_error = |problem: connection::Problem| problem.into_open_error(path);
    let from = connection::check_schema(&connection).map_err(open_error)?;
    if from == 0 {
        return Err(open_error(connection::Problem::Empty).into());
    }
    connection::migrate(&mut connection).map_err(open_error)?;
    leave_whole(&connection);
    Ok(Migrated { from, to: connection::known_schema() })
}

/// Takes a file as it is whose log is lost.
pub(in crate::store) fn forget_log(path: &Path) -> Result<(), OperatorError> {
    let _lock = lock_existing(path)?;
    match connection::open(path, Access::Read) {
        Ok(_) => return Err(OperatorError::NothingToForget { place: path.into() }),
        Err(OpenError::NoLog { .. }) => {}
        Err(problem) => return Err(problem.into()),
    }
    let connection = connection::open_without_log(path)?;
    connection::empty_log(&connection).map_err(|problem| failed(path, problem))
}

/// Copies one moment of the database into the empty file `to`.
pub(in crate::store) fn copy(
    path: &Path,
    to: &Path,
    watch: &mut Watch<'_>,
) -> Result<(), OperatorError> {
    let mut source = open_to_look(path)?;
    // A copy starts anew whenever somebody else writes, unless its source is held at one moment.
    let moment = source.transaction().map_err(|problem| failed(path, problem))?;
    let mut count = moment.prepare("SELECT COUNT(*) FROM meta").map_err(|it| failed(path, it))?;
    count.query_row([], |_| Ok(())).map_err(|problem| failed(path, problem))?;
    copy_pages(&moment, to, watch).map_err(|problem| match problem.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            OperatorError::Transfer { file: to.to_owned(), problem: TransferError::Full }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => failed(path, problem),
        _ => failed(to, problem),
    })
}

fn copy_pages(source: &Connection, to: &Path, watch: &mut Watch<'_>) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    let copy = Backup::new(source, &mut target)?;
    let mut attempts = 0;
    loop {
        match copy.step(PAGES_AT_ONCE)? {
            StepResult::Done => break,
            StepResult::More => attempts = 0,
            StepResult::Busy | StepResult::Locked | _ => {
                attempts += 1;
                if attempts > COPY_ATTEMPTS {
                    let locked = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                    return Err(rusqlite::Error::SqliteFailure(locked, None));
                }
                std::thread::sleep(COPY_PAUSE);
            }
        }
        let progress = copy.progress();
        let done = progress.pagecount - progress.remaining;
        watch("pages", u64::try_from(done).unwrap_or(0));
    }
    drop(copy);
    // One file that needs no other beside it; a server's start sets it back.
    target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    log_mark::say(&target, WHOLE)?;
    target.close().map_err(|(_, problem)| problem)
}

/// Makes a database if there is none, and lets `work` fill it in one transaction.
pub(in crate::store) fn load(
    path: &Path,
    work: impl FnOnce(&mut dyn Loader) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    let _lock = FileLock::take(path)?;
    file::provide(path)?;
    let mut connection = connection::open(path, Access::Write)?;
    connection::migrate(&mut connection).map_err(|problem| problem.into_open_error(path))?;
    let mut transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|problem| failed(path, problem))?;
    work(&mut transaction)?;
    transaction.commit().map_err(|problem| failed(path, problem))?;
    connection::empty_log(&connection).map_err(|problem| failed(path, problem))
}

impl Loader for Transaction<'_> {
    fn clear(&mut self, table: &Table) -> Result<(), EngineError> {
        self.execute(&format!("DELETE FROM {}", table.name), [])?;
        Ok(())
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), EngineError> {
        let columns = table.columns.join(", ");
        let places = vec!["?"; table.columns.len()].join(", ");
        let mut insert = self
            .prepare_cached(&format!("INSERT INTO {} ({columns}) VALUES ({places})", table.name))?;
        for row in rows {
            insert
                .execute(params_from_iter(row))
                .map_err(|problem| EngineError::from(problem).at(table.name))?;
        }
        Ok(())
    }
}

fn lock_existing(path: &Path) -> Result<FileLock, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { place: path.into() });
    }
    FileLock::take(path)
}

fn open_to_look(path: &Path) -> Result<Connection, OpenError> {
    let connection = connection::open(path, Access::Read)?;
    connection::require_current(&connection).map_err(|problem| problem.into_open_error(path))?;
    Ok(connection)
}

/// Puts the path to what goes wrong.
fn failed(path: &Path, problem: impl Into<EngineError>) -> OperatorError {
    OperatorError::of(path.into(), problem.into())
}
