//! Trading as two players see it.

use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, CancelTrade, DropItem, InventoryChanged, MergeStacks,
    OfferTrade, Refusal, SplitStack, TradeAsked, TradeEnded, TradeOutcome, TradeSide, TradeState,
};

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{MailId, PlayerId, ZoneName};
use crate::module::{Event, Module, Routes};
use crate::modules::combat::Blow;
use crate::record::{Change, SharedRequest, Work};
use crate::testing::GameTest;
use crate::zone::EntityKind;

/// What else happens to a player's belongings while it trades.
#[derive(Debug, Serialize, Deserialize)]
struct Elsewhere;

#[derive(Debug)]
struct Spends(PlayerId, u64);

#[derive(Debug)]
struct AsksTheDatabase(PlayerId);

impl Event for Spends {}
impl Event for AsksTheDatabase {}

impl Module for Elsewhere {
    const NAME: &'static str = "elsewhere";

    fn new(_: &ZoneName, _: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_event(Self::spends);
        routes.on_event(Self::asks);
    }
}

impl Elsewhere {
    fn spends(&mut self, ctx: &mut Ctx<'_>, Spends(player, amount): &Spends) {
        let mut deal = ctx.deal("test", *player).unwrap();
        deal.pay(Some(*player), None, *amount).unwrap();
        deal.close().unwrap();
    }

    fn asks(&mut self, ctx: &mut Ctx<'_>, AsksTheDatabase(player): &AsksTheDatabase) {
        let request = SharedRequest::DeleteMail { mail: MailId(7) };
        ctx.ask_database(*player, "test", request).unwrap();
    }
}

/// Ada with a sword and 100 gold, Bob with 30 coins, side by side.
fn two() -> GameTest {
    let mut test = GameTest::with_modules(crate::modules::all().zone::<Elsewhere>());
    test.player("Bob").give("coin", 30).player("Ada").give("sword", 1).give_gold(100).tick(1);
    test.place_beside("Bob", "Ada");
    test
}

/// They trade; nothing is offered yet.
fn trading() -> GameTest {
    let mut test = two();
    let bob = test.entity("Bob").id().0;
    let ada = test.entity("Ada").id().0;
    test.act_as("Ada").send(AskTrade { entity: bob }).tick(1);
    test.act_as("Bob").send(AnswerTrade { entity: ada, accept: true }).tick(1);
    test
}

/// They trade; Ada offers the sword and 40 gold, Bob the coins.
fn offered() -> GameTest {
    let mut test = trading();
    offer_all(&mut test, "Ada", 40);
    offer_all(&mut test, "Bob", 0);
    test
}

fn offer_all(test: &mut GameTest, name: &str, gold: u64) {
    let items = test.items(name).into_iter().map(|item| item.0).collect();
    test.act_as(name).send(OfferTrade { items, gold }).tick(1);
}

fn accept(test: &mut GameTest, name: &str) {
    let revision = state(test, name).revision;
    test.act_as(name).send(AcceptTrade { revision }).tick(1);
}

fn state(test: &GameTest, name: &str) -> TradeState {
    test.received_by::<TradeState>(name).pop().unwrap()
}

fn sides(test: &GameTest, name: &str) -> (TradeSide, TradeSide) {
    let state = state(test, name);
    (state.mine.unwrap(), state.theirs.unwrap())
}

fn player_id(test: &GameTest, name: &str) -> PlayerId {
    test.game().player(test.character(name)).unwrap().id()
}

fn ends(test: &GameTest, name: &str) -> Vec<TradeOutcome> {
    test.received_by::<TradeEnded>(name).iter().map(TradeEnded::outcome).collect()
}

/// Both were told that the trade is over, and nothing has changed.
fn ended_unchanged(test: &GameTest, outcome: TradeOutcome) {
    assert_eq!((ends(test, "Ada"), ends(test, "Bob")), (vec![outcome], vec![outcome]));
    nothing_changed(test);
}

fn nothing_changed(test: &GameTest) {
    assert_eq!(test.inventory("Ada"), [("sword".to_owned(), 1)]);
    assert_eq!(test.inventory("Bob"), [("coin".to_owned(), 30)]);
    assert_eq!((test.gold("Ada"), test.gold("Bob")), (100, 0));
}

