//! One moment of the file, to look at.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Transaction, params_from_iter};

use crate::store::error::EngineError;
use crate::store::snapshot::{EachRow, Snapshot, Value};

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Snapshot for Transaction<'_> {
    fn rows(
        &mut self,
        sql: &str,
        arguments: &[Value],
        each: &mut EachRow<'_>,
    ) -> Result<(), EngineError> {
        let mut statement = self.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(arguments))?;
        let mut values = Vec::with_capacity(columns);
        while let Some(row) = rows.next()? {
            values.clear();
            for column in 0..columns {
                values.push(value(row, column)?);
            }
            each(&values)?;
        }
        Ok(())
    }

    fn damage(&mut self, most: usize) -> Result<Vec<String>, EngineError> {
        let mut complaints: Vec<String> = self
            .prepare(&format!("PRAGMA integrity_check({most})"))?
            .query_map([], |row| row.get(0))?
            .filter(|line| line.as_ref().map_or(true, |line| line != "ok"))
            .collect::<Result<_, _>>()?;
        let mut strays = self.prepare("PRAGMA foreign_key_check")?;
        let mut strays = strays.query([])?;
        while let (Some(row), true) = (strays.next()?, complaints.len() < most) {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            complaints.push(format!("a row of {table} has no row of {parent}"));
        }
        Ok(complaints)
    }
}

fn value(row: &Row<'_>, column: usize) -> Result<Value, EngineError> {
    let odd = || EngineError::Impossible(format!("column {column} holds what no table has"));
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => {
            Value::Text(std::str::from_utf8(text).map_err(|_| odd())?.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
        ValueRef::Real(_) => return Err(odd()),
    })
}
