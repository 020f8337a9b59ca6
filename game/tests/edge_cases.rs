//! Rare situations that trackers of other game servers report as faults, and what is right in each of them.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::BTreeMap;

use game::content::{Content, ContentFiles};
use game::modules::combat::{Blow, Killed};
use game::testing::GameTest;
use game::zone::{Entity, EntityKind};
use game::{EntityId, Position, ZoneName};
use protocol::v1::{
    AnswerTrade, AskTrade, Attack, Buy, DropItem, PickUp, Progress, Refusal, Respawn, SplitStack,
    View,
};

const PLAYER: &str = r#"
start_zone = "arena"
hp = 1000
speed_cm_s = 500
damage = 20
attack_range_cm = 3000
attack_cooldown_ms = 500
inventory_slots = 4
pick_up_cm = 300
respawn_s = 2
"#;
const HOUND: &str = r#"
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
experience = 7
"#;
const ITEMS: &str = "[coin]\nname = \"Coin\"\nstack = 100\nvalue = 1\n";
/// The lone hound's home: the middle of tile 50, 50.
const HOME: Position = Position::new(10_100, 10_100);

/// An arena of 200 m with a hound in its middle: what differs from one test to the next.
struct Arena<'a> {
    hound: &'a str,
    start: &'a str,
    walls: &'a str,
    shops: &'a str,
}

const ARENA: Arena<'static> = Arena { hound: HOUND, start: "[3, 50]", walls: "", shops: "" };

impl Arena<'_> {
    fn content(&self) -> Content {
        let Self { hound, start, walls, shops } = self;
        let zone = format!(
            "name = \"Arena\"\ntile_cm = 200\nstart = {start}\ngraveyard = [3, 3]\n\
             spawns = [{{ monster = \"hound\", at = [50, 50], radius_cm = 0, count = 1, respawn_s = 8 }}]\n\
             [drawn]\nblank = [100, 100]\nwalls = [{walls}]\n"
        );
        let files = ContentFiles::from_iter([
            ("player.toml", PLAYER),
            ("items.toml", ITEMS),
            ("monsters.toml", hound),
            ("shops.toml", shops),
            ("zones/arena.toml", zone.as_str()),
        ]);
        Content::parse(&files).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn test(&self) -> GameTest {
        GameTest::with(self.content(), game::modules::all())
    }
}

fn hound(test: &GameTest) -> &Entity {
    let entities = test.game().entities(&ZoneName::new("arena")).unwrap();
    entities.iter().find(|entity| entity.kind() == EntityKind::Monster).unwrap()
}

/// The cell in which a player's client knows each entity, from the views that it got: reset, anchor, states in order.
fn known(test: &GameTest, name: &str) -> BTreeMap<u64, (u32, u32)> {
    let (mut known, mut anchor) = (BTreeMap::new(), (0_u32, 0_u32));
    let sees = |anchor: (u32, u32), cell: (u32, u32)| {
        anchor.0.abs_diff(cell.0) <= 1 && anchor.1.abs_diff(cell.1) <= 1
    };
    for view in test.received_by::<View>(name) {
        if view.reset {
            known.clear();
        }
        if let Some(cell) = view.anchor {
            anchor = (cell.column, cell.row);
            known.retain(|_, cell| sees(anchor, *cell));
        }
        for state in view.states {
            let cell = (state.column, state.row);
            if state.snapshot {
                known.retain(|_, kept| *kept != cell);
            }
            known.extend(state.enters.iter().map(|entity| (entity.id, cell)));
            for leave in state.leaves {
                if leave.to.is_none_or(|to| !sees(anchor, (to.column, to.row))) {
                    known.remove(&leave.entity);
                }
            }
        }
    }
    known
}

#[test]
fn a_monster_on_its_way_home_is_not_killed_by_a_crowd_that_strikes_in_one_tick() {
    let mut test = ARENA.test();
    let crowd: Vec<String> = (0..30).map(|number| format!("P{number}")).collect();
    for name in &crowd {
        // Out of its sight, and in reach of its way home.
        test.player(name).place(name, Position::new(6_500, 8_000));
    }
    test.player("Ada").place("Ada", Position::new(HOME.x - 900, HOME.y)).tick(10);
    while hound(&test).position().is_within(3_000, HOME) {
        let ahead = Position::new(hound(&test).position().x - 600, HOME.y);
        test.place("Ada", ahead);
    }
    test.tick(2);
    let target = hound(&test).id().0;
    for name in &crowd {
        test.act_as(name).send(Attack { target });
    }
    test.tick(1);
    assert_eq!(hound(&test).hp(), 200);
}

#[test]
fn a_monster_with_any_attack_range_that_content_allows_strikes() {
    for range in [1, 5, 9, 13, 14, 20, 50] {
        let range = format!("attack_range_cm = {range}");
        let hound = HOUND.replace("attack_range_cm = 200", &range);
        let mut test = Arena { hound: &hound, ..ARENA }.test();
        test.player("Ada").place("Ada", Position::new(HOME.x - 503, HOME.y + 217)).tick(300);
        assert!(test.entity("Ada").hp() < 1000, "{range} never struck in 30 s");
    }
}

#[test]
fn a_race_for_one_item_makes_no_second_one() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").give("coin", 50).tick(1);
    let item = test.items("Ada")[0].0;
    test.place_beside("Bob", "Ada").act_as("Ada");
    test.send(DropItem { item }).send(DropItem { item }).send(SplitStack { item, quantity: 10 });
    test.tick(1);
    let entity = test.entity_of_kind(EntityKind::Item).0;
    for name in ["Ada", "Bob", "Ada", "Bob"] {
        test.act_as(name).send(PickUp { entity });
    }
    test.tick(2);
    let owned = ["Ada", "Bob"].iter().flat_map(|name| test.inventory(name));
    assert_eq!(owned.map(|(_, pieces)| pieces).sum::<u32>(), 50);
}

