//! Everything that stands in a zone: players, monsters, shopkeepers, items on the ground, portals. What changes on an entity
//! remembers that it changed, so that those who see it are told.

use std::collections::VecDeque;

use protocol::v1;
use serde::{Deserialize, Serialize};

use crate::ids::EntityId;
use crate::space::{Heading, Position, Residue};

/// Bits of an [`EntityId`] that name the slot.
pub(crate) const SLOT_BITS: u32 = 20;
/// The most entities in a zone at one time: what the slot's bits can name.
pub const MAX_ENTITIES: usize = 1 << SLOT_BITS;

impl EntityId {
    /// The entity's place in tables; after it is gone another entity gets it, under another id.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "20 bits fit any usize that can address a zone"
    )]
    pub const fn slot(self) -> usize {
        (self.0 & (MAX_ENTITIES as u64 - 1)) as usize
    }

    const fn new(generation: u64, slot: usize) -> Self {
        Self(generation << SLOT_BITS | slot as u64)
    }
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityKind {
    /// A character.
    Player,
    /// Fights.
    Monster,
    /// Lies on the ground.
    Item,
    /// Leads to another zone.
    Portal,
    /// Stands there to be talked to, as shopkeepers do.
    Npc,
}

impl From<EntityKind> for v1::EntityKind {
    fn from(kind: EntityKind) -> Self {
        match kind {
            EntityKind::Player => Self::Player,
            EntityKind::Monster => Self::Monster,
            EntityKind::Item => Self::Item,
            EntityKind::Portal => Self::Portal,
            EntityKind::Npc => Self::Npc,
        }
    }
}

/// A new entity, before it has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// What it is.
    pub kind: EntityKind,
    /// A player's name, else the name that people read.
    pub name: Box<str>,
    /// The content's id of what it is; empty for a player.
    pub template: Box<str>,
    /// Where it stands.
    pub position: Position,
    /// Where it looks.
    pub heading: Heading,
    /// Health; 0 for what has none.
    pub hp: u32,
    /// Full health; 0 for what has none.
    pub max_hp: u32,
    /// How many items lie there; 0 for what is no item.
    pub quantity: u32,
}

impl Spawn {
    /// One of `kind` called `name` at `position`, looking east, without health, template or quantity.
    #[must_use]
    pub fn new(kind: EntityKind, name: impl Into<Box<str>>, position: Position) -> Self {
        Self {
            kind,
            name: name.into(),
            template: Box::default(),
            position,
            heading: Heading(0),
            hp: 0,
            max_hp: 0,
            quantity: 0,
        }
    }

    /// A player's character in full health.
    #[must_use]
    pub fn player(name: &str, hp: u32, position: Position, heading: Heading) -> Self {
        let max_hp = hp;
        Self { hp, max_hp, heading, ..Self::new(EntityKind::Player, name, position) }
    }

    /// An item on the ground: `template` is the content's id of it, `name` what people read.
    #[must_use]
    pub fn item(template: &str, name: &str, quantity: u32, position: Position) -> Self {
        let template = template.into();
        Self { template, quantity, ..Self::new(EntityKind::Item, name, position) }
    }
}

/// Changes since the last publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Changes {
    /// Position, heading or speed.
    pub(crate) motion: bool,
    /// Health.
    pub(crate) vitals: bool,
    /// Something that only a complete entry tells.
    pub(crate) identity: bool,
}

/// One thing in a zone. Read freely; changes go through its methods.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entity {
    id: EntityId,
    position: Position,
    residue: Residue,
    heading: Heading,
    changes: Changes,
    kind: EntityKind,
    evading: bool,
    speed: u32,
    hp: u32,
    max_hp: u32,
    quantity: u32,
    name: Box<str>,
    template: Box<str>,
}

