//! What monsters do, each by an example on a field of 200 m by 200 m.

use protocol::v1::{Attack, CommandResult, Move, Refusal};

use super::SEARCHES_PER_TICK;
use crate::content::{Content, ContentFiles};
use crate::ids::{EntityId, ZoneName};
use crate::input::Input;
use crate::load::LoadLevel;
use crate::modules;
use crate::modules::combat::{Blow, Killed};
use crate::space::{Position, distance_squared};
use crate::testing::GameTest;
use crate::zone::{Entity, EntityKind};

const PLAYER: &str = r#"
start_zone = "arena"
hp = 1000
speed_cm_s = 500
damage = 20
attack_range_cm = 300
attack_cooldown_ms = 500
inventory_slots = 4
pick_up_cm = 300
respawn_s = 2
"#;
const MONSTERS: &str = r#"
[hound]
name = "Hound"
hp = 200
speed_cm_s = 400
damage = 10
attack_range_cm = 200
attack_cooldown_ms = 1000
aggro_cm = 1000
leash_cm = 3000
wander_cm = 400
experience = 1

[sheep]
name = "Sheep"
hp = 200
speed_cm_s = 400
damage = 10
attack_range_cm = 200
attack_cooldown_ms = 1000
aggro_cm = 0
leash_cm = 3000
wander_cm = 400
experience = 1
"#;
const WANDER_CM: u32 = 400;
/// Where the lone monster of most tests lives: the middle of tile 48, 50.
const HOME: Position = Position::new(9700, 10_100);
/// In sight of the home, and too far away to be hunted.
const AFAR: Position = Position::new(6700, 10_100);
const RESPAWN_S: u64 = 8;

/// Ada at the western edge of a world with these spawn points and walls, out of everybody's sight.
fn world(spawns: &str, walls: &str) -> GameTest {
    world_of(PLAYER, spawns, walls)
}

fn world_of(player: &str, spawns: &str, walls: &str) -> GameTest {
    let zone = format!(
        "name = \"Arena\"\ntile_cm = 200\nstart = [3, 50]\ngraveyard = [3, 3]\nspawns = [{spawns}]\n\
         [drawn]\nblank = [100, 100]\nwalls = [{walls}]\n"
    );
    let files = ContentFiles::from_iter([
        ("player.toml", player),
        ("items.toml", ""),
        ("monsters.toml", MONSTERS),
        ("zones/arena.toml", zone.as_str()),
    ]);
    let content = Content::parse(&files).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut test = GameTest::with(content, modules::all());
    test.player("Ada");
    test
}

fn one(monster: &str, walls: &str) -> GameTest {
    let spawn = format!(
        "{{ monster = \"{monster}\", at = [48, 50], radius_cm = 0, count = 1, respawn_s = {RESPAWN_S} }}"
    );
    world(&spawn, walls)
}

fn monsters(test: &GameTest) -> impl Iterator<Item = &Entity> {
    let entities = test.game().entities(&ZoneName::new("arena")).unwrap();
    entities.iter().filter(|entity| entity.kind() == EntityKind::Monster)
}

fn monster(test: &GameTest) -> &Entity {
    monsters(test).next().unwrap()
}

fn east_of(place: Position, x: i32) -> Position {
    Position::new(place.x + x, place.y)
}

fn is_home(test: &GameTest) -> bool {
    // Ten more for the place where a stroll ends.
    monster(test).position().is_within(WANDER_CM + 10, HOME)
}

/// The current player strikes the monster once, from right beside it.
fn strike(test: &mut GameTest, name: &str, target: EntityId) {
    let at = test.game().entities(&ZoneName::new("arena")).unwrap().get(target);
    let at = at.map(Entity::position).unwrap();
    test.act_as(name).place(name, east_of(at, 50));
    test.send(Attack { target: target.0 }).tick(1);
}

fn kill(test: &mut GameTest) {
    let id = monster(test).id();
    while monster(test).hp() > 0 {
        strike(test, "Ada", id);
        test.tick(4);
    }
}

/// Runs at most `ticks` until `done`.
fn until(test: &mut GameTest, ticks: u32, done: impl Fn(&GameTest) -> bool) {
    for _ in 0..ticks {
        if done(test) {
            return;
        }
        test.tick(1);
    }
    assert!(done(test), "not within {ticks} ticks");
}

#[test]
fn monsters_appear_around_their_spawn_point_in_full_health() {
    let spawn =
        r#"{ monster = "hound", at = [48, 50], radius_cm = 500, count = 20, respawn_s = 5 }"#;
    let test = world(spawn, "[47, 49, 1, 3]");
    assert_eq!(monsters(&test).count(), 20);
    for monster in monsters(&test) {
        assert!(monster.position().is_within(500, HOME), "{monster:?}");
        assert!(test.map("arena").walkable(monster.position()));
        assert_eq!((monster.hp(), monster.name(), monster.template()), (200, "Hound", "hound"));
    }
    let first = monster(&test).position();
    assert!(monsters(&test).any(|monster| monster.position() != first));
}

