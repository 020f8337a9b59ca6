//! What can go wrong with the world's database, each with what to do about it.

use std::io;
use std::path::PathBuf;

use super::{Location, NODE_RANGE, TransferError};

/// Why a database can't be used. One line each, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The node number has no place in an id.
    #[error("server.node is {0}, but must be from {start} to {end}", start = NODE_RANGE.start(), end = NODE_RANGE.end())]
    NodeRange(u16),
    /// The directory isn't there and can't be made, or nothing can be written in it.
    #[error(
        "{place}: its directory can't be written ({source}); give the server's user a directory of its own"
    )]
    Directory {
        /// The database.
        place: Location,
        /// What the system said.
        source: io::Error,
    },
    /// Another process owns the database.
    #[error(
        "{place}: in use by {holder}; stop it first, or give this server a database of its own"
    )]
    InUse {
        /// The database.
        place: Location,
        /// Who, as far as it said so.
        holder: String,
    },
    /// There is no database to look at.
    #[error("{place}: no database here; check store.url")]
    Missing {
        /// Where none is.
        place: Location,
    },
    /// The address can't be used as it is.
    #[error("store.url {place}: {detail}")]
    Address {
        /// The database.
        place: Location,
        /// What is wrong with it.
        detail: String,
    },
    /// This build can't use such a database.
    #[error(
        "{place}: this server was built without the cargo feature `postgres`: build with it, or set store.url = \"sqlite:FILE\""
    )]
    NoEngine {
        /// The database.
        place: Location,
    },
    /// PostgreSQL isn't there or lets nobody in.
    #[error(
        "{place}: can't be reached ({detail}); see that PostgreSQL runs there, has this database and lets this user in"
    )]
    Unreachable {
        /// The database.
        place: Location,
        /// What PostgreSQL or the system said.
        detail: String,
    },
    /// PostgreSQL lets the server in, but not do what it needs.
    #[error("{place}: {detail}; make the server's user the owner of the database")]
    Rights {
        /// The database.
        place: Location,
        /// What PostgreSQL said.
        detail: String,
    },
    /// PostgreSQL wouldn't keep what it confirms.
    #[error(
        "{place}: PostgreSQL runs with fsync = off, so what it confirms can be lost; set fsync = on"
    )]
    NoSync {
        /// The database.
        place: Location,
    },
    /// The file itself is out of reach.
    #[error(
        "{place}: can't be read and written ({source}); the server's user needs both rights to it"
    )]
    Access {
        /// The database.
        place: Location,
        /// What the system said.
        source: io::Error,
    },
    /// Some other file.
    #[error("{place}: not a Realmbeat database; check store.url, nothing was changed")]
    NotOurs {
        /// The file.
        place: Location,
    },
    /// Its pages contradict each other.
    #[error("{place}: damaged ({detail}); keep a copy of it and restore a backup")]
    Corrupt {
        /// The database.
        place: Location,
        /// What the engine said.
        detail: String,
    },
    /// A later build has been here.
    #[error(
        "{place}: written by a newer server (schema {found}, this one knows {known}); use that server or restore a backup"
    )]
    NewerSchema {
        /// The database.
        place: Location,
        /// Its schema version.
        found: i32,
        /// The newest one of this build.
        known: i32,
    },
    /// An earlier build has been here, and an inspection must not change anything.
    #[error(
        "{place}: written by an older server (schema {found}, this one knows {known}); run `migrate`, or start this server, which migrates it too"
    )]
    OlderSchema {
        /// The database.
        place: Location,
        /// Its schema version.
        found: i32,
        /// The newest one of this build.
        known: i32,
    },
    /// A build with other migrations has been here.
    #[error(
        "{place}: its schema isn't of this line of servers ({detail}); use the server that made it"
    )]
    OtherSchema {
        /// The database.
        place: Location,
        /// Which migration differs.
        detail: String,
    },
    /// Ids of two nodes must not mix.
    #[error(
        "{place}: belongs to node {stored}, but server.node is {configured}; set server.node = {stored}"
    )]
    OtherNode {
        /// The database.
        place: Location,
        /// What it was made with.
        stored: u16,
        /// What the settings say.
        configured: u16,
    },
    /// No space for the first write.
    #[error("{place}: the disk is full; make room and start again")]
    Full {
        /// The database.
        place: Location,
    },
    /// Anything else.
    #[error("{place}: {detail}")]
    Engine {
        /// The database.
        place: Location,
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
    #[error("{place}: {detail}")]
    Failed {
        /// The database.
        place: Location,
        /// What the engine said.
        detail: String,
    },
    /// Nothing is ever written over.
    #[error("{file}: there is such a file already; name a new one")]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// A world's file can't be written or read.
    #[error("{file}: {problem}")]
    Transfer {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: TransferError,
    },
    /// A copy isn't what it should be.
    #[error("{file}: the copy isn't in order and wasn't kept: {report}")]
    Unclean {
        /// The file.
        file: PathBuf,
        /// What its audit said.
        report: String,
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
