//! The tick, from its packets to the bytes of everybody's view.

use std::collections::BTreeMap;
use std::sync::Arc;

use allocation_counter::measure;
use bytes::Bytes;
use game::content::ContentFiles;
use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Content, Game, Input, Rank, SessionId, Settings};
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// Players on the field.
const PLAYERS: u64 = 300;
/// One in so many players turns in a tick.
const TURN: u32 = 2;
/// Ticks until every buffer has seen its busiest moment, and more.
const WARM_UP: u32 = 1500;
/// Ticks that are counted: everybody is announced to the realm several times and goes from cell to cell.
const COUNTED: u32 = 500;
/// An interval that never comes.
const NEVER: u64 = u64::MAX / 2;

/// 200 m by 200 m with a hut: forty-nine cells, and dozens of others in sight of everybody.
const FIELD: &str = r#"
name = "Field"
tile_cm = 200
start = [0, 0, 100, 100]
graveyard = [5, 5, 2, 2]
spawns = [{ monster = "boar", at = [20, 70], radius_cm = 1000, count = 5, respawn_s = 30 }]
[drawn]
blank = [100, 100]
walls = [[45, 35, 3, 3]]
"#;
const BOAR: &str = r#"
[boar]
name = "Boar"
hp = 50
speed_cm_s = 300
damage = 1
attack_range_cm = 200
attack_cooldown_ms = 1000
aggro_cm = 0
leash_cm = 3000
wander_cm = 400
experience = 5
"#;
const PLAYER: &str = r#"
start_zone = "field"
hp = 100
speed_cm_s = 600
damage = 20
attack_range_cm = 300
attack_cooldown_ms = 1000
inventory_slots = 24
pick_up_cm = 400
respawn_s = 5
"#;

struct World {
    game: Game,
    rng: Pcg64Mcg,
    inputs: Vec<Input>,
    /// Where each client's bytes go.
    out: Vec<u8>,
    seen: usize,
}

impl World {
    fn new() -> Self {
        let files = ContentFiles::from_iter([
            ("player.toml", PLAYER),
            ("items.toml", ""),
            ("monsters.toml", BOAR),
            ("shops.toml", ""),
            ("zones/field.toml", FIELD),
        ]);
        let content = Content::parse(&files).unwrap();
        let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
        let settings = Settings { zones, save_interval: NEVER, ..Settings::default() };
        let table = Arc::new(game::modules::all().check().unwrap());
        let game = Game::new(settings, Arc::new(content), table).unwrap();
        Self {
            game,
            rng: Pcg64Mcg::seed_from_u64(1),
            inputs: (1..=PLAYERS).map(enter).collect(),
            out: Vec::new(),
            seen: 0,
        }
    }

    /// Somebody turns, most walk on.
    fn steer(&mut self, sequence: u32) {
        for player in 1..=PLAYERS {
            if self.rng.random_range(0..TURN) == 0 {
                let heading = self.rng.next_u32() >> 16;
                let walking = self.rng.random_range(0..8) > 0;
                let wish = Move { heading, walking, sequence };
                self.inputs.push(Input::Packet {
                    session: SessionId(player),
                    request: 0,
                    id: Move::INFO.id,
                    payload: Bytes::from(wish.encode_to_vec()),
                });
            }
        }
    }

    /// As the server does it: a tick, everybody's bytes, and the buffers back.
    fn tick(&mut self) {
        let publication = self.game.tick(self.inputs.drain(..), 1);
        for delivery in &publication.deliveries {
            self.out.clear();
            publication.frames(delivery).for_each(|frame| self.out.extend_from_slice(frame.bytes));
            publication.put_view(delivery, true, &mut self.out);
            self.seen += self.out.len();
        }
        self.game.recycle(publication);
    }
}

fn enter(id: u64) -> Input {
    let character = CharacterRecord {
        id: CharacterId(id),
        account: AccountId(id),
        name: format!("Walker{id}"),
        rank: Rank::Player,
        place: None,
        modules: BTreeMap::new(),
        items: Vec::new(),
        gold: 0,
    };
    Input::Enter { session: SessionId(id), character: Box::new(character) }
}

#[test]
fn a_tick_of_players_who_walk_among_each_other_and_steer_allocates_nothing() {
    let mut world = World::new();
    for tick in 0..WARM_UP {
        world.steer(tick);
        world.tick();
    }
    let mut allocated = Vec::new();
    for tick in WARM_UP..WARM_UP + COUNTED {
        world.steer(tick);
        let before = world.seen;
        let counted = measure(|| world.tick());
        assert!(world.seen - before > 1000, "nobody sees anything");
        if counted.count_total > 0 {
            allocated.push((tick, counted.count_total));
        }
    }
    assert_eq!(allocated, [], "(tick, allocations)");
}

#[test]
fn what_a_tick_allocates_is_counted() {
    let mut world = World::new();
    // Everybody comes in: this is no steady state.
    assert!(measure(|| world.tick()).count_total > PLAYERS);
}
