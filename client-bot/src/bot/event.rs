//! What a bot tells whoever runs it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use protocol::PublicAddress;
use protocol::v1::{Farewell, Refusal};

/// Something that happened to a bot, or that it wants done. From [`Bot::poll_event`](crate::Bot::poll_event).
#[derive(Debug)]
pub enum Event {
    /// Open a connection to there, then call [`Bot::connected`](crate::Bot::connected).
    Connect {
        /// Where the server is.
        address: SocketAddr,
    },
    /// Look up the host of a redirect, then call [`Bot::looked_up`](crate::Bot::looked_up), before anything else.
    LookUp {
        /// With a host name.
        address: PublicAddress,
    },
    /// End the connection as `how` says.
    Close {
        /// Politely or not.
        how: Close,
    },
    /// The server greeted back, for the first time in the bot's life if `first`.
    Greeted {
        /// No earlier connection got this far.
        first: bool,
    },
    /// The server knows the account.
    LoggedIn {
        /// No earlier connection got this far.
        first: bool,
    },
    /// The character stands in the world.
    Online,
    /// The character isn't in the world any more, or the bot can't see it.
    Offline,
    /// How long something took, counted from when it was due.
    Sample {
        /// What was timed.
        metric: Metric,
        /// From due to done.
        elapsed: Duration,
    },
    /// Turns that the bot was too late for and left out.
    TurnsSkipped(u32),
    /// The server didn't carry out a request.
    Refused(Refusal),
    /// The server said goodbye.
    Goodbye(Farewell),
    /// The connection ended, wanted or not.
    Disconnected {
        /// Neither the bot nor a goodbye had announced it.
        lost: bool,
    },
    /// The server confirmed that an item is the character's, or no longer is.
    Confirmed(Confirmation),
    /// The server confirmed that the purse holds another amount.
    Purse(Purse),
    /// A view was proved against this many digests.
    Proved {
        /// Cells compared.
        digests: u32,
        /// Entities in sight, the bot's own among them.
        entities: u32,
    },
    /// The server showed or told something that can't be.
    Finding(String),
    /// Something went wrong that shouldn't in a healthy run.
    Error(BotError),
    /// The bot is done and wants nothing more.
    Finished,
}

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Send what waits, close the sending half, and read until the server closes.
    Politely,
    /// Close at once, as a process that exits does.
    Abruptly,
    /// Reset, as a cut cable or a crash does.
    Reset,
}

/// How a connection did end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// The server closed it.
    Closed,
    /// It couldn't be opened, or failed.
    Failed(io::ErrorKind),
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Ping due to Pong.
    Ping,
    /// Move due to the first view that includes it. Contains up to one tick of waiting by nature.
    Move,
    /// Connect due to Welcome.
    Connect,
    /// Login due (the Welcome has arrived) to LoggedIn, by token, password or resume.
    Login,
    /// EnterWorld due to Entered.
    Enter,
    /// PickUp, DropItem, Buy or Sell due to its confirmation, which is durable.
    Confirm,
}

impl Metric {
    /// All, in the order of a report.
    pub const ALL: [Self; 6] =
        [Self::Ping, Self::Move, Self::Connect, Self::Login, Self::Enter, Self::Confirm];

    /// As reports and assertions name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Move => "move",
            Self::Connect => "connect",
            Self::Login => "login",
            Self::Enter => "enter",
            Self::Confirm => "confirm",
        }
    }
}

/// A change of ownership that the server has confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// Whose.
    pub character: u64,
    /// Which item.
    pub item: u64,
    /// How many it holds now; 0 if it is no longer the character's.
    pub quantity: u32,
}

/// What a purse holds, as the server has confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// Whose.
    pub character: u64,
    /// All of it.
    pub gold: u64,
}

/// What shouldn't happen to a bot in a healthy run.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// No connection could be opened.
    #[error("can't connect to {address}: {kind}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The connection ended without a goodbye.
    #[error("the connection was lost while {step}: {end}")]
    Lost {
        /// What the bot was doing.
        step: &'static str,
        /// How it ended.
        end: String,
    },
    /// The server doesn't keep to the protocol.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// A request was refused that a correct client's never is.
    #[error("{step} was refused: {reason} ({message})")]
    Refused {
        /// What the bot was doing.
        step: &'static str,
        /// The reason's name.
        reason: &'static str,
        /// The server's words.
        message: String,
    },
    /// The server said goodbye for a reason that a correct client never gives it.
    #[error("the server said goodbye: {reason} ({message})")]
    Goodbye {
        /// The reason's name.
        reason: &'static str,
        /// The server's words.
        message: String,
    },
    /// A step of the login took too long.
    #[error("no answer within {seconds} s while {step}")]
    Timeout {
        /// What the bot was doing.
        step: &'static str,
        /// How long it waited, in seconds.
        seconds: u64,
    },
    /// Nothing came back on an open connection.
    #[error("{pings} pings without an answer")]
    Silent {
        /// How many.
        pings: u32,
    },
    /// An item wasn't confirmed or refused.
    #[error("no confirmation within {seconds} s of a request for something of value")]
    Unconfirmed {
        /// How long the bot waited, in seconds.
        seconds: u64,
    },
    /// A login token couldn't be signed.
    #[error(transparent)]
    Signing(#[from] super::credentials::SigningError),
    /// The server had announced its shutdown and wasn't back when the run ended.
    #[error("the server has shut down and isn't back")]
    Away,
}

impl BotError {
    /// All kinds, in the order above.
    pub const KINDS: [&'static str; 10] = [
        "connect",
        "lost",
        "protocol",
        "refused",
        "goodbye",
        "timeout",
        "silent",
        "unconfirmed",
        "signing",
        "away",
    ];

    /// The error's kind, as a report counts it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Lost { .. } => "lost",
            Self::Protocol(_) => "protocol",
            Self::Refused { .. } => "refused",
            Self::Goodbye { .. } => "goodbye",
            Self::Timeout { .. } => "timeout",
            Self::Silent { .. } => "silent",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Signing(_) => "signing",
            Self::Away => "away",
        }
    }
}
