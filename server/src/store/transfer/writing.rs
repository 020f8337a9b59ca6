//! Out of a database.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3Default;

use crate::store::ledger::Watch;
use crate::store::snapshot::{Snapshot, Value, number};

use super::lines::{End, Header, TableLine, to_json};
use super::tables::TABLES;
use super::{FORMAT, TransferError};

/// Rows between two words about how far it is.
const ROWS_PER_WORD: u64 = 10_000;

/// Writes the world of a snapshot, whose database has this schema, to `file`. It is on its way to the disk then, not
/// yet there.
pub(in crate::store) fn write(
    snapshot: &mut dyn Snapshot,
    schema: i32,
    written_ms: u64,
    file: impl Write,
    watch: &mut Watch<'_>,
) -> Result<(), TransferError> {
    let mut lines = Lines { file, hash: Xxh3Default::new() };
    let mut node = None;
    snapshot.rows("SELECT value FROM meta WHERE key = 'node'", &[], &mut |row| {
        node = Some(number(row, 0)?);
        Ok(())
    })?;
    lines.write(&Header { realmbeat_export: FORMAT, schema, node, written_ms })?;
    let mut rows = BTreeMap::new();
    for table in &TABLES {
        let columns = table.columns.iter().map(|&column| column.to_owned()).collect();
        lines.write(&TableLine { table: table.name.to_owned(), columns })?;
        let mut count: u64 = 0;
        let mut failed = None;
        let outcome = snapshot.rows(&table.select(), &[], &mut |row| {
            count += 1;
            if count.is_multiple_of(ROWS_PER_WORD) {
                watch(table.name, count);
            }
            lines.row(row).map_err(|problem| {
                let reason = problem.to_string();
                failed = Some(problem);
                crate::store::error::EngineError::Fatal(reason)
            })
        });
        if let Some(problem) = failed {
            return Err(problem.into());
        }
        outcome?;
        rows.insert(table.name.to_owned(), count);
    }
    let xxh3 = format!("{:016x}", lines.hash.digest());
    lines.write(&End { rows, xxh3 })?;
    Ok(lines.file.flush()?)
}

struct Lines<W> {
    file: W,
    hash: Xxh3Default,
}

impl<W: Write> Lines<W> {
    fn row(&mut self, row: &[Value]) -> std::io::Result<()> {
        self.write(&row.iter().map(to_json).collect::<Vec<_>>())
    }

    fn write(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.file.write_all(&bytes)
    }
}
