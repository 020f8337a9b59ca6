//! How far a start has come, and the counters that ids are given out of.

use rusqlite::Connection;

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
