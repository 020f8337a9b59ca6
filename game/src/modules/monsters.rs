//! Monsters: they appear at their spawn places, stroll about, hunt who comes near, fight, run home when led too far
//! away, and come back some time after they die.

mod calendar;
mod mind;
mod threat;
mod turn;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::content::{Content, MonsterIndex, Spawn as SpawnPoint};
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{EntityId, Rank, ZoneName};
use crate::module::{Caller, CommandError, Module, Routes};
use crate::modules::combat::{Hurt, Killed};
use crate::space::{Heading, Position, Residue, step};
use crate::zone::{Entity, EntityKind, Spawn};
use calendar::Calendar;
use mind::Mind;
use turn::Turn;

/// How long a dead monster lies there, in milliseconds: long enough to be seen falling.
const CORPSE_MS: u32 = 5_000;
/// Searches for a way around walls in one zone and tick, each at most
/// [`PATH_NODES`](crate::zone::map::PATH_NODES) tiles or some 0.2 ms. A monster that gets none waits, and the longest
/// waiting is served first.
const SEARCHES_PER_TICK: u32 = 5;
/// Places that are drawn around a spawn point before a monster appears at the point itself.
const PLACE_DRAWS: u32 = 16;
/// Monsters that one command makes at most: a crowd for a fight, and no accident of one digit too many.
const COMMAND_MONSTERS: u32 = 100;
/// How far from a game master its monsters appear, in centimetres.
const COMMAND_RADIUS_CM: u32 = 300;
/// When a zone is too full for a monster to come back, it tries again after this time, in milliseconds.
const RETRY_MS: u32 = 10_000;

/// Monsters of a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Monsters {
    /// Of those alive.
    minds: EntityMap<Mind>,
    corpses: Calendar<EntityId>,
    /// Who comes back: spawn points by their place in the zone's list.
    returns: Calendar<u32>,
    /// Who has a turn in one tick, each behind the tick since which it waits for a search; kept for its memory.
    #[serde(skip)]
    turns: Vec<(u64, EntityId)>,
}

/// What is to appear, and where.
#[derive(Debug, Clone, Copy)]
struct Birth {
    monster: MonsterIndex,
    at: Position,
    /// In centimetres.
    radius: u32,
    /// The spawn point that brings it back; `None` if nothing does.
    point: Option<u32>,
}

impl Module for Monsters {
    const NAME: &'static str = "monsters";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self {
            minds: EntityMap::new(),
            corpses: Calendar::new(),
            returns: Calendar::new(),
            turns: Vec::new(),
        }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_event(Self::hurt);
        routes.on_event(Self::killed);
        routes.command("spawn", "MONSTER [COUNT]", Rank::Master, Self::spawn);
    }

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        for index in 0.. {
            let Some(point) = spawn_point(ctx, index) else {
                return;
            };
            for _ in 0..point.count {
                self.come_back(ctx, index);
            }
        }
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let tick = ctx.tick();
        for corpse in self.corpses.due(tick) {
            ctx.despawn(corpse);
        }
        for index in self.returns.due(tick) {
            self.come_back(ctx, index);
        }
        let has_turn = |(id, mind): &(EntityId, &Mind)| mind.is_awake() || mind::looks(*id, tick);
        let turns = self.minds.iter(ctx.entities()).filter(has_turn);
        self.turns.extend(turns.map(|(id, mind)| (mind.waits_since().unwrap_or(u64::MAX), id)));
        // The longest waiting first, so that no slot is served before another one in every tick.
        self.turns.sort_by_key(|(since, _)| *since);
        let mut searches = SEARCHES_PER_TICK;
        for (_, id) in self.turns.drain(..) {
            let Some(mind) = self.minds.get_mut(id) else {
                continue;
            };
            if let Some(mut turn) = Turn::new(ctx, id, mind.monster(), &mut searches) {
                mind.think(&mut turn);
            }
        }
    }
}

impl Monsters {
    /// How many are alive.
    #[cfg(test)]
    pub(crate) fn alive(&self, entities: &crate::zone::Entities) -> usize {
        self.minds.iter(entities).count()
    }

    /// One monster more at a spawn point; later, if the zone is full.
    fn come_back(&mut self, ctx: &mut Ctx<'_>, index: u32) {
        let Some(point) = spawn_point(ctx, index) else {
            return;
        };
        let birth = Birth {
            monster: point.monster,
            at: point.at,
            radius: point.radius_cm.unsigned_abs(),
            point: Some(index),
        };
        if self.bear(ctx, birth).is_none() {
            self.returns.add(ctx.tick() + ctx.ticks(RETRY_MS), index);
        }
    }

