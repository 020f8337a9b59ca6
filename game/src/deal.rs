//! A value operation in the making. Its steps change copies of what the parties own; if one of them refuses, nothing has
//! happened, and at the end all of it happens at once: in memory now, in one transaction at the end of the tick.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use protocol::v1::{InventoryChanged, Refusal};

use crate::ctx::Ctx;
use crate::ids::{CharacterId, EntityId, ItemId, PlayerId};
use crate::module::Refuse;
use crate::record::{Change, ItemRecord, Owner, Work};
use crate::space::Position;
use crate::value::{Inventory, item_message};

/// A value operation in the making, from [`Ctx::deal`]. Dropped without [`Self::close`] it has never been. A step that
/// refuses makes the whole deal void: closing it changes nothing and gives that refusal, also for a module that has
/// gone on after it.
#[must_use = "a deal that isn't closed has never been"]
pub struct Deal<'a, 'b> {
    ctx: &'a mut Ctx<'b>,
    cause: &'a str,
    actor: PlayerId,
    parties: BTreeMap<PlayerId, Party>,
    changes: Vec<Change>,
    /// Why a step has refused; it may be half done.
    void: Option<Refuse>,
}

/// One who gives or gets.
struct Party {
    character: CharacterId,
    before: Inventory,
    after: Inventory,
}

/// An item that has left its owner and has to go somewhere before the deal is closed.
#[must_use = "an item that is in nobody's hands must be put somewhere"]
pub(crate) struct InHand {
    item: ItemRecord,
    from: Owner,
}

/// Where something comes to in an inventory.
#[derive(Debug, Clone, Copy)]
struct Room {
    slot: u32,
    /// The stack in this slot that it joins; `None` if the slot is free.
    stack: Option<ItemId>,
}

impl InHand {
    /// What lies on a zone's ground, owned by it, on its way to somebody.
    pub(crate) fn from_ground(item: ItemRecord) -> Self {
        let from = item.owner.clone();
        Self { item, from }
    }

    pub(crate) fn item(&self) -> &ItemRecord {
        &self.item
    }
}

impl<'b> Ctx<'b> {
    /// Begins a value operation. `cause` is the word for it in the ledger; the answer to the request at hand goes to
    /// `actor`.
    ///
    /// # Errors
    /// When nothing can be made durable now.
    pub fn deal<'a>(&'a mut self, cause: &'a str, actor: PlayerId) -> Result<Deal<'a, 'b>, Refuse> {
        self.check_open()?;
        let (parties, changes) = (BTreeMap::new(), Vec::new());
        Ok(Deal { ctx: self, cause, actor, parties, changes, void: None })
    }
}

impl Deal<'_, '_> {
    /// What the player would own now.
    ///
    /// # Errors
    /// When it isn't here, or nothing of it can change hands.
    pub fn inventory(&mut self, player: PlayerId) -> Result<&Inventory, Refuse> {
        self.party(player).map(|party| &party.after)
    }

    /// A new item for the player, in a free slot or on a stack that has room for it. Gives the id of what holds it.
    ///
    /// # Errors
    /// When the content knows no such item, `quantity` isn't 1 to a stack, or there is no room.
    pub fn create(
        &mut self,
        player: PlayerId,
        template: &str,
        quantity: u32,
    ) -> Result<ItemId, Refuse> {
        self.step(|deal| {
            let Some(most) = deal.ctx.content().item_kind(template).map(|item| item.stack) else {
                let message = format!("there is no item {template:?}");
                return Err(Refuse::new(Refusal::NoSuchItem, message));
            };
            if quantity == 0 || quantity > most {
                let message = format!("one {template} is 1 to {most}");
                return Err(Refuse::new(Refusal::BadRequest, message));
            }
            let room = deal.room_for(player, template, quantity)?;
            let (owner, slot) = (deal.owner(player)?, room.slot);
            let id = deal.ctx.new_item_id()?;
            let item = ItemRecord { id, owner, slot, template: template.to_owned(), quantity };
            deal.changes.push(Change::Create(item.clone()));
            deal.party(player)?.after.insert(item);
            deal.join(player, id, room)
        })
    }

    /// One of the player's items leaves the world.
    ///
    /// # Errors
    /// When the player doesn't have it.
    pub fn destroy(&mut self, player: PlayerId, item: ItemId) -> Result<ItemRecord, Refuse> {
        let InHand { item, from } = self.take(player, item)?;
        self.changes.push(Change::Destroy { item: item.id, from });
        Ok(item)
    }

