//! Where a bot is on its way into the world and out again, and what follows the end of a connection.

use std::time::Duration;

/// Where a bot is on its way into the world and out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No connection, until the deadline.
    Waiting,
    Connecting {
        due: Duration,
    },
    Greeting {
        due: Duration,
    },
    LoggingIn {
        due: Duration,
        request: u32,
        with: With,
    },
    /// Logged in to a character in the world that is about to be shown.
    Rejoining {
        due: Duration,
    },
    Listing,
    Creating,
    Entering {
        due: Duration,
    },
    Playing,
    /// LeftWorld is awaited.
    Leaving,
    /// The server was too busy for this step; at the deadline the bot asks again, from the login or from the lobby.
    Retrying {
        in_lobby: bool,
    },
    /// The server took the character out of the world; its goodbye is awaited.
    Ousted,
    /// The connection's end is awaited.
    Closing,
    Finished,
}

/// How a login was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Token,
    Register,
    Password,
    Resume,
}

/// What follows the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It wasn't meant to end: an error, and another attempt after a growing wait.
    Retry,
    /// It ended as announced: connect again after this time.
    Again(Duration),
    /// Nothing more.
    Finish,
}

impl State {
    /// What the bot is doing, for a person to read.
    pub(super) fn step(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Connecting { .. } => "connecting",
            Self::Greeting { .. } => "greeting",
            Self::LoggingIn { with: With::Token, .. } => "logging in with a token",
            Self::LoggingIn { with: With::Register, .. } => "registering",
            Self::LoggingIn { with: With::Password, .. } => "logging in with a password",
            Self::LoggingIn { with: With::Resume, .. } => "resuming",
            Self::Rejoining { .. } => "going on in the world",
            Self::Listing => "listing characters",
            Self::Creating => "creating a character",
            Self::Entering { .. } => "entering the world",
            Self::Playing => "playing",
            Self::Leaving => "leaving the world",
            Self::Retrying { .. } => "waiting to ask again",
            Self::Ousted => "waiting for the goodbye",
            Self::Closing => "closing",
            Self::Finished => "finished",
        }
    }

    /// Whether a connection is open.
    pub(super) fn is_linked(self) -> bool {
        !matches!(self, Self::Waiting | Self::Connecting { .. } | Self::Finished)
    }
}
