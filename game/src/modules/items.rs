//! Things on the ground and in inventories: loot, gold, picking up, dropping, parting and joining stacks. Every change
//! of owner is a value operation.

use protocol::v1::{DropItem, MergeStacks, PickUp, Refusal, SplitStack};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{EntityId, ItemId, PlayerId, Rank, ZoneName};
use crate::module::{Caller, CommandError, Module, Refuse, Routes};
use crate::modules::combat::Killed;
use crate::modules::movement::in_reach;
use crate::record::{GOLD, MAX_GOLD};
use crate::space::Position;
use crate::zone::{Entity, EntityKind};

/// How long things lie on the ground, in milliseconds: loot that nobody takes, and what players drop.
const LIES_MS: u32 = 120_000;
/// Rows of the ledger that parting a stack takes, or joining two: one for each stack.
const ROWS_OF_STACKS: usize = 2;
/// Things that players may have dropped in one cell. Whoever comes by is shown all of them, so this bounds what a heap costs
/// everybody; it is more than a group leaves behind.
const MOST_DROPPED: usize = 100;
/// Loot that may lie in one cell. Beyond it the oldest goes, so that no heap keeps a kill from leaving something.
const MOST_LOOT: usize = 100;
/// How often the ground is looked over, in ticks.
const SWEEP_TICKS: u64 = 10;

/// Items of a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Items {
    /// When what lies on the ground is gone.
    decays: EntityMap<u64>,
    /// What was put on the ground since the cells were last filled.
    fresh: Vec<EntityId>,
}

impl Module for Items {
    const NAME: &'static str = "items";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { decays: EntityMap::new(), fresh: Vec::new() }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on(Self::pick_up);
        routes.on(Self::drop_item);
        routes.on(Self::split);
        routes.on(Self::merge);
        routes.on_event(Self::killed);
        routes.command("give", "NAME ITEM [QUANTITY]", Rank::Master, Self::give);
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        self.fresh.clear();
        if ctx.tick().is_multiple_of(SWEEP_TICKS) {
            self.sweep(ctx);
        }
    }
}

impl Items {
    fn pick_up(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: PickUp) -> Result<(), Refuse> {
        let target = EntityId(wish.entity);
        let gone = || Refuse::new(Refusal::NoSuchItem, "there is nothing to pick up");
        let body = ctx.entity(player.entity()).ok_or_else(gone)?;
        let item = ctx.entity(target).filter(|entity| entity.kind() == EntityKind::Item);
        let item = item.ok_or_else(gone)?;
        if body.hp() == 0 {
            return Err(Refuse::new(Refusal::Dead, "the dead take nothing"));
        }
        let reach = ctx.content().player().pick_up_cm.unsigned_abs();
        if !in_reach(ctx, body.position(), item.position(), reach) {
            return Err(Refuse::new(Refusal::OutOfRange, "that is too far away"));
        }
        ctx.take_from_ground(player, target).map(drop)
    }

    fn drop_item(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: DropItem,
    ) -> Result<(), Refuse> {
        let body = ctx.entity(player.entity()).filter(|body| body.hp() > 0);
        let dead = || Refuse::new(Refusal::Dead, "the dead drop nothing");
        let at = body.map(Entity::position).ok_or_else(dead)?;
        if self.lying(ctx, at, true).len() >= MOST_DROPPED {
            let message = "too much lies here already; drop it somewhere else";
            return Err(Refuse::new(Refusal::Busy, message));
        }
        let entity = ctx.drop_to_ground(player, ItemId(wish.item))?;
        self.lie(ctx, Some(entity));
        Ok(())
    }

    fn split(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: SplitStack,
    ) -> Result<(), Refuse> {
        ctx.spend_rows(player, ROWS_OF_STACKS)?;
        let mut deal = ctx.deal("split", player)?;
        deal.split(player, ItemId(wish.item), wish.quantity)?;
        deal.close()
    }

    fn merge(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: MergeStacks,
    ) -> Result<(), Refuse> {
        ctx.spend_rows(player, ROWS_OF_STACKS)?;
        let mut deal = ctx.deal("merge", player)?;
        deal.merge(player, ItemId(wish.item), ItemId(wish.into))?;
        deal.close()
    }

