//! Value operations that modules may ask for. Each checks first and changes nothing when it refuses; what it changes
//! is told to the player once it is durable.

use protocol::v1::{InventoryChanged, Refusal};

use super::Ctx;
use crate::ids::{EntityId, ItemId, PlayerId};
use crate::module::Refuse;
use crate::record::{ItemChange, ItemRecord, Owner};
use crate::space::Position;
use crate::value::item_message;
use crate::zone::entities::{EntityKind, Spawn};

/// An item that lies on the ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundItem {
    /// Its name in the content.
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

    /// Gives what lies on the ground as `entity` to the player.
    ///
    /// # Errors
    /// When it isn't there, the inventory is full, or nothing can be made durable now.
    pub fn take_from_ground(
        &mut self,
        player: PlayerId,
        entity: EntityId,
    ) -> Result<ItemId, Refuse> {
        let Some(found) = self.ground_item(entity) else {
            return Err(Refuse::new(Refusal::NoSuchItem, "there is nothing to pick up"));
        };
        let slot = self.check_receive(player)?;
        let to = self.owner(player)?;
        let taken = if let Some(item) = self.zone.ground.remove(&entity) {
            let change =
                ItemChange::Move { item: item.id, from: item.owner.clone(), to: to.clone(), slot };
            self.record(player, "pick up", change);
            ItemRecord { owner: to, slot, ..item }
        } else {
            self.create(player, "loot", &found.template, found.quantity, slot)?
        };
        let id = taken.id;
        self.despawn(entity);
        self.receive(player, taken);
        Ok(id)
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
        let Some(most) = self.content().item_kind(template).map(|item| item.stack) else {
            let message = format!("there is no item {template:?}");
            return Err(Refuse::new(Refusal::NoSuchItem, message));
        };
        if quantity == 0 || quantity > most {
            let message = format!("one {template} is 1 to {most}");
            return Err(Refuse::new(Refusal::BadRequest, message));
        }
        let slot = self.check_receive(player)?;
        let item = self.create(player, cause, template, quantity, slot)?;
        let id = item.id;
        self.receive(player, item);
        Ok(id)
    }

    /// Puts one of the player's items on the ground at its feet.
    ///
    /// # Errors
    /// When the player doesn't have it, or nothing can be made durable now.
    pub fn drop_to_ground(&mut self, player: PlayerId, item: ItemId) -> Result<EntityId, Refuse> {
        self.desk.kernel.check_open()?;
        let from = self.owner(player)?;
        let place = self.entity(player.entity()).map(crate::zone::entities::Entity::position);
        let held = self.player(player).and_then(|player| player.inventory.get(item)).cloned();
        let (Some(held), Some(at)) = (held, place) else {
            return Err(Refuse::new(Refusal::NoSuchItem, "you don't have that"));
        };
        let Some(entity) = self.place_on_ground(&held, at) else {
            return Err(Refuse::new(Refusal::Busy, "there is no room on the ground"));
        };
        let to = Owner::Ground { zone: self.zone.name.clone(), x: at.x, y: at.y };
        let dropped = ItemRecord { owner: to.clone(), slot: 0, ..held };
        self.record(player, "drop", ItemChange::Move { item, from, to, slot: 0 });
        self.zone.ground.insert(entity, dropped);
        if let Some(entry) = self.zone.players.get_mut(&player.entity()) {
            entry.inventory.remove(item);
        }
        self.reply(player, &InventoryChanged { changed: Vec::new(), removed: vec![item.0] });
        Ok(entity)
    }

    /// Takes what a player dropped out of the world, because it has lain there too long. False if nothing can be made
    /// durable now: then it stays.
    pub fn decay(&mut self, entity: EntityId) -> bool {
        let owned = self.zone.ground.contains_key(&entity);
        if owned && self.desk.kernel.check_open().is_err() {
            return false;
        }
        if let Some(item) = self.zone.ground.remove(&entity) {
            let change = ItemChange::Destroy { item: item.id, from: item.owner };
            self.desk.kernel.record("decay", crate::ids::CharacterId(0), vec![change]);
        }
        self.despawn(entity);
        true
    }

    /// The entity of an item on the ground.
    pub(crate) fn place_on_ground(&mut self, item: &ItemRecord, at: Position) -> Option<EntityId> {
        let name = self.content().item_kind(&item.template)?.name.clone();
        self.spawn(Spawn::item(&item.template, &name, item.quantity, at))
    }

    /// The slot that the player has free for one more item, if it may get one at all now.
    fn check_receive(&self, player: PlayerId) -> Result<u32, Refuse> {
        self.desk.kernel.check_open()?;
        let free = self.player(player).and_then(|player| player.inventory.free_slot());
        free.ok_or_else(|| Refuse::new(Refusal::InventoryFull, "your inventory is full"))
    }

    fn owner(&self, player: PlayerId) -> Result<Owner, Refuse> {
        let character = self.player(player).map(|player| Owner::Character(player.character));
        character.ok_or_else(|| Refuse::new(Refusal::NoSuchTarget, "nobody is there"))
    }

    fn create(
        &mut self,
        player: PlayerId,
        cause: &str,
        template: &str,
        quantity: u32,
        slot: u32,
    ) -> Result<ItemRecord, Refuse> {
        let owner = self.owner(player)?;
        let id = self.desk.kernel.new_id()?;
        let item = ItemRecord { id, owner, slot, template: template.to_owned(), quantity };
        self.record(player, cause, ItemChange::Create(item.clone()));
        Ok(item)
    }

    fn receive(&mut self, player: PlayerId, item: ItemRecord) {
        let changed = vec![item_message(&item)];
        if let Some(entry) = self.zone.players.get_mut(&player.entity()) {
            entry.inventory.insert(item);
        }
        let request = self.request;
        self.reply_to(player, request, &InventoryChanged { changed, removed: Vec::new() });
    }

    fn record(&mut self, player: PlayerId, cause: &str, change: ItemChange) {
        if let Some(actor) = self.player(player).map(|player| player.character) {
            self.desk.kernel.record(cause, actor, vec![change]);
        }
    }
}
