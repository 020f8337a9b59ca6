//! Players who run about a field as bots do, for a game without sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Game, Input, Position, Rank, SessionId};
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;

use crate::field::Field;

/// Each player steers once in so many ticks: five times a second at ten ticks.
pub(super) const STEER_EVERY: u64 = 2;
/// Ticks for which a player keeps its direction: legs of 36 m.
const LEG: u64 = 60;
/// A save that never comes: this measures ticks without a store.
const NEVER: u64 = u64::MAX / 2;
/// Added to the number of a player. A character's turn to be saved follows from its id, and must not come either.
const CHARACTER: u64 = 1 << 32;

/// A game, and what its players do.
pub(super) struct Walkers {
    pub(super) game: Game,
    players: u64,
    seed: u64,
    tick: u64,
}

impl Walkers {
    /// So many players in a field that gives them fifty neighbours each. Nobody has moved yet.
    pub(super) fn new(players: usize, seed: u64) -> anyhow::Result<Self> {
        let content = Field::wide(players).content()?;
        let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
        let settings =
            game::Settings { zones, seed, save_interval: NEVER, ..game::Settings::default() };
        let table = Arc::new(game::modules::all().check()?);
        let game = Game::new(settings, Arc::new(content), table)?;
        let mut walkers = Self { game, players: players as u64, seed, tick: 0 };
        walkers.game.tick((1..=walkers.players).map(enter), 1);
        Ok(walkers)
    }

    /// What the next tick is told. Payloads lie side by side, as the server hands them over.
    pub(super) fn next_inputs(&mut self) -> Vec<Input> {
        self.tick += 1;
        let tick = self.tick;
        let steering =
            (1..=self.players).filter(|player| (player + tick).is_multiple_of(STEER_EVERY));
        let mut bytes = BytesMut::new();
        let payloads: Vec<_> = steering
            .map(|player| {
                let start = bytes.len();
                self.steer(player).encode_raw(&mut bytes);
                (SessionId(player), start..bytes.len())
            })
            .collect();
        let bytes = bytes.freeze();
        let packet = |(session, payload)| {
            let payload = bytes.slice(payload);
            Input::Packet { session, request: 0, id: Move::INFO.id, payload }
        };
        payloads.into_iter().map(packet).collect()
    }

    /// A player keeps to its leg with a slight sway, so that each input is a new one.
    fn steer(&self, player: u64) -> Move {
        let leg = (self.tick + player) / LEG;
        let heading = mix(self.seed ^ player << 32 ^ leg);
        let sway = mix(heading ^ self.tick) % 1_024;
        Move {
            heading: u32::try_from((heading + sway) % 65_536).unwrap_or_default(),
            walking: true,
            sequence: u32::try_from(self.tick).unwrap_or_default(),
        }
    }

    /// Where everybody stands.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        let players = (1..=self.players).filter_map(|id| self.game.find(character(id)));
        players.map(|(_, entity)| entity.position())
    }

    /// How many entities a player has in its nine cells on average, itself among them.
    pub(super) fn mean_in_sight(&self) -> f64 {
        let cell_size = game::Settings::default().cell_size.cast_signed();
        let places = || self.positions().map(|at| (at.x / cell_size, at.y / cell_size));
        let mut cells = BTreeMap::<_, u32>::new();
        for place in places() {
            *cells.entry(place).or_default() += 1;
        }
        let seen = places().map(|(column, row)| {
            let around = (row - 1..=row + 1)
                .flat_map(|row| (column - 1..=column + 1).map(move |column| (column, row)));
            f64::from(around.filter_map(|cell| cells.get(&cell)).sum::<u32>())
        });
        seen.sum::<f64>() / super::count(self.players)
    }
}

const fn character(player: u64) -> CharacterId {
    CharacterId(CHARACTER + player)
}

fn enter(player: u64) -> Input {
    let character = CharacterRecord {
        id: character(player),
        account: AccountId(player),
        name: format!("Bench{player}"),
        rank: Rank::Player,
        place: None,
        modules: BTreeMap::new(),
        items: Vec::new(),
        gold: 0,
    };
    Input::Enter { session: SessionId(player), character: Box::new(character) }
}

/// A number without pattern from another (the finish of SplitMix64).
pub(super) const fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
