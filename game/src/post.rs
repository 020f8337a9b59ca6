//! Messages between zones, addressed by zone or by character, the same inside a process and between servers. They
//! are hints: they may be lost, come twice or late. Nothing of value travels in them.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::ids::{CharacterId, ZoneName};

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// The modules of one zone, wherever it runs; [`ZoneName::realm`] for realm modules.
    Zone(ZoneName),
    /// The modules of the zone in which a character stands, wherever that is.
    Character(CharacterId),
    /// Every zone of every server.
    Everyone,
}

/// How a message travels: what the bus subscribes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Route {
    /// To the server that hosts a zone.
    Zone(ZoneName),
    /// To the server of that name.
    Node(String),
    /// To all servers, the sender included.
    Everyone,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Where the bus takes it.
    pub route: Route,
    /// Whom it is for once it is there.
    pub to: Address,
    /// Which message it is: [`Letter::KIND`].
    pub kind: String,
    /// The message, as postcard.
    pub body: Bytes,
}

/// What the kind of a letter ends with that comes back because the bus had no room for it: [`Letter::KIND`] of the type that a
/// module takes it as. Only letters to which somebody waits for an answer have one.
pub const LOST: &str = " lost";
/// The longest name in a letter, in bytes: of a character, a zone or a server. The bus takes no longer ones either.
pub const MAX_NAME: usize = 64;

/// True if a name that another server wrote can be one: printable and not too long.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && crate::text::check(name).is_ok()
}

/// A message that modules send each other. Its fields are the contract between the two, also between two versions of
/// the server during an upgrade.
pub trait Letter: Serialize + DeserializeOwned + 'static {
    /// `module.verb`, such as `chat.whisper`; unique.
    const KIND: &'static str;
}