#[test]
fn items_and_gold_of_both_change_hands_when_both_have_accepted() {
    let mut test = offered();
    accept(&mut test, "Ada");
    nothing_changed(&test);
    accept(&mut test, "Bob");
    assert_eq!(test.inventory("Ada"), [("coin".to_owned(), 30)]);
    assert_eq!(test.inventory("Bob"), [("sword".to_owned(), 1)]);
    assert_eq!((test.gold("Ada"), test.gold("Bob")), (60, 40));
    assert_eq!(ends(&test, "Ada"), [TradeOutcome::Done]);
    assert_eq!(test.received_by::<InventoryChanged>("Bob").last().unwrap().gold, Some(40));
}

#[test]
fn a_trade_is_one_operation() {
    let mut test = offered();
    accept(&mut test, "Ada");
    let before = test.operations().len();
    accept(&mut test, "Bob");
    let [trade] = &test.operations()[before..] else { panic!("more than one operation") };
    let Work::Done(changes) = &trade.work else { panic!("{trade:?}") };
    let moves = changes.iter().filter(|change| matches!(change, Change::Move { .. })).count();
    let payments = changes.iter().filter(|change| matches!(change, Change::Gold { .. })).count();
    assert_eq!((trade.cause.as_str(), moves, payments), ("trade", 2, 1));
}

#[test]
fn both_see_what_both_offer() {
    let test = offered();
    let (mine, theirs) = sides(&test, "Ada");
    assert_eq!((mine.items[0].template.as_str(), mine.gold), ("sword", 40));
    assert_eq!((theirs.items[0].template.as_str(), theirs.items[0].quantity), ("coin", 30));
    assert_eq!(sides(&test, "Bob"), (theirs, mine));
    assert_eq!(state(&test, "Ada").partner, test.entity("Bob").id().0);
}

#[test]
fn a_change_takes_back_both_acceptances() {
    let mut test = offered();
    accept(&mut test, "Ada");
    assert!(sides(&test, "Bob").1.accepted);
    test.act_as("Bob").send(OfferTrade { items: Vec::new(), gold: 0 }).tick(1);
    assert!(!sides(&test, "Ada").0.accepted);
    accept(&mut test, "Bob");
    nothing_changed(&test);
}

#[test]
fn a_yes_counts_only_for_the_offers_that_it_was_said_to() {
    let mut test = offered();
    let revision = state(&test, "Ada").revision;
    test.act_as("Bob").send(OfferTrade { items: Vec::new(), gold: 0 });
    test.act_as("Ada").send(AcceptTrade { revision }).tick(1);
    assert_eq!(test.refusals(), [Refusal::TradeChanged]);
    accept(&mut test, "Bob");
    nothing_changed(&test);
}

#[test]
fn who_offers_the_same_again_changes_nothing() {
    let mut test = offered();
    accept(&mut test, "Ada");
    let revision = state(&test, "Bob").revision;
    offer_all(&mut test, "Bob", 0);
    assert_eq!(state(&test, "Bob").revision, revision);
    assert!(sides(&test, "Bob").1.accepted);
}

#[test]
fn an_item_that_is_dropped_leaves_the_offer() {
    let mut test = offered();
    accept(&mut test, "Bob");
    let sword = test.items("Ada")[0];
    test.act_as("Ada").send(DropItem { item: sword.0 }).tick(1);
    let (mine, theirs) = sides(&test, "Bob");
    assert!(theirs.items.is_empty() && !mine.accepted);
}

#[test]
fn an_item_that_goes_in_the_tick_of_the_last_yes_is_not_traded() {
    let mut test = offered();
    accept(&mut test, "Bob");
    let (sword, revision) = (test.items("Ada")[0], state(&test, "Ada").revision);
    test.act_as("Ada").send(DropItem { item: sword.0 }).send(AcceptTrade { revision }).tick(1);
    assert_eq!(test.refusals(), [Refusal::TradeChanged]);
    assert_eq!(test.inventory("Bob"), [("coin".to_owned(), 30)]);
}

