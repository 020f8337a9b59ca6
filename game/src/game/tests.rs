//! Two worlds with the same inputs are the same to the last bit, one that went through a snapshot too, and nothing is
//! lost or doubled in any of them.

mod load;
mod script;

use std::sync::Arc;

use super::Game;
use crate::content::{Content, ContentFiles};
use crate::input::Input;
use crate::module::Module as _;
use crate::modules;
use crate::modules::monsters::Monsters;
use crate::record::Owner;
use crate::settings::Settings;
use crate::zone::EntityKind;
use script::Script;

const TICKS: usize = 2_000;
const HALF: usize = TICKS / 2;
/// The longest that anything lasts when nobody is there: what lies on the ground, 120 s, and then some.
const QUIET_TICKS: usize = 1_300;

macro_rules! content_files {
    ($($path:literal),* $(,)?) => {
        ContentFiles::from_iter([$(($path, include_str!(concat!("../../../config/content/", $path)))),*])
    };
}

/// The content that the server ships with.
fn content() -> Arc<Content> {
    let files = content_files![
        "player.toml",
        "items.toml",
        "monsters.toml",
        "shops.toml",
        "zones/meadow.toml",
        "zones/village.toml",
        "zones/cave.toml",
        "maps/village.json",
        "maps/cave.txt",
    ];
    Arc::new(Content::parse(&files).unwrap_or_else(|errors| panic!("{errors:?}")))
}

fn new_game(content: &Arc<Content>) -> Game {
    let zones = content.zones().iter().map(|zone| zone.key.clone());
    let settings = Settings { zones: zones.collect(), ..Settings::default() };
    let table = modules::all().check().unwrap();
    Game::new(settings, Arc::clone(content), Arc::new(table)).unwrap()
}

/// A played game: what it was told, and how it was halfway.
struct Run {
    game: Game,
    script: Script,
    inputs: Vec<Vec<Input>>,
    halfway: Vec<u8>,
}

fn play(seed: u64) -> Run {
    let content = content();
    let mut run = Run {
        game: new_game(&content),
        script: Script::new(seed, Arc::clone(&content)),
        inputs: Vec::new(),
        halfway: Vec::new(),
    };
    for tick in 0..TICKS {
        if tick == HALF {
            run.halfway = run.game.snapshot();
        }
        let inputs = run.script.inputs(&run.game);
        run.inputs.push(inputs.clone());
        let publication = run.game.tick(inputs, 1);
        run.script.learn(&publication);
        run.game.recycle(publication);
    }
    run
}

fn assert_same(one: &Game, other: &Game) {
    assert_eq!(one.zone_hashes(), other.zone_hashes());
    assert_eq!(one.hash(), other.hash());
}

/// The entities of each zone by kind: players, monsters, things on the ground.
fn census(game: &Game) -> Vec<[usize; 3]> {
    let of = |zone: &crate::zone::Zone| {
        [EntityKind::Player, EntityKind::Monster, EntityKind::Item].map(|kind| {
            let entities = zone.state.entities.iter();
            entities.filter(|entity| entity.kind() == kind).count()
        })
    };
    game.zones.iter().map(of).collect()
}

/// Monsters that the zone's module remembers.
fn minds(zone: &crate::zone::Zone) -> usize {
    let mut slots = zone.modules.iter().map(|module| module.snapshot());
    let slot = slots.find(|slot| slot.name == Monsters::NAME).unwrap();
    let monsters: Monsters = postcard::from_bytes(&slot.state).unwrap();
    monsters.alive(&zone.state.entities)
}

fn owned_on_ground(script: &Script) -> usize {
    let items = script.ledger().items();
    items.filter(|item| matches!(item.owner, Owner::Ground { .. })).count()
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let (one, again, other) = (play(1), play(1), play(2));
    assert_same(&one.game, &again.game);
    assert_ne!(one.game.hash(), other.game.hash());
}

#[test]
fn a_world_restored_from_its_snapshot_goes_on_as_the_one_it_was_taken_of() {
    let run = play(3);
    let table = modules::all().check().unwrap();
    let mut restored = Game::restore(&run.halfway, content(), Arc::new(table)).unwrap();
    assert_eq!(restored.snapshot(), run.halfway);
    for inputs in &run.inputs[HALF..] {
        let publication = restored.tick(inputs.clone(), 1);
        restored.recycle(publication);
    }
    assert_same(&run.game, &restored);
}

#[test]
fn items_and_entities_are_neither_lost_nor_doubled() {
    let first = census(&new_game(&content()));
    let Run { mut game, mut script, .. } = play(4);

    let mut owned = script.owned_by_absent();
    for zone in &game.zones {
        let players = zone.state.players.iter();
        owned.extend(players.flat_map(|player| player.inventory.items().cloned()));
        owned.extend(zone.state.ground.values().cloned());
    }
    owned.extend(game.travelers.values().flat_map(|traveler| traveler.record.items.clone()));
    owned.sort_by_key(|item| item.id);
    assert!(
        owned.iter().eq(script.ledger().items()),
        "what is owned is what was made and not destroyed"
    );
    assert!(script.sales() > 50, "{} gold paid by shops", script.sales());
    assert!(script.changes_of_owner() > 200, "{} changes of owner", script.changes_of_owner());

    let publication = game.tick(script.everybody_leaves(), 1);
    script.learn(&publication);
    for _ in 0..QUIET_TICKS {
        let publication = game.tick(script.letters(), 1);
        script.learn(&publication);
        game.recycle(publication);
    }
    assert_eq!(census(&game), first, "an empty world is as it was at first");
    for zone in game.zones.iter().filter(|zone| !zone.state.is_realm()) {
        assert!(zone.state.players.iter().next().is_none() && zone.state.ground.is_empty());
        let keepers =
            zone.state.entities.iter().filter(|entity| entity.kind() == EntityKind::Npc).count();
        assert_eq!(minds(zone) + keepers, zone.state.entities.len());
    }
    assert_eq!(owned_on_ground(&script), 0);
}

#[test]
fn an_operator_of_the_realm_alone_is_told_that_commands_run_elsewhere() {
    let table = modules::all().check().unwrap();
    let mut game = Game::new(Settings::default(), content(), Arc::new(table)).unwrap();
    let line = "announce noon".to_owned();
    let publication = game.tick(vec![Input::Operator { line }], 1);
    let log = publication.commit.unwrap().gm_log;
    assert!(log[0].outcome.contains("only the realm"), "{}", log[0].outcome);
}