    /// Each of `given` goes from the one to the other, and each of `got` the other way, with no need for room in
    /// between.
    ///
    /// # Errors
    /// When one of them isn't its owner's, or one side has no room for what it gets.
    pub fn exchange(
        &mut self,
        (one, given): (PlayerId, &[ItemId]),
        (other, got): (PlayerId, &[ItemId]),
    ) -> Result<(), Refuse> {
        let mut take = |player, items: &[ItemId]| {
            items.iter().map(|item| self.take(player, *item)).collect::<Result<Vec<_>, _>>()
        };
        let (to_other, to_one) = (take(one, given)?, take(other, got)?);
        to_other.into_iter().try_for_each(|item| self.put(other, item).map(drop))?;
        to_one.into_iter().try_for_each(|item| self.put(one, item).map(drop))
    }

    /// `quantity` pieces of a stack become an item of their own. Gives its id.
    ///
    /// # Errors
    /// When the player doesn't have the stack, nothing would go or stay, or there is no free slot.
    pub fn split(
        &mut self,
        player: PlayerId,
        item: ItemId,
        quantity: u32,
    ) -> Result<ItemId, Refuse> {
        self.step(|deal| {
            let owner = deal.owner(player)?;
            let stack = deal.held(player, item)?;
            if quantity == 0 || quantity >= stack.quantity {
                let message =
                    format!("of {} pieces 1 to {} can go", stack.quantity, stack.quantity - 1);
                return Err(Refuse::new(Refusal::BadRequest, message));
            }
            let slot = deal.free_slot(player)?;
            let into = deal.ctx.new_item_id()?;
            deal.changes.push(Change::Split { item, owner, quantity, into, slot });
            let inventory = &mut deal.party(player)?.after;
            inventory.insert(ItemRecord { quantity: stack.quantity - quantity, ..stack.clone() });
            inventory.insert(ItemRecord { id: into, slot, quantity, ..stack });
            Ok(into)
        })
    }

    /// A stack joins another one of its kind and is gone.
    ///
    /// # Errors
    /// When the player doesn't have both, they are of two kinds or the same, or together more than a stack.
    pub fn merge(&mut self, player: PlayerId, item: ItemId, into: ItemId) -> Result<(), Refuse> {
        self.step(|deal| {
            let owner = deal.owner(player)?;
            let (less, more) = (deal.held(player, item)?, deal.held(player, into)?);
            let most = deal.ctx.content().item_kind(&more.template).map_or(1, |kind| kind.stack);
            let sum = less.quantity.checked_add(more.quantity).filter(|sum| *sum <= most);
            let (true, true, Some(quantity)) = (item != into, less.template == more.template, sum)
            else {
                let message = format!("these don't make one stack of at most {most}");
                return Err(Refuse::new(Refusal::BadRequest, message));
            };
            deal.changes.push(Change::Merge { item, into, owner });
            let inventory = &mut deal.party(player)?.after;
            inventory.remove(item);
            inventory.insert(ItemRecord { quantity, ..more });
            Ok(())
        })
    }

    /// Gold changes hands. `None` is the world: shops and loot. An amount of 0 is no change, nor is a payment to oneself.
    ///
    /// # Errors
    /// When who pays hasn't as much, or the purse of who gets it can't hold it.
    pub fn pay(
        &mut self,
        from: Option<PlayerId>,
        to: Option<PlayerId>,
        amount: u64,
    ) -> Result<(), Refuse> {
        self.step(|deal| {
            if amount == 0 || from == to {
                return Ok(());
            }
            let mut side =
                |player: Option<PlayerId>,
                 change: fn(&mut Inventory, u64) -> Result<(), Refuse>| {
                    let Some(player) = player else { return Ok(None) };
                    let party = deal.party(player)?;
                    change(&mut party.after, amount)?;
                    Ok(Some(party.character))
                };
            let from = side(from, Inventory::pay)?;
            let to = side(to, Inventory::earn)?;
            deal.changes.push(Change::Gold { from, to, amount });
            Ok(())
        })
    }

    /// Takes an item out of its owner's hands.
    pub(crate) fn take(&mut self, player: PlayerId, item: ItemId) -> Result<InHand, Refuse> {
        self.step(|deal| {
            let from = deal.owner(player)?;
            let missing = || Refuse::new(Refusal::NoSuchItem, "you don't have that");
            let item = deal.party(player)?.after.remove(item).ok_or_else(missing)?;
            Ok(InHand { item, from })
        })
    }

    /// Gives an item to a player, into a free slot or on a stack that has room for it. Gives the id of what holds it.
    pub(crate) fn put(&mut self, player: PlayerId, hand: InHand) -> Result<ItemId, Refuse> {
        self.step(|deal| {
            let room = deal.room_for(player, &hand.item.template, hand.item.quantity)?;
            let (to, slot) = (deal.owner(player)?, room.slot);
            let InHand { item, from } = hand;
            let id = item.id;
            deal.changes.push(Change::Move { item: id, from, to: to.clone(), slot });
            deal.party(player)?.after.insert(ItemRecord { owner: to, slot, ..item });
            deal.join(player, id, room)
        })
    }

