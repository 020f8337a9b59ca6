//! What lies on the ground and in bags, through requests of players.

use protocol::v1::{Inventory, InventoryChanged};

use super::*;
use crate::input::Input;
use crate::module::Rate;
use crate::modules::combat::Blow;
use crate::testing::GameTest;

#[test]
fn what_one_drops_another_picks_up_as_the_same_item() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").give("sword", 1).tick(1);
    let sword = test.items("Ada")[0];
    test.place_beside("Bob", "Ada").send(DropItem { item: sword.0 }).tick(2);
    assert!(test.inventory("Ada").is_empty());
    let ground = test.entity_of_kind(EntityKind::Item);
    test.act_as("Bob").send(PickUp { entity: ground.0 }).tick(1);
    assert_eq!(test.items("Bob"), [sword]);
    assert_eq!(test.received_by::<InventoryChanged>("Bob").last().unwrap().changed[0].id, sword.0);
}

#[test]
fn the_dead_drop_nothing() {
    let mut test = GameTest::new();
    test.player("Ada").give("sword", 1).tick(1);
    let (me, sword) = (test.entity("Ada").id(), test.items("Ada")[0]);
    test.emit(Blow { attacker: me, target: me, strength: 100_000 }).tick(1);
    test.send(DropItem { item: sword.0 }).tick(1);
    assert_eq!((test.refusals(), test.items("Ada")), (vec![Refusal::Dead], vec![sword]));
}

#[test]
fn what_fits_on_a_stack_is_picked_up_with_all_slots_taken() {
    let mut test = GameTest::new();
    test.player("Bob").give("coin", 10).give("coin", 90).tick(1);
    test.player("Ada").give("coin", 10);
    test.give("sword", 1).give("sword", 1).give("sword", 1).tick(1);
    let [few, many] = test.items("Bob")[..] else { panic!() };
    let before = test.inventory("Ada");
    test.place_beside("Bob", "Ada").act_as("Bob");
    for (coins, takes) in [(many, true), (few, false)] {
        test.act_as("Bob").send(DropItem { item: coins.0 }).tick(2);
        let entity = test.act_as("Ada").entity_of_kind(EntityKind::Item).0;
        test.request(7, PickUp { entity }).tick(1);
        assert_eq!(test.refusals().is_empty(), takes, "{:?}", test.refusals());
    }
    assert_eq!(test.refusals(), [Refusal::InventoryFull]);
    let mut expected = before;
    expected[0].1 = 100;
    assert_eq!(test.inventory("Ada"), expected);
    test.expect(|change: &InventoryChanged| change.changed[0].quantity == 100);
}

/// Ada beside a pile of gold, which a rat has left.
fn beside_gold() -> (GameTest, EntityId) {
    let mut test = GameTest::new();
    test.player("Ada").travel("Ada", "cellar");
    let victim = test.entity_of_kind(EntityKind::Monster);
    let killer = test.entity("Ada").id();
    test.emit(Killed { killer, victim }).tick(1);
    let pile = test.entities_beside("Ada").find(|entity| entity.template() == GOLD).unwrap();
    let (pile, at) = (pile.id(), pile.position());
    test.place("Ada", at);
    (test, pile)
}

#[test]
fn the_gold_of_a_dead_monster_goes_into_the_purse_of_who_picks_it_up() {
    let (mut test, pile) = beside_gold();
    test.send(PickUp { entity: pile.0 }).tick(1);
    assert_eq!(test.gold("Ada"), 7);
    assert_eq!(test.inventory("Ada"), [], "gold takes no slot");
    test.expect(|change: &InventoryChanged| change.gold == Some(7));
    test.send(PickUp { entity: pile.0 }).tick(1);
    assert_eq!((test.gold("Ada"), test.refusals()), (7, vec![Refusal::NoSuchItem]));
}

#[test]
fn gold_that_nobody_can_take_now_stays_where_it_is() {
    let (mut test, pile) = beside_gold();
    test.close_store().send(PickUp { entity: pile.0 }).tick(1);
    assert_eq!((test.gold("Ada"), test.refusals()), (0, vec![Refusal::StoreBehind]));
    test.input(Input::ValueOpen { open: true }).give_gold(MAX_GOLD - 6).tick(1);
    test.send(PickUp { entity: pile.0 }).tick(1);
    assert_eq!(test.refusals(), [Refusal::StoreBehind, Refusal::PurseFull]);
    assert_eq!(test.gold("Ada"), MAX_GOLD - 6);
    assert!(test.entities_beside("Ada").any(|entity| entity.id() == pile));
    test.tick(1300);
    assert!(!test.entities_beside("Ada").any(|entity| entity.id() == pile), "it decays");
}

