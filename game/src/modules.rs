//! THE LIST: every module of the game, in the order in which they run each tick. A new module is its file, its
//! `.proto` and a line here.

pub mod chat;
pub mod combat;
pub mod gm;
pub mod items;
pub mod mail;
pub mod monsters;
pub mod movement;
pub mod portals;
pub mod progress;
pub mod shop;
pub mod trade;
pub mod who;

use crate::module::ModuleList;

/// The modules of a Realmbeat server. A server with modules of its own adds them behind these.
#[must_use]
pub fn all() -> ModuleList {
    ModuleList::new()
        .zone::<movement::Movement>()
        .zone::<portals::Portals>()
        .zone::<monsters::Monsters>()
        .zone::<combat::Combat>()
        .zone::<items::Items>()
        .zone::<shop::Shop>()
        .zone::<progress::Progress>()
        .zone::<trade::Trades>()
        .zone::<mail::Mail>()
        .zone::<chat::Chat>()
        .zone::<who::Who>()
        .zone::<gm::Gm>()
        .realm::<chat::Exchange>()
        .realm::<who::Roll>()
}
