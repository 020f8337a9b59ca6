//! What a module sees and does: one zone, through [`Ctx`]. No other zone, module, socket or database is in reach.

mod items;

use std::ops::Range;

use protocol::{PublicAddress, ServerMessage, v1};
use rand::{Rng, RngExt as _};
use rand_pcg::Pcg64Mcg;

use crate::content::Content;
use crate::desk::{Desk, Origin, Travel};
use crate::directory::Directory;
use crate::ids::{CharacterId, EntityId, PlayerId, ZoneName};
use crate::load::LoadLevel;
use crate::module::{Command, Event, Refuse};
use crate::player::Player;
use crate::post::{Address, Letter};
use crate::publication::Order;
use crate::space::{Heading, Position, Residue};
use crate::zone::ZoneState;
use crate::zone::entities::{Entities, Entity, EntityKind, Spawn};
use crate::zone::map::Map;

pub use items::GroundItem;

/// A zone and the desk, on their way to a module.
pub(crate) struct Scene<'a> {
    pub(crate) zone: &'a mut ZoneState,
    pub(crate) desk: &'a mut Desk,
    /// Of the packet at hand; 0 for none.
    pub(crate) request: u32,
}

impl Scene<'_> {
    pub(crate) fn ctx<'b>(&'b mut self, rng: &'b mut Pcg64Mcg) -> Ctx<'b> {
        Ctx { zone: self.zone, desk: self.desk, rng, request: self.request }
    }
}

/// One zone, lent to a module for the length of a call.
pub struct Ctx<'a> {
    zone: &'a mut ZoneState,
    desk: &'a mut Desk,
    rng: &'a mut Pcg64Mcg,
    request: u32,
}

/// Time and place.
impl Ctx<'_> {
    /// Ticks since the world began. The only clock there is.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.desk.tick
    }

    /// Length of a tick in milliseconds.
    #[must_use]
    pub fn tick_ms(&self) -> u32 {
        self.desk.settings.tick_ms()
    }

    /// The ticks that `ms` milliseconds take, at least one.
    #[must_use]
    pub fn ticks(&self, ms: u32) -> u64 {
        u64::from(ms.div_ceil(self.tick_ms()).max(1))
    }

    /// The zone's name.
    #[must_use]
    pub fn zone(&self) -> &ZoneName {
        &self.zone.name
    }

    /// True if this server runs the zone of that name.
    #[must_use]
    pub fn runs_here(&self, zone: &ZoneName) -> bool {
        self.desk.settings.zones.contains(zone)
    }

    /// The zone's map.
    ///
    /// # Panics
    /// In the realm zone, which has none; a zone module never runs there.
    #[must_use]
    pub fn map(&self) -> &Map {
        #[expect(clippy::expect_used, reason = "documented: zone modules run in zones with a map")]
        self.zone.map.as_deref().expect("a zone module runs in a zone with a map")
    }

    /// The content that the server was started with.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.desk.content
    }

    /// This module's own stream of random numbers in this zone.
    pub fn rng(&mut self) -> &mut impl Rng {
        self.rng
    }

    /// What is given up now because ticks run late. A module may leave undone what is for show, where nobody is near.
    #[must_use]
    pub fn load(&self) -> LoadLevel {
        self.desk.load
    }

    /// A random number from `range`, which must not be empty.
    pub fn random(&mut self, range: Range<u32>) -> u32 {
        self.rng.random_range(range)
    }

    /// The server's name on the bus.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.desk.settings.node
    }
}