#[test]
fn a_monster_that_nobody_sees_sleeps_where_it_is() {
    let mut test = one("hound", "");
    for _ in 0..300 {
        test.tick(1);
        assert_eq!((monster(&test).position(), monster(&test).speed()), (HOME, 0));
    }
}

#[test]
fn a_monster_that_is_seen_strolls_about_its_home_and_sleeps_again_when_alone() {
    let mut test = one("hound", "");
    test.place("Ada", AFAR);
    let mut farthest = 0;
    for _ in 0..600 {
        test.tick(1);
        assert!(is_home(&test), "{:?}", monster(&test));
        farthest = farthest.max(distance_squared(monster(&test).position(), HOME));
    }
    assert!(farthest > 100 * 100, "it never strolled a metre");
    until(&mut test, 200, |test| monster(test).speed() > 0);
    test.place_apart("Ada", "Ada").tick(5);
    let asleep = monster(&test).position();
    for _ in 0..300 {
        test.tick(1);
        assert_eq!((monster(&test).position(), monster(&test).speed()), (asleep, 0));
    }
}

#[test]
fn under_load_a_monster_far_from_all_players_sleeps_in_sight_and_hunts_who_comes_near_as_ever() {
    let mut test = one("hound", "");
    let load = |level| Input::LoadLevel { level };
    test.place("Ada", AFAR).input(load(LoadLevel::Monsters)).tick(6);
    let asleep = monster(&test).position();
    for _ in 0..300 {
        test.tick(1);
        assert_eq!((monster(&test).position(), monster(&test).speed()), (asleep, 0));
    }
    test.input(load(LoadLevel::Normal));
    until(&mut test, 200, |test| monster(test).speed() > 0);
    test.input(load(LoadLevel::Admission)).tick(6).restore().tick(1);
    assert_eq!(monster(&test).speed(), 0, "the load outlasts a restore");
    test.place("Ada", east_of(HOME, -900)).tick(40);
    assert!(test.entity("Ada").hp() < 1000);
}

#[test]
fn a_stroll_ends_where_it_was_meant_to_end() {
    let mut test = one("hound", "");
    test.place("Ada", AFAR);
    for _ in 0..5 {
        until(&mut test, 300, |test| monster(test).speed() > 0);
        let (start, mut end) = (monster(&test).position(), monster(&test).position());
        while monster(&test).speed() > 0 {
            let now = monster(&test).position();
            let (on, before) = (distance_squared(start, now), distance_squared(start, end));
            assert!(on >= before, "it walked past its goal and back");
            end = now;
            test.tick(1);
        }
    }
}

#[test]
fn a_hunter_chases_and_strikes_who_comes_near_but_not_before() {
    let mut test = one("hound", "");
    test.place("Ada", AFAR).tick(100);
    assert_eq!(test.entity("Ada").hp(), 1000);
    test.place("Ada", east_of(HOME, -900)).tick(40);
    assert!(monster(&test).position().is_within(200, test.position("Ada")));
    let wounded = test.entity("Ada").hp();
    assert!(wounded < 1000);
    test.tick(100);
    let blows = (wounded - test.entity("Ada").hp()) / 8;
    assert!((8..=13).contains(&blows), "ten blows of 8 to 12 in ten seconds");
}

#[test]
fn a_peaceful_monster_fights_only_those_who_attack_it() {
    let mut test = one("sheep", "");
    test.place("Ada", east_of(HOME, 100)).tick(100);
    assert_eq!(test.entity("Ada").hp(), 1000);
    let sheep = monster(&test).id();
    strike(&mut test, "Ada", sheep);
    until(&mut test, 20, |test| test.entity("Ada").hp() < 1000);
}

#[test]
fn nobody_is_hunted_through_a_wall() {
    let mut test = one("hound", "[45, 30, 1, 40]");
    test.place("Ada", east_of(HOME, -800)).tick(200);
    assert_eq!(test.entity("Ada").hp(), 1000);
    assert!(is_home(&test));
}

#[test]
fn a_chase_goes_around_walls() {
    let mut test = one("hound", "[45, 46, 1, 8]");
    test.place("Ada", east_of(HOME, -300));
    until(&mut test, 30, |test| test.entity("Ada").hp() < 1000);
    test.place("Ada", east_of(HOME, -1000));
    let wounded = test.entity("Ada").hp();
    until(&mut test, 150, |test| test.entity("Ada").hp() < wounded);
}