#[test]
fn a_player_whose_question_was_to_somebody_who_left_asks_another_one_at_once() {
    let mut test = GameTest::new();
    test.player("Cid").player("Bob").player("Ada").tick(1);
    let [ada, bob, cid] = ["Ada", "Bob", "Cid"].map(|name| test.entity(name).id().0);
    test.send(AskTrade { entity: bob }).tick(1).leave("Bob").tick(1);
    test.act_as("Ada").send(AskTrade { entity: cid }).tick(10);
    assert_eq!(test.refusals(), []);
    test.act_as("Cid").send(AnswerTrade { entity: ada, accept: true }).tick(1);
    assert_eq!(test.refusals(), []);
}

#[test]
fn a_kill_by_nobody_or_by_the_victim_itself_harms_nothing() {
    let mut test = GameTest::new();
    test.player("Ada").travel("Ada", "cellar");
    let victim = test.entity_of_kind(EntityKind::Monster);
    test.emit(Killed { killer: EntityId(u64::MAX), victim });
    test.emit(Killed { killer: victim, victim }).tick(3);
    assert_eq!(test.population(), 1);
}

#[test]
fn nobody_strikes_through_a_wall_or_between_two_that_touch_at_a_corner() {
    let behind_a_wall = ("[49, 0, 1, 100]", Position::new(48 * 200 + 190, HOME.y));
    let at_a_corner = ("[49, 50, 1, 1], [50, 51, 1, 1]", Position::new(9_990, 10_210));
    for (walls, place) in [behind_a_wall, at_a_corner] {
        let mut test = Arena { walls, ..ARENA }.test();
        test.player("Ada");
        let target = hound(&test).id().0;
        test.place("Ada", place).send(Attack { target }).tick(1);
        assert_eq!(test.refusals(), [Refusal::OutOfRange], "{walls}");
        assert_eq!((hound(&test).hp(), test.entity("Ada").hp()), (200, 1000), "{walls}");
    }
}

#[test]
fn two_who_travel_in_one_tick_see_each_other_and_leave_no_ghosts() {
    let mut test = GameTest::new();
    test.player("Cid").player("Bob").player("Ada").tick(2);
    test.operator("teleport Ada cellar").operator("teleport Bob cellar").tick(6);
    let [ada, bob, cid] = ["Ada", "Bob", "Cid"].map(|name| test.entity(name).id().0);
    assert!(known(&test, "Ada").contains_key(&bob));
    assert!(known(&test, "Bob").contains_key(&ada));
    assert!(known(&test, "Cid").into_keys().eq([cid]));
}

#[test]
fn somebody_who_stands_still_is_there_when_another_one_comes_back() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").tick(2);
    let (place, bob) = (test.position("Ada"), test.entity("Bob").id().0);
    assert!(known(&test, "Ada").contains_key(&bob));
    test.place_apart("Ada", "Bob").tick(3);
    assert!(!known(&test, "Ada").contains_key(&bob));
    test.place("Ada", place).tick(3);
    assert!(known(&test, "Ada").contains_key(&bob));
}

#[test]
fn a_price_of_a_billion_for_each_of_a_stack_neither_wraps_nor_is_free() {
    let shops = "[s]\nname = \"S\"\nzone = \"arena\"\nplace = [3, 50]\nbuys_percent = 100\n\
                 sells = [{ item = \"coin\", price = 1000000000 }]\n";
    let mut test = Arena { shops, ..ARENA }.test();
    test.player("Ada").give_gold(99_999_999_999).tick(1);
    let entity = test.entity_of_kind(EntityKind::Npc).0;
    for quantity in [100, u32::MAX, 0, 101] {
        test.send(Buy { entity, template: "coin".into(), quantity }).tick(1);
    }
    assert_eq!((test.gold("Ada"), test.inventory("Ada")), (99_999_999_999, Vec::new()));
    assert_eq!(test.refusals().len(), 4);
}

#[test]
fn two_last_blows_in_one_tick_are_one_death_with_one_reward() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").travel("Ada", "cellar").travel("Bob", "cellar");
    let rat = test.act_as("Ada").entity_of_kind(EntityKind::Monster);
    for name in ["Ada", "Bob"] {
        let attacker = test.entity(name).id();
        test.emit(Blow { attacker, target: rat, strength: 1000 });
    }
    test.tick(1);
    let lies = test.entities_beside("Ada").filter(|entity| entity.kind() == EntityKind::Item);
    assert_eq!(lies.count(), 2, "a coin and gold");
    let gained = |name| test.received_by::<Progress>(name).last().map_or(0, |told| told.experience);
    assert_eq!((gained("Ada"), gained("Bob")), (5, 0));
}

#[test]
fn a_player_that_dies_in_the_tick_of_its_journey_is_dead_in_one_place() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1);
    let me = test.entity("Ada").id();
    test.operator("teleport Ada cellar");
    test.emit(Blow { attacker: me, target: me, strength: 100_000 }).tick(5);
    assert_eq!((test.population(), test.entity("Ada").hp()), (1, 0));
    test.tick(30).send(Respawn {}).tick(1);
    assert_eq!(test.entity("Ada").hp(), 100);
}

#[test]
fn a_start_amid_monsters_is_valid_and_newcomers_are_hunted_there() {
    let mut test = Arena { start: "[50, 50]", ..ARENA }.test();
    test.player("Ada").tick(50);
    assert!(test.entity("Ada").hp() < 1000);
}
