//! What an operator does with a database by hand: prove it, look up an item's history, give somebody a rank.

use std::path::Path;

use game::record::OpId;
use game::{ItemId, Rank};
use rusqlite::{Connection, Transaction};

use crate::store::ledger::Replay;
use crate::store::rules::fold;
use crate::store::{AuditReport, Finding, LedgerEntry, OpenError, OperatorError};

use super::connection::{self, Access};
use super::lock::FileLock;
use super::rows::{self, unsigned};

/// Lines that the engine's own check may write before it stops.
const DAMAGE_LISTED: u32 = 100;
/// Entries of an item's history that are shown: the newest. More than any eye reads.
const HISTORY_LISTED: u32 = 10_000;

/// Replays the whole ledger of the database at `path` and proves that every item is exactly what its history says,
/// that none is doubled or missing, and that the sums of each template are conserved. Changes nothing, and may run
/// beside a server: it sees one moment.
///
/// # Errors
/// When the database can't be read. What is wrong *in* it is in the report.
pub fn audit(path: &Path) -> Result<AuditReport, OperatorError> {
    let mut connection = open_to_look(path)?;
    inspect(path, || {
        let snapshot = connection.transaction()?;
        let mut entries = snapshot.prepare(&rows::select_ledger("ORDER BY item, entry"))?;
        let mut items = snapshot.prepare(&rows::select_items("TRUE ORDER BY id"))?;
        let mut replay = Replay::new(items.query_map([], rows::item)?)?;
        for entry in entries.query_map([], rows::ledger_entry)? {
            replay.entry(entry?)?;
        }
        let mut report = replay.finish()?;
        check_order(&snapshot, &mut report)?;
        check_pages(&snapshot, &mut report)?;
        Ok(report)
    })
}

/// What happened to one item, oldest first; empty when there never was such an item. May run beside a server.
///
/// # Errors
/// When the database can't be read.
pub fn item_history(path: &Path, item: ItemId) -> Result<Vec<LedgerEntry>, OperatorError> {
    let connection = open_to_look(path)?;
    inspect(path, || {
        let id = i64::try_from(item.0).unwrap_or_default();
        let mut newest: Vec<LedgerEntry> = connection
            .prepare(&rows::select_ledger("WHERE item = ?1 ORDER BY entry DESC LIMIT ?2"))?
            .query_map((id, HISTORY_LISTED), rows::ledger_entry)?
            .collect::<Result<_, _>>()?;
        newest.reverse();
        Ok(newest)
    })
}

/// Gives a character a rank; capitals in `name` don't matter. Refused while a server runs on the database: it would
/// not hear of it, and ranks are read when a character enters.
///
/// # Errors
/// When the database is in use or can't be used, and when nobody has that name.
pub fn set_rank(path: &Path, name: &str, rank: Rank) -> Result<(), OperatorError> {
    if !path.exists() {
        return Err(OpenError::Missing { place: path.into() }.into());
    }
    let _lock = FileLock::take(path)?;
    let connection = connection::open(path, Access::Write)?;
    connection::require_current(&connection).map_err(|problem| problem.into_open_error(path))?;
    let found = inspect(path, || {
        connection.execute(
            "UPDATE characters SET rank = ?2 WHERE folded_name = ?1",
            (fold(name), rows::rank_name(rank)),
        )
    })?;
    match found {
        0 => Err(OperatorError::NoSuchCharacter(name.to_owned())),
        _ => Ok(()),
    }
}

fn open_to_look(path: &Path) -> Result<Connection, OpenError> {
    let connection = connection::open(path, Access::Read)?;
    connection::require_current(&connection).map_err(|problem| problem.into_open_error(path))?;
    Ok(connection)
}

/// Puts the path to what goes wrong.
fn inspect<T>(path: &Path, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, OperatorError> {
    work().map_err(|problem| OperatorError::Failed {
        place: path.into(),
        detail: problem.to_string(),
    })
}

/// Operations of an epoch stand in the ledger in their order, and none beyond the mark that says how far it came.
fn check_order(snapshot: &Transaction<'_>, report: &mut AuditReport) -> rusqlite::Result<()> {
    let mut entries = snapshot.prepare(
        "SELECT ledger.entry, ledger.epoch, ledger.sequence, epochs.operations \
         FROM ledger JOIN epochs ON epochs.epoch = ledger.epoch WHERE ledger.sequence > 0 ORDER BY ledger.entry",
    )?;
    let mut entries = entries.query([])?;
    let mut last = OpId { epoch: 0, sequence: 0 };
    while let Some(row) = entries.next()? {
        let entry = unsigned(row, 0)?;
        let op = OpId { epoch: unsigned(row, 1)?, sequence: unsigned(row, 2)? };
        if op < last || op.sequence > unsigned(row, 3)? {
            report.find(Finding::OutOfOrder { entry, op });
        }
        last = op;
    }
    Ok(())
}

/// The engine's own look at every page, index and reference.
fn check_pages(snapshot: &Transaction<'_>, report: &mut AuditReport) -> rusqlite::Result<()> {
    let mut check = snapshot.prepare(&format!("PRAGMA integrity_check({DAMAGE_LISTED})"))?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            report.find(Finding::Damage(line));
        }
    }
    let mut strays = snapshot.prepare("PRAGMA foreign_key_check")?;
    let mut strays = strays.query([])?;
    while let Some(row) = strays.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        report.find(Finding::Damage(format!("a row of {table} has no row of {parent}")));
    }
    Ok(())
}