impl Entity {
    /// Unique in the zone.
    #[must_use]
    pub const fn id(&self) -> EntityId {
        self.id
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> EntityKind {
        self.kind
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The content's id of what it is; empty for a player.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The fraction of a centimetre that its last step left over.
    #[must_use]
    pub const fn residue(&self) -> Residue {
        self.residue
    }

    /// Where it looks and walks.
    #[must_use]
    pub const fn heading(&self) -> Heading {
        self.heading
    }

    /// In centimetres per second; 0 stands.
    #[must_use]
    pub const fn speed(&self) -> u32 {
        self.speed
    }

    /// Health; 0 is dead, or has none to lose.
    #[must_use]
    pub const fn hp(&self) -> u32 {
        self.hp
    }

    /// Full health; 0 for what has none.
    #[must_use]
    pub const fn max_hp(&self) -> u32 {
        self.max_hp
    }

    /// True while blows do nothing to it.
    #[must_use]
    pub const fn is_evading(&self) -> bool {
        self.evading
    }

    /// How many items lie here; 0 for what is no item.
    #[must_use]
    pub const fn quantity(&self) -> u32 {
        self.quantity
    }

    /// Puts it elsewhere at once, as a teleport does. That isn't motion: all who see it are told at once, crowd or not.
    pub fn set_position(&mut self, position: Position) {
        self.changes.identity |= self.position != position;
        (self.position, self.residue) = (position, Residue::default());
    }

    /// Takes the step that [`step`](crate::space::step) computed.
    pub fn advance(&mut self, position: Position, residue: Residue) {
        self.changes.motion |= self.position != position;
        (self.position, self.residue) = (position, residue);
    }

    /// Turns it and lets it walk with `speed` cm/s from now on; 0 stands. What moves it is the movement module.
    pub fn set_motion(&mut self, heading: Heading, speed: u32) {
        self.changes.motion |= (self.heading, self.speed) != (heading, speed);
        (self.heading, self.speed) = (heading, speed);
    }

    /// Sets its health, at most [`Self::max_hp`].
    pub fn set_hp(&mut self, hp: u32) {
        let hp = hp.min(self.max_hp);
        self.changes.vitals |= self.hp != hp;
        self.hp = hp;
    }

    /// Sets its full health; more health than that is cut.
    pub fn set_max_hp(&mut self, max_hp: u32) {
        self.changes.vitals |= self.max_hp != max_hp;
        self.max_hp = max_hp;
        self.set_hp(self.hp);
    }

    /// From now on blows do nothing to it, or do again.
    pub fn set_evading(&mut self, evading: bool) {
        self.evading = evading;
    }

    /// Sets how many items lie here.
    pub fn set_quantity(&mut self, quantity: u32) {
        self.changes.identity |= self.quantity != quantity;
        self.quantity = quantity;
    }

    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }
}

/// A zone that can't hold one more entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the zone holds {MAX_ENTITIES} entities, no more can be spawned until some are gone")]
pub struct ZoneFull;

/// The entities of a zone, in slots. The id of a gone entity finds nothing, although its slot is used again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Entities {
    slots: Vec<Slot>,
    /// Empty slots, longest empty first.
    free: VecDeque<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Slot {
    /// Of the entity here, or of the last one that was.
    generation: u64,
    entity: Option<Entity>,
}

impl Entities {
    /// A zone with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts something into the zone.
    ///
    /// # Errors
    /// When there are [`MAX_ENTITIES`] already.
    pub fn spawn(&mut self, spawn: Spawn) -> Result<EntityId, ZoneFull> {
        let index = self.empty_slot()?;
        let slot = &mut self.slots[index];
        slot.generation += 1;
        let id = EntityId::new(slot.generation, index);
        slot.entity = Some(Entity {
            id,
            position: spawn.position,
            residue: Residue::default(),
            heading: spawn.heading,
            changes: Changes::default(),
            kind: spawn.kind,
            evading: false,
            speed: 0,
            hp: spawn.hp.min(spawn.max_hp),
            max_hp: spawn.max_hp,
            quantity: spawn.quantity,
            name: spawn.name,
            template: spawn.template,
        });
        Ok(id)
    }

    fn empty_slot(&mut self) -> Result<usize, ZoneFull> {
        if let Some(slot) = self.free.pop_front() {
            return Ok(slot as usize);
        }
        let index = self.slots.len();
        if index == MAX_ENTITIES {
            return Err(ZoneFull);
        }
        self.slots.push(Slot { generation: 0, entity: None });
        Ok(index)
    }

