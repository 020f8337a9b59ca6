//! The players of a zone. Each is found by its entity's slot, in one step, since every packet has to.

use serde::{Deserialize, Serialize};

use crate::ids::EntityId;
use crate::player::Player;

/// By the slot of the player's entity. Empty slots are those of everything else in the zone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Players {
    slots: Vec<Option<Box<Player>>>,
}

impl Players {
    /// Takes in the player whose entity has just been spawned.
    pub(crate) fn insert(&mut self, player: Player) {
        let slot = player.id.entity().slot();
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        self.slots[slot] = Some(Box::new(player));
    }

    pub(crate) fn remove(&mut self, entity: EntityId) -> Option<Player> {
        let place = self.slots.get_mut(entity.slot())?;
        place.take_if(|player| player.id.entity() == entity).map(|player| *player)
    }

    pub(crate) fn get(&self, entity: EntityId) -> Option<&Player> {
        let player = self.slots.get(entity.slot())?.as_deref();
        player.filter(|player| player.id.entity() == entity)
    }

    pub(crate) fn get_mut(&mut self, entity: EntityId) -> Option<&mut Player> {
        let player = self.slots.get_mut(entity.slot())?.as_deref_mut();
        player.filter(|player| player.id.entity() == entity)
    }

    pub(crate) fn contains(&self, entity: EntityId) -> bool {
        self.get(entity).is_some()
    }

    /// All of them, in the order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Player> {
        self.slots.iter().flatten().map(|player| &**player)
    }
}