#[test]
fn a_stack_that_is_split_or_merged_changes_the_offer() {
    let mut test = offered();
    let coins = test.items("Bob")[0];
    test.act_as("Bob").send(SplitStack { item: coins.0, quantity: 10 }).tick(1);
    assert_eq!(sides(&test, "Ada").1.items[0].quantity, 20);
    let (revision, part) = (state(&test, "Ada").revision, test.items("Bob")[1]);
    test.send(MergeStacks { item: part.0, into: coins.0 }).tick(1);
    assert_eq!(sides(&test, "Ada").1.items[0].quantity, 30);
    assert_eq!(state(&test, "Ada").revision, revision + 1);
    test.send(SplitStack { item: coins.0, quantity: 10 }).tick(1);
    let part = test.items("Bob")[1];
    test.send(MergeStacks { item: coins.0, into: part.0 }).tick(1);
    assert!(sides(&test, "Ada").1.items.is_empty(), "the offered stack is gone");
}

#[test]
fn while_the_store_is_closed_a_yes_is_refused_and_the_trade_stays_open() {
    let mut test = offered();
    accept(&mut test, "Ada");
    test.close_store().tick(1);
    accept(&mut test, "Bob");
    assert_eq!(test.refusals(), [Refusal::StoreBehind]);
    nothing_changed(&test);
    test.open_store().tick(1);
    accept(&mut test, "Bob");
    assert_eq!(ends(&test, "Bob"), [TradeOutcome::Done]);
}

#[test]
fn while_the_database_decides_about_one_of_them_a_yes_is_refused_and_the_trade_stays_open() {
    let mut test = offered();
    let (ada, revision) = (player_id(&test, "Ada"), state(&test, "Ada").revision);
    test.act_as("Ada").emit(AsksTheDatabase(ada)).send(AcceptTrade { revision });
    test.act_as("Bob").send(AcceptTrade { revision }).tick(1);
    assert_eq!(test.refusals(), [Refusal::Busy]);
    nothing_changed(&test);
    accept(&mut test, "Bob");
    assert_eq!(ends(&test, "Bob"), [TradeOutcome::Done]);
}

#[test]
fn without_room_nothing_changes_and_both_are_told_why() {
    let mut test = trading();
    test.act_as("Bob").give("sword", 1).give("sword", 1).give("sword", 1).tick(1);
    offer_all(&mut test, "Ada", 0);
    accept(&mut test, "Ada");
    accept(&mut test, "Bob");
    assert_eq!(test.refusals(), [Refusal::InventoryFull]);
    assert_eq!(test.inventory("Ada"), [("sword".to_owned(), 1)]);
    for name in ["Ada", "Bob"] {
        let state = state(&test, name);
        assert_eq!(state.obstacle, "Bob's inventory is full");
        assert!(!state.mine.unwrap().accepted && !state.theirs.unwrap().accepted);
    }
    assert!(ends(&test, "Ada").is_empty(), "the trade stays open");
}

#[test]
fn two_full_inventories_can_trade() {
    let mut test = trading();
    for name in ["Ada", "Bob"] {
        test.act_as(name).give("sword", 1).give("sword", 1).give("sword", 1).tick(1);
        offer_all(&mut test, name, 0);
    }
    let (of_ada, of_bob) = (test.items("Ada"), test.items("Bob"));
    accept(&mut test, "Ada");
    accept(&mut test, "Bob");
    assert_eq!((test.items("Ada"), test.items("Bob")), (of_bob, of_ada));
}

#[test]
fn gold_that_is_spent_leaves_the_offer() {
    let mut test = offered();
    let ada = player_id(&test, "Ada");
    test.emit(Spends(ada, 90)).tick(1);
    assert_eq!(sides(&test, "Bob").1.gold, 10);
}

#[test]
fn either_can_cancel() {
    for name in ["Ada", "Bob"] {
        let mut test = offered();
        test.act_as(name).send(CancelTrade {}).tick(1);
        ended_unchanged(&test, TradeOutcome::Cancelled);
        test.send(CancelTrade {}).tick(1);
        assert_eq!(test.refusals(), [Refusal::NoSuchTarget]);
    }
}

#[test]
fn who_goes_away_ends_the_trade() {
    let mut test = offered();
    test.place_apart("Ada", "Bob").tick(1);
    ended_unchanged(&test, TradeOutcome::TooFar);
}

