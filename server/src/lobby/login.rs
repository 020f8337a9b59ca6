//! An account that is being played: who plays it, where its character is, how long it stays without a connection.

use std::time::Instant;

use game::{CharacterId, SessionId};

use crate::store::Ticket;

/// Where the character of a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Not in the world, and all of it is durable: any character may enter.
    Out,
    /// In the world, because this session's request asked for it.
    In { character: CharacterId, asker: SessionId, request: u32 },
    /// The game was told that it leaves and hasn't answered yet.
    Leaving(CharacterId),
    /// Out of the world. Its last save isn't durable yet, so its record must not be read.
    Saving(CharacterId),
}

impl Presence {
    /// The character that is in the world or not yet saved.
    pub(super) const fn character(self) -> Option<CharacterId> {
        match self {
            Self::Out => None,
            Self::In { character, .. } | Self::Leaving(character) | Self::Saving(character) => {
                Some(character)
            }
        }
    }
}

/// One per account, however many connections try.
#[derive(Debug)]
pub(super) struct Login {
    /// Of the account.
    pub(super) name: String,
    /// Who plays it; at most one by construction.
    pub(super) session: Option<SessionId>,
    pub(super) presence: Presence,
    /// When it ends if nobody comes back; set exactly while `session` is `None` and its token is good.
    pub(super) away_until: Option<Instant>,
    /// A character of it is being made or deleted. Nothing may be read before that is done, even by a later session.
    pub(super) writing: Option<Ticket>,
}

impl Login {
    pub(super) const fn new(name: String) -> Self {
        Self { name, session: None, presence: Presence::Out, away_until: None, writing: None }
    }

    /// True when forgetting it loses nothing.
    pub(super) const fn is_over(&self) -> bool {
        self.session.is_none()
            && self.away_until.is_none()
            && self.writing.is_none()
            && matches!(self.presence, Presence::Out)
    }
}
