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
        Self {
            entries: Vec::new(),
        }
    }
}

impl<T> EntityMap<T> {
    /// A map with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `value` for the entity and returns what was kept for it before. What is left of an earlier entity of the
    /// same slot is dropped. An id older than what the slot holds is of an entity that is gone: nothing is kept.
    pub fn insert(&mut self, id: EntityId, value: T) -> Option<T> {
        if id.slot() >= self.entries.len() {
            self.entries.resize_with(id.slot() + 1, || None);
        }
        let entry = &mut self.entries[id.slot()];
        if entry.as_ref().is_some_and(|(holder, _)| *holder > id) {
            return None;
        }
        entry
            .replace((id, value))
            .and_then(|(holder, value)| (holder == id).then_some(value))
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

    /// What is kept for the entity, made with `value` if nothing is.
    pub fn get_or_insert_with(&mut self, id: EntityId, value: impl FnOnce() -> T) -> &mut T {
        if id.slot() >= self.entries.len() {
            self.entries.resize_with(id.slot() + 1, || None);
        }
        let entry = &mut self.entries[id.slot()];
        entry.take_if(|(holder, _)| *holder != id);
        &mut entry.get_or_insert_with(|| (id, value())).1
    }

    /// Drops what is kept for the entity and returns it.
    pub fn remove(&mut self, id: EntityId) -> Option<T> {
        let entry = self.entries.get_mut(id.slot())?;
        entry
            .take_if(|(holder, _)| *holder == id)
            .map(|(_, value)| value)
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
