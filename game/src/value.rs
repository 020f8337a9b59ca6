//! What is owned, and how it changes owner. Every change is an operation: memory changes at once, the store makes it
//! durable at the end of the tick, and whoever it concerns is told only then (the frames go in the value lane).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::v1::{self, Refusal};
use serde::{Deserialize, Serialize};

use crate::ids::{CharacterId, ItemId};
use crate::module::Refuse;
use crate::record::{ItemRecord, MAX_GOLD, OpId, Operation, Work};

/// Item ids that are left when the server is asked for more. A busy tick gives out a few hundred.
const LOW_WATER: u64 = 20_000;
/// When to try again while the database has a question of this character: about as long as a commit takes.
pub(crate) const PENDING_MS: u32 = 200;

/// What a character owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    slots: u32,
    items: BTreeMap<ItemId, ItemRecord>,
    /// Of templates that this build doesn't know: kept, saved as they are, and not shown.
    quarantined: BTreeMap<ItemId, ItemRecord>,
    gold: u64,
    /// A shared operation that the database hasn't decided yet. Nothing else of this character changes hands until it
    /// has: what it asks to give away must not be given away twice.
    pending: Option<Pending>,
    /// A save was refused: nothing changes hands until the character is loaded again.
    frozen: bool,
}

/// A shared operation on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) op: OpId,
    /// The client's request that asked for it; 0 for none, and once its session is gone.
    pub(crate) request: u32,
}

impl Inventory {
    /// An inventory with `slots` places for `items`. Those of which `known` is false are set aside.
    pub(crate) fn new(
        slots: u32,
        items: Vec<ItemRecord>,
        gold: u64,
        known: impl Fn(&str) -> bool,
    ) -> Self {
        let (known, unknown): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| known(&item.template));
        let by_id =
            |items: Vec<ItemRecord>| items.into_iter().map(|item| (item.id, item)).collect();
        Self {
            slots,
            items: by_id(known),
            quarantined: by_id(unknown),
            gold,
            pending: None,
            frozen: false,
        }
    }

    /// Places for items.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// The items, by id.
    pub fn items(&self) -> impl Iterator<Item = &ItemRecord> + '_ {
        self.items.values()
    }

    /// One of the items.
    #[must_use]
    pub fn get(&self, item: ItemId) -> Option<&ItemRecord> {
        self.items.get(&item)
    }

    /// The gold in the purse.
    #[must_use]
    pub fn gold(&self) -> u64 {
        self.gold
    }

    /// Adds gold to the purse.
    ///
    /// # Errors
    /// When that would be more than a purse holds.
    pub(crate) fn earn(&mut self, amount: u64) -> Result<(), Refuse> {
        let sum = self.gold.checked_add(amount).filter(|sum| *sum <= MAX_GOLD);
        let full = || Refuse::new(Refusal::PurseFull, "no purse holds so much gold");
        self.gold = sum.ok_or_else(full)?;
        Ok(())
    }

    /// Takes gold out of the purse.
    ///
    /// # Errors
    /// When there isn't as much.
    pub(crate) fn pay(&mut self, amount: u64) -> Result<(), Refuse> {
        let poor = || Refuse::new(Refusal::NotEnoughGold, "there is not enough gold");
        self.gold = self.gold.checked_sub(amount).ok_or_else(poor)?;
        Ok(())
    }

    /// The shared operation that isn't decided yet.
    pub(crate) fn pending(&self) -> Option<Pending> {
        self.pending
    }

    /// Whoever asked for the pending operation is gone: its answer will be no answer to a request.
    pub(crate) fn forget_request(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.request = 0;
        }
    }

    pub(crate) fn set_pending(&mut self, pending: Option<Pending>) {
        self.pending = pending;
    }

    pub(crate) fn freeze(&mut self) {
        self.frozen = true;
    }

    /// Asked before anything of this inventory changes hands.
    pub(crate) fn check_free(&self) -> Result<(), Refuse> {
        if self.frozen {
            let message = "something of this character could not be saved";
            return Err(Refuse::new(Refusal::Frozen, message));
        }
        if self.pending.is_some() {
            let message = "something else that is owned is just being changed";
            return Err(Refuse::new(Refusal::Busy, message).for_ms(PENDING_MS));
        }
        Ok(())
    }

    /// The slots that are free, ascending.
    pub(crate) fn free_slots(&self) -> Vec<u32> {
        let all = || self.items.values().chain(self.quarantined.values());
        let taken: BTreeSet<u32> = all().map(|item| item.slot).collect();
        (0..self.slots).filter(|slot| !taken.contains(slot)).collect()
    }

    /// Items of templates that this build doesn't know.
    pub(crate) fn quarantined(&self) -> impl Iterator<Item = &ItemRecord> + '_ {
        self.quarantined.values()
    }

    /// The lowest slot that is free.
    pub(crate) fn free_slot(&self) -> Option<u32> {
        self.free_slots().first().copied()
    }

    /// Keeps an item of a template that this build doesn't know.
    pub(crate) fn set_aside(&mut self, item: ItemRecord) {
        self.quarantined.insert(item.id, item);
    }

    pub(crate) fn insert(&mut self, item: ItemRecord) {
        self.items.insert(item.id, item);
    }

    pub(crate) fn remove(&mut self, item: ItemId) -> Option<ItemRecord> {
        self.items.remove(&item)
    }

    /// Everything, for a character that goes to another zone.
    pub(crate) fn into_items(self) -> Vec<ItemRecord> {
        self.items.into_values().chain(self.quarantined.into_values()).collect()
    }

    pub(crate) fn to_message(&self) -> v1::Inventory {
        v1::Inventory {
            items: self.items().map(item_message).collect(),
            slots: self.slots,
            gold: self.gold,
        }
    }
}

