//! Items and purses that a run of operations concerns: read at once, changed in memory with every check, written at
//! once. What the run comes to costs a database across a network a few round trips, however many operations it has.

use std::collections::{BTreeMap, BTreeSet};

use game::record::{ItemRecord, MAX_GOLD, Owner};
use game::{CharacterId, ItemId};

use crate::failpoints;
use crate::store::LedgerEntry;
use crate::store::engine::Transaction;
use crate::store::error::EngineError;
use crate::store::ledger::EntryKind;

use super::deed::Deed;

/// What is to be read before anything is changed.
#[derive(Debug, Default)]
pub(super) struct Concerned {
    pub(super) items: BTreeSet<ItemId>,
    pub(super) characters: BTreeSet<CharacterId>,
}

impl Concerned {
    pub(super) fn owner(&mut self, owner: &Owner) {
        if let Owner::Character(character) = owner {
            self.characters.insert(*character);
        }
    }
}

/// A row as it is stored and as it will be; `None` where there is none.
#[derive(Debug)]
struct Row<T> {
    before: Option<T>,
    after: Option<T>,
}

impl<T: Clone> Row<T> {
    fn stored(value: T) -> Self {
        Self { before: Some(value.clone()), after: Some(value) }
    }

    const fn absent() -> Self {
        Self { before: None, after: None }
    }
}

/// Rows on their way from and to the database, and the entries in the ledger about them.
pub(super) struct Staging {
    items: BTreeMap<ItemId, Row<ItemRecord>>,
    purses: BTreeMap<CharacterId, Row<u64>>,
    entries: Vec<LedgerEntry>,
}

impl Staging {
    /// Reads what is concerned.
    pub(super) fn load(
        transaction: &mut impl Transaction,
        concerned: &Concerned,
    ) -> Result<Self, EngineError> {
        let ids: Vec<ItemId> = concerned.items.iter().copied().collect();
        let characters: Vec<CharacterId> = concerned.characters.iter().copied().collect();
        let purses = transaction.purses(&characters)?.into_iter();
        let mut staging = Self {
            items: BTreeMap::new(),
            purses: purses.map(|(character, gold)| (character, Row::stored(gold))).collect(),
            entries: Vec::new(),
        };
        staging.add(transaction.items(&ids)?);
        Ok(staging)
    }

    /// Takes in more items, as they were just read.
    pub(super) fn add(&mut self, items: Vec<ItemRecord>) {
        self.items.extend(items.into_iter().map(|item| (item.id, Row::stored(item))));
    }

    /// Writes what has become of it all. The rows that a letter or a character needs to be there must be there, those
    /// of what is deleted with them still.
    pub(super) fn write(self, transaction: &mut impl Transaction) -> Result<(), EngineError> {
        let (mut put, mut gone) = (Vec::new(), Vec::new());
        for (id, Row { before, after }) in self.items {
            match after {
                Some(item) if before.as_ref() != Some(&item) => put.push(item),
                None if before.is_some() => gone.push(id),
                Some(_) | None => {}
            }
        }
        let purses = self.purses.into_iter().filter(|(_, row)| row.before != row.after);
        let purses: Vec<(CharacterId, u64)> =
            purses.filter_map(|(character, row)| Some((character, row.after?))).collect();
        transaction.remove_items(&gone)?;
        transaction.put_items(&put)?;
        transaction.set_purses(&purses)?;
        failpoints::meet("store.owned")?;
        transaction.append(&self.entries)?;
        failpoints::meet("store.recorded")
    }

    /// A new item comes into the world.
    pub(super) fn create(&mut self, item: &ItemRecord, deed: &Deed<'_>) -> Result<(), EngineError> {
        let to = Some(&item.owner);
        self.insert(item.clone())?;
        let change = i64::from(item.quantity);
        self.entries.push(deed.on_item(EntryKind::Create, item, (None, to), change));
        Ok(())
    }

    /// An item changes owner or slot. Gives it as it is then.
    pub(super) fn shift(
        &mut self,
        item: ItemId,
        from: &Owner,
        (to, slot): (&Owner, u32),
        deed: &Deed<'_>,
    ) -> Result<ItemRecord, EngineError> {
        self.check_owner(to)?;
        let row = self.owned(item, from)?;
        (row.owner, row.slot) = (to.clone(), slot);
        let row = row.clone();
        self.entries.push(deed.on_item(EntryKind::Move, &row, (Some(from), Some(to)), 0));
        Ok(row)
    }

    /// An item leaves the world.
    pub(super) fn destroy(
        &mut self,
        item: ItemId,
        from: &Owner,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        let gone = self.remove(item, from)?;
        let change = -i64::from(gone.quantity);
        self.entries.push(deed.on_item(EntryKind::Destroy, &gone, (Some(from), None), change));
        Ok(())
    }