/// Entities.
impl Ctx<'_> {
    /// An entity of this zone, if it is still there.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.zone.entities.get(id)
    }

    /// All entities of this zone.
    #[must_use]
    pub fn entities(&self) -> &Entities {
        &self.zone.entities
    }

    /// Entities within `radius` centimetres of `center`, in a fixed order. Who was spawned or put elsewhere in this
    /// tick is found from the next one on.
    pub fn nearby(&self, center: Position, radius: u32) -> impl Iterator<Item = &Entity> + '_ {
        self.zone.grid.around(&self.zone.entities, center, radius)
    }

    /// True if a connected player was near enough to see what happens at `position` when the last tick was shown.
    #[must_use]
    pub fn is_watched(&self, position: Position) -> bool {
        let cell = self.zone.grid.cell_of(position);
        self.zone.visibility.is_watched(&self.zone.grid, cell)
    }

    /// Puts a new entity into the zone. `None` when the zone is full.
    pub fn spawn(&mut self, spawn: Spawn) -> Option<EntityId> {
        let spawned = self.zone.entities.spawn(spawn);
        spawned.inspect_err(|error| tracing::warn!(zone = %self.zone.name, "{error}")).ok()
    }

    /// Takes an entity out of the zone. Left alone are players, who leave by other ways, and what a player dropped,
    /// which has an owner in the database until [`Self::take_from_ground`] or [`Self::decay`].
    pub fn despawn(&mut self, id: EntityId) {
        if !self.zone.players.contains(id) && !self.zone.ground.contains_key(&id) {
            self.zone.entities.despawn(id);
        }
    }

    /// Turns an entity and sets its speed in centimetres per second. Whoever integrates movement does the rest.
    pub fn set_motion(&mut self, id: EntityId, heading: Heading, speed: u32) {
        self.change(id, |entity| entity.set_motion(heading, speed));
    }

    /// Moves an entity on by a step of [`space::step`](crate::space::step).
    pub fn advance(&mut self, id: EntityId, position: Position, residue: Residue) {
        self.change(id, |entity| entity.advance(position, residue));
    }

    fn change(&mut self, id: EntityId, change: impl FnOnce(&mut Entity)) {
        if let Some(entity) = self.zone.entities.get_mut(id) {
            change(entity);
        }
    }

    /// Puts an entity somewhere else, at once.
    pub fn set_position(&mut self, id: EntityId, position: Position) {
        self.change(id, |entity| entity.set_position(position));
    }

    /// Sets an entity's health; 0 is dead.
    pub fn set_hp(&mut self, id: EntityId, hp: u32) {
        self.change(id, |entity| entity.set_hp(hp));
    }

    /// From now on blows do nothing to an entity, or do again: a monster that runs home, say.
    pub fn set_evading(&mut self, id: EntityId, evading: bool) {
        self.change(id, |entity| entity.set_evading(evading));
    }

    /// Shows everybody around that `attacker` hit `target`.
    pub fn show_strike(&mut self, attacker: EntityId, target: EntityId, damage: u32) {
        self.zone.visibility.strike(attacker, target, damage);
    }

    /// Tells the modules of this zone, this one included, of something that happened. In this tick.
    pub fn emit<E: Event>(&mut self, event: E) {
        self.zone.emit(event);
    }
}

/// Players.
impl Ctx<'_> {
    /// The players of this zone, in a fixed order.
    pub fn players(&self) -> impl Iterator<Item = &Player> + '_ {
        self.zone.players.iter()
    }

    /// A player of this zone, if it is still here.
    #[must_use]
    pub fn player(&self, id: PlayerId) -> Option<&Player> {
        self.zone.players.get(id.entity())
    }

    /// The player whose entity this is.
    #[must_use]
    pub fn player_of(&self, entity: EntityId) -> Option<PlayerId> {
        self.zone.players.get(entity).map(Player::id)
    }

    /// A player of this zone by name; case doesn't matter.
    #[must_use]
    pub fn find_player(&self, name: &str) -> Option<PlayerId> {
        self.players().find(|player| player.name().eq_ignore_ascii_case(name)).map(Player::id)
    }

    /// Says which `Move` of the player its position includes, for the client's prediction.
    pub fn acknowledge(&mut self, id: PlayerId, sequence: u32) {
        self.zone.visibility.set_ack(id.entity(), sequence);
    }

    /// Sends the player to another zone at the end of this tick: to `position` there, or to its start. What can't be
    /// reached is refused with a message, and the player stays. While the database decides about something that the
    /// player owns the journey waits; a module whose reason for it may have passed by then asks
    /// [`Player::is_pending`] first.
    pub fn travel(&mut self, id: PlayerId, zone: ZoneName, position: Option<Position>) {
        if let Some(character) = self.player(id).map(Player::character) {
            self.desk.travels.push(Travel { character, zone, position });
        }
    }

    /// Calls off a journey of the player that waits for the database or begins at the end of this tick.
    pub fn cancel_travel(&mut self, id: PlayerId) {
        if let Some(character) = self.player(id).map(Player::character) {
            self.desk.travels.retain(|travel| travel.character != character);
        }
    }

    /// Ends the player's session. Its character leaves the world.
    pub fn kick(&mut self, id: PlayerId, message: &str) {
        if let Some(session) = self.session(id) {
            let (reason, message) = (v1::Farewell::Kicked, message.to_owned());
            self.desk.orders.push(Order::Kick { session, reason, message });
        }
    }

    /// Sends the player's client to another address, or back to this server's own, to resume there.
    pub fn redirect(&mut self, id: PlayerId, address: Option<String>) {
        if let Some(session) = self.session(id) {
            self.desk.orders.push(Order::Redirect { session, address });
        }
    }

    /// Asks for an orderly shutdown of this server.
    pub fn shut_down(&mut self) {
        self.desk.orders.push(Order::Shutdown);
    }

    /// What a module keeps of the player has changed, and is worth more than a step: the player is saved with one of
    /// the next commits, at most a second from now. While nothing can be made durable that waits. What belongs to a
    /// value operation of the player needs no such call; it is saved with it.
    pub fn save_soon(&mut self, id: PlayerId) {
        if let Some(character) = self.player(id).map(Player::character) {
            self.desk.soon.add(character);
        }
    }

    fn session(&self, id: PlayerId) -> Option<crate::ids::SessionId> {
        self.player(id)?.session
    }
}