    /// A free slot, or without one the first stack of `template` that has room for `quantity` more.
    fn room_for(
        &mut self,
        player: PlayerId,
        template: &str,
        quantity: u32,
    ) -> Result<Room, Refuse> {
        let most = self.ctx.content().item_kind(template).map_or(1, |kind| kind.stack);
        let inventory = self.inventory(player)?;
        if inventory.free_slot().is_none() {
            let has_room = |stack: &&ItemRecord| {
                let sum = stack.quantity.checked_add(quantity);
                stack.template == template && sum.is_some_and(|sum| sum <= most)
            };
            let stack = inventory.items().filter(has_room).min_by_key(|stack| stack.slot);
            if let Some(stack) = stack {
                return Ok(Room { slot: stack.slot, stack: Some(stack.id) });
            }
        }
        self.free_slot(player).map(|slot| Room { slot, stack: None })
    }

    /// What has come into a room without a slot of its own becomes a part of the stack there.
    fn join(&mut self, player: PlayerId, item: ItemId, room: Room) -> Result<ItemId, Refuse> {
        match room.stack {
            Some(stack) => self.merge(player, item, stack).map(|()| stack),
            None => Ok(item),
        }
    }

    /// Gives an item to the ground. Gives it as it lies there.
    pub(crate) fn lay_down(&mut self, to: Owner, hand: InHand) -> ItemRecord {
        let InHand { item, from } = hand;
        self.changes.push(Change::Move { item: item.id, from, to: to.clone(), slot: 0 });
        ItemRecord { owner: to, slot: 0, ..item }
    }

    /// The entity of an item on the ground, as [`Ctx`] makes it. If the deal isn't closed it must be taken away again.
    pub(crate) fn place_on_ground(&mut self, item: &ItemRecord, at: Position) -> Option<EntityId> {
        self.ctx.place_on_ground(item, at)
    }

    /// All of it happens. The parties are told once it is durable, the actor in answer to its request.
    ///
    /// # Errors
    /// When a step has refused, with its refusal: then nothing happens.
    pub fn close(self) -> Result<(), Refuse> {
        let Self { ctx, cause, actor, parties, changes, void } = self;
        if let Some(refuse) = void {
            return Err(refuse);
        }
        if changes.is_empty() {
            return Ok(());
        }
        let deed_of = ctx.player(actor).map_or(CharacterId(0), crate::player::Player::character);
        ctx.record_operation(cause, deed_of, Work::Done(changes));
        for (player, Party { before, after, .. }) in parties {
            let message = difference(&before, &after);
            let request = if player == actor { ctx.request() } else { 0 };
            ctx.replace_inventory(player, after);
            ctx.reply_to(player, request, &message);
        }
        Ok(())
    }

    /// One step; if it refuses, the deal is void.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Refuse>) -> Result<T, Refuse> {
        let outcome = step(self);
        if let Err(refuse) = &outcome {
            self.void.get_or_insert_with(|| refuse.clone());
        }
        outcome
    }

    fn party(&mut self, player: PlayerId) -> Result<&mut Party, Refuse> {
        if !self.parties.contains_key(&player) {
            let absent = || Refuse::new(Refusal::NoSuchTarget, "nobody is there");
            let found = self.ctx.player(player).ok_or_else(absent)?;
            found.inventory().check_free()?;
            let before = found.inventory().clone();
            let party = Party { character: found.character(), after: before.clone(), before };
            self.parties.insert(player, party);
        }
        #[expect(clippy::expect_used, reason = "inserted just above")]
        Ok(self.parties.get_mut(&player).expect("the party is in the deal"))
    }

    fn owner(&mut self, player: PlayerId) -> Result<Owner, Refuse> {
        self.party(player).map(|party| Owner::Character(party.character))
    }

    fn held(&mut self, player: PlayerId, item: ItemId) -> Result<ItemRecord, Refuse> {
        let missing = || Refuse::new(Refusal::NoSuchItem, "you don't have that");
        self.party(player)?.after.get(item).cloned().ok_or_else(missing)
    }

    fn free_slot(&mut self, player: PlayerId) -> Result<u32, Refuse> {
        if let Some(slot) = self.party(player)?.after.free_slot() {
            return Ok(slot);
        }
        let message = match self.ctx.player(player) {
            Some(party) if self.parties.len() > 1 => {
                format!("{}'s inventory is full", party.name())
            }
            _ => "the inventory is full".to_owned(),
        };
        Err(Refuse::new(Refusal::InventoryFull, message))
    }
}

/// What a client that knows `before` must hear to know `after`.
pub(crate) fn difference(before: &Inventory, after: &Inventory) -> InventoryChanged {
    let changed = after.items().filter(|item| before.get(item.id) != Some(*item));
    let removed = before.items().filter(|item| after.get(item.id).is_none());
    InventoryChanged {
        changed: changed.map(item_message).collect(),
        removed: removed.map(|item| item.id.0).collect(),
        gold: (before.gold() != after.gold()).then(|| after.gold()),
    }
}
