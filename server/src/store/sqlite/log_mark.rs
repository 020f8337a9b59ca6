//! Whether a database's file is whole without its log. What was confirmed last is in the log alone, so that a file that was
//! copied or kept without it is an older world: nobody should play on in it without knowing.
//!
//! The field `user_version` of the first page (SQLite's file format, section 1.3) says so: [`NEEDS_LOG`] in the file, while
//! the newest first page, in the log, says [`WHOLE`]. Whoever copies all of the log into the file writes that along: this
//! server at its end, or another program that is the last one to close the database. So that the file has its mark again
//! after a copy, the log is marked for as long as its own page takes to be copied.
//!
//! The mark errs in this direction: where somebody reads, this server included, or there is no room, and while the log is
//! being copied, the file can be called whole, and a log that is lost then isn't found out. A file that is whole is refused
//! if it was copied by another program, or a kill came, while the log was marked, and another program closed the database
//! last.

use rusqlite::Connection;

/// A file that isn't whole. As text, so that no other program's version number looks like it.
pub(in crate::store) const NEEDS_LOG: i32 = i32::from_be_bytes(*b"+wal");
/// One that is.
pub(in crate::store) const WHOLE: i32 = 0;

const FIELD: &str = "user_version";

/// What the newest first page of file and log says.
pub(super) fn seen(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, FIELD, |row| row.get(0))
}

/// Writes it.
pub(super) fn say(connection: &Connection, mark: i32) -> rusqlite::Result<()> {
    connection.pragma_update(None, FIELD, mark)
}
