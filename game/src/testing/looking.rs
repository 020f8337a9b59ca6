//! What a test looks at: what players got, where they are, what they own, what was saved.

use protocol::ServerMessage;
use protocol::v1::{Refusal, Refused};

use super::{GameTest, Model};
use crate::ids::{EntityId, ItemId, ZoneName};
use crate::publication::Order;
use crate::record::{CharacterSave, GmEntry, ItemRecord, OpId, Operation};
use crate::space::Position;
use crate::zone::{Entity, EntityKind};

/// Looking.
impl GameTest {
    /// The current player got a message for which `check` holds.
    ///
    /// # Panics
    /// When it got none; the message lists what it got of that kind.
    pub fn expect<M: ServerMessage + Default + std::fmt::Debug>(
        &mut self,
        check: impl Fn(&M) -> bool,
    ) -> &mut Self {
        let got = self.received::<M>();
        assert!(got.iter().any(check), "{} got {} {got:?}", self.current, M::INFO.name);
        self
    }

    /// All messages of a kind that the current player got.
    #[must_use]
    pub fn received<M: ServerMessage + Default>(&self) -> Vec<M> {
        self.received_by(&self.current)
    }

    /// All messages of a kind that a player got.
    #[must_use]
    pub fn received_by<M: ServerMessage + Default>(&self, name: &str) -> Vec<M> {
        self.answers_to::<M>(name).into_iter().map(|(_, message)| message).collect()
    }

    /// Request number and message of all of a kind that a player got.
    ///
    /// # Panics
    /// When one of them isn't what its id says.
    #[must_use]
    pub fn answers_to<M: ServerMessage + Default>(&self, name: &str) -> Vec<(u32, M)> {
        let of_kind = self.actor(name).inbox.iter().filter(|(id, ..)| *id == M::INFO.id);
        of_kind
            .map(|(_, request, payload)| {
                let message = M::decode(payload.as_slice());
                (*request, message.unwrap_or_else(|error| panic!("{}: {error}", M::INFO.name)))
            })
            .collect()
    }

    /// How many frames answer a request of a player; 1 when all is well.
    #[must_use]
    pub fn count_of_answers(&self, name: &str, request: u32) -> usize {
        self.actor(name).inbox.iter().filter(|(_, number, _)| *number == request).count()
    }

    /// Why the current player was refused, in order.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        self.refusals_by_request().into_iter().map(|(_, reason)| reason).collect()
    }

    /// Request number and reason of each refusal of the current player.
    #[must_use]
    pub fn refusals_by_request(&self) -> Vec<(u32, Refusal)> {
        let refused = self.answers_to::<Refused>(&self.current);
        refused.into_iter().map(|(request, refused)| (request, refused.reason())).collect()
    }

    /// Request number of each message of a kind that a player got.
    #[must_use]
    pub fn requests_of<M: ServerMessage + Default>(&self, name: &str) -> Vec<u32> {
        self.answers_to::<M>(name).into_iter().map(|(request, _)| request).collect()
    }

    /// Where a player stands.
    ///
    /// # Panics
    /// When it isn't in a zone.
    #[must_use]
    pub fn position(&self, name: &str) -> Position {
        self.entity(name).position()
    }

    /// A player's entity.
    ///
    /// # Panics
    /// When it isn't in a zone.
    #[must_use]
    pub fn entity(&self, name: &str) -> &Entity {
        let found = self.game.find(self.actor(name).character);
        found.map(|(_, entity)| entity).unwrap_or_else(|| panic!("{name} is in no zone"))
    }

    /// The zone in which a player is; `None` on the way between two and outside the world.
    #[must_use]
    pub fn zone_of(&self, name: &str) -> Option<String> {
        let found = self.game.find(self.actor(name).character);
        found.map(|(zone, _)| zone.to_string())
    }

    /// Characters in the world.
    #[must_use]
    pub fn population(&self) -> usize {
        self.game.population()
    }

    /// The middle of the portal from one zone to another.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn portal(&self, from: &str, to: &str) -> Position {
        let zone = self.content.zone_content(&ZoneName::new(from));
        let portals = zone.map(|zone| zone.portals.as_slice()).unwrap_or_default();
        let portal = portals.iter().find(|portal| self.content[portal.to].key.as_str() == to);
        portal.unwrap_or_else(|| panic!("no portal from {from} to {to}")).area.centre()
    }

    /// Template and quantity of what a player owns, in the order of ids.
    #[must_use]
    pub fn inventory(&self, name: &str) -> Vec<(String, u32)> {
        let items = self.items_of(name);
        items.into_iter().map(|item| (item.template, item.quantity)).collect()
    }

    /// The ids of what a player owns.
    #[must_use]
    pub fn items(&self, name: &str) -> Vec<ItemId> {
        self.items_of(name).into_iter().map(|item| item.id).collect()
    }

    fn items_of(&self, name: &str) -> Vec<ItemRecord> {
        let player = self.game.player(self.actor(name).character);
        player.map(|player| player.inventory().items().cloned().collect()).unwrap_or_default()
    }

    /// The gold of a player.
    #[must_use]
    pub fn gold(&self, name: &str) -> u64 {
        let player = self.game.player(self.actor(name).character);
        player.map_or(0, |player| player.inventory().gold())
    }

    /// What the commits so far come to.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The first entity of a kind in the current player's zone.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn entity_of_kind(&self, kind: EntityKind) -> EntityId {
        let mut entities = self.entities_beside(&self.current);
        let found = entities.find(|entity| entity.kind() == kind).map(Entity::id);
        found.unwrap_or_else(|| panic!("no {kind:?} in the zone"))
    }

    /// The operation of a player that the database hasn't decided yet.
    #[must_use]
    pub fn pending_operation(&self, name: &str) -> Option<OpId> {
        let player = self.game.player(self.actor(name).character)?;
        player.inventory().pending().map(|pending| pending.op)
    }

    /// How many entities of a kind there are in the current player's zone.
    #[must_use]
    pub fn count_of_kind(&self, kind: EntityKind) -> usize {
        self.entities_beside(&self.current).filter(|entity| entity.kind() == kind).count()
    }

    /// The entities of the zone in which a player is.
    pub fn entities_beside(&self, name: &str) -> impl Iterator<Item = &Entity> {
        let zone = self.zone_of(name).unwrap_or_default();
        self.game.entities(&ZoneName::new(zone)).into_iter().flat_map(|entities| entities.iter())
    }

    /// What the server was asked to do, in order.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The audit log of commands.
    #[must_use]
    pub fn gm_log(&self) -> &[GmEntry] {
        &self.gm_log
    }

    /// The value operations so far.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What was last saved of a player.
    #[must_use]
    pub fn saved(&self, name: &str) -> Option<&CharacterSave> {
        self.saves.get(&self.actor(name).character)
    }

    /// The items that left the world, in order.
    #[must_use]
    pub fn destroyed(&self) -> Vec<ItemId> {
        self.model.destroyed().to_vec()
    }
}
