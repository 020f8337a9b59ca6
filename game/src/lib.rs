//! The game: zones, the modules that play in them, and the tick. No I/O, no threads, no clock: everything enters as
//! an [`Input`] and leaves in a [`Publication`], so the same inputs give the same world on any machine.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test may end at the first surprise")
)]

pub mod content;
pub mod entity_map;
pub mod ids;
pub mod input;
pub mod post;
pub mod publication;
pub mod record;
pub mod space;
pub mod zone;

pub use entity_map::EntityMap;
pub use ids::{
    AccountId, CharacterId, CommitSeq, EntityId, ItemId, PlayerId, Rank, SessionId, ZoneName,
};
pub use input::Input;
pub use publication::{Delivery, Frame, Order, Publication, PublicationBuilder};
pub use space::{Heading, Position};
