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
mod tests;
