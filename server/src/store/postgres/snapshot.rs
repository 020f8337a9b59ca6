//! One moment of the database to look at, and a new database to fill.

use std::error::Error;
use std::pin::pin;

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::error::EngineError;
use crate::store::snapshot::{EachRow, Snapshot, Value};
use crate::store::transfer::{Loader, Table};

use super::failure::Failure;
use super::rows::text;
use super::session::Session;

/// Values that a statement takes at most: the protocol counts them in 16 bits.
const VALUES: usize = 65_535;

/// A connection in a transaction of its own.
pub(super) struct PostgresSnapshot<'a>(pub(super) &'a mut Session);

impl Snapshot for PostgresSnapshot<'_> {
    fn rows(
        &mut self,
        sql: &str,
        arguments: &[Value],
        each: &mut EachRow<'_>,
    ) -> Result<(), EngineError> {
        let failed = |problem| EngineError::from(Failure::from(problem));
        self.0.with_client(async |client| {
            // Rows wait in the connection until they are asked for.
            let rows = client.query_raw(sql, arguments).await.map_err(failed)?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                each(&values(&row)?)?;
            }
            Ok(())
        })
    }

    /// PostgreSQL holds every reference and reads no page whose checksum is wrong; it has no look at all pages.
    fn damage(&mut self, _: usize) -> Result<Vec<String>, EngineError> {
        Ok(Vec::new())
    }
}

impl Loader for PostgresSnapshot<'_> {
    fn clear(&mut self, table: &Table) -> Result<(), EngineError> {
        Ok(self.0.run(&format!("DELETE FROM {}", table.name))?)
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), EngineError> {
        let failed = |problem| EngineError::from(Failure::from(problem)).at(table.name);
        for rows in rows.chunks(VALUES / table.columns.len()) {
            let sql = insert_sql(table, rows.len());
            let values: Vec<&(dyn ToSql + Sync)> =
                rows.iter().flatten().map(|value| value as &(dyn ToSql + Sync)).collect();
            self.0
                .with_client(async |client| client.execute(&sql, &values).await)
                .map_err(failed)?;
        }
        Ok(())
    }
}

fn insert_sql(table: &Table, rows: usize) -> String {
    let width = table.columns.len();
    let row = |row: usize| {
        let places: Vec<String> =
            (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO {} ({}) VALUES {}", table.name, table.columns.join(", "), rows.join(", "))
}

fn values(row: &Row) -> Result<Vec<Value>, EngineError> {
    let value = |column| {
        let value = row.try_get(column);
        value.map_err(|problem| EngineError::Impossible(format!("column {column}: {problem}")))
    };
    (0..row.len()).map(value).collect()
}

type Refused = Box<dyn Error + Sync + Send>;

/// Integers of each width, as the column or argument has it.
impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *kind == Type::INT4 => {
                i32::try_from(*number)?.to_sql(kind, out)
            }
            Self::Integer(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Text(string) if *kind == Type::TEXT => text(string).as_ref().to_sql(kind, out),
            Self::Bytes(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            Self::Integer(_) | Self::Text(_) | Self::Bytes(_) => Err(format!("no {kind}").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Refused> {
        Ok(match *kind {
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::BYTEA => Self::Bytes(Vec::from_sql(kind, raw)?),
            _ => Self::Text(String::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refused> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::TEXT, Type::BYTEA].contains(kind)
    }
}
