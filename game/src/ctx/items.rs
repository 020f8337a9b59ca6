//! Value operations that modules may ask for. Each checks first and changes nothing when it refuses; what it changes
//! is told to the player once it is durable.

use protocol::v1::Refusal;

use super::Ctx;
use crate::deal::InHand;
use crate::ids::{CharacterId, EntityId, ItemId, PlayerId};
use crate::module::{Rate, Refuse};
use crate::publication::Order;
use crate::record::{Change, GOLD, ItemRecord, OpId, Owner, SharedRequest, Work};
use crate::space::Position;
use crate::value::{Inventory, PENDING_MS, Pending};
use crate::zone::entities::{Entity, EntityKind, Spawn};

/// Stands among the packet kinds of a player's buckets for rows of the ledger; no packet has it.
const LEDGER_ROWS: u32 = 0;

/// What people read of gold on the ground.
const GOLD_NAME: &str = "Gold";

/// An item that lies on the ground, or a pile of gold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundItem {
    /// Its name in the content, or [`GOLD`].
    pub template: String,
    /// At least 1.
    pub quantity: u32,
    /// True if a player dropped it: then the zone owns it, durably. False for loot that nobody has owned yet.
    pub owned: bool,
}

impl Ctx<'_> {
    /// What lies on the ground as `entity`.
    #[must_use]
    pub fn ground_item(&self, entity: EntityId) -> Option<GroundItem> {
        let item = self.entity(entity).filter(|entity| entity.kind() == EntityKind::Item)?;
        let owned = self.zone.ground.contains_key(&entity);
        Some(GroundItem { template: item.template().to_owned(), quantity: item.quantity(), owned })
    }

    /// What lies in the visibility cell of `position`: what players dropped, or else loot. What was put there in this tick is
    /// found from the next one on.
    pub fn lying_beside(&self, position: Position, dropped: bool) -> impl Iterator<Item = &Entity> {
        let (grid, ground) = (&self.zone.grid, &self.zone.ground);
        let members = grid.members(grid.cell_of(position)).iter();
        let items = members.filter(move |id| ground.contains_key(id) == dropped);
        let items = items.filter_map(|id| self.entity(*id));
        items.filter(|entity| entity.kind() == EntityKind::Item)
    }

    /// True if two places are in the same visibility cell: who sees one of them sees the other.
    #[must_use]
    pub fn is_beside(&self, one: Position, other: Position) -> bool {
        self.zone.grid.cell_of(one) == self.zone.grid.cell_of(other)
    }

    /// Puts loot on the ground. It becomes an item of value when somebody takes it.
    pub fn spawn_loot(
        &mut self,
        template: &str,
        quantity: u32,
        position: Position,
    ) -> Option<EntityId> {
        let name = self.content().item_kind(template)?.name.clone();
        self.spawn(Spawn::item(template, &name, quantity, position))
    }

    /// Puts a pile of gold on the ground. It becomes value when somebody takes it.
    pub fn spawn_gold(&mut self, amount: u32, position: Position) -> Option<EntityId> {
        self.spawn(Spawn::item(GOLD, GOLD_NAME, amount, position))
    }

    /// Gives what lies on the ground as `entity` to the player: an item into the inventory, gold into the purse.
    ///
    /// # Errors
    /// When it isn't there, inventory or purse is full, or nothing can be made durable now.
    pub fn take_from_ground(&mut self, player: PlayerId, entity: EntityId) -> Result<(), Refuse> {
        let Some(found) = self.ground_item(entity) else {
            return Err(Refuse::new(Refusal::NoSuchItem, "there is nothing to pick up"));
        };
        let owned = self.zone.ground.get(&entity).cloned();
        if owned.is_some() {
            self.spend_rows(player, 1)?;
        }
        let mut deal = self.deal(if owned.is_some() { "pick up" } else { "loot" }, player)?;
        match owned {
            Some(item) => {
                deal.put(player, InHand::from_ground(item))?;
            }
            None if found.template == GOLD => {
                deal.pay(None, Some(player), found.quantity.into())?;
            }
            None => _ = deal.create(player, &found.template, found.quantity)?,
        }
        deal.close()?;
        self.zone.ground.remove(&entity);
        self.despawn(entity);
        Ok(())
    }

    /// Makes a new item for the player.
    ///
    /// # Errors
    /// When the content knows no such item, the inventory is full, or nothing can be made durable now.
    pub fn give_new(
        &mut self,
        player: PlayerId,
        cause: &str,
        template: &str,
        quantity: u32,
    ) -> Result<ItemId, Refuse> {
        let mut deal = self.deal(cause, player)?;
        let item = deal.create(player, template, quantity)?;
        deal.close()?;
        Ok(item)
    }

    /// Puts one of the player's items on the ground at its feet.
    ///
    /// # Errors
    /// When the player doesn't have it, or nothing can be made durable now.
    pub fn drop_to_ground(&mut self, player: PlayerId, item: ItemId) -> Result<EntityId, Refuse> {
        let missing = || Refuse::new(Refusal::NoSuchItem, "you don't have that");
        let at = self.entity(player.entity()).map(Entity::position);
        let at = at.ok_or_else(missing)?;
        let to = Owner::Ground { zone: self.zone.name.clone(), x: at.x, y: at.y };
        self.spend_rows(player, 1)?;
        let mut deal = self.deal("drop", player)?;
        let hand = deal.take(player, item)?;
        let Some(entity) = deal.place_on_ground(hand.item(), at) else {
            return Err(Refuse::new(Refusal::Busy, "there is no room on the ground"));
        };
        let dropped = deal.lay_down(to, hand);
        deal.close()?;
        self.zone.ground.insert(entity, dropped);
        Ok(entity)
    }

    /// Takes so many rows from what the player's account may write into the ledger. For value operations that cost
    /// nothing and could be repeated for ever, such as parting a stack and joining it again; loot and shops have limits of
    /// their own. An operation of more rows than the burst costs the burst.
    ///
    /// # Errors
    /// When there aren't so many left; nothing was taken.
    pub fn spend_rows(&mut self, player: PlayerId, rows: usize) -> Result<(), Refuse> {
        let Rate { per_second, burst } = self.desk.settings.ledger_rows;
        let time = self.desk.rate_time();
        let Some(entry) = self.zone.players.get_mut(player.entity()) else { return Ok(()) };
        let kept = entry.buckets.clone();
        let rows = rows.min(burst as usize);
        let mut take = || {
            let rate = Rate { per_second, burst };
            entry.buckets.take(LEDGER_ROWS, rate, time)
        };
        let outcome = (0..rows).try_for_each(|_| take());
        outcome.map_err(|wait| {
            entry.buckets = kept;
            let message = "you move your things about too often";
            Refuse::new(Refusal::TooFast, message).for_ms(wait)
        })
    }

    /// Takes what a player dropped out of the world, because it has lain there too long. False if nothing can be made
    /// durable now: then it stays.
    pub fn decay(&mut self, entity: EntityId) -> bool {
        let owned = self.zone.ground.contains_key(&entity);
        if owned && self.check_open().is_err() {
            return false;
        }
        if let Some(item) = self.zone.ground.remove(&entity) {
            let change = Change::Destroy { item: item.id, from: item.owner };
            self.record_operation("decay", CharacterId(0), Work::Done(vec![change]));
        }
        self.despawn(entity);
        true
    }

    /// Asks the database to decide about a shared operation of the player. Until it has, nothing of the player
    /// changes hands; what it decided is told by the event [`Decided`](crate::module::Decided).
    ///
    /// # Errors
    /// When nothing can be made durable now, or something else of the player is being decided.
    pub fn ask_database(
        &mut self,
        player: PlayerId,
        cause: &str,
        request: SharedRequest,
    ) -> Result<(), Refuse> {
        self.check_open()?;
        let absent = || Refuse::new(Refusal::NoSuchTarget, "nobody is there");
        let entry = self.player(player).ok_or_else(absent)?;
        entry.inventory.check_free()?;
        let op = self.record_operation(cause, entry.character, Work::Asked(request));
        let pending = Some(Pending { op, request: self.request });
        if let Some(entry) = self.zone.players.get_mut(player.entity()) {
            entry.inventory.set_pending(pending);
        }
        Ok(())
    }

    /// Asks what is in the player's mailbox; the answer is the event [`MailboxRead`](crate::module::MailboxRead).
    ///
    /// # Errors
    /// When the player has asked before and isn't answered yet.
    pub fn read_mailbox(&mut self, player: PlayerId) -> Result<(), Refuse> {
        let request = self.request;
        let absent = || Refuse::new(Refusal::NoSuchTarget, "nobody is there");
        let entry = self.zone.players.get_mut(player.entity()).ok_or_else(absent)?;
        if entry.reading_mailbox.is_some() {
            let message = "your mailbox is just being read";
            return Err(Refuse::new(Refusal::Busy, message).for_ms(PENDING_MS));
        }
        entry.reading_mailbox = Some(request);
        self.desk.orders.push(Order::ReadMailbox { character: entry.character, request });
        Ok(())
    }

    /// The entity of an item on the ground.
    pub(crate) fn place_on_ground(&mut self, item: &ItemRecord, at: Position) -> Option<EntityId> {
        let name = self.content().item_kind(&item.template)?.name.clone();
        self.spawn(Spawn::item(&item.template, &name, item.quantity, at))
    }

    /// Whether a value operation could be made durable now. [`Self::deal`] asks the same; this is for a module that
    /// would rather refuse a step that leads to one.
    ///
    /// # Errors
    /// When it couldn't.
    pub fn check_open(&self) -> Result<(), Refuse> {
        self.desk.kernel.check_open()
    }

    pub(crate) fn new_item_id(&mut self) -> Result<ItemId, Refuse> {
        self.desk.kernel.new_id()
    }

    pub(crate) fn record_operation(&mut self, cause: &str, actor: CharacterId, work: Work) -> OpId {
        self.desk.kernel.record(cause, actor, work)
    }

    pub(crate) fn replace_inventory(&mut self, player: PlayerId, inventory: Inventory) {
        if let Some(entry) = self.zone.players.get_mut(player.entity()) {
            entry.inventory = inventory;
        }
    }
}
