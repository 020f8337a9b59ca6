//! Which log a database's file needs. What was confirmed last is in the log alone, so that a file without it, or with the
//! log of another moment, is an older world: nobody should play on in it without knowing.
//!
//! Each complete copy of the log into the file begins a generation of the log. The field `user_version` of the first page
//! (SQLite's file format, section 1.3) has its number, above 0 in the file and below 0 in the log:
//!
//! 1. the log is given the next number, above 0;
//! 2. all of it is copied into the file, which now says "not whole without the log of this generation";
//! 3. the log, which goes on, is given the number below 0: "with me you are whole".
//!
//! Whoever copies all of the log into the file from here on writes that into it, too: this server at its end, or another
//! program that was the last one to close the database.

use rusqlite::Connection;

use crate::store::LogMismatch;

/// The field, as SQLite calls it.
const FIELD: &str = "user_version";

/// Of a file that needs no log and has never had one.
pub(super) const NONE: i32 = 0;

/// What lies on the disk, before SQLite has seen it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The number in the file's own first page.
    pub(super) in_file: i32,
    /// Whether there is a log with something in it.
    pub(super) has_log: bool,
}

impl Found {
    /// What the newest first page says where nothing is being copied.
    pub(super) const fn whole(self) -> i32 {
        whole(self.in_file)
    }

    /// Whether the log belongs to the file, if the newest first page of both has the number `seen`.
    pub(super) const fn check(self, seen: i32) -> Result<(), LogMismatch> {
        if self.in_file > 0 && !self.has_log {
            return Err(LogMismatch::Missing);
        }
        let current = self.in_file.unsigned_abs();
        // A kill between two steps leaves this generation's number above 0, or the next one's.
        let is_next = seen > 0 && seen.unsigned_abs() == current + 1;
        if seen.unsigned_abs() == current || is_next { Ok(()) } else { Err(LogMismatch::Other) }
    }
}

/// The log's generation, as the server that writes it knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    /// Of the last complete copy.
    number: i32,
    /// In the newest first page.
    said: i32,
}

impl Generation {
    /// Of a database that was checked and settled.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let said = seen(connection)?;
        Ok(Self { number: said.saturating_abs(), said })
    }

    /// What the log says before it is copied: the next generation's number.
    pub(super) const fn announced(self) -> i32 {
        // At one copy for each 4 MiB nobody gets there; a number that comes again does no harm by then.
        if self.number == i32::MAX { 1 } else { self.number + 1 }
    }

    /// Whether it says so already: a copy was begun and couldn't be completed.
    pub(super) const fn is_announced(self) -> bool {
        self.said == self.announced()
    }

    /// What the log says as long as it goes on.
    pub(super) const fn whole(self) -> i32 {
        whole(self.number)
    }

    /// Whether a complete copy of the log would make the file whole and say so.
    pub(super) const fn is_whole(self) -> bool {
        self.said == self.whole()
    }

    /// The newest first page has this number.
    pub(super) const fn say(&mut self, number: i32) {
        self.said = number;
    }

    /// The copy that was announced is complete.
    pub(super) const fn begin(&mut self) {
        self.number = self.announced();
    }
}

/// The number of this generation, as the log has it while it goes on.
pub(super) const fn whole(number: i32) -> i32 {
    -number.saturating_abs()
}

/// The number in the newest first page of file and log.
pub(super) fn seen(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, FIELD, |row| row.get(0))
}

/// Writes it.
pub(super) fn say(connection: &Connection, number: i32) -> rusqlite::Result<()> {
    connection.pragma_update(None, FIELD, number)
}
