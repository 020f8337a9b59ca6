//! Random histories of items and gold, and what they must come to.

use std::collections::BTreeMap;

use game::record::{Change, ItemRecord, Owner};
use game::{CharacterId, ItemId};

use super::world::{World, ground, item};

/// Small, fast and the same everywhere: SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// What must be in the world.
pub(super) struct Model {
    pub(super) items: BTreeMap<ItemId, ItemRecord>,
    pub(super) purses: BTreeMap<CharacterId, u64>,
    next: u64,
    owners: Vec<Owner>,
}

impl Model {
    /// Of three new characters and two places on the ground.
    pub(super) fn new(world: &mut World) -> Self {
        let mut model = Self {
            items: BTreeMap::new(),
            purses: BTreeMap::new(),
            next: 0,
            owners: vec![ground(0), ground(1)],
        };
        for name in ["anna", "bert", "cora"] {
            let character = world.character(name).1;
            model.purses.insert(character, 0);
            model.owners.push(Owner::Character(character));
        }
        model
    }

    /// So many operations of some changes each, in the world as well.
    pub(super) fn play(&mut self, dice: &mut Dice, world: &mut World, operations: usize) {
        for _ in 0..operations {
            let size = dice.below(5);
            let changes = (0..size).map(|_| self.change(dice)).collect();
            world.submit(CharacterId(1), changes);
        }
    }

    /// One possible change.
    fn change(&mut self, dice: &mut Dice) -> Change {
        let kind = dice.below(14);
        if kind < 2 {
            return self.pay(dice);
        }
        let ids: Vec<ItemId> = self.items.keys().copied().collect();
        if kind < 6 || ids.is_empty() {
            return self.create(dice);
        }
        let id = dice.one_of(&ids);
        match kind {
            6..8 => Change::Destroy { item: id, from: self.items.remove(&id).unwrap().owner },
            8..10 => self.split(id, dice),
            10..12 => self.merge(id, dice),
            _ => self.shift(id, dice),
        }
    }

    fn create(&mut self, dice: &mut Dice) -> Change {
        self.next += 1;
        let mut made = item(self.next, dice.one_of(&self.owners));
        made.quantity = u32::try_from(dice.below(20)).unwrap() + 1;
        made.template = dice.one_of(&["iron ore", "wolf pelt", "gone from content"]).into();
        self.items.insert(made.id, made.clone());
        Change::Create(made)
    }

    fn shift(&mut self, id: ItemId, dice: &mut Dice) -> Change {
        let owner = dice.one_of(&self.owners);
        let known = self.items.get_mut(&id).unwrap();
        let from = std::mem::replace(&mut known.owner, owner.clone());
        known.slot = u32::try_from(dice.below(30)).unwrap();
        Change::Move { item: id, from, to: owner, slot: known.slot }
    }

    fn split(&mut self, id: ItemId, dice: &mut Dice) -> Change {
        let stack = self.items.get_mut(&id).unwrap();
        if stack.quantity == 1 {
            return self.create(dice);
        }
        self.next += 1;
        let pieces = stack.quantity as usize - 1;
        let quantity = u32::try_from(dice.below(pieces)).unwrap() + 1;
        stack.quantity -= quantity;
        let part = ItemRecord { id: ItemId(self.next), slot: 7, quantity, ..stack.clone() };
        let owner = part.owner.clone();
        self.items.insert(part.id, part.clone());
        Change::Split { item: id, owner, quantity, into: part.id, slot: part.slot }
    }

    fn merge(&mut self, id: ItemId, dice: &mut Dice) -> Change {
        let less = self.items[&id].clone();
        let like = |other: &&ItemRecord| {
            other.id != id && other.owner == less.owner && other.template == less.template
        };
        let Some(into) = self.items.values().find(like).map(|other| other.id) else {
            return self.create(dice);
        };
        self.items.remove(&id);
        self.items.get_mut(&into).unwrap().quantity += less.quantity;
        Change::Merge { item: id, into, owner: less.owner }
    }

    fn pay(&mut self, dice: &mut Dice) -> Change {
        let characters: Vec<CharacterId> = self.purses.keys().copied().collect();
        let payer = dice.one_of(&characters);
        let had = self.purses[&payer];
        let (from, amount) = match had {
            0 => (None, dice.below(1_000) as u64 + 1),
            _ => (Some(payer), dice.below(usize::try_from(had).unwrap()) as u64 + 1),
        };
        let leaves = from.is_some() && dice.below(4) == 0;
        let to = (!leaves).then(|| dice.one_of(&characters)).filter(|to| Some(*to) != from);
        let to = to.or_else(|| from.is_none().then_some(payer));
        if let Some(from) = from {
            *self.purses.get_mut(&from).unwrap() -= amount;
        }
        if let Some(to) = to {
            *self.purses.get_mut(&to).unwrap() += amount;
        }
        Change::Gold { from, to, amount }
    }
}