#[test]
fn who_cannot_be_reached_is_given_up() {
    let walls = "[40, 48, 5, 1], [40, 52, 5, 1], [40, 48, 1, 5], [44, 48, 1, 5]";
    let mut test = one("hound", walls);
    test.place("Ada", east_of(HOME, -400));
    until(&mut test, 30, |test| test.entity("Ada").hp() < 1000);
    test.place("Ada", east_of(HOME, -1200));
    let wounded = test.entity("Ada").hp();
    test.tick(70);
    assert!(is_home(&test), "{:?}", monster(&test));
    assert_eq!(test.entity("Ada").hp(), wounded);
}

#[test]
fn the_most_hated_attacker_is_the_target() {
    let mut test = one("sheep", "");
    let sheep = monster(&test).id();
    test.player("Bob");
    strike(&mut test, "Ada", sheep);
    until(&mut test, 20, |test| test.entity("Ada").hp() < 1000);
    for _ in 0..3 {
        strike(&mut test, "Bob", sheep);
        test.tick(5);
    }
    let (ada, bob) = (test.entity("Ada").hp(), test.entity("Bob").hp());
    test.tick(30);
    assert_eq!(test.entity("Ada").hp(), ada);
    assert!(test.entity("Bob").hp() < bob);
}

/// A wounded hound that Ada has pulled over its leash: it has just turned home.
fn returning() -> (GameTest, EntityId) {
    let mut test = one("hound", "");
    let hound = monster(&test).id();
    strike(&mut test, "Ada", hound);
    assert!(monster(&test).hp() < 200);
    while monster(&test).position().is_within(3000, HOME) {
        let ahead = east_of(monster(&test).position(), 400);
        test.place("Ada", ahead);
    }
    test.tick(2);
    (test, hound)
}

#[test]
fn on_the_end_of_its_leash_it_runs_home_heals_and_ignores_everybody() {
    let (mut test, hound) = returning();
    let turned_at = monster(&test).position();
    let unhurt = test.entity("Ada").hp();
    assert_eq!(monster(&test).hp(), 200);
    for _ in 0..3 {
        strike(&mut test, "Ada", hound);
        test.tick(5);
        assert_eq!(monster(&test).hp(), 200);
    }
    test.place("Ada", turned_at).tick(120);
    assert!(is_home(&test), "{:?}", monster(&test));
    assert!(test.entity("Ada").hp() >= unhurt);
}

#[test]
fn a_monster_on_its_way_home_is_killed_neither_by_one_strong_blow_nor_by_many() {
    let (mut test, hound) = returning();
    let attacker = test.entity("Ada").id();
    test.emit(Blow { attacker, target: hound, strength: 10_000 }).tick(1);
    for _ in 0..30 {
        test.emit(Blow { attacker, target: hound, strength: 100 });
    }
    test.tick(1);
    assert_eq!(monster(&test).hp(), 200);
    let refused = test.refusals().len();
    strike(&mut test, "Ada", hound);
    assert_eq!(test.refusals()[refused..], [Refusal::NotAllowed]);
    test.place("Ada", AFAR).tick(120);
    test.emit(Blow { attacker, target: hound, strength: 10_000 }).tick(1);
    assert_eq!(monster(&test).hp(), 0, "at home it fights again");
}

#[test]
fn a_player_that_died_is_not_hunted_for_its_former_life() {
    let mut test = one("hound", "");
    let hound = monster(&test).id();
    strike(&mut test, "Ada", hound);
    test.place("Ada", east_of(HOME, 1500)).tick(20);
    assert!(!is_home(&test), "{:?}", monster(&test));
    // Dead and back before the hound's next turn, and too far away to be noticed anew.
    let victim = test.entity("Ada").id();
    test.emit(Killed { killer: hound, victim }).place("Ada", east_of(HOME, 2000)).tick(60);
    assert!(is_home(&test), "{:?}", monster(&test));
}

#[test]
fn hunters_of_one_spawn_spread_around_their_prey() {
    let spawn = r#"{ monster = "hound", at = [48, 50], radius_cm = 0, count = 10, respawn_s = 8 }"#;
    let mut test = world(spawn, "");
    test.place("Ada", east_of(HOME, -900)).tick(40);
    let places: Vec<Position> = monsters(&test).map(Entity::position).collect();
    for (index, place) in places.iter().enumerate() {
        assert!(place.is_within(200, test.position("Ada")), "{place:?} can't strike");
        let crowded = places[..index].iter().find(|other| other.is_within(3, *place));
        assert_eq!(crowded, None, "{place:?} of {places:?}");
    }
}

