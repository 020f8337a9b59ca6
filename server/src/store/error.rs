//! What can go wrong with the world's database, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::{Location, NODE_RANGE, TransferError};

/// What helps when a database is damaged. A log that is left beside a backup would be played into it.
const RESTORE: &str = "move it away, SQLite's with its -wal and -shm, and restore a backup";

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
    /// Another user has made the lock, the log or its index: a command that was run as root, say.
    #[error("{file}: can't be written ({source}); give it to the server's user", file = .file.display())]
    Beside {
        /// Beside the database.
        file: PathBuf,
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
    #[error("{place}: no database here; check store.url and --data-dir")]
    Missing {
        /// Where none is.
        place: Location,
    },
    /// The address can't be used as it is.
    #[error("{place}: {detail}")]
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
    #[error(
        "{place}: not a Realmbeat database, or its first page is damaged; check store.url, nothing was changed"
    )]
    NotOurs {
        /// The file.
        place: Location,
    },
    /// Its pages contradict each other.
    #[error("{place}: damaged ({detail}); {way}", way = RESTORE)]
    Corrupt {
        /// The database.
        place: Location,
        /// What the engine said.
        detail: String,
    },
    /// What was confirmed last isn't beside it.
    #[error(
        "{place}: the write-ahead log (-wal) that it needs isn't beside it, and what was confirmed last may be in there; put it \
         back before any program opens the file, or restore a backup. If it is lost, keep a copy of the file, and \
         \"realmbeat-server forget-log\" takes it as it is"
    )]
    NoLog {
        /// The database.
        place: Location,
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
    /// A database without a world, and nothing may be changed.
    #[error(
        "{place}: there is no world in it; check store.url and --data-dir, and that a file has its -wal beside it"
    )]
    Empty {
        /// The database.
        place: Location,
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

impl OpenError {
    /// True if what the database has written contradicts itself, or isn't all there: another start would meet the same.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::NoLog { .. })
    }

    /// What an engine said of the database at `place`.
    pub(super) fn of(place: Location, problem: &EngineError) -> Self {
        let detail = problem.to_string();
        match problem.is_damage() {
            true => Self::Corrupt { place, detail },
            false => Self::Engine { place, detail },
        }
    }
}

/// Why an operator's look at the database, or change to it, came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// It can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A log must not be forgotten that belongs to its database.
    #[error("{place}: nothing to forget: it has the log that it needs")]
    NothingToForget {
        /// The database.
        place: Location,
    },
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
    /// SQLite would take it for a part of a database, and play it into that one or delete it.
    #[error("{file}: files beside a database have such names; choose another one")]
    Reserved {
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
    #[error(
        "{file}: the copy wasn't kept, since the world in it has findings (--no-verify keeps it): {report}"
    )]
    Unclean {
        /// The file.
        file: PathBuf,
        /// What its audit said.
        report: String,
    },
}

impl OperatorError {
    /// True if what the database has written contradicts itself, or isn't all there.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Open(problem) if problem.is_damage())
    }

    /// What an engine said, and of which database.
    pub(super) fn of(place: Location, problem: EngineError) -> Self {
        match problem.is_damage() {
            true => OpenError::of(place, &problem).into(),
            false => Self::Failed { place, detail: problem.to_string() },
        }
    }

    /// What went wrong between a database and a world's file: one of them is at fault.
    pub(super) fn of_transfer(place: &Location, file: &Path, problem: TransferError) -> Self {
        let place = place.clone();
        match problem {
            TransferError::Database(detail) => Self::Failed { place, detail },
            TransferError::Damaged(detail) => OpenError::Corrupt { place, detail }.into(),
            TransferError::File(_)
            | TransferError::Full
            | TransferError::NotAFile
            | TransferError::NotOurs
            | TransferError::OtherVersion { .. }
            | TransferError::Line { .. }
            | TransferError::Incomplete(_)
            | TransferError::OtherNode { .. }
            | TransferError::NotEmpty => Self::Transfer { file: file.to_owned(), problem },
        }
    }
}

/// Why the store can't go on, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breakage {
    /// What is on the disk is in order, and memory may be ahead of it.
    #[error("start it again to recover from disk: {0}")]
    Failed(String),
    /// A restart would meet the same again.
    #[error("the database is damaged ({0}); {way}", way = RESTORE)]
    Damaged(String),
    /// It isn't for this start to go on, nor for another one before somebody has looked.
    #[error("{0}")]
    Superseded(String),
}

impl Breakage {
    /// True if another start would meet the same, or do harm, before somebody has looked at the database.
    #[must_use]
    pub const fn needs_a_look(&self) -> bool {
        match self {
            Self::Failed(_) => false,
            Self::Damaged(_) | Self::Superseded(_) => true,
        }
    }

    /// The same for who reads that something isn't saved: they have ended the server, and needn't be told to start it
    /// again.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Failed(reason) => reason.clone(),
            Self::Damaged(_) | Self::Superseded(_) => self.to_string(),
        }
    }
}

impl From<EngineError> for Breakage {
    fn from(problem: EngineError) -> Self {
        match problem {
            EngineError::Damaged(reason) | EngineError::Impossible(reason) => Self::Damaged(reason),
            EngineError::Superseded(reason) => Self::Superseded(reason),
            EngineError::Transient(reason)
            | EngineError::Unknown(reason)
            | EngineError::Fatal(reason)
            | EngineError::Forbidden(reason) => Self::Failed(reason),
        }
    }
}

/// Not all that was submitted is on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{commits} commits and {requests} requests aren't saved: {}", .why.cause())]
pub struct Unsaved {
    /// Commits that are lost.
    pub commits: usize,
    /// Requests that are lost.
    pub requests: usize,
    /// Why.
    pub why: Breakage,
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
    /// Trying again would hide a loss: a failed fsync, or memory that asks for what can't follow from the database.
    #[error("{0}")]
    Fatal(String),
    /// A rule of the schema or of SQL forbids it: a bug of ours, or rows that only look whole.
    #[error("{0}")]
    Forbidden(String),
    /// What the database has written contradicts itself.
    #[error("{0}")]
    Damaged(String),
    /// A row is whole, and holds what can't be.
    #[error("{0}")]
    Impossible(String),
    /// The database isn't as this start left it: another one goes on with it, or it has lost what it confirmed.
    #[error("{0}")]
    Superseded(String),
}

impl EngineError {
    /// Whether trying again can't help.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Transient(_) | Self::Unknown(_) => false,
            Self::Fatal(_)
            | Self::Forbidden(_)
            | Self::Damaged(_)
            | Self::Impossible(_)
            | Self::Superseded(_) => true,
        }
    }

    /// Whether what the database has written contradicts itself.
    const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Impossible(_))
    }

    /// The same with the place where it happened in front.
    pub(super) fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Self::Transient(reason) => Self::Transient(reason),
            Self::Unknown(reason) => Self::Unknown(reason),
            Self::Fatal(reason) => Self::Fatal(format!("{place}: {reason}")),
            Self::Forbidden(reason) => Self::Forbidden(format!("{place}: {reason}")),
            Self::Damaged(reason) => Self::Damaged(format!("{place}: {reason}")),
            Self::Impossible(reason) => Self::Impossible(format!("{place}: {reason}")),
            Self::Superseded(reason) => Self::Superseded(format!("{place}: {reason}")),
        }
    }
}
