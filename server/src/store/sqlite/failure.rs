//! Which of SQLite's errors pass and which don't.

use std::io;

use rusqlite::ffi::{SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
use rusqlite::{Error, ErrorCode};

use crate::store::error::EngineError;

impl From<Error> for EngineError {
    fn from(problem: Error) -> Self {
        let reason = problem.to_string();
        if is_impossible(&problem) {
            return Self::Impossible(reason);
        }
        let is_full = is_full(&problem);
        match problem.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                // A race for the log's index, lost many times.
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Transient(reason),
            _ if is_full => Self::Transient(format!("{reason}; make room")),
            _ if is_too_large(&problem) => Self::Transient(format!(
                "{reason}: a file may not become so large; raise the limit (ulimit -f), or move the database to a file \
                 system that has none"
            )),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(reason),
            Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                // No such table, a sum that is out of range.
                | ErrorCode::Unknown,
            ) => Self::Forbidden(reason),
            // I/O errors above all. After a failed fsync the system may have dropped the bytes, and the next fsync would
            // report success without them.
            _ => Self::Fatal(reason),
        }
    }
}

/// Whether a row holds what can't be.
pub(super) const fn is_impossible(problem: &Error) -> bool {
    matches!(
        problem,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
    )
}

/// Whether there was no space. The log's index beside the database that can't grow is a full disk by another name.
pub(super) fn is_full(problem: &Error) -> bool {
    problem.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull || error.extended_code == SQLITE_IOERR_SHMSIZE
    })
}

/// Whether a file would have become larger than this process or the file system lets it: SQLite has no code of its own for
/// that. To be asked at once, since the system's reason is that of this thread's last call that failed.
fn is_too_large(problem: &Error) -> bool {
    let is_write =
        problem.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_WRITE);
    is_write && io::Error::last_os_error().kind() == io::ErrorKind::FileTooLarge
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_disk_that_fails_is_told_from_a_rule_that_forbids() {
        let of = |code| EngineError::from(Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_READ, ffi::SQLITE_CANTOPEN] {
            assert!(matches!(of(code), EngineError::Fatal(_)), "{code}");
        }
        for code in [ffi::SQLITE_CONSTRAINT_CHECK, ffi::SQLITE_ERROR, ffi::SQLITE_MISMATCH] {
            assert!(matches!(of(code), EngineError::Forbidden(_)), "{code}");
        }
    }
}
