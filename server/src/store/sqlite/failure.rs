//! Which of SQLite's errors pass and which don't.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::store::error::EngineError;

impl From<rusqlite::Error> for EngineError {
    fn from(problem: rusqlite::Error) -> Self {
        let reason = problem.to_string();
        let extended = problem.sqlite_error().map(|error| error.extended_code);
        match problem.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Transient(reason)
            }
            // The log's index beside the database couldn't grow: a full disk by another name.
            _ if extended == Some(SQLITE_IOERR_SHMSIZE) => Self::Transient(reason),
            // Everything else: a rule of the schema (a bug of ours), a damaged page, or an I/O error. After a failed
            // fsync the system may have dropped the bytes, and the next fsync would report success without them.
            _ => Self::Fatal(reason),
        }
    }
}