pub(crate) fn item_message(item: &ItemRecord) -> v1::Item {
    v1::Item {
        id: item.id.0,
        template: item.template.clone(),
        quantity: item.quantity,
        slot: item.slot,
    }
}

/// Makes operations: numbers them, gives new items their ids, and refuses all when nothing can be made durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kernel {
    epoch: u64,
    next_sequence: u64,
    ids: VecDeque<(u64, u64)>,
    ids_asked: bool,
    open: bool,
    operations: Vec<Operation>,
}

impl Kernel {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            next_sequence: 1,
            ids: VecDeque::new(),
            ids_asked: false,
            open: true,
            operations: Vec::new(),
        }
    }

    pub(crate) fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    pub(crate) fn add_ids(&mut self, first: ItemId, count: u64) {
        if count > 0 {
            self.ids.push_back((first.0, count));
        }
        self.ids_asked = false;
    }

    /// True once each time the ids run low.
    pub(crate) fn wants_ids(&mut self) -> bool {
        let left: u64 = self.ids.iter().map(|(_, count)| count).sum();
        let wants = left < LOW_WATER && !self.ids_asked;
        self.ids_asked |= wants;
        wants
    }

    /// False while nothing can be made durable.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Asked before anything changes in memory.
    pub(crate) fn check_open(&self) -> Result<(), Refuse> {
        if self.open {
            return Ok(());
        }
        let message = "nothing can change hands right now, because it could not be saved";
        Err(Refuse::new(Refusal::StoreBehind, message).for_ms(1000))
    }

    /// A new item's id.
    pub(crate) fn new_id(&mut self) -> Result<ItemId, Refuse> {
        let Some((first, count)) = self.ids.front_mut() else {
            let message = "no new item can be made until the store has reserved ids for more";
            return Err(Refuse::new(Refusal::StoreBehind, message).for_ms(1000));
        };
        let id = ItemId(*first);
        *first += 1;
        *count -= 1;
        if *count == 0 {
            self.ids.pop_front();
        }
        Ok(id)
    }

    /// Records an operation: one whose changes have been made in memory, or one that the database shall decide.
    pub(crate) fn record(&mut self, cause: &str, actor: CharacterId, work: Work) -> OpId {
        let id = OpId { epoch: self.epoch, sequence: self.next_sequence };
        self.next_sequence += 1;
        self.operations.push(Operation { id, cause: cause.to_owned(), actor, work });
        id
    }

    /// The operations since the last commit, in order.
    pub(crate) fn take_operations(&mut self) -> Vec<Operation> {
        std::mem::take(&mut self.operations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Owner;

    fn item(id: u64, slot: u32, template: &str) -> ItemRecord {
        let owner = Owner::Character(CharacterId(1));
        ItemRecord { id: ItemId(id), owner, slot, template: template.into(), quantity: 1 }
    }

    #[test]
    fn a_quarantined_item_keeps_its_slot_and_is_not_shown() {
        let items = vec![item(1, 0, "sword"), item(2, 1, "relic of another build")];
        let inventory = Inventory::new(3, items, 0, |template| template == "sword");
        assert_eq!(inventory.items().count(), 1);
        assert_eq!(inventory.quarantined().count(), 1);
        assert_eq!(inventory.free_slot(), Some(2));
        assert_eq!(inventory.into_items().len(), 2);
    }

    #[test]
    fn ids_are_given_out_once_and_more_are_asked_for_in_time() {
        let mut kernel = Kernel::new(1);
        assert!(kernel.wants_ids());
        assert!(!kernel.wants_ids(), "asked once");
        assert!(kernel.new_id().is_err());
        kernel.add_ids(ItemId(9), 0);
        assert!(kernel.new_id().is_err(), "none were reserved");
        kernel.add_ids(ItemId(10), 2);
        kernel.add_ids(ItemId(50), 1);
        let given: Vec<_> = (0..3).map(|_| kernel.new_id().unwrap().0).collect();
        assert_eq!(given, [10, 11, 50]);
        assert!(kernel.new_id().is_err());
    }
}