/// Talking to clients and to other zones.
impl Ctx<'_> {
    /// The number of the request at hand, to answer it from a later letter; 0 for none.
    #[must_use]
    pub fn request(&self) -> u32 {
        self.request
    }

    /// Answers the packet at hand.
    pub fn reply<M: ServerMessage>(&mut self, player: PlayerId, message: &M) {
        self.reply_to(player, self.request, message);
    }

    /// Answers an earlier request of the player.
    pub fn reply_to<M: ServerMessage>(&mut self, player: PlayerId, request: u32, message: &M) {
        if let Some(session) = self.session(player) {
            self.desk.out.frame(session, request, message);
        }
    }

    /// Refuses an earlier request of the player.
    pub fn refuse_to(&mut self, player: PlayerId, request: u32, refuse: Refuse) {
        if let Some(session) = self.session(player) {
            self.desk.refuse(session, request, refuse);
        }
    }

    /// Tells one player something.
    pub fn send<M: ServerMessage>(&mut self, player: PlayerId, message: &M) {
        self.reply_to(player, 0, message);
    }

    /// Tells all who see the place where `entity` stands.
    pub fn send_in_sight<M: ServerMessage>(&mut self, entity: EntityId, message: &M) {
        let Some(position) = self.entity(entity).map(Entity::position) else {
            return;
        };
        self.desk.out.broadcast(message, self.zone.watchers(position));
    }

    /// Tells everybody in the zone.
    pub fn send_to_zone<M: ServerMessage>(&mut self, message: &M) {
        let sessions = self.zone.players.iter().filter_map(|player| player.session);
        self.desk.out.broadcast(message, sessions);
    }

    /// Sends a letter to a zone, to a character wherever it is, or to everyone. It arrives in a later tick or never.
    pub fn post<L: Letter>(&mut self, to: Address, letter: &L) {
        self.desk.post(to, letter);
    }

    /// Sends a letter to a character.
    pub fn post_to_character<L: Letter>(&mut self, character: CharacterId, letter: &L) {
        self.desk.post(Address::Character(character), letter);
    }

    /// Sends a letter to the realm zone.
    pub fn post_to_realm<L: Letter>(&mut self, letter: &L) {
        self.desk.post(Address::Zone(ZoneName::realm()), letter);
    }

    /// Whether the letter at hand was sent by a zone of this process. Of any other only what it says is known: whoever can
    /// publish on the bus can say it.
    #[must_use]
    pub fn is_own_letter(&self) -> bool {
        self.desk.origin == Origin::Here
    }

    /// Whether the letter at hand may be of the realm zone. If that runs here, nobody else speaks for it.
    #[must_use]
    pub fn may_be_of_realm(&self) -> bool {
        self.is_own_letter() || !self.desk.settings.realm
    }

    /// Drops the letter at hand, because no server that plays by the rules sends it. The log says so.
    pub fn drop_letter(&mut self, kind: &str) {
        self.desk.note_unsound(kind);
    }

    /// Whether a redirect that another server asked for may lead to this address.
    #[must_use]
    pub fn may_redirect_to(&self, address: &str) -> bool {
        let address = address.parse::<PublicAddress>().map(|address| address.to_string());
        address.is_ok_and(|address| self.desk.settings.redirect_to.contains(&address))
    }

    /// The player of a character, if it is in this zone.
    #[must_use]
    pub fn find_character(&self, character: CharacterId) -> Option<PlayerId> {
        let player = self.desk.here.get(character)?.player;
        self.player(player).filter(|player| player.character() == character).map(Player::id)
    }

    /// Who is online in the whole world. Filled in the realm zone, empty elsewhere.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.desk.directory
    }

    /// All commands of the game, by name.
    pub fn commands(&self) -> impl Iterator<Item = &Command> + '_ {
        self.desk.table.commands()
    }
}

/// True for what can be fought and can die.
#[must_use]
pub fn is_creature(entity: &Entity) -> bool {
    matches!(entity.kind(), EntityKind::Player | EntityKind::Monster)
}
