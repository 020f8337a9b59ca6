//! A zone without modules, its clients, and the comparison of what they see with what there is.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use prost::Message as _;
use protocol::v1::{self, ServerPacket, server_packet::Body};

use super::client::{Client, sees};
use crate::ids::{EntityId, SessionId};
use crate::publication::{Publication, PublicationBuilder};
use crate::space::{Heading, Position, step};
use crate::zone::visibility::{DEFAULT_MARGIN, MAX_TURNS, UNLIMITED, Visibility};
use crate::zone::{Entities, Entity, EntityKind, Grid, Spawn};

pub(super) const MAP: u32 = 19_000;
pub(super) const CELL: u32 = 3200;
const TICK_MS: u32 = 100;

/// Something that happens between two ticks. Entities are named by their place in the order of slots, sessions by number.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Spawn(Position),
    SpawnAndDespawn(Position),
    Despawn(usize),
    Teleport(usize, Position),
    Walk(usize, Heading, u32),
    Hp(usize, u32),
    Quantity(usize, u32),
    Strike(usize, usize),
    /// From now on a view has so many bytes.
    Budget(u32),
    /// Of one session.
    Session(u64, SessionOp),
    /// A tick is simulated and not published.
    LateTick,
    /// All that is state goes through bytes.
    Restore,
}

/// Something that happens to a session.
#[derive(Debug, Clone)]
pub(super) enum SessionOp {
    /// It looks through the eyes of that entity.
    Look(usize),
    Leave,
    /// Another session takes its place.
    Rebind(u64),
    Stale,
    /// From now on, until it is stale, it gets no motion.
    SkipMotion,
    Digest(bool),
    Ack(u32),
}