#[test]
fn every_hunter_behind_a_wall_gets_its_way_in_turn() {
    const HUNTERS: u32 = 100;
    let spawn = format!(
        "{{ monster = \"sheep\", at = [46, 50], radius_cm = 500, count = {HUNTERS}, respawn_s = 8 }}"
    );
    let strong = PLAYER.replace("hp = 1000", "hp = 1000000");
    let mut test = world_of(&strong, &spawn, "[50, 43, 1, 15]");
    test.place("Ada", Position::new(10_260, 10_000));
    let attacker = test.entity("Ada").id();
    let homes: Vec<_> = monsters(&test).map(|sheep| (sheep.id(), sheep.position())).collect();
    for (target, _) in &homes {
        test.emit(Blow { attacker, target: *target, strength: 1 });
    }
    let mut waiting = homes;
    // Twice the time of a fair turn, and a second.
    for tick in 0..HUNTERS / SEARCHES_PER_TICK * 2 + 10 {
        // Up and down behind the wall, so that ways that were found become useless.
        let heading = if (tick / 12) % 2 == 0 { 16_384 } else { 49_152 };
        test.send(Move { heading, walking: true, sequence: tick }).tick(1);
        let entities = test.game().entities(&ZoneName::new("arena")).unwrap();
        let place = |id| entities.get(id).map(Entity::position).unwrap();
        waiting.retain(|(id, home)| place(*id).is_within(40, *home));
    }
    assert_eq!(waiting, [], "stood still all the time");
}

#[test]
fn a_player_whose_damage_is_0_does_none() {
    let spawn = r#"{ monster = "sheep", at = [48, 50], radius_cm = 0, count = 1, respawn_s = 8 }"#;
    let mut test = world_of(&PLAYER.replace("damage = 20", "damage = 0"), spawn, "");
    let sheep = monster(&test).id();
    strike(&mut test, "Ada", sheep);
    assert_eq!((monster(&test).hp(), test.refusals()), (200, vec![Refusal::NotAllowed]));
    let attacker = test.entity("Ada").id();
    test.emit(Blow { attacker, target: sheep, strength: 0 }).tick(1);
    assert_eq!(monster(&test).hp(), 200);
}

#[test]
fn who_has_left_is_forgotten() {
    let mut test = one("hound", "");
    let hound = monster(&test).id();
    test.player("Bob").place("Bob", AFAR);
    strike(&mut test, "Ada", hound);
    test.place("Ada", east_of(HOME, 1500)).tick(25);
    assert!(!is_home(&test), "{:?}", monster(&test));
    test.leave("Ada").tick(60);
    assert!(is_home(&test), "{:?}", monster(&test));
    assert_eq!(monster(&test).hp(), 200);
}

#[test]
fn a_chase_goes_on_when_the_prey_loses_its_connection() {
    let mut test = one("hound", "");
    test.place("Ada", east_of(HOME, -500));
    until(&mut test, 30, |test| test.entity("Ada").hp() < 1000);
    let character = test.character("Ada");
    test.input(Input::Detach { character }).tick(1);
    let wounded = test.entity("Ada").hp();
    test.tick(30);
    assert!(test.entity("Ada").hp() < wounded);
}

#[test]
fn the_dead_lie_for_a_while_and_come_back_after_their_time() {
    let mut test = one("hound", "");
    let dead = monster(&test).id();
    test.place("Ada", HOME);
    kill(&mut test);
    test.place("Ada", AFAR);
    test.tick(30);
    assert_eq!((monster(&test).id(), monster(&test).hp()), (dead, 0));
    test.tick(20);
    assert_eq!(monsters(&test).count(), 0);
    test.tick(20);
    assert_eq!(monsters(&test).count(), 0, "before {RESPAWN_S} seconds are over");
    test.tick(10);
    assert_eq!((monster(&test).hp(), monster(&test).position()), (200, HOME));
    assert_ne!(monster(&test).id(), dead);
}

#[test]
fn a_master_makes_monsters_that_do_not_come_back() {
    let mut test = world("", "");
    test.player("Ada").command("spawn hound").tick(1);
    assert_eq!(monsters(&test).count(), 0, "not for players");
    test.master("Eve").command("spawn hound 3").tick(1);
    assert_eq!(monsters(&test).count(), 3);
    assert!(monsters(&test).all(|hound| hound.position().is_within(300, test.position("Eve"))));
    for line in ["spawn dragon", "spawn hound 0", "spawn hound 101", "spawn"] {
        test.command(line).tick(1);
        assert_eq!(monsters(&test).count(), 3, "{line}");
    }
    assert!(test.received::<CommandResult>()[1].text.contains("dragon"));
    for _ in 0..3 {
        kill(&mut test);
        test.tick(55);
    }
    test.tick(200);
    assert_eq!(monsters(&test).count(), 0);
}
