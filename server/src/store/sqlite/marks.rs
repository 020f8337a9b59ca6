//! How far a start has come, and the counters that ids are given out of.

use rusqlite::{Connection, OptionalExtension as _};

use crate::store::engine::{Counter, Marks};
use crate::store::error::EngineError;

use super::rows::{signed, unsigned};

pub(super) fn read(rows: &Connection, epoch: u64) -> Result<Marks, EngineError> {
    let marks = rows
        .prepare_cached("SELECT batch, commits, operations, answers FROM epochs WHERE epoch = ?1")?
        .query_row([signed(epoch)?], |row| {
            Ok(Marks {
                batch: unsigned(row, 0)?,
                commits: unsigned(row, 1)?,
                operations: unsigned(row, 2)?,
                answers: row.get(3)?,
            })
        })?;
    Ok(marks)
}

pub(super) fn write(rows: &Connection, epoch: u64, marks: &Marks) -> Result<(), EngineError> {
    rows.prepare_cached(
        "UPDATE epochs SET batch = ?2, commits = ?3, operations = ?4, answers = ?5 WHERE epoch = ?1",
    )?
    .execute((
        signed(epoch)?,
        signed(marks.batch)?,
        signed(marks.commits)?,
        signed(marks.operations)?,
        &marks.answers,
    ))?;
    Ok(())
}

/// Moves a counter on and gives where it was. Past 48 bits the schema stops it: ids of this node are used up, and
/// another one must take over.
pub(super) fn take_ids(
    rows: &Connection,
    counter: Counter,
    count: u64,
) -> Result<u64, EngineError> {
    let key = counter.key();
    rows.prepare_cached("UPDATE meta SET value = value + ?2 WHERE key = ?1 RETURNING value - ?2")?
        .query_row((key, signed(count)?), |row| unsigned(row, 0))
        .map_err(|problem| EngineError::from(problem).at(key))
}

/// A number that was noted under a key.
pub(super) fn noted(rows: &Connection, key: &str) -> Result<Option<u64>, EngineError> {
    let mut find = rows.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(find.query_row([key], |row| unsigned(row, 0)).optional()?)
}

pub(super) fn note(rows: &Connection, key: &str, value: u64) -> Result<(), EngineError> {
    rows.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute((key, signed(value)?))?;
    Ok(())
}
