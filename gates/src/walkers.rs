//! A thousand players with all modules of the game, on a field on which each has about fifty others in sight.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use game::content::ContentFiles;
use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Content, Game, Input, Publication, Rank, SessionId, Settings};
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;

use crate::Work;

const PLAYERS: u64 = 1000;
/// Ticks after which everybody walks and every buffer has its size.
const WARM_UP: u64 = 8;
/// A player steers in every so manieth tick: five times a second.
const STEER_EVERY: u64 = 2;
/// Players who send in [`dispatch`], and moves of each.
const SENDERS: u64 = 100;
const MOVES: u64 = 10;

const FIELD: &str = r#"
name = "Field"
tile_cm = 200
start = [0, 0, 215, 215]
graveyard = [5, 5, 2, 2]
[drawn]
blank = [215, 215]
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
    inputs: Vec<Input>,
    tick: u64,
}

impl World {
    /// So many are in; nobody has moved.
    fn of(players: u64) -> anyhow::Result<Self> {
        let files = ContentFiles::from_iter([
            ("player.toml", PLAYER),
            ("items.toml", ""),
            ("monsters.toml", ""),
            ("shops.toml", ""),
            ("zones/field.toml", FIELD),
        ]);
        let content = Content::parse(&files);
        let content = content.map_err(|errors| anyhow::anyhow!("the content: {errors:?}"))?;
        let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
        // Saves are a matter of their own; here nobody's turn comes.
        let settings = Settings { zones, save_interval: u64::MAX / 2, ..Settings::default() };
        let table = Arc::new(game::modules::all().check()?);
        let game = Game::new(settings, Arc::new(content), table)?;
        let mut world = Self { game, inputs: (1..=players).map(enter).collect(), tick: 0 };
        for _ in 0..3 {
            world.tick_and_recycle();
        }
        Ok(world)
    }

    /// Everybody walks.
    fn walking() -> anyhow::Result<Self> {
        let mut world = Self::of(PLAYERS)?;
        (1..=PLAYERS).for_each(|player| world.steer(player, true));
        for _ in 0..WARM_UP {
            world.tick_and_recycle();
            world.steer_some();
        }
        Ok(world)
    }

    fn steer_some(&mut self) {
        let first = 1 + self.tick % STEER_EVERY;
        let stride = usize::try_from(STEER_EVERY).unwrap_or(1);
        (first..=PLAYERS).step_by(stride).for_each(|player| self.steer(player, true));
    }

    fn steer(&mut self, player: u64, walking: bool) {
        let heading = (player * 7_919 + self.tick * 104_729) % 65_536;
        let wish = Move {
            heading: u32::try_from(heading).unwrap_or_default(),
            walking,
            sequence: u32::try_from(self.tick).unwrap_or_default(),
        };
        self.inputs.push(Input::Packet {
            session: SessionId(player),
            request: 0,
            id: Move::INFO.id,
            payload: Bytes::from(wish.encode_to_vec()),
        });
    }

    fn tick(&mut self) -> Publication {
        self.tick += 1;
        self.game.tick(self.inputs.drain(..), 1)
    }

    fn tick_and_recycle(&mut self) {
        let publication = self.tick();
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

/// A thousand packets of a hundred players who stand: each brought to its module, decoded and acknowledged.
pub(crate) fn dispatch() -> anyhow::Result<Work> {
    let mut world = World::of(SENDERS)?;
    for _ in 0..MOVES {
        (1..=SENDERS).for_each(|player| world.steer(player, false));
    }
    Ok(Box::new(move || _ = black_box(world.tick())))
}

/// The views of a thousand who walk, each copied into the bytes of its client.
pub(crate) fn gather() -> anyhow::Result<Work> {
    let mut world = World::walking()?;
    let publication = world.tick();
    let mut out = Vec::new();
    let mut copy = move || {
        for delivery in &publication.deliveries {
            out.clear();
            publication.put_view(delivery, true, &mut out);
            black_box(&out);
        }
    };
    // Once beforehand, so that `out` has its size.
    copy();
    Ok(Box::new(copy))
}

/// A whole tick of a thousand who walk, half of whom steer.
pub(crate) fn tick() -> anyhow::Result<Work> {
    let mut world = World::walking()?;
    Ok(Box::new(move || _ = black_box(world.tick())))
}

/// A whole tick of a thousand who stand, which nobody is told anything of.
pub(crate) fn standing() -> anyhow::Result<Work> {
    let mut world = World::of(PLAYERS)?;
    (0..WARM_UP).for_each(|_| world.tick_and_recycle());
    Ok(Box::new(move || _ = black_box(world.tick())))
}
