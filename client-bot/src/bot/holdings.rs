//! What a bot's character owns, as far as the server has confirmed it, and whether the confirmations make sense.

use std::collections::{BTreeMap, BTreeSet};

use protocol::v1::{Inventory, InventoryChanged, Item};

use super::event::{Confirmation, Purse};

/// The confirmed inventory of one character. It outlives connections: what was confirmed once must be there
/// after any reconnect.
#[derive(Debug, Default)]
pub struct Holdings {
    items: BTreeMap<u64, Item>,
    slots: u32,
    gold: u64,
    /// A first [`Inventory`] has arrived.
    known: bool,
    /// It arrived on this connection.
    current: bool,
}

/// What a confirmation changed and what was wrong with it.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// Items that became the character's, changed, or went.
    pub confirmed: Vec<Confirmation>,
    /// What the purse holds now, if that is another amount than before.
    pub purse: Option<Purse>,
    /// What can't be.
    pub findings: Vec<String>,
}

impl Holdings {
    /// The connection ended: confirmations may have been on their way.
    pub fn interrupted(&mut self) {
        self.current = false;
    }

    /// An item of the character's, the `nth` modulo their number.
    #[must_use]
    pub fn pick(&self, nth: usize) -> Option<u64> {
        let nth = nth.checked_rem(self.items.len())?;
        self.items.keys().nth(nth).copied()
    }

    /// An item of the character's whose template is `wanted`, the one of the lowest id.
    #[must_use]
    pub fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<u64> {
        self.items.values().find(|item| wanted(&item.template)).map(|item| item.id)
    }

    /// The gold in the purse.
    #[must_use]
    pub fn gold(&self) -> u64 {
        self.gold
    }

    /// How many items are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The whole inventory arrived. On a connection that already had it, it must equal what is held; on a new one,
    /// everything held must still be there, but for `maybe_dropped`, whose confirmation may have been lost.
    pub fn replace(
        &mut self,
        character: u64,
        all: Inventory,
        maybe_dropped: Option<u64>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut items = BTreeMap::new();
        for item in all.items {
            let id = item.id;
            if items.insert(id, item).is_some() {
                outcome
                    .findings
                    .push(format!("character {character}: item {id} is twice in the inventory"));
            }
        }
        for id in self.items.keys().filter(|id| !items.contains_key(id)) {
            if self.current || Some(*id) != maybe_dropped {
                outcome
                    .findings
                    .push(format!("character {character}: item {id} was confirmed and is gone"));
            }
        }
        for (id, item) in &items {
            let held = self.items.get(id);
            if self.known && self.current && held != Some(item) {
                outcome.findings.push(format!(
                    "character {character}: the inventory has {item:?}, the confirmations say {held:?}"
                ));
            }
            if held.is_none_or(|held| held.quantity != item.quantity) {
                outcome.confirmed.push(confirmation(character, item));
            }
        }
        if self.known && self.current && self.gold != all.gold {
            outcome.findings.push(format!(
                "character {character}: the inventory has {} gold, the confirmations say {}",
                all.gold, self.gold
            ));
        }
        outcome.purse = (self.gold != all.gold).then_some(Purse { character, gold: all.gold });
        (self.items, self.slots, self.gold) = (items, all.slots, all.gold);
        (self.known, self.current) = (true, true);
        self.check(character, &mut outcome);
        outcome
    }

    /// A change arrived.
    pub fn change(&mut self, character: u64, change: InventoryChanged) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.current {
            outcome
                .findings
                .push(format!("character {character}: an inventory change before the inventory"));
        }
        for id in change.removed {
            if self.items.remove(&id).is_none() {
                outcome
                    .findings
                    .push(format!("character {character}: item {id} was taken, but wasn't there"));
            }
            outcome.confirmed.push(Confirmation { character, item: id, quantity: 0 });
        }
        for item in change.changed {
            outcome.confirmed.push(confirmation(character, &item));
            self.items.insert(item.id, item);
        }
        if let Some(gold) = change.gold {
            outcome.purse = Some(Purse { character, gold });
            self.gold = gold;
        }
        self.check(character, &mut outcome);
        outcome
    }

    fn check(&self, character: u64, outcome: &mut Outcome) {
        let mut taken = BTreeSet::new();
        for Item { id, slot, quantity, .. } in self.items.values() {
            if !taken.insert(slot) {
                outcome
                    .findings
                    .push(format!("character {character}: two items in slot {slot}, one is {id}"));
            }
            if self.slots > 0 && *slot >= self.slots {
                outcome.findings.push(format!(
                    "character {character}: item {id} in slot {slot} of {}",
                    self.slots
                ));
            }
            if *quantity == 0 {
                outcome.findings.push(format!("character {character}: item {id} with quantity 0"));
            }
        }
    }
}