pub(super) struct World {
    pub(super) entities: Entities,
    grid: Grid,
    visibility: Visibility,
    builder: PublicationBuilder,
    clients: BTreeMap<SessionId, Client>,
    digests: BTreeMap<SessionId, bool>,
    acks: BTreeMap<SessionId, u32>,
    tick: u64,
    /// Everything as it was at the last publications, last first.
    past: VecDeque<BTreeMap<u64, (v1::Cell, v1::Entity)>>,
    /// Who was struck by whom last, and when.
    struck: Option<(EntityId, EntityId, u64)>,
    /// What the last tick told each session.
    last_views: BTreeMap<SessionId, v1::View>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_budget(UNLIMITED)
    }

    /// One whose views may have so many bytes, but for state.
    pub(super) fn with_budget(budget: u32) -> Self {
        Self {
            entities: Entities::new(),
            grid: Grid::new(MAP, MAP, CELL).unwrap(),
            visibility: Visibility::new(DEFAULT_MARGIN, budget),
            builder: PublicationBuilder::new(),
            clients: BTreeMap::new(),
            digests: BTreeMap::new(),
            acks: BTreeMap::new(),
            tick: 0,
            past: VecDeque::new(),
            struck: None,
            last_views: BTreeMap::new(),
        }
    }

    /// The entity in the `who`-th place, counted around if there are fewer.
    fn find(&self, who: usize) -> Option<EntityId> {
        let who = who.checked_rem(self.entities.len())?;
        self.entities.iter().nth(who).map(Entity::id)
    }

    pub(super) fn id(&self, who: usize) -> EntityId {
        self.find(who).unwrap()
    }

    fn change(&mut self, who: usize, change: impl FnOnce(&mut Entity)) {
        if let Some(id) = self.find(who) {
            change(self.entities.get_mut(id).unwrap());
        }
    }

    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Spawn(position) => drop(self.spawn(position)),
            Op::SpawnAndDespawn(position) => {
                let id = self.spawn(position);
                self.entities.despawn(id).unwrap();
            }
            Op::Despawn(who) => {
                if let Some(id) = self.find(who) {
                    self.entities.despawn(id).unwrap();
                }
            }
            Op::Teleport(who, to) => self.change(who, |entity| entity.set_position(to)),
            Op::Walk(who, heading, speed) => {
                self.change(who, |entity| entity.set_motion(heading, speed));
            }
            Op::Hp(who, hp) => self.change(who, |entity| entity.set_hp(hp)),
            Op::Quantity(who, count) => self.change(who, |entity| entity.set_quantity(count)),
            Op::Strike(attacker, target) => {
                if let (Some(attacker), Some(target)) = (self.find(attacker), self.find(target)) {
                    self.visibility.strike(attacker, target, 3);
                    self.struck = Some((attacker, target, self.tick));
                }
            }
            Op::Budget(budget) => self.visibility.set_budget(budget),
            Op::LateTick => self.walk(),
            Op::Restore => {
                restore(&mut self.entities);
                restore(&mut self.grid);
                restore(&mut self.visibility);
            }
            Op::Session(session, op) => self.apply_to_session(SessionId(session), op),
        }
    }

    fn apply_to_session(&mut self, session: SessionId, op: SessionOp) {
        // A blow counts from when it is seen through the eyes of one of the two.
        if matches!(op, SessionOp::Look(_) | SessionOp::Rebind(_)) {
            self.struck = None;
        }
        let client = self.clients.get_mut(&session);
        match op {
            SessionOp::Look(who) => {
                if let Some(id) = self.find(who) {
                    self.connect(session);
                    self.visibility.add_viewer(session, id);
                    self.forget_acks(id);
                }
            }
            SessionOp::Leave => {
                self.clients.remove(&session);
                self.visibility.remove_viewer(session);
            }
            SessionOp::Rebind(new) => {
                if self.clients.remove(&session).is_none() {
                    return;
                }
                self.connect(SessionId(new));
                self.visibility.rebind(session, SessionId(new));
                let mut viewers = self.visibility.viewers();
                if let Some((_, eyes)) = viewers.find(|(viewer, _)| viewer.0 == new) {
                    drop(viewers);
                    self.forget_acks(eyes);
                }
            }
            SessionOp::Stale => {
                if let Some(client) = client {
                    client.skip_motion = false;
                    client.stale = true;
                }
                self.visibility.mark_stale(session);
            }
            SessionOp::SkipMotion => {
                if let Some(client) = client {
                    client.skip_motion = true;
                }
            }
            SessionOp::Digest(on) => {
                self.visibility.set_digest(session, on);
                self.digests.insert(session, on);
            }
            SessionOp::Ack(ack) => self.acknowledge(session, ack),
        }
    }

    /// Somebody new steers: what others weren't told yet of its eyes' moves they won't be told any more.
    fn forget_acks(&mut self, eyes: EntityId) {
        for (viewer, _) in self.visibility.viewers().filter(|(_, entity)| *entity == eyes) {
            let told = self.clients.get(&viewer).map_or(0, |client| client.ack);
            self.acks.insert(viewer, told);
        }
    }

    /// Everybody who looks through the same eyes is told.
    fn acknowledge(&mut self, session: SessionId, ack: u32) {
        let viewers: Vec<_> = self.visibility.viewers().collect();
        let eyes = viewers.iter().find(|(viewer, _)| *viewer == session).map(|(_, eyes)| *eyes);
        if let Some(eyes) = eyes.filter(|eyes| self.entities.contains(*eyes)) {
            self.visibility.set_ack(eyes, ack);
            let same = viewers.iter().filter(|(_, entity)| *entity == eyes);
            self.acks.extend(same.map(|(viewer, _)| (*viewer, ack)));
        }
    }

    fn connect(&mut self, session: SessionId) {
        self.clients.insert(session, Client::default());
        self.digests.remove(&session);
        self.acks.remove(&session);
    }

    fn spawn(&mut self, position: Position) -> EntityId {
        let spawn =
            Spawn { hp: 70, max_hp: 100, ..Spawn::new(EntityKind::Monster, "wolf", position) };
        self.entities.spawn(spawn).unwrap()
    }

    /// Everyone walks for a tick, at most to the map's edge.
    pub(super) fn walk(&mut self) {
        let edge = i32::try_from(MAP).unwrap() - 1;
        for entity in self.entities.iter_mut() {
            let (to, residue) = step(
                entity.position(),
                entity.residue(),
                entity.heading(),
                entity.speed(),
                TICK_MS,
            );
            let to = Position::new(to.x.clamp(0, edge), to.y.clamp(0, edge));
            entity.advance(to, residue);
        }
    }

    pub(super) fn publish(&mut self) -> Publication {
        let mut builder = std::mem::take(&mut self.builder);
        self.publish_into(&mut builder);
        self.builder = builder;
        self.builder.finish(self.tick)
    }

    pub(super) fn publish_into(&mut self, builder: &mut PublicationBuilder) {
        self.tick += 1;
        let all = self.entities.iter().map(|entity| (entity.id().0, truth(entity)));
        self.past.push_front(all.collect());
        self.past.truncate(MAX_TURNS.into());
        let (entities, grid) = (&mut self.entities, &mut self.grid);
        self.visibility.publish(self.tick, entities, grid, builder);
    }

    /// One tick in which everyone walks, is published, and is compared with what the clients see.
    pub(super) fn tick(&mut self) -> Result<(), TestCaseError> {
        self.walk();
        let publication = self.publish();
        self.clients.values_mut().for_each(Client::begin);
        for delivery in &publication.deliveries {
            let client = self.clients.get_mut(&delivery.session).expect("a viewer");
            let motion = !client.skip_motion;
            let view = view(&publication, delivery, motion);
            client.apply(view.clone(), motion);
            self.last_views.insert(delivery.session, view);
        }
        self.builder.recycle(publication);
        for (session, client) in &self.clients {
            self.compare(*session, client)?;
        }
        Ok(())
    }

    /// One tick as [`Self::tick`], and what it tells one session.
    pub(super) fn tick_for(&mut self, session: u64) -> v1::View {
        self.last_views.clear();
        self.tick().unwrap();
        self.last_views.remove(&SessionId(session)).expect("it is told something")
    }

    /// Publishes where everyone stands and returns what goes out; the clients aren't told.
    pub(super) fn views(&mut self) -> Vec<(SessionId, v1::View)> {
        let publication = self.publish();
        let deliveries = publication.deliveries.iter();
        deliveries.map(|delivery| (delivery.session, view(&publication, delivery, true))).collect()
    }

    fn compare(&self, session: SessionId, client: &Client) -> Result<(), TestCaseError> {
        let (_, eyes) = self
            .visibility
            .viewers()
            .find(|(viewer, _)| *viewer == session)
            .expect("a client looks into the zone");
        let Some(anchor) = client.anchor else {
            prop_assert!(!self.entities.contains(eyes), "{session} sees nothing");
            return Ok(());
        };
        prop_assert!(!client.stale, "{session} waits for its snapshots");
        if let Some(entity) = self.entities.get(eyes) {
            prop_assert!(is_followed(anchor, entity.position()), "{session} is left behind");
        }
        let truth: BTreeMap<u64, (v1::Cell, v1::Entity)> = self
            .entities
            .iter()
            .map(|entity| (entity.id().0, truth(entity)))
            .filter(|(id, (cell, _))| {
                let told = !client.is_pending(*cell) || client.entities.contains_key(id);
                sees(anchor, *cell) && told
            })
            .collect();
        prop_assert!(
            !self.entities.contains(eyes) || client.entities.contains_key(&eyes.0),
            "{session} doesn't see itself"
        );
        let mut seen = client.entities.clone();
        for (id, (cell, entity)) in &mut seen {
            let Some((_, real)) = truth.get(id) else { continue };
            if client.skipped_motion
                || self.was_so(*id, *cell, entity, self.patience(client, eyes, *id))
            {
                (entity.x, entity.y) = (real.x, real.y);
                (entity.heading, entity.speed) = (real.heading, real.speed);
            }
        }
        prop_assert_eq!(&seen, &truth, "session {} at tick {}", session, self.tick);
        self.compare_probes(client, &truth)?;
        prop_assert_eq!(client.ack, self.acks.get(&session).copied().unwrap_or(0));
        let watching = self.digests.get(&session).copied().unwrap_or(false);
        prop_assert_eq!(!client.digests.is_empty(), watching);
        for digest in &client.digests {
            let cell = v1::Cell { column: digest.column, row: digest.row };
            prop_assert!(!client.is_pending(cell));
            let ids = seen.iter().filter(|(_, (kept, _))| *kept == cell);
            let (count, hash) = ids.fold((0, 0), |(count, hash), (id, _)| {
                (count + 1, hash ^ id.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            });
            prop_assert_eq!((digest.entities, digest.hash), (count, hash));
        }
        Ok(())
    }
}