#[test]
fn death_ends_the_trade() {
    let mut test = offered();
    let (attacker, target) = (test.entity("Bob").id(), test.entity("Ada").id());
    test.emit(Blow { attacker, target, strength: 1000 }).tick(1);
    assert_eq!(test.entity("Ada").hp(), 0);
    ended_unchanged(&test, TradeOutcome::Dead);
}

#[test]
fn a_lost_connection_ends_the_trade() {
    let mut test = offered();
    accept(&mut test, "Ada");
    test.lose_session("Ada").tick(1);
    accept(&mut test, "Bob");
    assert_eq!(ends(&test, "Bob"), [TradeOutcome::Left]);
    nothing_changed(&test);
}

#[test]
fn who_plays_on_from_elsewhere_has_not_seen_the_trade_and_it_ends() {
    let mut test = offered();
    let revision = state(&test, "Ada").revision;
    accept(&mut test, "Bob");
    test.new_session("Ada").act_as("Ada").send(AcceptTrade { revision }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NoSuchTarget]);
    ended_unchanged(&test, TradeOutcome::Left);
}

#[test]
fn who_leaves_the_zone_or_the_world_ends_the_trade() {
    let mut test = offered();
    test.travel("Ada", "cellar");
    ended_unchanged(&test, TradeOutcome::Left);
    let mut test = offered();
    test.leave("Ada").tick(1);
    assert_eq!(ends(&test, "Bob"), [TradeOutcome::Left]);
    test.player("Ada");
    nothing_changed(&test);
}

#[test]
fn who_is_asked_may_say_no_and_is_not_asked_again_at_once() {
    let mut test = two();
    let (ada, bob) = (test.entity("Ada").id().0, test.entity("Bob").id().0);
    test.act_as("Ada").send(AskTrade { entity: bob }).tick(1);
    let asked = test.received_by::<TradeAsked>("Bob");
    assert_eq!(asked, [TradeAsked { entity: ada, name: "Ada".into() }]);
    test.act_as("Bob").send(AnswerTrade { entity: ada, accept: false }).tick(1);
    assert_eq!(ends(&test, "Ada"), [TradeOutcome::Declined]);
    test.send(AnswerTrade { entity: ada, accept: true }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NoSuchTarget]);
    test.act_as("Ada").send(AskTrade { entity: bob }).tick(1);
    assert_eq!(test.refusals(), [Refusal::Cooldown]);
    test.tick(150).send(AskTrade { entity: bob }).tick(1);
    assert_eq!(test.received_by::<TradeAsked>("Bob").len(), 2);
}

#[test]
fn a_question_is_forgotten_after_a_while() {
    let mut test = two();
    let (ada, bob) = (test.entity("Ada").id().0, test.entity("Bob").id().0);
    test.act_as("Ada").send(AskTrade { entity: bob }).tick(151);
    test.act_as("Bob").send(AnswerTrade { entity: ada, accept: true }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NoSuchTarget]);
}

#[test]
fn nobody_trades_over_a_distance_or_with_itself_or_with_a_thing() {
    let mut test = two();
    let (ada, bob) = (test.entity("Ada").id().0, test.entity("Bob").id().0);
    let coins = test.items("Bob")[0];
    test.act_as("Bob").send(DropItem { item: coins.0 }).tick(1);
    let thing = test.entity_of_kind(EntityKind::Item).0;
    test.place_apart("Bob", "Ada").act_as("Ada");
    for entity in [bob, ada, thing] {
        test.send(AskTrade { entity });
    }
    test.tick(1);
    let expected = [Refusal::OutOfRange, Refusal::NoSuchTarget, Refusal::NoSuchTarget];
    assert_eq!(test.refusals(), expected);
}

#[test]
fn the_dead_neither_ask_nor_answer() {
    let mut test = two();
    let (ada, bob) = (test.entity("Ada").id(), test.entity("Bob").id());
    test.act_as("Ada").send(AskTrade { entity: bob.0 }).tick(1);
    test.emit(Blow { attacker: bob, target: ada, strength: 1000 }).tick(1);
    test.act_as("Bob").send(AnswerTrade { entity: ada.0, accept: true });
    test.send(AskTrade { entity: ada.0 }).tick(1);
    assert_eq!(test.refusals(), [Refusal::Dead, Refusal::Dead]);
}

