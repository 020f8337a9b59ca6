//! What a deal promises: all of it or nothing, and no number that wraps.

use protocol::v1::{InventoryChanged, Refusal};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{ItemId, PlayerId, ZoneName};
use crate::module::{Event, Module, Refuse, Routes};
use crate::record::{MAX_GOLD, Work};
use crate::testing::GameTest;

/// Lets a test deal.
#[derive(Debug, Serialize, Deserialize)]
struct Dealer;

/// Something to try, between Ada and Bob. What is refused must have changed nothing.
#[derive(Debug)]
struct Try(fn(&mut Ctx<'_>, PlayerId, PlayerId) -> Result<(), Refuse>, Option<Refusal>);

impl Event for Try {}

impl Module for Dealer {
    const NAME: &'static str = "dealer";

    fn new(_: &ZoneName, _: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_event(Self::attempt);
    }
}

impl Dealer {
    fn attempt(&mut self, ctx: &mut Ctx<'_>, Try(deal, expected): &Try) {
        let [ada, bob] = ["Ada", "Bob"].map(|name| ctx.find_player(name).unwrap());
        let owned =
            |ctx: &Ctx<'_>| [ada, bob].map(|who| ctx.player(who).unwrap().inventory().clone());
        let before = owned(ctx);
        let refused = deal(ctx, ada, bob).err().map(|refuse| refuse.reason);
        assert_eq!(refused, *expected);
        if refused.is_some() {
            assert_eq!(owned(ctx), before);
        }
    }
}

/// Ada has item 1, 60 coins, and 10 gold; Bob item 2, 50 coins, and the rest of the four slots free.
fn two() -> GameTest {
    let mut test = GameTest::with_modules(crate::modules::all().zone::<Dealer>());
    test.player("Bob").player("Ada").give("coin", 60).give_gold(10).act_as("Bob");
    test.give("coin", 50).tick(1);
    assert_eq!((test.items("Ada"), test.items("Bob")), (vec![ItemId(1)], vec![ItemId(2)]));
    test
}

fn attempt(
    test: &mut GameTest,
    expected: Option<Refusal>,
    deal: fn(&mut Ctx<'_>, PlayerId, PlayerId) -> Result<(), Refuse>,
) {
    test.emit(Try(deal, expected)).tick(1);
}

#[test]
fn a_deal_that_is_not_closed_has_never_been() {
    let mut test = two();
    let before = test.operations().len();
    attempt(&mut test, None, |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.exchange((ada, &[ItemId(1)]), (bob, &[ItemId(2)]))?;
        deal.pay(Some(ada), Some(bob), 10)?;
        drop(deal);
        Ok(())
    });
    assert_eq!((test.items("Ada"), test.gold("Bob")), (vec![ItemId(1)], 0));
    assert_eq!(test.operations().len(), before);
}

#[test]
fn a_deal_of_many_steps_is_one_operation_and_one_message_for_each_party() {
    let mut test = two();
    let (before, told) = (test.operations().len(), test.received::<InventoryChanged>().len());
    attempt(&mut test, None, |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        let part = deal.split(ada, ItemId(1), 20)?;
        deal.exchange((ada, &[part]), (bob, &[]))?;
        deal.merge(bob, part, ItemId(2))?;
        deal.pay(Some(ada), Some(bob), 3)?;
        deal.pay(Some(bob), None, 1)?;
        deal.destroy(ada, ItemId(1))?;
        deal.close()
    });
    assert_eq!(test.operations().len(), before + 1);
    assert_eq!(test.received::<InventoryChanged>().len(), told + 1);
    assert_eq!((test.inventory("Ada"), test.gold("Ada")), (Vec::new(), 7));
    assert_eq!((test.inventory("Bob"), test.gold("Bob")), (vec![("coin".to_owned(), 70)], 2));
}

#[test]
fn a_deal_in_which_nothing_changes_is_no_operation() {
    let mut test = two();
    let before = test.operations().len();
    attempt(&mut test, None, |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.exchange((ada, &[]), (bob, &[]))?;
        deal.pay(Some(ada), Some(bob), 0)?;
        deal.close()
    });
    assert_eq!(test.operations().len(), before);
}

#[test]
fn a_step_that_is_refused_undoes_those_before_it() {
    let mut test = two();
    attempt(&mut test, Some(Refusal::NoSuchItem), |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.pay(Some(ada), Some(bob), 10)?;
        deal.create(bob, "sword", 1)?;
        deal.exchange((ada, &[ItemId(1), ItemId(1)]), (bob, &[]))?;
        deal.close()
    });
}