impl World {
    /// Whether the entity was where `known` has it, and moved so, at one of the last publications.
    fn was_so(&self, id: u64, cell: v1::Cell, known: &v1::Entity, publications: usize) -> bool {
        let motion = |entity: &v1::Entity| (entity.x, entity.y, entity.heading, entity.speed);
        let times = self.past.iter().take(publications);
        let mut times = times.filter_map(|all| all.get(&id));
        times.any(|(was_in, was)| *was_in == cell && motion(was) == motion(known))
    }

    /// How old the client's position of an entity may be. Of itself and of whom it fights it knows where they are now.
    fn patience(&self, client: &Client, eyes: EntityId, id: u64) -> usize {
        let fights = |(attacker, target, tick): (EntityId, EntityId, u64)| {
            let other = if attacker == eyes { target } else { attacker };
            (attacker == eyes || target == eyes) && other.0 == id && self.tick <= tick + 64
        };
        if eyes.0 == id || self.struck.is_some_and(fights) { 1 } else { client.patience() }
    }

    /// Nobody walks any more.
    pub(super) fn halt(&mut self) {
        for entity in self.entities.iter_mut() {
            entity.set_motion(entity.heading(), 0);
        }
    }

    /// Everybody knows of everything, and where it is now if its motion isn't withheld. Only after all have stood for as many
    /// publications as there are turns, and for as many as the longest snapshot takes.
    pub(super) fn everybody_knows_everything(&self) -> Result<(), TestCaseError> {
        for client in self.clients.values() {
            prop_assert_eq!(&client.pending, &[], "snapshots are still to come");
        }
        for client in self.clients.values().filter(|client| !client.skipped_motion) {
            for (id, (cell, known)) in &client.entities {
                prop_assert!(
                    self.was_so(*id, *cell, known, 1),
                    "{id} isn't where {known:?} has it"
                );
            }
        }
        Ok(())
    }

