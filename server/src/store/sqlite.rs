//! The world in one SQLite file: the database that needs nothing installed. Its SQL is below here.

mod accounts;
mod characters;
mod connection;
mod database;
mod failure;
mod file;
mod folding;
mod lock;
pub(in crate::store) mod log_mark;
mod looking;
mod mail;
mod marks;
mod operator;
mod rows;
mod snapshot;
mod transaction;
mod value;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::engine::Opened;
use super::error::EngineError;
use super::rules::{Rules, now_ms};
use super::secret::{self, SECRET_KEYS};
use super::{Claim, OpenError};
use connection::{Access, Problem};
use database::{Files, SqliteDatabase};
use lock::FileLock;
use looking::SqliteLookup;

pub(super) use connection::known_schema;
pub(super) use file::is_reserved;
pub(super) use operator::{copy, forget_log, load, look, migrate, set_rank};

/// Whether it can be a file. What is wrong with one shows when it is opened.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    if path.file_name().is_some() && !path.is_dir() {
        return Ok(());
    }
    let detail = "a directory; name a file in it".to_owned();
    Err(OpenError::Address { place: path.into(), detail })
}

/// Opens, migrates and claims the database in this file.
pub(super) fn open(
    path: &Path,
    node: u16,
    ledger_retention: Duration,
) -> Result<Opened, OpenError> {
    let lock = FileLock::take(path)?;
    let made = file::provide(path)?;
    let own = Arc::new(file::open_beside(path)?);
    let mut connection = connection::open(path, Access::Write)?;
    begin_world(&mut connection, path, made).map_err(|problem| problem.into_open_error(path))?;
    check_node(&connection, path, node)?;
    let fresh =
        secret::fresh().map_err(|detail| OpenError::Engine { place: path.into(), detail })?;
    let claim = claim(&mut connection, fresh)
        .map_err(|problem| Problem::from(problem).into_open_error(path))?;
    let reader = SqliteLookup::new(connection::open_another(path)?, Arc::clone(&own));
    let unusable = |source| OpenError::Access { place: path.into(), source };
    let files = Files::of(path, Arc::clone(&own)).map_err(unusable)?;
    let mut database = SqliteDatabase::new(connection, files, lock, node, claim.epoch);
    // Before anything is confirmed.
    match database.copy_log(0) {
        Ok(()) => {}
        // The first transaction says so, too, and ends the server as any other would.
        Err(EngineError::Superseded(_)) => {}
        Err(problem) if problem.is_final() => return Err(OpenError::of(path.into(), &problem)),
        Err(reason) => tracing::warn!(%reason, "the database's housekeeping is put off"),
    }
    let writer = Rules::new(database, claim.epoch, ledger_retention);
    Ok(Opened { writer: Box::new(writer), reader: Box::new(reader), claim })
}

/// The database as the rules have it, without claiming it anew.
#[cfg(test)]
pub(super) fn reopen(path: &Path) -> impl super::engine::Database + use<> {
    let lock = FileLock::take(path).unwrap();
    let own = Arc::new(file::open_beside(path).unwrap());
    let connection = connection::open(path, Access::Write).unwrap();
    let epoch = database::epoch(&connection).unwrap();
    SqliteDatabase::new(connection, Files::of(path, own).unwrap(), lock, 1, epoch)
}

/// Brings the schema up to date, and says so when there was no world: the disk that should be here may not be mounted, or
/// the file was moved without its log.
fn begin_world(connection: &mut Connection, path: &Path, made: bool) -> Result<(), Problem> {
    let path = path.display();
    match connection::check_schema(connection)? {
        0 if made => tracing::info!(%path, "there was no database here: a new, empty world begins"),
        0 => tracing::warn!(
            %path,
            "there is a database here, but no world in it (was its -wal left behind?): a new, empty world begins"
        ),
        _ => {}
    }
    connection::migrate(connection)
}

/// A database keeps the node number that it was made with.
fn check_node(connection: &Connection, path: &Path, node: u16) -> Result<(), OpenError> {
    let stored: rusqlite::Result<u16> = connection
        .execute("INSERT INTO meta (key, value) VALUES ('node', ?1) ON CONFLICT DO NOTHING", [node])
        .and_then(|_| {
            connection.query_row("SELECT value FROM meta WHERE key = 'node'", [], |row| row.get(0))
        });
    let stored = stored.map_err(|problem| Problem::from(problem).into_open_error(path))?;
    if stored == node {
        return Ok(());
    }
    Err(OpenError::OtherNode { place: path.into(), stored, configured: node })
}

/// Takes the next epoch: from here on an operation of an earlier start is nobody's. A world without a secret gets the fresh
/// one.
fn claim(connection: &mut Connection, fresh: [u64; 6]) -> rusqlite::Result<Claim> {
    let transaction = connection.transaction()?;
    let epoch: i64 = transaction.query_row(
        "UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value",
        [],
        |row| row.get(0),
    )?;
    transaction.execute(
        "INSERT INTO epochs (epoch, opened_ms) VALUES (?1, ?2)",
        (epoch, i64::try_from(now_ms()).unwrap_or(i64::MAX)),
    )?;
    let mut secret = fresh;
    for (key, number) in SECRET_KEYS.iter().zip(&mut secret) {
        let make = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        transaction.execute(make, (key, number.cast_signed()))?;
        let find = "SELECT value FROM meta WHERE key = ?1";
        *number = transaction.query_row(find, [key], |row| rows::unsigned(row, 0))?;
    }
    let ground = transaction
        .prepare(&rows::select_items("owner_zone IS NOT NULL ORDER BY id"))?
        .query_map([], rows::item)?
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(Claim { epoch: epoch.unsigned_abs(), secret, ground })
}
