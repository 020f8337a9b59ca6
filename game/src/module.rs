//! What a feature of the game is: one struct, one file, one place in the list of modules. A module says which packets,
//! letters, events and commands are its own, and the router brings it those, decoded, counted and rate-limited.

mod routes;
mod slot;
mod table;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{PlayerId, ZoneName};
use crate::record::{BlankPage, Denied, Granted, MailRecord, Saved};

pub use routes::{Caller, Command, CommandError, Rate, Routes};
pub(crate) use slot::{Instance, PacketFault, SlotSnapshot};
pub use table::{ModuleList, ModuleTable, TableError};

/// A feature of the game. Each zone has an instance of its own, whose fields are all that it remembers: they are
/// plain data, so that a zone can be saved, restored and compared.
pub trait Module: Serialize + DeserializeOwned + Send + Sized + 'static {
    /// Unique among all modules; names the module in the log and in what it saves.
    const NAME: &'static str;

    /// A fresh instance for `zone`.
    fn new(zone: &ZoneName, content: &Content) -> Self;

    /// Says what this module handles. Called once at start.
    fn routes(routes: &mut Routes<Self>);

    /// The zone starts, before anybody is in it.
    fn on_start(&mut self, _ctx: &mut Ctx<'_>) {}

    /// A player has come into the zone. `saved` is what [`Module::save`] wrote when it was last saved.
    fn on_enter(&mut self, _ctx: &mut Ctx<'_>, _player: PlayerId, _saved: Option<&Saved>) {}

    /// Once a tick, in the order of the list.
    fn on_tick(&mut self, _ctx: &mut Ctx<'_>) {}

    /// A player is about to leave the zone; it is saved after this.
    fn on_leave(&mut self, _ctx: &mut Ctx<'_>, _player: PlayerId) {}

    /// Writes down what this module keeps of the player between sessions. Give every change of its shape a new version.
    fn save(&self, _ctx: &Ctx<'_>, _player: PlayerId, _page: BlankPage<'_>) {}
}

/// An event that modules of one zone tell each other within a tick: any plain type of the module that emits it.
pub trait Event: std::any::Any + Send + std::fmt::Debug {}

/// A client sees through a player's eyes from now on: it has entered, or come back after a lost connection, and knows
/// nothing yet but where it is and what it owns.
#[derive(Debug)]
pub struct Attached {
    /// Whose eyes.
    pub player: PlayerId,
}

impl Event for Attached {}

/// The database has decided about a shared operation of a player that is here; memory is as it says already.
#[derive(Debug)]
pub struct Decided {
    /// Whose.
    pub player: PlayerId,
    /// The request that asked for it.
    pub request: u32,
    /// What was decided.
    pub outcome: Result<Granted, Denied>,
}

impl Event for Decided {}

/// What is in a player's mailbox, because a module asked for it with [`Ctx::read_mailbox`].
#[derive(Debug)]
pub struct MailboxRead {
    /// Whose.
    pub player: PlayerId,
    /// The request that asked for it.
    pub request: u32,
    /// Oldest first; `None` when the store was too busy to look.
    pub mails: Option<Vec<MailRecord>>,
}

impl Event for MailboxRead {}

/// Why a handler doesn't do what a player asked. The player is told, with the request's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refuse {
    /// For the client's program.
    pub reason: protocol::v1::Refusal,
    /// For the person.
    pub message: String,
    /// When trying again can help, in milliseconds; 0 when it can't or the time is unknown.
    pub retry_after_ms: u32,
}

impl Refuse {
    /// A refusal that trying again won't change.
    pub fn new(reason: protocol::v1::Refusal, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry_after_ms: 0 }
    }

    /// The answer to a request that another zone would have had to answer, for which the bus has no room.
    #[must_use]
    pub fn bus_is_full() -> Self {
        const RETRY_MS: u32 = 1000;
        Self::new(protocol::v1::Refusal::Busy, "too much is said just now; try again")
            .for_ms(RETRY_MS)
    }

    /// A refusal that is over in `ms` milliseconds.
    #[must_use]
    pub fn for_ms(mut self, ms: u32) -> Self {
        self.retry_after_ms = ms;
        self
    }
}
