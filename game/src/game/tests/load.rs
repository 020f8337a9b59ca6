//! Under load a crowd is told of its motion in more turns, and as before when that is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;

use crate::game::Game;
use crate::ids::{AccountId, CharacterId, Rank, SessionId, ZoneName};
use crate::input::Input;
use crate::load::LoadLevel;
use crate::record::CharacterRecord;
use crate::settings::Settings;

/// So many stand together.
const CROWD: u64 = 60;
/// Bytes per second: enough for all of them to move at once, of which a quarter isn't.
const BUDGET: u32 = 32 * 1024;

fn enter(id: u64) -> Input {
    let character = CharacterRecord {
        id: CharacterId(id),
        account: AccountId(id),
        name: format!("Ada{id}"),
        rank: Rank::Player,
        place: None,
        modules: BTreeMap::new(),
        items: Vec::new(),
        gold: 0,
    };
    Input::Enter { session: SessionId(id), character: Box::new(character) }
}

/// Bytes of all views while everybody walks in a small circle for so many ticks.
fn shown(game: &mut Game, ticks: u64) -> usize {
    let turn = |id: u64, tick: u64| {
        let heading = u32::try_from(tick * 8_192 % 65_536).unwrap();
        let wish = Move { heading, walking: true, sequence: u32::try_from(tick).unwrap() };
        let payload = Bytes::from(wish.encode_to_vec());
        Input::Packet { session: SessionId(id), request: 0, id: Move::INFO.id, payload }
    };
    let mut bytes = Vec::new();
    for _ in 0..ticks {
        let tick = game.tick_count();
        let publication = game.tick((1..=CROWD).map(|id| turn(id, tick)), 1);
        let deliveries = publication.deliveries.iter();
        deliveries.for_each(|delivery| publication.put_view(delivery, true, &mut bytes));
        game.recycle(publication);
    }
    bytes.len()
}

#[test]
fn under_load_a_crowd_is_sent_less_than_half_and_all_of_it_again_when_that_is_over() {
    let zones = vec![ZoneName::new("field")];
    let settings = Settings { zones, client_budget: BUDGET, ..Settings::default() };
    let table = Arc::new(crate::modules::all().check().unwrap());
    let content = Arc::new(crate::testing::small_world());
    let mut game = Game::new(settings, content, table).unwrap();
    game.tick((1..=CROWD).map(enter), 1);
    let mut at = |level| {
        game.tick([Input::LoadLevel { level }], 1);
        // The turns that were begun come to their end first.
        shown(&mut game, 40);
        shown(&mut game, 64)
    };
    let normal = at(LoadLevel::Normal);
    let loaded = at(LoadLevel::Motion);
    let over = at(LoadLevel::Normal);
    assert!(loaded * 2 < normal, "{loaded} of {normal} bytes");
    assert!(over * 10 > normal * 9, "{over} of {normal} bytes");
}