    /// A part of a stack becomes an item of its own: `part` says how much, with which id, in which slot.
    pub(super) fn split(
        &mut self,
        item: ItemId,
        owner: &Owner,
        part: (u32, ItemId, u32),
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        let (quantity, id, slot) = part;
        let stack = self.owned(item, owner)?;
        if !(1..stack.quantity).contains(&quantity) {
            return Err(EngineError::Fatal(format!(
                "{quantity} of {} can't go from item {item}",
                stack.quantity
            )));
        }
        stack.quantity -= quantity;
        let rest = stack.clone();
        let part = ItemRecord { id, slot, quantity, ..rest.clone() };
        self.insert(part.clone())?;
        let change = i64::from(quantity);
        let stays = (Some(owner), Some(owner));
        self.entries.push(deed.on_item(EntryKind::Split, &rest, stays, -change));
        self.entries.push(deed.on_item(EntryKind::Split, &part, (None, Some(owner)), change));
        Ok(())
    }

    /// A stack joins another and is gone.
    pub(super) fn merge(
        &mut self,
        item: ItemId,
        into: ItemId,
        owner: &Owner,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        let less = self.remove(item, owner)?;
        let more = self.owned(into, owner)?;
        let sum = more.quantity.checked_add(less.quantity);
        let (Some(quantity), true) = (sum, more.template == less.template) else {
            return Err(EngineError::Fatal(format!(
                "item {item} ({} {}) and item {into} ({} {}) don't make one stack",
                less.quantity, less.template, more.quantity, more.template
            )));
        };
        more.quantity = quantity;
        let more = more.clone();
        let change = i64::from(less.quantity);
        let stays = (Some(owner), Some(owner));
        self.entries.push(deed.on_item(EntryKind::Merge, &less, (Some(owner), None), -change));
        self.entries.push(deed.on_item(EntryKind::Merge, &more, stays, change));
        Ok(())
    }

    /// Gold changes hands. Of letters only the entry is made here: their gold is in their own rows.
    pub(super) fn pay(
        &mut self,
        from: Option<Owner>,
        to: Option<Owner>,
        amount: u64,
        deed: &Deed<'_>,
    ) -> Result<(), EngineError> {
        if !(1..=MAX_GOLD).contains(&amount) || from.is_none() && to.is_none() {
            return Err(EngineError::Fatal(format!("{amount} gold from {from:?} to {to:?}")));
        }
        if let Some(Owner::Character(payer)) = &from {
            let purse = self.purse(*payer)?;
            *purse = purse.checked_sub(amount).ok_or_else(|| {
                EngineError::Fatal(format!("character {payer} has {purse} gold, not {amount}"))
            })?;
        }
        if let Some(Owner::Character(earner)) = &to {
            let purse = self.purse(*earner)?;
            if *purse + amount > MAX_GOLD {
                return Err(EngineError::Fatal(format!(
                    "character {earner} has {purse} gold and can't hold {amount} more"
                )));
            }
            *purse += amount;
        }
        self.entries.push(deed.on_gold(from, to, amount));
        Ok(())
    }

    /// What a character has.
    pub(super) fn gold_of(&mut self, character: CharacterId) -> Result<u64, EngineError> {
        self.purse(character).map(|purse| *purse)
    }

    fn purse(&mut self, character: CharacterId) -> Result<&mut u64, EngineError> {
        let row = self.purses.get_mut(&character).and_then(|row| row.after.as_mut());
        row.ok_or_else(|| EngineError::Fatal(format!("there is no character {character}")))
    }

    /// Whoever gets something must be there.
    fn check_owner(&mut self, owner: &Owner) -> Result<(), EngineError> {
        match owner {
            Owner::Character(character) => self.purse(*character).map(drop),
            Owner::Ground { .. } | Owner::Mail(_) => Ok(()),
        }
    }

    fn insert(&mut self, item: ItemRecord) -> Result<(), EngineError> {
        self.check_owner(&item.owner)?;
        let row = self.items.entry(item.id).or_insert_with(Row::absent);
        if row.after.is_some() {
            return Err(EngineError::Fatal(format!("item {} is in the world already", item.id)));
        }
        if item.quantity == 0 {
            return Err(EngineError::Fatal(format!("item {} is 0 {}", item.id, item.template)));
        }
        row.after = Some(item);
        Ok(())
    }

    fn remove(&mut self, item: ItemId, owner: &Owner) -> Result<ItemRecord, EngineError> {
        let gone = self.owned(item, owner)?.clone();
        if let Some(row) = self.items.get_mut(&item) {
            row.after = None;
        }
        Ok(gone)
    }

    /// The item, if it is there and `owner` has it: else memory and database disagree about who owns what.
    fn owned(&mut self, item: ItemId, owner: &Owner) -> Result<&mut ItemRecord, EngineError> {
        match self.items.get_mut(&item).and_then(|row| row.after.as_mut()) {
            Some(row) if row.owner == *owner => Ok(row),
            Some(row) => Err(EngineError::Fatal(format!(
                "item {item} belongs to {:?}, not to {owner:?}",
                row.owner
            ))),
            None => Err(EngineError::Fatal(format!("item {item} isn't in the world"))),
        }
    }
}
