//! What one module knows about entities: an [`EntityMap`] holds it by entity and never shows what it holds of one
//! entity under the id of another.

use serde::{Deserialize, Serialize};

use crate::ids::EntityId;
use crate::zone::Entities;

/// Values by entity, iterated in the order of slots. Nobody has to tell it that an entity is gone: a walk over it
/// passes over the gone ones, and what is left of one makes room when its slot is used again. So it never holds more
/// values than the zone has had entities at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityMap<T> {
    /// By slot.
    entries: Vec<Option<(EntityId, T)>>,
}

impl<T> Default for EntityMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> EntityMap<T> {
    /// A map with nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Keeps `value` for the entity and returns what was kept for it before. What is left of an earlier entity of the
    /// same slot is dropped. Nothing is kept for an entity that has a successor in its slot.
    pub fn insert(&mut self, id: EntityId, value: T) -> Option<T> {
        let entry = self.entry(id)?;
        entry.replace((id, value)).map(|(_, value)| value)
    }

    /// What is kept for the entity.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&T> {
        let (holder, value) = self.entries.get(id.slot())?.as_ref()?;
        (*holder == id).then_some(value)
    }

    /// What is kept for the entity, to change it.
    #[must_use]
    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut T> {
        let (holder, value) = self.entries.get_mut(id.slot())?.as_mut()?;
        (*holder == id).then_some(value)
    }

    /// What is kept for the entity, made with `value` if nothing is; `None` if the entity has a successor in its slot.
    pub fn get_or_insert_with(
        &mut self,
        id: EntityId,
        value: impl FnOnce() -> T,
    ) -> Option<&mut T> {
        let entry = self.entry(id)?;
        Some(&mut entry.get_or_insert_with(|| (id, value())).1)
    }

    /// The place for the entity's value, cleared of what an earlier one left; `None` if a later entity has it.
    fn entry(&mut self, id: EntityId) -> Option<&mut Option<(EntityId, T)>> {
        if id.slot() >= self.entries.len() {
            self.entries.resize_with(id.slot() + 1, || None);
        }
        let entry = &mut self.entries[id.slot()];
        entry.take_if(|(holder, _)| *holder < id);
        match entry {
            Some((holder, _)) if *holder > id => None,
            _ => Some(entry),
        }
    }

    /// Drops what is kept for the entity and returns it.
    pub fn remove(&mut self, id: EntityId) -> Option<T> {
        let entry = self.entries.get_mut(id.slot())?;
        entry.take_if(|(holder, _)| *holder == id).map(|(_, value)| value)
    }

    /// What is kept for entities that are in the zone, in the order of their slots.
    pub fn iter<'a>(&'a self, entities: &'a Entities) -> impl Iterator<Item = (EntityId, &'a T)> {
        self.entries
            .iter()
            .flatten()
            .filter(|(id, _)| entities.contains(*id))
            .map(|(id, value)| (*id, value))
    }

    /// What is kept for entities that are in the zone, to change it, in the order of their slots.
    pub fn iter_mut<'a>(
        &'a mut self,
        entities: &'a Entities,
    ) -> impl Iterator<Item = (EntityId, &'a mut T)> {
        self.entries
            .iter_mut()
            .flatten()
            .filter(|(id, _)| entities.contains(*id))
            .map(|(id, value)| (*id, value))
    }

    /// The entities in the zone for which something is kept, in the order of their slots: for a walk that changes
    /// both.
    #[must_use]
    pub fn ids(&self, entities: &Entities) -> Vec<EntityId> {
        self.iter(entities).map(|(id, _)| id).collect()
    }

    /// Drops what is kept for entities that are gone. Only memory depends on it.
    pub fn drop_gone(&mut self, entities: &Entities) {
        for entry in &mut self.entries {
            entry.take_if(|(id, _)| !entities.contains(*id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Position;
    use crate::zone::{EntityKind, Spawn};

    fn spawn(entities: &mut Entities) -> EntityId {
        let spawn = Spawn::new(EntityKind::Monster, "wolf", Position::default());
        entities.spawn(spawn).unwrap()
    }

    #[test]
    fn what_is_kept_for_a_gone_entity_is_never_shown_for_the_next_in_its_slot() {
        let (mut entities, mut map) = (Entities::new(), EntityMap::new());
        let old = spawn(&mut entities);
        map.insert(old, "old");
        entities.despawn(old);
        assert_eq!(map.iter(&entities).count(), 0, "a walk passes over the gone");
        let new = spawn(&mut entities);
        assert_eq!(new.slot(), old.slot());
        assert_eq!(map.get(new), None);
        assert_eq!(map.remove(new), None);
        assert_eq!(map.insert(new, "new"), None, "the old value isn't the new one's");
        assert_eq!(map.get(old), None);
        assert_eq!(map.iter(&entities).collect::<Vec<_>>(), [(new, &"new")]);
    }

    #[test]
    fn a_late_insert_for_a_gone_entity_harms_nobody() {
        let (mut entities, mut map) = (Entities::new(), EntityMap::new());
        let old = spawn(&mut entities);
        entities.despawn(old);
        let new = spawn(&mut entities);
        map.insert(new, 1);
        map.insert(old, 2);
        assert_eq!(map.get_or_insert_with(old, || 3), None);
        assert_eq!((map.get(new), map.get(old)), (Some(&1), None));
    }

    #[test]
    fn a_walk_goes_in_the_order_of_slots() {
        let (mut entities, mut map) = (Entities::new(), EntityMap::new());
        let ids: Vec<_> = (0..5).map(|_| spawn(&mut entities)).collect();
        for id in ids.iter().rev() {
            *map.get_or_insert_with(*id, || 0).unwrap() += 1;
        }
        assert_eq!(map.ids(&entities), ids);
    }

    #[test]
    fn what_is_left_of_the_gone_can_be_dropped() {
        let (mut entities, mut map) = (Entities::new(), EntityMap::new());
        let (gone, here) = (spawn(&mut entities), spawn(&mut entities));
        map.insert(gone, 1);
        map.insert(here, 2);
        entities.despawn(gone);
        map.drop_gone(&entities);
        assert_eq!((map.get(gone), map.get(here)), (None, Some(&2)));
    }
}