    /// Takes something out of the zone; `None` if it is gone already.
    pub fn despawn(&mut self, id: EntityId) -> Option<Entity> {
        let gone = self.slots.get_mut(id.slot())?.entity.take_if(|entity| entity.id == id)?;
        self.free.extend(u32::try_from(id.slot()));
        Some(gone)
    }

    /// The entity of that id, unless it is gone.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&Entity> {
        self.in_slot(id.slot()).filter(|entity| entity.id == id)
    }

    /// The entity of that id, to change it, unless it is gone.
    #[must_use]
    pub fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.in_slot_mut(id.slot()).filter(|entity| entity.id == id)
    }

    /// True while the entity of that id is in the zone.
    #[must_use]
    pub fn contains(&self, id: EntityId) -> bool {
        self.get(id).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if nothing is in the zone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.slots.iter().filter_map(|slot| slot.entity.as_ref())
    }

    /// All of them, to change them, in the order of their slots.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entity> {
        self.slots.iter_mut().filter_map(|slot| slot.entity.as_mut())
    }

    /// One more than the highest slot ever used.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn in_slot(&self, slot: usize) -> Option<&Entity> {
        self.slots.get(slot)?.entity.as_ref()
    }

    pub(crate) fn in_slot_mut(&mut self, slot: usize) -> Option<&mut Entity> {
        self.slots.get_mut(slot)?.entity.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wolf() -> Spawn {
        Spawn { hp: 10, max_hp: 20, ..Spawn::new(EntityKind::Monster, "wolf", Position::new(1, 2)) }
    }

    #[test]
    fn the_id_of_a_gone_entity_finds_nothing_although_its_slot_is_used_again() {
        let mut entities = Entities::new();
        let old = entities.spawn(wolf()).unwrap();
        assert_eq!(entities.despawn(old).unwrap().id(), old);
        let new = entities.spawn(wolf()).unwrap();
        assert_eq!(new.slot(), old.slot());
        assert!(entities.get(old).is_none() && entities.despawn(old).is_none());
        assert_eq!(entities.get(new).unwrap().id(), new);
        assert_eq!(entities.len(), 1);
    }

    #[test]
    fn the_slot_that_is_empty_longest_is_used_first() {
        let mut entities = Entities::new();
        let ids: Vec<_> = (0..4).map(|_| entities.spawn(wolf()).unwrap()).collect();
        for index in [2, 0, 3] {
            entities.despawn(ids[index]).unwrap();
        }
        let slots: Vec<_> = (0..4).map(|_| entities.spawn(wolf()).unwrap().slot()).collect();
        assert_eq!(slots, [2, 0, 3, 4]);
    }

    #[test]
    fn no_id_is_zero_so_that_a_message_without_one_names_nobody() {
        assert_ne!(Entities::new().spawn(wolf()).unwrap(), EntityId(0));
    }

    #[test]
    fn a_full_zone_refuses_until_something_is_gone() {
        let mut entities = Entities::new();
        let first = entities.spawn(wolf()).unwrap();
        for _ in 1..MAX_ENTITIES {
            entities.spawn(wolf()).unwrap();
        }
        assert_eq!(entities.spawn(wolf()), Err(ZoneFull));
        entities.despawn(first).unwrap();
        assert_eq!(entities.spawn(wolf()).unwrap().slot(), first.slot());
    }

    #[test]
    fn only_a_real_change_counts_as_one() {
        let mut entities = Entities::new();
        let id = entities.spawn(wolf()).unwrap();
        let entity = entities.get_mut(id).unwrap();
        entity.set_hp(10);
        entity.set_position(Position::new(1, 2));
        entity.set_motion(Heading(0), 0);
        entity.set_quantity(0);
        assert_eq!(entity.take_changes(), Changes::default());
        entity.set_motion(Heading(0), 5);
        entity.set_hp(9);
        let changes = entity.take_changes();
        assert!(changes.motion && changes.vitals && !changes.identity);
    }

    #[test]
    fn health_never_exceeds_full_health() {
        let mut entities = Entities::new();
        let id = entities.spawn(wolf()).unwrap();
        let entity = entities.get_mut(id).unwrap();
        entity.set_hp(99);
        assert_eq!(entity.hp(), 20);
        entity.set_max_hp(5);
        assert_eq!((entity.hp(), entity.max_hp()), (5, 5));
    }
}
