//! Players out of a random generator: they walk, fight, talk, take, drop, sell and buy things, lose their connections,
//! leave and come back. Also the store of their world: it keeps the ledger of who owns what.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use protocol::ClientMessage;
use protocol::v1::{Attack, Buy, DropItem, Move, PickUp, Respawn, Say, Sell};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use crate::content::Content;
use crate::game::Game;
use crate::ids::{AccountId, CharacterId, ItemId, Rank, SessionId, ZoneName};
use crate::input::Input;
use crate::load::LoadLevel;
use crate::modules::progress::Record;
use crate::publication::{Order, Publication};
use crate::record::{Change, CharacterRecord, CharacterSave, Commit, ItemRecord, Work};
use crate::space::{Position, distance_squared, heading_towards};
use crate::testing::Model;
use crate::zone::{Entity, EntityKind};

const PLAYERS: u64 = 200;
/// Within this many centimetres of a player is what its client would aim at.
const SIGHT_CM: u32 = 2_000;

/// The load changes every so many ticks; there is some when the test takes its snapshot, halfway.
const LOAD_TICKS: u64 = 170;

/// What one tick's draw of 1,000 makes a player do; the rest of the draws are for walking on.
const LEAVE: u32 = 1;
const DETACH: u32 = 3;
const PORTAL: u32 = 8;
const SHOP: u32 = 20;
const SAY: u32 = 32;
const DROP: u32 = 52;
const PICK_UP: u32 = 112;
const FIGHT: u32 = 412;
const TURN: u32 = 462;

/// The players and the store.
pub(super) struct Script {
    content: Arc<Content>,
    rng: Pcg64Mcg,
    tick: u64,
    sessions: u64,
    players: BTreeMap<CharacterId, Connection>,
    letters: Vec<Input>,
    saves: BTreeMap<CharacterId, CharacterSave>,
    ledger: Model,
    changes_of_owner: usize,
    /// Gold that shops have paid, as the operations say.
    sales: BTreeMap<CharacterId, u64>,
}

/// Whether a character is in the world, and by which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Absent,
    Lost,
    Open(SessionId),
    Leaving,
}

/// What a player sees that it could act on.
struct Sight {
    zone: ZoneName,
    here: Position,
    alive: bool,
    monster: Option<(u64, Position)>,
    item: Option<u64>,
    owned: Option<u64>,
    keeper: Option<(u64, Position)>,
}

impl Script {
    pub(super) fn new(seed: u64, content: Arc<Content>) -> Self {
        let players = (1..=PLAYERS).map(|id| (CharacterId(id), Connection::Absent));
        Self {
            content,
            rng: Pcg64Mcg::seed_from_u64(seed),
            tick: 0,
            sessions: 0,
            players: players.collect(),
            letters: vec![Input::ItemIds { first: ItemId(1), count: 1_000_000 }],
            saves: BTreeMap::new(),
            ledger: Model::default(),
            changes_of_owner: 0,
            sales: BTreeMap::new(),
        }
    }

    /// What happens in the next tick.
    pub(super) fn inputs(&mut self, game: &Game) -> Vec<Input> {
        self.tick += 1;
        let mut inputs = self.letters();
        if self.tick.is_multiple_of(LOAD_TICKS) {
            let level = LoadLevel::ALL[(self.tick / LOAD_TICKS) as usize % LoadLevel::ALL.len()];
            inputs.push(Input::LoadLevel { level });
        }
        for (character, connection) in self.players.clone() {
            let draw = self.rng.random_range(0..1000);
            match connection {
                Connection::Absent if draw < 30 => self.enter(character, &mut inputs),
                Connection::Lost if draw < 30 => {
                    let session = self.connect(character);
                    inputs.push(Input::Attach { character, session });
                }
                Connection::Open(session) => {
                    if let Some(sight) = look(game, character) {
                        self.act(draw, character, session, &sight, &mut inputs);
                    }
                }
                Connection::Absent | Connection::Lost | Connection::Leaving => {}
            }
        }
        inputs
    }