    /// What a client is told to prove itself by is the truth.
    fn compare_probes(
        &self,
        client: &Client,
        truth: &BTreeMap<u64, (v1::Cell, v1::Entity)>,
    ) -> Result<(), TestCaseError> {
        for probe in &client.probes {
            let cell = v1::Cell { column: probe.column, row: probe.row };
            let (real_cell, real) = &truth[&probe.entity];
            prop_assert_eq!((cell, probe.x, probe.y), (*real_cell, real.x, real.y));
        }
        Ok(())
    }
}

fn restore<T: serde::Serialize + serde::de::DeserializeOwned>(state: &mut T) {
    let bytes = postcard::to_allocvec(state).unwrap();
    *state = postcard::from_bytes(&bytes).unwrap();
}

pub(super) fn view(
    publication: &Publication,
    delivery: &crate::Delivery,
    motion: bool,
) -> v1::View {
    let mut bytes = Vec::new();
    publication.put_view(delivery, motion, &mut bytes);
    let packet = ServerPacket::decode_length_delimited(bytes.as_slice()).unwrap();
    match packet.body {
        Some(Body::View(view)) => view,
        other => panic!("not a view: {other:?}"),
    }
}

fn cell_of(position: Position) -> v1::Cell {
    let index = |side: i32| side.unsigned_abs() / CELL;
    v1::Cell { column: index(position.x), row: index(position.y) }
}

/// True if the position is in the anchor cell or at most the margin outside.
fn is_followed(anchor: v1::Cell, position: Position) -> bool {
    let inside = |side: i32, index: u32| {
        let (side, margin) = (i64::from(side), i64::from(DEFAULT_MARGIN));
        let start = i64::from(index * CELL);
        side >= start - margin && side < start + i64::from(CELL) + margin
    };
    inside(position.x, anchor.column) && inside(position.y, anchor.row)
}

fn truth(entity: &Entity) -> (v1::Cell, v1::Entity) {
    let (position, cell) = (entity.position(), cell_of(entity.position()));
    let shown = v1::Entity {
        id: entity.id().0,
        kind: v1::EntityKind::from(entity.kind()).into(),
        name: entity.name().to_owned(),
        x: position.x.unsigned_abs() - cell.column * CELL,
        y: position.y.unsigned_abs() - cell.row * CELL,
        heading: u32::from(entity.heading().0),
        speed: entity.speed(),
        hp: entity.hp(),
        max_hp: entity.max_hp(),
        quantity: entity.quantity(),
    };
    (cell, shown)
}