    /// A monster leaves what its kind drops, each with its chance, and the gold that it had.
    fn killed(&mut self, ctx: &mut Ctx<'_>, killed: &Killed) {
        let Some(victim) = ctx.entity(killed.victim) else {
            return;
        };
        if victim.kind() != EntityKind::Monster {
            return;
        }
        let position = victim.position();
        let kind = ctx.content().monster_kind(victim.template());
        let drops = kind.map(|kind| kind.drops.clone()).unwrap_or_default();
        let [least, most] = kind.map(|kind| kind.gold).unwrap_or_default();
        for drop in drops {
            if ctx.random(0..10_000) >= drop.chance {
                continue;
            }
            let quantity = ctx.random(drop.least..drop.most + 1);
            let item = ctx.content()[drop.item].key.clone();
            self.make_room(ctx, position);
            let loot = ctx.spawn_loot(&item, quantity, position);
            self.lie(ctx, loot);
        }
        let gold = if most > 0 { ctx.random(least..most + 1) } else { 0 };
        if gold > 0 {
            self.make_room(ctx, position);
            let pile = ctx.spawn_gold(gold, position);
            self.lie(ctx, pile);
        }
    }

    /// What has been put on the ground lies there from now on; nothing has if the zone is full.
    fn lie(&mut self, ctx: &Ctx<'_>, thing: Option<EntityId>) {
        if let Some(thing) = thing {
            self.decays.insert(thing, ctx.tick() + ctx.ticks(LIES_MS));
            self.fresh.push(thing);
        }
    }

    /// Takes the oldest loot out of a cell that is full of it.
    fn make_room(&mut self, ctx: &mut Ctx<'_>, position: Position) {
        let loot = self.lying(ctx, position, false);
        if loot.len() >= MOST_LOOT {
            let oldest = loot.into_iter().min_by_key(|id| (self.decays.get(*id).copied(), *id));
            oldest.into_iter().for_each(|oldest| _ = ctx.decay(oldest));
        }
    }

    /// What lies in the cell of `position`: what players dropped, or else loot.
    fn lying(&self, ctx: &Ctx<'_>, position: Position, dropped: bool) -> Vec<EntityId> {
        let mut found = ctx.lying_beside(position, dropped).map(Entity::id).collect::<Vec<_>>();
        for fresh in &self.fresh {
            let there =
                ctx.entity(*fresh).filter(|entity| ctx.is_beside(entity.position(), position));
            let kind = ctx.ground_item(*fresh).is_some_and(|item| item.owned == dropped);
            if there.is_some() && kind && !found.contains(fresh) {
                found.push(*fresh);
            }
        }
        found
    }

    /// Takes away what has lain too long. What was there before this module knew of it gets its time from now on.
    fn sweep(&mut self, ctx: &mut Ctx<'_>) {
        let tick = ctx.tick();
        let fresh = tick + ctx.ticks(LIES_MS);
        let items = ctx.entities().iter().filter(|entity| entity.kind() == EntityKind::Item);
        let items: Vec<EntityId> = items.map(Entity::id).collect();
        for item in items {
            let decays = self.decays.get_or_insert_with(item, || fresh).map(|due| *due);
            if decays.is_some_and(|decays| decays <= tick) {
                ctx.decay(item);
            }
        }
    }

    fn give(
        &mut self,
        ctx: &mut Ctx<'_>,
        _: Caller,
        arguments: &[&str],
    ) -> Result<String, CommandError> {
        let (name, item, quantity) = match arguments {
            [name, item] => (name, item, 1),
            [name, item, quantity] => {
                let wrong = |_| CommandError::Failed(format!("{quantity:?} is no quantity"));
                (name, item, quantity.parse().map_err(wrong)?)
            }
            _ => return Err(CommandError::Usage("give NAME ITEM [QUANTITY]".into())),
        };
        let player = named(ctx, name)?;
        let refused = |refuse: Refuse| CommandError::Failed(refuse.message);
        if *item == GOLD {
            if quantity == 0 {
                return Err(CommandError::Failed(format!("gold is given from 1 to {MAX_GOLD}")));
            }
            give_gold(ctx, player, quantity).map_err(refused)?;
            return Ok(format!("{name} has {quantity} gold more"));
        }
        let Ok(pieces) = u32::try_from(quantity) else {
            return Err(CommandError::Failed(format!("{quantity} is more than a stack holds")));
        };
        let given = ctx.give_new(player, "gm give", item, pieces).map_err(refused)?;
        Ok(format!("{name} has {pieces} {item}, item {given}"))
    }
}

fn named(ctx: &Ctx<'_>, name: &str) -> Result<PlayerId, CommandError> {
    let absent = || CommandError::Failed(format!("no {name} in this zone"));
    ctx.find_player(name).ok_or_else(absent)
}

fn give_gold(ctx: &mut Ctx<'_>, player: PlayerId, amount: u64) -> Result<(), Refuse> {
    let mut deal = ctx.deal("gm give", player)?;
    deal.pay(None, Some(player), amount)?;
    deal.close()
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            test.received_by::<InventoryChanged>("Bob").last().unwrap().changed[0].id,
            sword.0
        );
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
}
