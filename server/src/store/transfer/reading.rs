//! Into an empty database, or only to see whether a file is whole.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use xxhash_rust::xxh3::Xxh3Default;

use crate::store::ledger::Watch;
use crate::store::snapshot::{Value, integer};

use super::lines::{End, Header, TableLine, from_json};
use super::tables::{TABLES, Table};
use super::{FORMAT, Loader, ROWS_AT_ONCE, TransferError};

/// Bytes of a line at most: the largest are a character's modules, far below.
const LINE_BYTES: u64 = 64 << 20;

/// Reads a world of this node into `loader`, whose database has this schema. The caller commits if this returns `Ok`, and
/// else doesn't.
pub(in crate::store) fn read(
    file: impl BufRead,
    schema: i32,
    node: u16,
    loader: &mut dyn Loader,
    watch: &mut Watch<'_>,
) -> Result<(), TransferError> {
    if !is_empty(loader)? {
        return Err(TransferError::NotEmpty);
    }
    for table in TABLES.iter().rev() {
        loader.clear(table)?;
    }
    let header = each_row(file, schema, watch, |table, rows| Ok(loader.insert(table, rows)?))?;
    check_node(&header, node)
}

/// Reads all of a file, and does nothing with it but to see that it is whole, and of this node if one is given.
pub(in crate::store) fn check(
    file: impl BufRead,
    schema: i32,
    node: Option<u16>,
    watch: &mut Watch<'_>,
) -> Result<(), TransferError> {
    let header = each_row(file, schema, watch, |_, _| Ok(()))?;
    node.map_or(Ok(()), |node| check_node(&header, node))
}

/// A world that no server has started on is of no node yet.
fn check_node(header: &Header, configured: u16) -> Result<(), TransferError> {
    match header.node {
        Some(stored) if stored != configured => {
            Err(TransferError::OtherNode { stored, configured })
        }
        _ => Ok(()),
    }
}

/// No server has started on it and nobody has put anything in.
fn is_empty(loader: &mut dyn Loader) -> Result<bool, TransferError> {
    let mut rows: i64 = 0;
    for table in TABLES.iter().filter(|table| table.name != "meta") {
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT 1) AS found", table.name);
        loader.rows(&sql, &[], &mut |row| {
            rows += integer(row, 0)?;
            Ok(())
        })?;
    }
    Ok(rows == 0)
}

fn each_row(
    file: impl BufRead,
    schema: i32,
    watch: &mut Watch<'_>,
    mut take: impl FnMut(&Table, &[Vec<Value>]) -> Result<(), TransferError>,
) -> Result<Header, TransferError> {
    let mut lines = Lines { file, hash: Xxh3Default::new(), line: Vec::new(), number: 0 };
    let header = lines.header(schema)?;
    let mut counts = BTreeMap::new();
    let mut begun = lines.next()?;
    for table in &TABLES {
        lines.expect_table(begun, table)?;
        let mut count = 0;
        let mut rows = Vec::new();
        begun = loop {
            let line = lines.next()?;
            let Json::Array(row) = line else { break line };
            rows.push(lines.row(row, table)?);
            count += 1;
            if rows.len() == ROWS_AT_ONCE {
                take(table, &rows)?;
                rows.clear();
                watch(table.name, count);
            }
        };
        take(table, &rows)?;
        counts.insert(table.name.to_owned(), count);
    }
    lines.finish(begun, &counts)?;
    Ok(header)
}

struct Lines<R> {
    file: R,
    /// Of all before the line at hand.
    hash: Xxh3Default,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn header(&mut self, schema: i32) -> Result<Header, TransferError> {
        let not_ours = |problem| match matches!(problem, TransferError::File(_)) {
            true => problem,
            false => TransferError::NotOurs,
        };
        let header = self.next().map_err(not_ours)?;
        let header: Header = serde_json::from_value(header).map_err(|_| TransferError::NotOurs)?;
        if header.realmbeat_export == FORMAT && header.schema == schema {
            return Ok(header);
        }
        let format = header.realmbeat_export;
        Err(TransferError::OtherVersion { format, schema: header.schema, known: schema })
    }

    /// The next line, which must be there.
    fn next(&mut self) -> Result<Json, TransferError> {
        self.hash.update(&self.line);
        self.line.clear();
        self.number += 1;
        let mut bounded = std::io::Read::take(&mut self.file, LINE_BYTES);
        bounded.read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            return Err(TransferError::Incomplete("its last line is missing"));
        }
        serde_json::from_slice(&self.line).map_err(|problem| self.wrong(problem))
    }

    fn expect_table(&self, line: Json, table: &Table) -> Result<(), TransferError> {
        let found: TableLine = self.parse(line)?;
        if found.table == table.name && found.columns == table.columns {
            return Ok(());
        }
        Err(self.wrong(format_args!("expected the table {} with its columns", table.name)))
    }

    fn row(&self, row: Vec<Json>, table: &Table) -> Result<Vec<Value>, TransferError> {
        let values: Option<Vec<Value>> = row.into_iter().map(from_json).collect();
        let values = values.filter(|values| values.len() == table.columns.len());
        values.ok_or_else(|| self.wrong(format_args!("not a row of {}", table.name)))
    }

    /// The last line must tell of exactly what was read.
    fn finish(&mut self, line: Json, counts: &BTreeMap<String, u64>) -> Result<(), TransferError> {
        let end: End = self.parse(line)?;
        if end.rows != *counts {
            return Err(TransferError::Incomplete("rows are missing"));
        }
        if end.xxh3 != format!("{:016x}", self.hash.digest()) {
            return Err(TransferError::Incomplete("its checksum differs"));
        }
        match self.file.fill_buf()?.is_empty() {
            true => Ok(()),
            false => Err(TransferError::Incomplete("something follows its last line")),
        }
    }

    fn parse<T: DeserializeOwned>(&self, line: Json) -> Result<T, TransferError> {
        serde_json::from_value(line).map_err(|problem| self.wrong(problem))
    }

    fn wrong(&self, detail: impl std::fmt::Display) -> TransferError {
        TransferError::Line { line: self.number, detail: detail.to_string() }
    }
}
