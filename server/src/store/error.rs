//! What can go wrong with the world's database, each with what to do about it.

use std::io;
use std::path::PathBuf;

use super::NODE_RANGE;

/// Why a database can't be used. One line each, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The node number has no place in an id.
    #[error("server.node is {0}, but must be from {start} to {end}", start = NODE_RANGE.start(), end = NODE_RANGE.end())]
    NodeRange(u16),
    /// The directory isn't there and can't be made, or nothing can be written in it.
    #[error(
        "{path}: its directory can't be written ({source}); give the server's user a directory of its own"
    )]
    Directory {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process owns the database.
    #[error("{path}: in use by {holder}; stop it first, or give this server a database of its own")]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who, as far as it said so.
        holder: String,
    },
    /// There is no database to look at.
    #[error("{path}: no database here; check the path")]
    Missing {
        /// Where none is.
        path: PathBuf,
    },
    /// The file itself is out of reach.
    #[error(
        "{path}: can't be read and written ({source}); the server's user needs both rights to it"
    )]
    Access {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Some other file.
    #[error("{path}: not a Realmbeat database; check the path, nothing was changed")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Its pages contradict each other.
    #[error("{path}: damaged ({detail}); keep a copy of it and restore a backup")]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// A later build has been here.
    #[error(
        "{path}: written by a newer server (schema {found}, this one knows {known}); use that server or restore a backup"
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The newest one of this build.
        known: i32,
    },
    /// An earlier build has been here, and an inspection must not change anything.
    #[error(
        "{path}: written by an older server (schema {found}, this one knows {known}); start this server once to migrate it"
    )]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The newest one of this build.
        known: i32,
    },
    /// A build with other migrations has been here.
    #[error(
        "{path}: its schema isn't of this line of servers ({detail}); use the server that made it"
    )]
    OtherSchema {
        /// The database.
        path: PathBuf,
        /// Which migration differs.
        detail: String,
    },
    /// Ids of two nodes must not mix.
    #[error(
        "{path}: belongs to node {stored}, but server.node is {configured}; set server.node = {stored}"
    )]
    OtherNode {
        /// The database.
        path: PathBuf,
        /// What it was made with.
        stored: u16,
        /// What the settings say.
        configured: u16,
    },
    /// No space for the first write.
    #[error("{path}: the disk is full; make room and start again")]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Anything else.
    #[error("{path}: {detail}")]
    Engine {
        /// The database.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
}

/// Why an operator's look at the database, or change to it, came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// It can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nobody has that name.
    #[error("there is no character {0:?}")]
    NoSuchCharacter(String),
    /// It failed on the way.
    #[error("{path}: {detail}")]
    Failed {
        /// The database.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
}

/// Not all that was submitted is on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{commits} commits and {requests} requests aren't saved: {reason}")]
pub struct Unsaved {
    /// Commits that are lost.
    pub commits: usize,
    /// Requests that are lost.
    pub requests: usize,
    /// Why.
    pub reason: String,
}

/// How a database fails, as the threads in front of it must know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// Nothing was done, and trying again later may help: the disk is full, somebody holds a lock.
    #[error("{0}")]
    Transient(String),
    /// The connection was lost on the way: whether anything was done shows when it is back.
    #[error("{0}")]
    Unknown(String),
    /// Trying again can't help or would hide a loss: a broken rule, a failed fsync, a damaged file.
    #[error("{0}")]
    Fatal(String),
}

impl EngineError {
    /// The same with the place where it happened in front.
    pub(super) fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Transient(reason) => Self::Transient(reason),
            Self::Unknown(reason) => Self::Unknown(reason),
            Self::Fatal(reason) => Self::Fatal(format!("{place}: {reason}")),
        }
    }
}
