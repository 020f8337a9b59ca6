//! The one way into the game. Every byte, load, message and command that can change the world is an [`Input`], so
//! that the same inputs give the same world on any machine.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{CharacterId, ItemId, SessionId};
use crate::load::LoadLevel;
use crate::post::Envelope;
use crate::record::{CharacterRecord, Decision, ItemRecord, MailRecord};

/// Something that happened outside the game, told to it at the next tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A character enters the world. Its record was read after its last save was durable.
    Enter {
        /// Whose connection shows it.
        session: SessionId,
        /// Everything that is known of it.
        character: Box<CharacterRecord>,
    },
    /// A character that is in the world is now played by this session: after a lost connection or a take-over.
    Attach {
        /// Who.
        character: CharacterId,
        /// By which connection.
        session: SessionId,
    },
    /// The connection of a character is gone. The character stays until it is attached or leaves.
    Detach {
        /// Who.
        character: CharacterId,
    },
    /// A character leaves the world: it asked to, or nobody came back in time.
    Leave {
        /// Who.
        character: CharacterId,
    },
    /// A packet of a session whose character is in the world.
    Packet {
        /// From whom.
        session: SessionId,
        /// Comes back in answers and refusals; 0 for none.
        request: u32,
        /// The message id.
        id: u32,
        /// The encoded message.
        payload: Bytes,
    },
    /// Motion was withheld from this session because it read too slowly; now it needs complete snapshots.
    Stale {
        /// Whose.
        session: SessionId,
    },
    /// A message between zones has arrived from another server. Nothing vouches for who sent it.
    Letter(Envelope),
    /// A message between zones of this process has arrived.
    OwnLetter(Envelope),
    /// The bus had no room for a message of this process.
    Undelivered(Envelope),
    /// A command of the operator, typed at the server and not by a character; has every permission.
    Operator {
        /// As a game master would type it.
        line: String,
    },
    /// Item ids that this process may give out, durably reserved.
    ItemIds {
        /// The first of them.
        first: ItemId,
        /// How many from there on.
        count: u64,
    },
    /// What lies on the grounds of this process's zones, read at start.
    Ground {
        /// Items whose owner is a zone.
        items: Vec<ItemRecord>,
    },
    /// Whether value operations can be made durable. While not, they are refused before anything changes.
    ValueOpen {
        /// False while the store is behind and during shutdown.
        open: bool,
    },
    /// The database has decided about a shared operation.
    Decided(Decision),
    /// A mailbox, as [`Order::ReadMailbox`](crate::Order::ReadMailbox) asked for it.
    Mailbox {
        /// Whose.
        character: CharacterId,
        /// The request that asked.
        request: u32,
        /// Oldest first; `None` when the store was too busy to look.
        mails: Option<Vec<MailRecord>>,
    },
    /// A character's save was refused by the database, as when somebody deleted it there by hand. Nothing that it owns
    /// may change hands any more.
    SaveFailed {
        /// Whose.
        character: CharacterId,
    },
    /// From now on so much is given up, because ticks run late or don't any more.
    LoadLevel {
        /// How much.
        level: LoadLevel,
    },
    /// Time passed without ticks, because the server stood still or was too slow to make up for them. What clients sent
    /// in that time comes in the ticks from here on, and counts against the rates of that time too.
    TicksDropped {
        /// Ticks that would have run.
        ticks: u32,
    },
}
