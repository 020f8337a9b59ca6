//! What holds while the database hasn't decided yet, and what becomes of those whose save it refused.

use protocol::v1::{
    DropItem, Entered, InventoryChanged, ListMail, MailArrived, MailList, MailSent, Move, PickUp,
    Refusal, SendMail, TakeMail, Whisper,
};
use serde::{Deserialize, Serialize};

use super::*;
use crate::ctx::Ctx;
use crate::ids::{ItemId, MailId, PlayerId, ZoneName};
use crate::input::Input;
use crate::module::{Module, Routes};
use crate::record::{ItemRecord, MAX_GOLD, OpId, Owner};
use crate::testing::GameTest;
use crate::zone::EntityKind;

fn letter(to: &str, items: &[ItemId]) -> SendMail {
    let items = items.iter().map(|item| item.0).collect();
    SendMail { to: to.into(), items, ..SendMail::default() }
}

/// Ada with two swords, one of them on its way to Bob, with the database slow to decide. Request 5 asked for it.
fn pending() -> (GameTest, [ItemId; 2]) {
    let mut test = GameTest::new();
    test.player("Bob").give("sword", 1).player("Ada").give("sword", 1).give("sword", 1).tick(1);
    let [sent, kept] = test.items("Ada")[..] else { panic!() };
    test.slow_database(true).request(5, letter("Bob", &[sent])).tick(1);
    (test, [sent, kept])
}

#[test]
fn while_one_thing_is_being_decided_nothing_else_of_that_character_changes_hands() {
    let (mut test, [sent, kept]) = pending();
    let bobs = test.items("Bob")[0];
    test.act_as("Bob").place_beside("Bob", "Ada").send(DropItem { item: bobs.0 }).tick(2);
    assert_eq!(test.refusals(), [], "Bob isn't concerned");
    let entity = test.entity_of_kind(EntityKind::Item).0;
    test.act_as("Ada");
    test.request(6, DropItem { item: kept.0 }).request(7, DropItem { item: sent.0 });
    test.request(8, PickUp { entity }).request(9, TakeMail { mail: 1 }).tick(1);
    let busy = [6, 7, 8, 9].map(|request| (request, Refusal::Busy));
    assert_eq!(test.refusals_by_request(), busy);
    test.give("coin", 1).tick(1);
    assert!(test.gm_log().last().unwrap().outcome.contains("being changed"));
    assert_eq!(test.items("Ada"), [sent, kept]);

    test.slow_database(false).tick(3);
    test.request(10, PickUp { entity }).tick(1);
    assert_eq!(test.items("Ada"), [bobs, kept], "ids are in order");
    assert_eq!(test.count_of_answers("Ada", 5), 1);
}

#[test]
fn a_session_that_takes_over_gets_the_answer_as_nobodys_request() {
    let (mut test, _) = pending();
    test.new_session("Ada").tick(1).slow_database(false).tick(3);
    assert_eq!(test.count_of_answers("Ada", 5), 0);
    assert_eq!(test.answers_to::<MailSent>("Ada"), [(0, MailSent { mail: 1 })]);
    let (request, change) = test.answers_to::<InventoryChanged>("Ada").pop().unwrap();
    assert_eq!((request, change.removed.len()), (0, 1));
}

#[test]
fn a_refusal_finds_the_session_that_has_taken_over_too() {
    let mut test = GameTest::new();
    test.player("Ada").slow_database(true).request(5, letter("Nobody", &[])).tick(1);
    test.new_session("Ada").tick(1).slow_database(false).tick(3);
    assert_eq!(test.refusals_by_request(), [(0, Refusal::NoSuchCharacter)]);
}

#[test]
fn who_leaves_before_it_is_decided_finds_what_was_decided() {
    let (mut test, [_, kept]) = pending();
    test.leave("Ada").tick(1).slow_database(false).tick(3);
    test.player("Ada").tick(1);
    assert_eq!(test.items("Ada"), [kept]);
    test.send(DropItem { item: kept.0 }).tick(1);
    assert_eq!(test.refusals(), [], "nothing is pending any more");
}

#[test]
fn who_wants_to_another_zone_goes_when_it_is_decided() {
    let (mut test, [_, kept]) = pending();
    let portal = test.portal("field", "cellar");
    test.place("Ada", portal).send(Move { heading: 0, walking: true, sequence: 1 }).tick(3);
    test.send(Move { heading: 0, walking: false, sequence: 2 }).tick(20);
    assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
    test.slow_database(false).tick(5);
    assert_eq!(test.zone_of("Ada"), Some("cellar".to_owned()));
    assert_eq!(test.answers_to::<MailSent>("Ada"), [(5, MailSent { mail: 1 })]);
    assert_eq!(test.items("Ada"), [kept]);
    // All the ticks in which it stood in the portal were one journey.
    assert_eq!(test.received::<Entered>().len(), 2);
}