#[test]
fn a_master_gives_gold_in_amounts_that_a_purse_holds() {
    let mut test = GameTest::new();
    test.master("Ada").command("give Ada gold 5").tick(1);
    assert_eq!(test.gold("Ada"), 5);
    let beyond = ["-1", "0", "999999999999999", "1000000000000001", "99999999999999999999"];
    for amount in beyond {
        test.command(&format!("give Ada gold {amount}")).tick(5);
        assert_eq!(test.gold("Ada"), 5, "{amount}");
    }
}

#[test]
fn an_item_on_the_ground_goes_to_one_of_two_who_reach_for_it() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").give("sword", 1).tick(1);
    let sword = test.items("Ada")[0];
    test.place_beside("Bob", "Ada").send(DropItem { item: sword.0 }).tick(2);
    let entity = test.entity_of_kind(EntityKind::Item).0;
    test.send(PickUp { entity }).act_as("Bob").send(PickUp { entity }).tick(1);
    assert_eq!(test.items("Ada").len() + test.items("Bob").len(), 1);
}

#[test]
fn stacks_are_parted_and_joined_and_things_dropped_only_as_often_as_the_ledger_can_bear() {
    let mut test = GameTest::with_settings(|settings| {
        settings.ledger_rows = Rate { per_second: 1, burst: 6 };
    });
    test.player("Bob").player("Ada").give("coin", 50).tick(1);
    let [coins] = test.items("Ada")[..] else { panic!() };
    let split = SplitStack { item: coins.0, quantity: 1 };
    for _ in 0..4 {
        test.send(split);
    }
    test.tick(1);
    assert_eq!((test.items("Ada").len(), test.refusals()), (4, vec![Refusal::TooFast]));
    let [_, part, other, _] = test.items("Ada")[..] else { panic!() };
    test.tick(20).send(MergeStacks { item: part.0, into: coins.0 }).tick(1);
    assert_eq!(test.items("Ada").len(), 3, "two seconds are two rows");
    test.send(DropItem { item: other.0 }).tick(1);
    assert_eq!(test.refusals(), [Refusal::TooFast; 2]);
    test.act_as("Bob").give("coin", 2).tick(1);
    let item = test.items("Bob")[0].0;
    test.send(SplitStack { item, quantity: 1 }).tick(1);
    assert_eq!(test.items("Bob").len(), 2, "each account has its own");
}

#[test]
fn nothing_changes_hands_while_the_store_is_closed() {
    let mut test = GameTest::new();
    test.player("Ada").give("sword", 1).tick(1);
    let sword = test.items("Ada")[0];
    test.close_store().send(DropItem { item: sword.0 }).tick(2);
    assert_eq!(test.refusals(), [Refusal::StoreBehind]);
    assert_eq!(test.items("Ada"), [sword]);
}

#[test]
fn a_cell_holds_so_many_things_that_were_dropped_and_no_more() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1);
    let drop_one = |test: &mut GameTest| {
        test.give("sword", 1).tick(1);
        let sword = test.items("Ada")[0];
        test.send(DropItem { item: sword.0 }).tick(1);
    };
    for _ in 0..MOST_DROPPED - 2 {
        drop_one(&mut test);
    }
    // However many come in one tick.
    test.give("sword", 1).give("sword", 1).give("sword", 1).tick(1);
    for sword in test.items("Ada") {
        test.send(DropItem { item: sword.0 });
    }
    test.tick(1);
    assert_eq!(test.refusals(), [Refusal::Busy]);
    assert_eq!(test.inventory("Ada").len(), 1, "it is still Ada's");
    assert_eq!(test.count_of_kind(EntityKind::Item), MOST_DROPPED);
    let there = test.position("Ada");
    test.place("Ada", Position::new(there.x + 3300, there.y));
    let sword = test.items("Ada")[0];
    test.send(DropItem { item: sword.0 }).tick(1);
    assert_eq!(test.inventory("Ada").len(), 0, "elsewhere there is room");
}