    /// Letters that are on their way.
    pub(super) fn letters(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.letters)
    }

    pub(super) fn everybody_leaves(&mut self) -> Vec<Input> {
        let mut inputs = self.letters();
        inputs.extend(self.players.keys().map(|&character| Input::Leave { character }));
        inputs
    }

    fn connect(&mut self, character: CharacterId) -> SessionId {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        self.players.insert(character, Connection::Open(session));
        session
    }

    fn enter(&mut self, character: CharacterId, inputs: &mut Vec<Input>) {
        let session = self.connect(character);
        let save = self.saves.get(&character);
        let record = CharacterRecord {
            id: character,
            account: AccountId(character.0),
            name: format!("Player{character}"),
            rank: Rank::Player,
            place: save.map(|save| save.place.clone()),
            modules: save.map(|save| save.modules.to_map()).unwrap_or_default(),
            items: self.ledger.items_of(character),
            gold: self.ledger.gold_of(character),
        };
        inputs.push(Input::Enter { session, character: Box::new(record) });
    }

    fn act(
        &mut self,
        draw: u32,
        character: CharacterId,
        session: SessionId,
        sight: &Sight,
        inputs: &mut Vec<Input>,
    ) {
        let packet = match draw {
            _ if !sight.alive => (draw < TURN).then(|| packet(session, &Respawn {})),
            ..LEAVE => {
                self.players.insert(character, Connection::Leaving);
                Some(Input::Leave { character })
            }
            LEAVE..DETACH => {
                self.players.insert(character, Connection::Lost);
                Some(Input::Detach { character })
            }
            DETACH..PORTAL => {
                inputs.extend(self.put_into_portal(character, sight));
                Some(self.walk(session, None))
            }
            PORTAL..SHOP => sight.keeper.map(|(entity, at)| {
                inputs.push(self.put(character, at));
                match sight.owned {
                    Some(item) => packet(session, &Sell { entity, item }),
                    None => packet(session, &Buy { entity, template: "bread".into(), quantity: 2 }),
                }
            }),
            SHOP..SAY => Some(packet(session, &Say { text: "hi".into() })),
            SAY..DROP => sight.owned.map(|item| packet(session, &DropItem { item })),
            DROP..PICK_UP => sight.item.map(|entity| packet(session, &PickUp { entity })),
            PICK_UP..FIGHT => sight.monster.map(|(target, there)| {
                if there.is_within(250, sight.here) {
                    return packet(session, &Attack { target });
                }
                self.walk(session, heading_towards(sight.here, there).map(|heading| heading.0))
            }),
            FIGHT..TURN => Some(self.walk(session, None)),
            TURN.. => None,
        };
        inputs.extend(packet);
    }

    fn walk(&mut self, session: SessionId, heading: Option<u16>) -> Input {
        let anywhere = self.rng.random();
        let wish = Move {
            heading: heading.unwrap_or(anywhere).into(),
            walking: true,
            sequence: u32::try_from(self.tick).unwrap(),
        };
        packet(session, &wish)
    }

    /// The operator puts the player into a portal of its zone.
    fn put_into_portal(&mut self, character: CharacterId, sight: &Sight) -> Option<Input> {
        let portals = &self.content.zone_content(&sight.zone)?.portals;
        let portal = portals.get(self.rng.random_range(0..portals.len().max(1)))?;
        Some(self.put(character, portal.area.centre()))
    }

    fn put(&self, character: CharacterId, Position { x, y }: Position) -> Input {
        Input::Operator { line: format!("teleport Player{character} {x} {y}") }
    }

    /// What a publication says to the store, the bus and the lobby.
    pub(super) fn learn(&mut self, publication: &Publication) {
        self.letters.extend(publication.letters.iter().cloned().map(Input::OwnLetter));
        for order in &publication.orders {
            if let Order::Left { character, .. } = order {
                self.players.insert(*character, Connection::Absent);
            }
        }
        let Some(commit) = &publication.commit else {
            return;
        };
        self.learn_sales(commit);
        for save in &commit.characters {
            self.saves.insert(save.character, save.clone());
        }
        for operation in &commit.operations {
            if let Work::Done(changes) = &operation.work {
                let moves = changes.iter().filter(|change| matches!(change, Change::Move { .. }));
                self.changes_of_owner += moves.count();
            }
        }
        self.letters.extend(self.ledger.apply(commit).into_iter().map(Input::Decided));
    }

    /// Progress is never apart from the value it belongs to: each save says what the operations up to here come to.
    fn learn_sales(&mut self, commit: &Commit) {
        for operation in commit.operations.iter().filter(|operation| operation.cause == "sell") {
            let Work::Done(changes) = &operation.work else { continue };
            for change in changes {
                if let Change::Gold { to: Some(to), amount, .. } = change {
                    *self.sales.entry(*to).or_default() += amount;
                }
            }
        }
        for save in &commit.characters {
            let earned = Record::read(&save.modules.get("progress").unwrap()).unwrap().earned;
            let sales = self.sales.get(&save.character).copied().unwrap_or_default();
            assert_eq!(earned, sales, "character {} in {:?}", save.character, commit.seq);
        }
    }

    /// Gold that shops have paid.
    pub(super) fn sales(&self) -> u64 {
        self.sales.values().sum()
    }

    /// All that commits come to.
    pub(super) const fn ledger(&self) -> &Model {
        &self.ledger
    }

    /// What characters own who are not in the world.
    pub(super) fn owned_by_absent(&self) -> Vec<ItemRecord> {
        let absent = self.players.iter().filter(|(_, state)| **state == Connection::Absent);
        let items = absent.flat_map(|(character, _)| self.ledger.items_of(*character));
        items.collect()
    }

    /// How often an item went from one owner to another.
    pub(super) const fn changes_of_owner(&self) -> usize {
        self.changes_of_owner
    }
}

fn packet<M: ClientMessage>(session: SessionId, message: &M) -> Input {
    Input::Packet {
        session,
        request: 0,
        id: M::INFO.id,
        payload: Bytes::from(message.encode_to_vec()),
    }
}

fn look(game: &Game, character: CharacterId) -> Option<Sight> {
    let (zone, body) = game.find(character)?;
    let (zone, here) = (zone.clone(), body.position());
    let nearest = |kind: EntityKind| {
        let near =
            |entity: &&Entity| entity.kind() == kind && entity.position().is_within(SIGHT_CM, here);
        let near = game.entities(&zone).into_iter().flat_map(|all| all.iter().filter(near));
        let alive = near.filter(|entity| entity.hp() > 0 || entity.max_hp() == 0);
        alive.min_by_key(|entity| (distance_squared(entity.position(), here), entity.id()))
    };
    let mut all = game.entities(&zone).into_iter().flat_map(|all| all.iter());
    let keeper = all.find(|entity| entity.kind() == EntityKind::Npc);
    Some(Sight {
        alive: body.hp() > 0,
        monster: nearest(EntityKind::Monster).map(|found| (found.id().0, found.position())),
        item: nearest(EntityKind::Item).map(|found| found.id().0),
        owned: game.player(character)?.inventory().items().next().map(|item| item.id.0),
        keeper: keeper.map(|keeper| (keeper.id().0, keeper.position())),
        zone,
        here,
    })
}