    fn bear(&mut self, ctx: &mut Ctx<'_>, birth: Birth) -> Option<EntityId> {
        let position = place_around(ctx, birth.at, birth.radius);
        let heading = any_heading(ctx);
        let kind = &ctx.content()[birth.monster];
        let spawn = Spawn {
            template: kind.key.as_str().into(),
            heading,
            hp: kind.hp,
            max_hp: kind.hp,
            ..Spawn::new(EntityKind::Monster, kind.name.as_str(), position)
        };
        let id = ctx.spawn(spawn)?;
        let mind = Mind::new(birth.monster, position, birth.point);
        self.minds.insert(id, mind);
        Some(id)
    }

    fn hurt(&mut self, _: &mut Ctx<'_>, hurt: &Hurt) {
        let Some(mind) = self.minds.get_mut(hurt.victim) else {
            return;
        };
        if hurt.attacker != hurt.victim {
            mind.provoke(hurt.attacker, hurt.damage);
        }
    }

    fn killed(&mut self, ctx: &mut Ctx<'_>, killed: &Killed) {
        let Some(mind) = self.minds.remove(killed.victim) else {
            // A player that comes back to life before a monster's next turn must not be hunted for its former life.
            let minds = self.minds.iter_mut(ctx.entities());
            minds.for_each(|(_, mind)| mind.forget(killed.victim));
            return;
        };
        let tick = ctx.tick();
        self.corpses.add(tick + ctx.ticks(CORPSE_MS), killed.victim);
        let point = mind.point().and_then(|index| Some((index, spawn_point(ctx, index)?)));
        if let Some((index, point)) = point {
            let wait = ctx.ticks(point.respawn_s.saturating_mul(1000));
            self.returns.add(tick + wait, index);
        }
    }

    fn spawn(
        &mut self,
        ctx: &mut Ctx<'_>,
        caller: Caller,
        words: &[&str],
    ) -> Result<String, CommandError> {
        let failed = |message: String| CommandError::Failed(message);
        let (name, count) = match words {
            [name] => (name, 1),
            [name, count] => {
                let allowed = |count: &u32| (1..=COMMAND_MONSTERS).contains(count);
                let count = count.parse().ok().filter(allowed);
                let wrong = || failed(format!("a count is 1 to {COMMAND_MONSTERS}"));
                (name, count.ok_or_else(wrong)?)
            }
            _ => return Err(CommandError::Usage("spawn MONSTER [COUNT]".into())),
        };
        let Caller::Player(player) = caller else {
            return Err(failed("only a character stands somewhere".into()));
        };
        let monster = ctx.content().monster(name);
        let monster = monster.ok_or_else(|| failed(format!("there is no monster {name:?}")))?;
        let at = ctx.entity(player.entity()).map(Entity::position);
        let at = at.ok_or_else(|| failed("you stand nowhere".into()))?;
        let birth = Birth { monster, at, radius: COMMAND_RADIUS_CM, point: None };
        let born = (0..count).filter_map(|_| self.bear(ctx, birth)).count();
        Ok(format!("{born} {name} at {} {}", at.x, at.y))
    }
}

fn spawn_point(ctx: &Ctx<'_>, index: u32) -> Option<SpawnPoint> {
    let zone = ctx.content().zone_content(ctx.zone())?;
    zone.spawns.get(usize::try_from(index).ok()?).copied()
}

/// A walkable place at most `radius` centimetres from `middle`; `middle` itself if none is found.
fn place_around(ctx: &mut Ctx<'_>, middle: Position, radius: u32) -> Position {
    let walkable = (0..PLACE_DRAWS).find_map(|_| {
        let place = somewhere_around(ctx, middle, radius);
        ctx.map().walkable(place).then_some(place)
    });
    walkable.unwrap_or(middle)
}

/// Any place at most `radius` centimetres from `middle`, denser towards the middle.
fn somewhere_around(ctx: &mut Ctx<'_>, middle: Position, radius: u32) -> Position {
    let (heading, distance) = (any_heading(ctx), ctx.random(0..radius.saturating_add(1)));
    step(middle, Residue::default(), heading, distance, 1000).0
}

fn any_heading(ctx: &mut Ctx<'_>) -> Heading {
    let heading = ctx.random(0..1 << 16);
    Heading(u16::try_from(heading).unwrap_or_default())
}
