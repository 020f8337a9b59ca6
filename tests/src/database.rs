//! The database of a server, looked at from outside and behind its back: whichever engine it is, the schema and the
//! SQL are the same.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use postgres::NoTls;
use postgres::types::Type;
use rusqlite::OpenFlags;
use rusqlite::types::ValueRef;

use crate::server::PATIENCE;

/// Between two looks at whether a dead server's connections are gone.
const LOOK: Duration = Duration::from_millis(2);
/// Connections of others to this database.
const OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// What keeps a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of the server's own.
    Sqlite,
    /// A server beside the server.
    Postgres,
}

/// Where a world is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file.
    Sqlite(PathBuf),
    /// At this URL.
    Postgres(String),
}

/// A connection to it.
pub enum Database {
    /// Through SQLite's own library.
    Sqlite(rusqlite::Connection),
    /// Over a socket.
    Postgres(Box<postgres::Client>),
}

/// While it lives, nobody else writes to the database: everybody waits.
pub struct Standstill {
    _transaction: Database,
}

/// One field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Value>);

impl Location {
    /// Opens it to look at.
    ///
    /// # Errors
    /// When there is no database.
    pub fn open(&self) -> Result<Database> {
        match self {
            Self::Sqlite(path) => sqlite(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
            Self::Postgres(url) => Ok(Database::Postgres(Box::new(
                postgres::Client::connect(url, NoTls).with_context(|| url.clone())?,
            ))),
        }
    }

    /// Opens it to look at, and sees from then on what it was at the first look.
    ///
    /// # Errors
    /// When there is no database.
    pub fn open_as_one_moment(&self) -> Result<Database> {
        let mut database = self.open()?;
        database.execute(match self {
            Self::Sqlite(_) => "BEGIN",
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        })?;
        Ok(database)
    }

    /// Opens the database of a server that was killed. PostgreSQL may still be about the last things that the server
    /// had asked for; this waits until it is done with them.
    ///
    /// # Errors
    /// When there is no database, or somebody else stays connected to it.
    pub fn open_after_death(&self) -> Result<Database> {
        let mut database = self.open()?;
        if matches!(self, Self::Postgres(_)) {
            let deadline = Instant::now() + PATIENCE;
            while database.number(OTHERS)? > 0 {
                ensure!(Instant::now() < deadline, "a dead server is still connected");
                thread::sleep(LOOK);
            }
        }
        Ok(database)
    }

    fn open_to_write(&self) -> Result<Database> {
        match self {
            Self::Sqlite(path) => sqlite(path, OpenFlags::SQLITE_OPEN_READ_WRITE),
            Self::Postgres(_) => self.open(),
        }
    }

    /// Changes something behind the back of a server that isn't running.
    ///
    /// # Errors
    /// When there is no database, or it refuses.
    pub fn change(&self, sql: &str) -> Result<()> {
        self.open_to_write()?.execute(sql)
    }

    /// Makes everybody wait who writes to it.
    ///
    /// # Errors
    /// When there is no database.
    pub fn stand_still(&self) -> Result<Standstill> {
        let mut transaction = self.open_to_write()?;
        transaction.execute(match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            // Every commit of a server passes here.
            Self::Postgres(_) => "BEGIN; LOCK TABLE epochs IN EXCLUSIVE MODE",
        })?;
        Ok(Standstill { _transaction: transaction })
    }

    /// The file or folder that is written to whenever something becomes durable.
    ///
    /// # Errors
    /// When the database doesn't tell.
    pub fn log(&self) -> Result<PathBuf> {
        match self {
            Self::Sqlite(path) => Ok(format!("{}-wal", path.display()).into()),
            Self::Postgres(_) => {
                let rows = self.open()?.rows("SELECT current_setting('data_directory')")?;
                Ok(Path::new(rows.first().context("no answer")?.text(0)?).join("pg_wal"))
            }
        }
    }
}

/// A world in a file, to look at by SQLite's own means.
///
/// # Errors
/// When there is none.
pub fn open_file(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn sqlite(path: &Path, flags: OpenFlags) -> Result<Database> {
    let connection = rusqlite::Connection::open_with_flags(path, flags)
        .with_context(|| path.display().to_string())?;
    connection.busy_timeout(PATIENCE)?;
    Ok(Database::Sqlite(connection))
}

impl Database {
    /// All rows that a query finds.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => {
                let mut query = connection.prepare(sql)?;
                let columns = query.column_count();
                let read = |row: &rusqlite::Row<'_>| {
                    let fields = (0..columns).map(|column| row.get_ref(column).map(from_sqlite));
                    Ok(Row(fields.collect::<rusqlite::Result<_>>()?))
                };
                let rows = query.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
                Ok(rows)
            }
            Self::Postgres(client) => {
                let read = |row: &postgres::Row| {
                    let fields = (0..row.len()).map(|column| from_postgres(row, column));
                    Ok(Row(fields.collect::<Result<_>>()?))
                };
                client.query(sql, &[])?.iter().map(read).collect()
            }
        }
    }

    /// The one number that a query asks for.
    ///
    /// # Errors
    /// When the database refuses it, or has something else to say.
    pub fn number(&mut self, sql: &str) -> Result<i64> {
        self.rows(sql)?.first().context("no row")?.number(0)
    }

    /// Changes something.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(client) => Ok(client.batch_execute(sql)?),
        }
    }
}

impl Row {
    /// The number in this column.
    ///
    /// # Errors
    /// When something else is there.
    pub fn number(&self, column: usize) -> Result<i64> {
        self.optional(column)?.with_context(|| format!("no number in column {column}: {self:?}"))
    }

    /// The id in this column; those of a database fit 63 bits.
    ///
    /// # Errors
    /// When something else is there.
    pub fn id(&self, column: usize) -> Result<u64> {
        Ok(self.number(column)?.cast_unsigned())
    }

    /// The id in this column, or `None` where nothing is.
    ///
    /// # Errors
    /// When something else is there.
    pub fn optional_id(&self, column: usize) -> Result<Option<u64>> {
        Ok(self.optional(column)?.map(i64::cast_unsigned))
    }

    /// The text in this column.
    ///
    /// # Errors
    /// When something else is there.
    pub fn text(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => bail!("no text in column {column}: {self:?}"),
        }
    }

    /// The bytes in this column.
    ///
    /// # Errors
    /// When something else is there.
    pub fn bytes(&self, column: usize) -> Result<&[u8]> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => bail!("no bytes in column {column}: {self:?}"),
        }
    }

    fn optional(&self, column: usize) -> Result<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Number(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => bail!("no number in column {column}: {self:?}"),
        }
    }
}

fn from_sqlite(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Number(number),
        // The schema has no such columns.
        ValueRef::Real(_) => Value::Null,
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn from_postgres(row: &postgres::Row, column: usize) -> Result<Value> {
    let kind = row.columns()[column].type_();
    let value = match *kind {
        Type::INT2 => row.try_get::<_, Option<i16>>(column)?.map(|it| Value::Number(it.into())),
        Type::INT4 => row.try_get::<_, Option<i32>>(column)?.map(|it| Value::Number(it.into())),
        Type::INT8 => row.try_get::<_, Option<i64>>(column)?.map(Value::Number),
        Type::TEXT => row.try_get::<_, Option<String>>(column)?.map(Value::Text),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Value::Bytes),
        _ => bail!("column {column} is a {kind}"),
    };
    Ok(value.unwrap_or(Value::Null))
}
