//! Mistakes in `.proto` files and what to do about each.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::FIRST_MODULE_ID;

/// The direction in which a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the server.
    Client,
    /// From the server to clients.
    Server,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// A message and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The message's full name.
    pub message: String,
    /// The file, by the name under which others import it.
    pub file: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.file)
    }
}

/// The reason why `.proto` files can't be used.
#[derive(thiserror::Error)]
pub enum Error {
    /// A file or folder that can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder without features.
    #[error("{}: there is no .proto file in this folder", folder.display())]
    NoFiles {
        /// Its path.
        folder: PathBuf,
    },
    /// Not valid protobuf; the text has file, line and column.
    #[error("{0}")]
    Protobuf(String),
    /// Two folders with a file of one name.
    #[error(
        "{name} is in {} and in {}: rename one, or put it into a folder named after its feature",
        first.display(), second.display()
    )]
    SameFile {
        /// The name under which others import it.
        name: String,
        /// The folder that comes first.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// Two messages with one id.
    #[error("{first} and {second} both have {direction} id {id}: give one of them another id")]
    SameId {
        /// The direction of both.
        direction: Direction,
        /// Their id.
        id: u32,
        /// One of them.
        first: Place,
        /// The other one.
        second: Place,
    },
    /// Two messages with one name, or with names that differ in capitals alone.
    #[error(
        "{first} and {second} would be one field of the {direction} packet: rename one of them"
    )]
    SameName {
        /// The direction of both.
        direction: Direction,
        /// One of them.
        first: Place,
        /// The other one.
        second: Place,
    },
    /// A package that a file outside this repository can't have.
    #[error(
        "{file}: the package is {package:?}; name one of your own, because realmbeat.v1 is Realmbeat's"
    )]
    Package {
        /// The file, by the name under which others import it.
        file: String,
        /// Its package.
        package: String,
    },
    /// A message that the server can't serve.
    #[error("{place}: {problem}")]
    Message {
        /// The message.
        place: Place,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A published id that is gone or belongs to another message.
    #[error(
        "{line:?} is in protocol/message_ids.txt and no longer in a .proto file: clients in the field rely on it, so restore it"
    )]
    Published {
        /// The line of the list.
        line: String,
    },
    /// A page without the marks between which a table is generated.
    #[error("{path} lacks the line {mark:?}, which marks a generated table: restore it")]
    NoMark {
        /// The page, from the root of the repository.
        path: &'static str,
        /// The missing line.
        mark: String,
    },
    /// The generator of Rust code has failed.
    #[error("no Rust code can be generated: {0}")]
    Generator(String),
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A number of the envelope itself.
    #[error("id {0} is a field of the envelope, as 16 to 31 are: take another id")]
    EnvelopeId(u32),
    /// A number that no protobuf field can have.
    #[error("id {0} can't be a field number: 1 to 536870911 can, but for 19000 to 19999")]
    NoFieldNumber(u32),
    /// An id of Realmbeat's own on a message from outside.
    #[error(
        "id {0} is one of Realmbeat's own: messages of other crates have ids from {FIRST_MODULE_ID}"
    )]
    OwnId(u32),
    /// An id of other crates on a message of Realmbeat.
    #[error(
        "id {0} is one of other crates: Realmbeat's own messages have ids below {FIRST_MODULE_ID}"
    )]
    OutsideId(u32),
    /// No phase, or an unknown one.
    #[error("the option (client) needs a phase: add `phase: PHASE_WORLD`")]
    NoPhase,
    /// A phase before the world, on a message from outside.
    #[error("messages of other crates are accepted in the world alone: write `phase: PHASE_WORLD`")]
    NotInWorld,
    /// No lane, or an unknown one.
    #[error(
        "the option (server) needs a lane: add `lane: LANE_WORLD`, or LANE_VALUE for what a player owns"
    )]
    NoLane,
    /// A message inside of another one.
    #[error("a message with an id can't be inside of another message: move it out")]
    Nested,
    /// A name that code generators would change.
    #[error("the name isn't in UpperCamelCase: call it {0}")]
    Name(String),
    /// A map that a client could send.
    #[error(
        "a client message can't have a map, as field {0} is: use a repeated field with (max_items)"
    )]
    Map(String),
    /// A repeated field without a bound.
    #[error("the repeated field {0} of a client message needs a bound: add [(max_items) = ...]")]
    Unbounded(String),
    /// A repeated field inside of a field of a client message.
    #[error(
        "field {0} of a client message has repeated fields inside, which can't be bounded: move them up"
    )]
    RepeatedInside(String),
}

/// The same text as `Display`: a `main` that returns this error prints it with `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<protox::Error> for Error {
    fn from(error: protox::Error) -> Self {
        // Its `Debug` names file, line and column, its `Display` doesn't.
        Self::Protobuf(format!("{error:?}"))
    }
}

impl From<prost_reflect::DescriptorError> for Error {
    fn from(error: prost_reflect::DescriptorError) -> Self {
        Self::Protobuf(format!("{error:?}"))
    }
}
