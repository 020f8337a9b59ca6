//! The names of things: who and what an input, a commit or a message speaks of.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

number_id! {
    /// A connection of this process. Carries a generation, so a stale one finds nothing.
    SessionId
}
number_id! {
    /// An account, unique in the world's database.
    AccountId
}
number_id! {
    /// A character, unique in the whole world and never reused.
    CharacterId
}
number_id! {
    /// An item, unique in the whole world and never reused.
    ItemId
}
number_id! {
    /// A letter in a mailbox, unique in the whole world and never reused.
    MailId
}
number_id! {
    /// Position of a commit in this process's order of commits; the first is 1.
    CommitSeq
}
number_id! {
    /// Anything that stands in a zone, unique in that zone while the process lives: 20 bits of slot and
    /// 44 bits of generation, so that the id of something gone finds nothing.
    EntityId
}

/// The entity of a player's character in the zone at hand. Handlers are given one, modules can't make one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayerId(pub(crate) EntityId);

impl PlayerId {
    /// The player as an entity among the others.
    #[must_use]
    pub const fn entity(self) -> EntityId {
        self.0
    }
}

/// A zone's name in the content files, such as `meadow`. The realm zone, which has no map, is [`ZoneName::realm`].
/// Copies share the text: each character that is saved names its zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ZoneName(Arc<str>);

impl ZoneName {
    /// A zone by the name that its content file gives it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into().into())
    }

    /// The zone of realm modules.
    #[must_use]
    pub fn realm() -> Self {
        Self("realm".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ZoneName {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<ZoneName> for String {
    fn from(name: ZoneName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a character may do to the world beyond playing in it. Higher ranks may all that lower ones may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Plays.
    #[default]
    Player,
    /// Helps and moderates: announce, kick, teleport.
    Guide,
    /// Changes the world: spawn, give.
    Master,
    /// Runs the server: shutdown, redirect.
    Admin,
}