#[test]
fn a_cell_full_of_loot_loses_the_oldest_and_every_kill_leaves_its_own() {
    let mut test = GameTest::new();
    test.player("Ada").travel("Ada", "cellar");
    let victim = test.entity_of_kind(EntityKind::Monster);
    let killer = test.entity("Ada").id();
    let mut first = None;
    for _ in 0..MOST_LOOT + 5 {
        test.emit(Killed { killer, victim }).tick(1);
        let mut piles = test.entities_beside("Ada").filter(|entity| entity.template() == GOLD);
        first = first.or_else(|| piles.next().map(Entity::id));
    }
    let piles: Vec<_> = test
        .entities_beside("Ada")
        .filter(|entity| entity.kind() == EntityKind::Item)
        .map(Entity::id)
        .collect();
    assert!((1..=MOST_LOOT).contains(&piles.len()), "{} piles", piles.len());
    assert!(!piles.contains(&first.unwrap()));
}

#[test]
fn what_nobody_takes_is_gone_after_a_while() {
    let mut test = GameTest::new();
    test.player("Ada").give("sword", 1).tick(1);
    let sword = test.items("Ada")[0];
    test.send(DropItem { item: sword.0 }).tick(2);
    test.tick(1300);
    assert_eq!(test.count_of_kind(EntityKind::Item), 0);
    assert_eq!(test.destroyed(), [sword]);
}

#[test]
fn a_stack_is_split_and_joined_again() {
    let mut test = GameTest::new();
    test.player("Ada").give("coin", 30).tick(1);
    let whole = test.items("Ada")[0];
    test.send(SplitStack { item: whole.0, quantity: 12 }).tick(1);
    let coins = |quantity| ("coin".to_owned(), quantity);
    assert_eq!(test.inventory("Ada"), [coins(18), coins(12)]);
    let part = test.items("Ada")[1];
    test.send(MergeStacks { item: whole.0, into: part.0 }).tick(1);
    assert_eq!(test.inventory("Ada"), [coins(30)]);
    assert_eq!(test.items("Ada"), [part]);
    test.expect(|told: &InventoryChanged| told.removed == [whole.0]);
}

#[test]
fn numbers_that_make_no_sense_are_refused_and_change_nothing() {
    let mut test = GameTest::new();
    test.player("Ada").give("coin", 30).tick(1);
    let item = test.items("Ada")[0].0;
    for quantity in [0, 30, 31, u32::MAX] {
        test.send(SplitStack { item, quantity });
    }
    test.send(MergeStacks { item, into: item }).tick(1);
    assert_eq!(test.refusals(), [Refusal::BadRequest; 5]);
    for item in [0, u64::MAX] {
        test.send(SplitStack { item, quantity: 1 });
        test.send(MergeStacks { item, into: item });
        test.send(DropItem { item });
    }
    test.tick(1);
    assert_eq!(test.refusals()[5..], [Refusal::NoSuchItem; 6]);
    assert_eq!(test.inventory("Ada"), [("coin".to_owned(), 30)]);
}

#[test]
fn a_game_master_gives_no_more_than_a_stack_or_a_purse_holds() {
    let mut test = GameTest::new();
    test.player("Ada");
    for quantity in ["0", "101", "4294967295", "4294967296", "18446744073709551616", "-1"] {
        test.operator(&format!("give Ada coin {quantity}"));
    }
    for amount in ["1000000000000001", "18446744073709551615", "-1"] {
        test.operator(&format!("give Ada gold {amount}"));
    }
    test.tick(1);
    assert!(test.inventory("Ada").is_empty());
    assert_eq!(test.gold("Ada"), 0);
    test.operator("give Ada gold 1000000000000000").operator("give Ada gold 1").tick(1);
    assert_eq!(test.gold("Ada"), MAX_GOLD);
}

#[test]
fn who_enters_is_told_all_that_it_owns() {
    let mut test = GameTest::new();
    test.player("Ada").give("sword", 1).tick(1).leave("Ada").tick(1).player("Ada").tick(1);
    assert_eq!(test.received::<Inventory>().last().unwrap().items.len(), 1);
}