#[test]
fn who_trades_is_not_asked_by_a_third() {
    let mut test = trading();
    let bob = test.entity("Bob").id().0;
    test.player("Eve").place_beside("Eve", "Bob").act_as("Eve");
    test.send(AskTrade { entity: bob }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NotAllowed]);
    let eve = test.entity("Eve").id().0;
    test.act_as("Bob").send(AskTrade { entity: eve }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NotAllowed]);
}

#[test]
fn who_begins_a_trade_asks_nothing_of_a_third_any_more() {
    let mut test = two();
    test.player("Cleo").place_beside("Cleo", "Ada");
    let [ada, bob, cleo] = ["Ada", "Bob", "Cleo"].map(|name| test.entity(name).id().0);
    test.act_as("Ada").send(AskTrade { entity: bob });
    test.act_as("Bob").send(AskTrade { entity: cleo }).tick(1);
    test.send(AnswerTrade { entity: ada, accept: true }).tick(1);
    test.act_as("Cleo").send(AnswerTrade { entity: bob, accept: false }).tick(1);
    assert_eq!(test.refusals(), [Refusal::NoSuchTarget]);
    assert_eq!(ends(&test, "Bob"), []);
}

#[test]
fn both_are_told_whose_trade_has_ended_and_who_has_said_no() {
    let mut test = trading();
    test.player("Cleo").place_beside("Cleo", "Ada");
    let [ada, bob, cleo] = ["Ada", "Bob", "Cleo"].map(|name| test.entity(name).id().0);
    test.act_as("Ada").send(CancelTrade {}).tick(1).send(AskTrade { entity: cleo }).tick(1);
    test.act_as("Cleo").send(AnswerTrade { entity: ada, accept: false }).tick(1);
    let partners = |name| {
        let ended = test.received_by::<TradeEnded>(name).into_iter();
        ended.map(|ended| ended.partner).collect::<Vec<_>>()
    };
    assert_eq!((partners("Ada"), partners("Bob")), (vec![bob, cleo], vec![ada]));
}

#[test]
fn questions_have_a_rate() {
    let mut test = two();
    let bob = test.entity("Bob").id().0;
    for _ in 0..5 {
        test.act_as("Ada").send(AskTrade { entity: bob });
    }
    test.tick(1);
    let (cooldown, too_fast) = (Refusal::Cooldown, Refusal::TooFast);
    assert_eq!(test.refusals(), [cooldown, cooldown, too_fast, too_fast]);
}

#[test]
fn what_one_does_not_have_is_not_offered() {
    let mut test = trading();
    let (sword, coins) = (test.items("Ada")[0].0, test.items("Bob")[0].0);
    test.act_as("Ada").send(OfferTrade { items: vec![coins], gold: 0 });
    test.send(OfferTrade { items: vec![sword, sword], gold: 0 });
    test.send(OfferTrade { items: vec![u64::MAX], gold: 0 });
    test.send(OfferTrade { items: Vec::new(), gold: 101 });
    test.send(OfferTrade { items: Vec::new(), gold: u64::MAX });
    test.send(OfferTrade { items: (0..25).collect(), gold: 0 }).tick(1);
    let expected = [
        Refusal::NoSuchItem,
        Refusal::BadRequest,
        Refusal::NoSuchItem,
        Refusal::NotEnoughGold,
        Refusal::NotEnoughGold,
        Refusal::BadRequest,
    ];
    assert_eq!(test.refusals(), expected);
    assert_eq!(state(&test, "Bob").revision, 1, "nothing was offered");
}

#[test]
fn a_trade_goes_on_in_a_restored_game() {
    let mut test = offered();
    accept(&mut test, "Ada");
    test.restore();
    accept(&mut test, "Bob");
    assert_eq!(ends(&test, "Ada"), [TradeOutcome::Done]);
    assert_eq!((test.gold("Ada"), test.gold("Bob")), (60, 40));
}

#[test]
fn answers_carry_the_number_of_their_request() {
    let mut test = offered();
    accept(&mut test, "Ada");
    let revision = state(&test, "Bob").revision;
    test.act_as("Bob").request(9, AcceptTrade { revision }).tick(1);
    assert_eq!(test.requests_of::<TradeEnded>("Bob"), [9]);
    assert_eq!(test.requests_of::<TradeEnded>("Ada"), [0]);
}
