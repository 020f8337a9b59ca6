//! One connection, as the lobby sees it.

use std::net::SocketAddr;

use game::AccountId;

use crate::store::Ticket;

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It hasn't said hello.
    Greeting,
    /// It has, and nobody knows whose it is.
    Login,
    /// Logged in.
    Lobby(AccountId),
    /// Its character is in the world, or will be at the next tick.
    World(AccountId),
    /// Its character is on its way out; `LeftWorld` answers `request`.
    Leaving { account: AccountId, request: u32 },
    /// It was sent elsewhere and should close by itself.
    Redirected,
    /// It was told goodbye.
    Closing,
}

/// What a session waits for. It has one lobby request at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For nothing.
    No,
    /// For the answer to this question.
    Answer(Ticket),
    /// For its character to be saved, to enter again.
    Save,
    /// For its turn to enter.
    Turn,
}

#[derive(Debug)]
pub(super) struct Session {
    /// Address of the client.
    pub(super) peer: SocketAddr,
    pub(super) stage: Stage,
    pub(super) waiting: Waiting,
    /// Encrypted or from this machine: passwords may come.
    pub(super) trusted: bool,
    pub(super) errors: u32,
    pub(super) failed_logins: u32,
}

impl Session {
    pub(super) const fn new(peer: SocketAddr, trusted: bool) -> Self {
        let (stage, waiting) = (Stage::Greeting, Waiting::No);
        Self { peer, stage, waiting, trusted, errors: 0, failed_logins: 0 }
    }
}

impl Stage {
    /// Whose login this session plays.
    pub(super) const fn account(self) -> Option<AccountId> {
        match self {
            Self::Lobby(account) | Self::World(account) | Self::Leaving { account, .. } => {
                Some(account)
            }
            Self::Greeting | Self::Login | Self::Redirected | Self::Closing => None,
        }
    }

    /// Completes "isn't accepted ...".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Greeting => "before Hello",
            Self::Login => "before logging in",
            Self::Lobby(_) => "in the lobby",
            Self::World(_) => "in the world",
            Self::Leaving { .. } => "while leaving the world",
            Self::Redirected | Self::Closing => "after the end",
        }
    }
}