#[test]
fn a_wish_to_travel_ends_with_leaving_the_world() {
    let (mut test, _) = pending();
    test.operator("teleport Ada cellar").tick(1).leave("Ada").tick(1);
    test.slow_database(false).tick(3).player("Ada").tick(5);
    assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
}

#[test]
fn decisions_about_nobody_and_about_other_operations_are_ignored() {
    let (mut test, [sent, kept]) = pending();
    let decision = |actor, sequence| Decision {
        op: OpId { epoch: 0, sequence },
        actor,
        outcome: Err(Denied::MailboxFull),
    };
    let ada = test.character("Ada");
    test.input(Input::Decided(decision(CharacterId(999), 1)));
    test.input(Input::Decided(decision(ada, u64::MAX))).tick(1);
    assert_eq!((test.refusals(), test.items("Ada")), (vec![], vec![sent, kept]));
    test.slow_database(false).tick(3);
    assert_eq!(test.items("Ada"), [kept], "the right one still counts");
}

#[test]
fn a_decision_that_comes_twice_counts_once() {
    let (mut test, [sent, _]) = pending();
    let op = test.pending_operation("Ada").unwrap();
    let granted = Granted::MailSent {
        mail: MailId(1),
        recipient: test.character("Bob"),
        items: vec![sent],
        gold: 0,
    };
    let decision = Decision { op, actor: test.character("Ada"), outcome: Ok(granted) };
    test.input(Input::Decided(decision)).slow_database(false).tick(3);
    assert_eq!(test.answers_to::<MailSent>("Ada").len(), 1);
    assert_eq!(test.received_by::<MailArrived>("Bob").len(), 1);
}

#[test]
fn two_who_write_to_each_other_in_one_tick_are_both_answered() {
    let mut test = GameTest::new();
    test.player("Bob").give("sword", 1).player("Ada").give("sword", 1).tick(1);
    let (bobs, adas) = (test.items("Bob")[0], test.items("Ada")[0]);
    test.request(5, letter("Bob", &[adas])).act_as("Bob").request(6, letter("Ada", &[bobs]));
    test.tick(3);
    for (name, request) in [("Ada", 5), ("Bob", 6)] {
        assert_eq!(test.answers_to::<MailSent>(name)[0].0, request);
        assert_eq!(test.count_of_answers(name, request), 1);
        assert!(test.items(name).is_empty());
    }
}

#[test]
fn what_is_pending_outlives_a_snapshot() {
    let (mut test, [_, kept]) = pending();
    test.restore().send(DropItem { item: kept.0 }).tick(1);
    assert_eq!(test.refusals(), [Refusal::Busy]);
    test.slow_database(false).tick(3);
    assert_eq!(test.items("Ada"), [kept]);
    assert_eq!(test.answers_to::<MailSent>("Ada"), [(5, MailSent { mail: 1 })]);
}

#[test]
fn what_comes_out_of_a_letter_and_is_unknown_to_this_build_is_set_aside() {
    let mut test = GameTest::new();
    test.player("Ada").slow_database(true).request(5, TakeMail { mail: 1 }).tick(1);
    let character = test.character("Ada");
    let item = |id, slot, template: &str| ItemRecord {
        id: ItemId(id),
        owner: Owner::Character(character),
        slot,
        template: template.to_owned(),
        quantity: 1,
    };
    let items = vec![item(900, 0, "sword"), item(901, 1, "relic of another build")];
    let outcome = Ok(Granted::MailTaken { mail: MailId(1), items, gold: 0 });
    let op = test.pending_operation("Ada").unwrap();
    test.input(Input::Decided(Decision { op, actor: character, outcome })).tick(1);
    let inventory = test.game().player(character).unwrap().inventory();
    assert_eq!((inventory.items().count(), inventory.quarantined().count()), (1, 1));
    assert_eq!(inventory.free_slot(), Some(2));
    assert_eq!(test.received::<InventoryChanged>().last().unwrap().changed.len(), 1);
}

#[test]
fn a_mailbox_that_was_asked_for_before_a_journey_is_refused() {
    let mut test = GameTest::new();
    test.player("Ada").request(5, ListMail {}).operator("teleport Ada cellar").tick(5);
    assert_eq!(test.refusals_by_request(), [(5, Refusal::Busy)]);
    assert_eq!(test.received::<MailList>(), []);
    test.request(6, ListMail {}).tick(3);
    assert_eq!(test.count_of_answers("Ada", 6), 1);
}