fn confirmation(character: u64, item: &Item) -> Confirmation {
    Confirmation { character, item: item.id, quantity: item.quantity }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: u64, slot: u32) -> Item {
        Item { id, template: "coin".into(), quantity: 1, slot }
    }

    fn inventory(items: Vec<Item>) -> Inventory {
        Inventory { items, slots: 4, gold: 0 }
    }

    fn holding(items: Vec<Item>) -> Holdings {
        let mut holdings = Holdings::default();
        assert_eq!(holdings.replace(1, inventory(items), None).findings, [""; 0]);
        holdings
    }

    #[test]
    fn gains_and_losses_are_told_once_each() {
        let mut holdings = holding(vec![item(7, 0)]);
        let change = InventoryChanged { changed: vec![item(8, 1)], removed: vec![7], gold: None };
        let outcome = holdings.change(1, change);
        assert_eq!(outcome.findings, [""; 0]);
        let told: Vec<_> = outcome.confirmed.iter().map(|c| (c.item, c.quantity)).collect();
        assert_eq!(told, [(7, 0), (8, 1)]);
        let again = holdings.replace(1, inventory(vec![item(8, 1)]), None);
        assert_eq!(again, Outcome::default(), "nothing new in what was known");
        let paid = InventoryChanged { gold: Some(5), ..InventoryChanged::default() };
        assert_eq!(holdings.change(1, paid).purse, Some(Purse { character: 1, gold: 5 }));
    }

    #[test]
    fn impossible_inventories_are_found() {
        let found = |mut holdings: Holdings, change| holdings.change(1, change).findings.len();
        let removed = InventoryChanged { removed: vec![9], ..Default::default() };
        assert_eq!(found(holding(vec![item(7, 0)]), removed), 1, "taken but not there");
        let same_slot = InventoryChanged { changed: vec![item(8, 0)], ..Default::default() };
        assert_eq!(found(holding(vec![item(7, 0)]), same_slot), 1, "two in a slot");
        let outside = InventoryChanged { changed: vec![item(8, 4)], ..Default::default() };
        assert_eq!(found(holding(vec![]), outside), 1, "beyond the slots");
        assert_eq!(
            found(Holdings::default(), InventoryChanged::default()),
            1,
            "before the inventory"
        );
        let twice = inventory(vec![item(7, 0), item(7, 1)]);
        assert_eq!(Holdings::default().replace(1, twice, None).findings.len(), 1, "an id twice");
    }

    #[test]
    fn what_was_confirmed_survives_a_reconnect_unless_it_was_being_dropped() {
        let lost = |maybe_dropped| {
            let mut holdings = holding(vec![item(7, 0), item(8, 1)]);
            holdings.interrupted();
            let unseen_gain = inventory(vec![item(7, 0), item(9, 2)]);
            holdings.replace(1, unseen_gain, maybe_dropped).findings.len()
        };
        assert_eq!(lost(None), 1, "item 8 was confirmed");
        assert_eq!(lost(Some(8)), 0, "its drop may have been done");
    }

    #[test]
    fn an_inventory_in_mid_connection_must_equal_the_confirmations() {
        let mut holdings = holding(vec![item(7, 0)]);
        assert_eq!(
            holdings.replace(1, inventory(vec![item(7, 0), item(9, 2)]), None).findings.len(),
            1
        );
        assert_eq!(holdings.replace(1, inventory(vec![item(7, 0)]), None).findings.len(), 1);
        let mut holdings = holding(vec![]);
        holdings.change(1, InventoryChanged { gold: Some(5), ..InventoryChanged::default() });
        assert_eq!(holdings.gold(), 5);
        assert_eq!(holdings.replace(1, inventory(vec![]), None).findings.len(), 1, "5 gold, not 0");
    }
}
