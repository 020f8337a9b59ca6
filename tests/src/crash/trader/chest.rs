//! What a trader knows that it has.

use std::collections::BTreeMap;

use protocol::v1::{Inventory, InventoryChanged, Item};
use rand::seq::IteratorRandom as _;
use rand_pcg::Pcg32;

use crate::crash::history::GOLD;

/// Items and gold, as the server told.
#[derive(Debug, Default)]
pub(super) struct Chest {
    items: BTreeMap<u64, Item>,
    gold: u64,
}

impl Chest {
    /// All of it was told. Gives each thing and how much of it there is, also of those that are gone.
    pub(super) fn replace(&mut self, inventory: &Inventory) -> Vec<(u64, u64)> {
        let mut told: BTreeMap<u64, u64> = self.items.keys().map(|item| (*item, 0)).collect();
        told.extend(inventory.items.iter().map(|item| (item.id, item.quantity.into())));
        told.insert(GOLD, inventory.gold);
        self.items = inventory.items.iter().map(|item| (item.id, item.clone())).collect();
        self.gold = inventory.gold;
        told.into_iter().collect()
    }

    /// A change was told. Gives each thing that it names and how much of it there is.
    pub(super) fn change(&mut self, change: &InventoryChanged) -> Vec<(u64, u64)> {
        let mut told: Vec<(u64, u64)> = change.removed.iter().map(|item| (*item, 0)).collect();
        told.extend(change.changed.iter().map(|item| (item.id, item.quantity.into())));
        told.extend(change.gold.map(|gold| (GOLD, gold)));
        self.items.retain(|item, _| !change.removed.contains(item));
        self.items.extend(change.changed.iter().map(|item| (item.id, item.clone())));
        self.gold = change.gold.unwrap_or(self.gold);
        told
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn gold(&self) -> u64 {
        self.gold
    }

    /// One of the items.
    pub(super) fn any(&self, rng: &mut Pcg32) -> Option<u64> {
        self.items.keys().copied().choose(rng)
    }

    /// Some of the items, at most so many.
    pub(super) fn some(&self, rng: &mut Pcg32, most: usize) -> Vec<u64> {
        self.items.keys().copied().sample(rng, most)
    }

    /// One of the items that this holds for.
    pub(super) fn find(&self, rng: &mut Pcg32, fits: impl Fn(&Item) -> bool) -> Option<&Item> {
        self.items.values().filter(|item| fits(item)).choose(rng)
    }
}
