//! Where a world's database is, as it may be told to anybody: without the password that gets one in.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::mask_password;

/// One of the databases that a world can be in. Paths become one; a text doesn't, since it may be a URL:
///
/// ```compile_fail,E0277
/// let place: server::store::Location = "postgres://db/world".into();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// SQLite, in this file. Its directory is made when it isn't there; a lock file and SQLite's own files lie beside
    /// it.
    File(PathBuf),
    /// PostgreSQL, over the network or a socket.
    Postgres(PostgresUrl),
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Postgres(url) => write!(out, "{url}"),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// A database of a PostgreSQL server, as libpq's connection URIs name it (PostgreSQL's manual, section 34.1.1.2). A user
/// and password in it aren't shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// `None` when the text is no such URL.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        rest.filter(|rest| !rest.is_empty()).map(|_| Self(text.to_owned()))
    }

    /// With the user and password that it may hold: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&mask_password(&self.0))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}