/// Gives away what players have when they leave, in a way that may be refused.
#[derive(Debug, Serialize, Deserialize)]
struct Testament;

impl Module for Testament {
    const NAME: &'static str = "testament";

    fn new(_: &ZoneName, _: &Content) -> Self {
        Self
    }

    fn routes(_: &mut Routes<Self>) {}

    fn on_leave(&mut self, ctx: &mut Ctx<'_>, player: PlayerId) {
        let items = ctx.player(player).unwrap().inventory().items();
        let items: Vec<ItemId> = items.map(|item| item.id).collect();
        for item in items {
            let _ = ctx.drop_to_ground(player, item);
        }
    }
}

fn kicks(test: &GameTest) -> usize {
    test.orders().iter().filter(|order| matches!(order, Order::Kick { .. })).count()
}

fn left(test: &GameTest, name: &str) -> bool {
    let who = test.character(name);
    let leaves =
        |order: &Order| matches!(order, Order::Left { character, .. } if *character == who);
    test.orders().iter().any(leaves)
}

#[test]
fn who_cannot_be_saved_leaves_the_world_with_nothing_of_it_changing_hands() {
    let mut test = GameTest::with_modules(crate::modules::all().zone::<Testament>());
    test.player("Ada").give("sword", 1).tick(1);
    let (character, sword) = (test.character("Ada"), test.items("Ada")[0]);
    let saved = test.saved("Ada").cloned();
    let place = test.portal("field", "cellar");
    test.place("Ada", place);
    test.input(Input::SaveFailed { character }).send(DropItem { item: sword.0 }).tick(1);
    assert_eq!(test.model().items_of(character)[0].id, sword);
    let zone = test.game().entities(&ZoneName::new("field")).unwrap();
    assert!(zone.iter().all(|entity| entity.kind() != EntityKind::Item));
    assert_eq!((test.population(), kicks(&test)), (0, 1));
    assert!(left(&test, "Ada"));
    assert_eq!(test.saved("Ada").cloned(), saved, "nothing more is saved of it");
}

#[test]
fn who_cannot_be_saved_and_has_no_session_leaves_too() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1);
    let character = test.character("Ada");
    test.lose_session("Ada").input(Input::SaveFailed { character }).tick(1);
    assert!(left(&test, "Ada"));
    assert_eq!((test.population(), kicks(&test)), (0, 0));
}

#[test]
fn who_cannot_be_saved_on_its_way_does_not_arrive() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1).lose_letters(true).operator("teleport Ada cellar").tick(1);
    let character = test.character("Ada");
    test.lose_letters(false).input(Input::SaveFailed { character }).tick(60);
    assert!(left(&test, "Ada"));
    assert_eq!((test.population(), kicks(&test)), (0, 1));
}

#[test]
fn a_decision_about_who_could_not_be_saved_is_ignored() {
    let (mut test, _) = pending();
    let character = test.character("Ada");
    test.input(Input::SaveFailed { character }).tick(1).slow_database(false).tick(3);
    assert_eq!(test.received::<MailSent>(), []);
    assert!(left(&test, "Ada"));
}

#[test]
fn who_cannot_have_what_the_database_has_decided_leaves_the_world_too() {
    let sent = |item| Granted::MailSent {
        mail: MailId(1),
        recipient: CharacterId(1),
        items: vec![item],
        gold: 0,
    };
    let taken = Granted::MailTaken { mail: MailId(1), items: Vec::new(), gold: MAX_GOLD + 1 };
    for granted in [sent(ItemId(999)), taken] {
        let (mut test, _) = pending();
        let actor = test.character("Ada");
        let op = test.pending_operation("Ada").unwrap();
        test.input(Input::Decided(Decision { op, actor, outcome: Ok(granted) })).tick(1);
        assert!(left(&test, "Ada"));
        assert_eq!(kicks(&test), 1);
        assert_eq!(test.received::<MailSent>(), []);
    }
}

#[test]
fn letters_to_a_traveler_reach_it_when_it_has_arrived() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").tick(1).lose_letters(true);
    test.operator("teleport Bob cellar").tick(1).lose_letters(false);
    let whisper = Whisper { to: "Bob".into(), text: "where are you?".into() };
    test.send(whisper).send(letter("Bob", &[])).tick(3);
    assert_eq!(test.zone_of("Bob"), None, "between the zones");
    test.tick(60);
    assert_eq!(test.zone_of("Bob"), Some("field".to_owned()));
    assert_eq!(test.received_by::<MailArrived>("Bob").len(), 1);
    assert_eq!(test.received_by::<protocol::v1::ChatLine>("Bob").len(), 1);
}
