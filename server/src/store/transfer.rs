//! A world as a text file, to move it between engines or to keep it: `export` writes it out of one moment, `import`
//! reads it into an empty database. JSON, one line each: a header, then for each table its columns and its rows, at
//! last the counts and a checksum, so that a file that was cut or changed is refused.

mod lines;
mod reading;
mod tables;
mod writing;

pub(super) use reading::{check, read};
pub(super) use tables::Table;
pub(super) use writing::write;

use std::io;

use super::error::EngineError;
use super::snapshot::{Snapshot, Value};

/// Version of the file's form.
const FORMAT: u32 = 1;

/// Rows that are handed to a database at once.
const ROWS_AT_ONCE: usize = 1_000;

/// A database that rows are put into, in one transaction.
pub(super) trait Loader: Snapshot {
    /// Takes out what a new database has of its own.
    fn clear(&mut self, table: &Table) -> Result<(), EngineError>;
    /// Rows with all columns of the table.
    fn insert(&mut self, table: &Table, rows: &[Vec<Value>]) -> Result<(), EngineError>;
}

/// Why a world can't be written to a file or read from it.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The system refused.
    #[error("can't read or write it: {0}")]
    File(io::Error),
    /// No space for it.
    #[error("the disk is full; make room and try again")]
    Full,
    /// It can be read once alone.
    #[error("not a file, but it is read twice; write it to a file first")]
    NotAFile,
    /// Some other file.
    #[error("not an export of a world")]
    NotOurs,
    /// Of another version.
    #[error(
        "format {format} and schema {schema} can't be read here (format {FORMAT} and schema {known}); use a server of the version that wrote it, then migrate"
    )]
    OtherVersion {
        /// The file's form.
        format: u32,
        /// The database's schema when it was written.
        schema: i32,
        /// The schema of this build.
        known: i32,
    },
    /// A line that can't be.
    #[error("line {line}: {detail}; the file was changed or is damaged")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// Not all of it is there, or not as it was.
    #[error("it is cut short or was changed ({0}); nothing of it was taken")]
    Incomplete(&'static str),
    /// Ids of two nodes must not mix.
    #[error(
        "it is of node {stored}, but server.node is {configured}: set server.node = {stored}; nothing of it was taken"
    )]
    OtherNode {
        /// Which it is of.
        stored: u16,
        /// Which this server is.
        configured: u16,
    },
    /// There is something in the database.
    #[error(
        "the database isn't empty; a world can only be read into a new one that no server has started on"
    )]
    NotEmpty,
    /// The database failed.
    #[error("{0}")]
    Database(String),
    /// What the database has written contradicts itself.
    #[error("{0}")]
    Damaged(String),
}

impl From<EngineError> for TransferError {
    fn from(problem: EngineError) -> Self {
        match problem {
            EngineError::Damaged(reason) | EngineError::Impossible(reason) => Self::Damaged(reason),
            EngineError::Transient(reason)
            | EngineError::Unknown(reason)
            | EngineError::Fatal(reason)
            | EngineError::Forbidden(reason)
            | EngineError::Superseded(reason) => Self::Database(reason),
        }
    }
}

impl From<io::Error> for TransferError {
    fn from(problem: io::Error) -> Self {
        if problem.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::File(problem) }
    }
}