#[test]
fn more_gold_than_there_is_can_not_be_paid_nor_more_than_a_purse_holds_be_earned() {
    let mut test = two();
    for _ in 0..2 {
        attempt(&mut test, Some(Refusal::NotEnoughGold), |ctx, ada, bob| {
            ctx.deal("test", ada)?.pay(Some(ada), Some(bob), 11)
        });
        attempt(&mut test, Some(Refusal::NotEnoughGold), |ctx, ada, _| {
            ctx.deal("test", ada)?.pay(Some(ada), None, u64::MAX)
        });
        attempt(&mut test, Some(Refusal::PurseFull), |ctx, ada, _| {
            ctx.deal("test", ada)?.pay(None, Some(ada), MAX_GOLD)
        });
        attempt(&mut test, Some(Refusal::PurseFull), |ctx, ada, _| {
            ctx.deal("test", ada)?.pay(None, Some(ada), u64::MAX)
        });
    }
    assert_eq!(test.gold("Ada"), 10);
}

#[test]
fn what_both_owe_each_other_is_paid_even_when_one_has_nothing_before() {
    let mut test = two();
    attempt(&mut test, None, |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.pay(Some(ada), Some(bob), 10)?;
        deal.pay(Some(bob), Some(ada), 4)?;
        deal.close()
    });
    assert_eq!((test.gold("Ada"), test.gold("Bob")), (4, 6));
}

#[test]
fn a_stack_is_parted_into_two_that_are_not_empty() {
    let mut test = two();
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, _| {
        ctx.deal("test", ada)?.split(ada, ItemId(1), 0).map(drop)
    });
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, _| {
        ctx.deal("test", ada)?.split(ada, ItemId(1), 60).map(drop)
    });
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, _| {
        ctx.deal("test", ada)?.split(ada, ItemId(1), u32::MAX).map(drop)
    });
    attempt(&mut test, Some(Refusal::NoSuchItem), |ctx, ada, _| {
        ctx.deal("test", ada)?.split(ada, ItemId(2), 1).map(drop)
    });
}

#[test]
fn stacks_join_when_they_are_two_of_a_kind_and_fit_into_one() {
    let mut test = two();
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, _| {
        ctx.deal("test", ada)?.merge(ada, ItemId(1), ItemId(1))
    });
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, _| {
        let mut deal = ctx.deal("test", ada)?;
        let sword = deal.create(ada, "sword", 1)?;
        deal.merge(ada, sword, ItemId(1))
    });
    attempt(&mut test, Some(Refusal::BadRequest), |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.exchange((bob, &[ItemId(2)]), (ada, &[]))?;
        deal.merge(ada, ItemId(2), ItemId(1))
    });
}

#[test]
fn whose_inventory_is_full_is_said_when_there_are_two() {
    let mut test = two();
    attempt(&mut test, Some(Refusal::InventoryFull), |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        for _ in 0..3 {
            deal.create(bob, "sword", 1)?;
        }
        let refused = deal.exchange((ada, &[ItemId(1)]), (bob, &[])).unwrap_err();
        assert_eq!(refused.message, "Bob's inventory is full");
        Err(refused)
    });
}

#[test]
fn an_item_keeps_its_name_through_every_hand() {
    let mut test = two();
    attempt(&mut test, None, |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.exchange((ada, &[ItemId(1)]), (bob, &[ItemId(2)]))?;
        deal.exchange((ada, &[ItemId(2)]), (bob, &[ItemId(1)]))?;
        deal.close()
    });
    assert_eq!((test.items("Ada"), test.items("Bob")), (vec![ItemId(1)], vec![ItemId(2)]));
    let Work::Done(changes) = &test.operations().last().unwrap().work else { panic!("asked") };
    assert_eq!(changes.len(), 4);
}

#[test]
fn a_refusal_that_a_module_ignores_comes_out_of_the_closing_and_nothing_has_happened() {
    let mut test = two();
    attempt(&mut test, None, |ctx, _, bob| {
        let mut deal = ctx.deal("test", bob)?;
        deal.pay(None, Some(bob), MAX_GOLD)?;
        deal.close()
    });
    let before = test.operations().len();
    attempt(&mut test, Some(Refusal::PurseFull), |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.create(ada, "sword", 1)?;
        deal.pay(Some(ada), Some(bob), 10).unwrap_err();
        deal.create(ada, "sword", 1)?;
        deal.close()
    });
    attempt(&mut test, Some(Refusal::NoSuchItem), |ctx, ada, bob| {
        let mut deal = ctx.deal("test", ada)?;
        deal.pay(Some(ada), None, 1)?;
        deal.exchange((ada, &[ItemId(1)]), (bob, &[ItemId(77)])).unwrap_err();
        deal.pay(Some(ada), None, 1_000).unwrap_err();
        deal.close()
    });
    assert_eq!((test.items("Ada"), test.gold("Ada")), (vec![ItemId(1)], 10));
    assert_eq!(test.operations().len(), before);
}
