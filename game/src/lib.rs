//! The game: zones, the modules that play in them, and the tick. No I/O, no threads, no clock: everything enters as
//! an [`Input`] and leaves in a [`Publication`], so the same inputs give the same world on any machine.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may end at the first surprise"))]

pub mod content;
pub mod ctx;
pub mod deal;
mod desk;
pub mod directory;
pub mod entity_map;
mod game;
pub mod ids;
pub mod input;
mod load;
mod lookup;
pub mod module;
pub mod modules;
mod player;
pub mod post;
pub mod publication;
mod rate_clock;
mod rates;
pub mod record;
mod rota;
mod saves;
mod settings;
pub mod space;
pub mod testing;
pub mod text;
mod value;
mod watch;
pub mod zone;

pub use content::Content;
pub use ctx::Ctx;
pub use deal::Deal;
pub use entity_map::EntityMap;
pub use game::{Game, Holdings, RestoreError, Serving, StartError};
pub use ids::{
    AccountId, CharacterId, CommitSeq, EntityId, ItemId, MailId, PlayerId, Rank, SessionId,
    ZoneName,
};
pub use input::Input;
pub use load::LoadLevel;
pub use module::{
    Caller, CommandError, Event, Module, ModuleList, ModuleTable, Rate, Refuse, Routes, TableError,
};
pub use player::Player;
pub use publication::{Delivery, Frame, Order, Publication, PublicationBuilder};
pub use record::{BlankPage, Kept, Saved};
pub use settings::Settings;
pub use space::{Heading, Position};
pub use value::Inventory;
pub use watch::{Part, Watch};
