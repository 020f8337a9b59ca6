//! A monster's turn in a tick: what it perceives, and how it walks. Movement moves it; here it only steers.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::somewhere_around;
use crate::content::MonsterIndex;
use crate::ctx::Ctx;
use crate::ids::EntityId;
use crate::load::LoadLevel;
use crate::modules::combat::Blow;
use crate::modules::movement::in_reach;
use crate::space::{Heading, Position, Residue, distance_squared, heading_towards, step};
use crate::zone::map::PATH_NODES;
use crate::zone::{Entity, EntityKind};

/// Nearer than this to a place, in centimetres, is there: a heading's and a step's rounding are below it.
const ARRIVED_CM: u32 = 10;
/// A way is searched anew at most this often, in milliseconds.
const SEARCH_EVERY_MS: u32 = 500;
/// A way still leads to somebody who went at most this far since it was found, in centimetres.
const MOVED_FAR_CM: u32 = 200;
/// A chaser comes this much nearer than its attacks reach, in hundredths of the reach, so that a step back of its
/// prey doesn't set it in motion again.
const CLOSE_UP: u32 = 75;
/// A chaser makes for a place so far from its prey, in hundredths of its reach: nearer than [`CLOSE_UP`], so that it can
/// strike before it is there.
const BESIDE: u32 = 60;
/// With a place nearer to its prey than this, in centimetres, a chaser makes straight for the prey.
const BESIDE_LEAST_CM: u32 = 4 * ARRIVED_CM;
/// Under load a monster is awake while a player is at most so much farther away than it hunts, in centimetres: at a
/// run, that is two seconds to wake up, which it does within [`LOOK_TICKS`](super::mind::LOOK_TICKS).
const COMPANY_CM: u32 = 1_000;
/// Places that are drawn for a stroll; near walls some can't be seen, and then it stands a while longer.
const STROLL_DRAWS: u32 = 4;

/// A way around walls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Way {
    /// The next one last.
    places: Vec<Position>,
    to: Position,
    /// The first tick in which another search is allowed.
    search_at: u64,
    /// The tick since which a search is wanted and there was none left; 0 if none is.
    waits_since: u64,
}

impl Way {
    /// When the wait for a search began, in ticks; `None` if there is no wait.
    pub(super) const fn waits_since(&self) -> Option<u64> {
        if self.waits_since == 0 { None } else { Some(self.waits_since) }
    }
}

/// One monster in one tick.
pub(super) struct Turn<'a, 'b> {
    ctx: &'a mut Ctx<'b>,
    pub(super) id: EntityId,
    pub(super) tick: u64,
    here: Position,
    monster: MonsterIndex,
    /// Searches that the zone's monsters have left in this tick.
    searches: &'a mut u32,
}

impl<'a, 'b> Turn<'a, 'b> {
    /// `None` if there is no such monster.
    pub(super) fn new(
        ctx: &'a mut Ctx<'b>,
        id: EntityId,
        monster: MonsterIndex,
        searches: &'a mut u32,
    ) -> Option<Self> {
        let (tick, here) = (ctx.tick(), ctx.entity(id)?.position());
        Some(Self { ctx, id, tick, here, monster, searches })
    }
}

/// Perceiving.
impl Turn<'_, '_> {
    /// The tick in `ms` milliseconds.
    pub(super) fn after(&self, ms: u32) -> u64 {
        self.tick + self.ctx.ticks(ms)
    }

    /// A random tick between two times from now, in milliseconds.
    pub(super) fn after_some(&mut self, ms: Range<u32>) -> u64 {
        let ms = self.ctx.random(ms);
        self.after(ms)
    }

    /// True if it has a reason to be awake: somebody sees it, or under load, somebody is near.
    pub(super) fn is_watched(&self) -> bool {
        let watched = self.ctx.is_watched(self.here);
        watched && (self.ctx.load() < LoadLevel::Monsters || self.has_company())
    }

    /// True if a player is so near that it may soon be hunted.
    fn has_company(&self) -> bool {
        let aggro = self.ctx.content()[self.monster].aggro_cm.unsigned_abs();
        let mut near = self.ctx.nearby(self.here, aggro + COMPANY_CM);
        near.any(|entity| entity.kind() == EntityKind::Player)
    }

    /// Running speed in centimetres per second.
    pub(super) fn speed(&self) -> u32 {
        self.ctx.content()[self.monster].speed_cm_s.unsigned_abs()
    }

    /// Strength and cooldown of an attack, in milliseconds.
    pub(super) fn attack(&self) -> (u32, u32) {
        let kind = &self.ctx.content()[self.monster];
        (kind.damage, kind.attack_cooldown_ms)
    }

    /// Where one stands who can be hunted; `None` if it is dead or gone.
    pub(super) fn living(&self, id: EntityId) -> Option<Position> {
        let living = self.ctx.entity(id).filter(|entity| entity.hp() > 0);
        living.map(Entity::position)
    }

    /// The nearest living player in sight that is near enough to be attacked.
    pub(super) fn prey(&self) -> Option<EntityId> {
        let aggro = self.ctx.content()[self.monster].aggro_cm.unsigned_abs();
        if aggro == 0 {
            return None;
        }
        let players = self
            .ctx
            .nearby(self.here, aggro)
            .filter(|entity| entity.kind() == EntityKind::Player && entity.hp() > 0)
            .filter(|player| self.sees(player.position()));
        let nearest = players
            .min_by_key(|player| (distance_squared(self.here, player.position()), player.id()));
        nearest.map(Entity::id)
    }

    pub(super) fn is_on_leash(&self, home: Position) -> bool {
        let leash = self.ctx.content()[self.monster].leash_cm.unsigned_abs();
        self.here.is_within(leash, home)
    }

    pub(super) fn is_at(&self, place: Position) -> bool {
        self.here.is_within(ARRIVED_CM, place)
    }

    /// True if it can strike at somebody there. Who runs comes a little nearer than it must.
    pub(super) fn reaches(&self, there: Position) -> bool {
        let range = self.ctx.content()[self.monster].attack_range_cm.unsigned_abs();
        let stands = self.ctx.entity(self.id).is_some_and(|body| body.speed() == 0);
        let reach = if stands { range } else { range * CLOSE_UP / 100 };
        in_reach(self.ctx, self.here, there, reach)
    }

    /// A place at the side of somebody who stands `there`, from where it can strike: each monster has its own, so that
    /// those who come the same way don't all end up in one spot. Without room for that it is `there` itself.
    pub(super) fn place_beside(&self, there: Position) -> Position {
        let range = self.ctx.content()[self.monster].attack_range_cm.unsigned_abs();
        let distance = range * BESIDE / 100;
        if distance < BESIDE_LEAST_CM {
            return there;
        }
        let Some(towards_me) = heading_towards(there, self.here) else {
            return there;
        };
        let turned = towards_me.0.wrapping_add(own_angle(self.id));
        let (beside, _) = step(there, Residue::default(), Heading(turned), distance, 1000);
        if self.ctx.map().clear_line(there, beside) { beside } else { there }
    }

    fn sees(&self, there: Position) -> bool {
        self.ctx.map().clear_line(self.here, there)
    }

    /// A place to stroll to in a straight line, near `home`.
    pub(super) fn stroll_goal(&mut self, home: Position) -> Option<Position> {
        let wander = self.ctx.content()[self.monster].wander_cm.unsigned_abs();
        if wander == 0 {
            return None;
        }
        (0..STROLL_DRAWS).find_map(|_| {
            let goal = somewhere_around(self.ctx, home, wander);
            self.sees(goal).then_some(goal)
        })
    }
}

/// The monster's own angle to the side on which it comes, at most an eighth of a turn either way: from larger ones they
/// end up at the same places. Neighbouring slots, as those of one spawn are, get angles far apart: multiples of the
/// golden ratio, Knuth's multiplicative hashing.
fn own_angle(id: EntityId) -> u16 {
    const GOLDEN: u16 = 40_503;
    const EIGHTH: u16 = 1 << 13;
    let slot = u16::try_from(id.slot() & 0xffff).unwrap_or(0);
    (slot.wrapping_mul(GOLDEN) >> 2).wrapping_sub(EIGHTH)
}

/// Acting.
impl Turn<'_, '_> {
    pub(super) fn stand(&mut self) {
        if let Some(heading) = self.ctx.entity(self.id).map(Entity::heading) {
            self.ctx.set_motion(self.id, heading, 0);
        }
    }

    /// Stands and looks there.
    pub(super) fn face(&mut self, there: Position) {
        match heading_towards(self.here, there) {
            Some(heading) => self.ctx.set_motion(self.id, heading, 0),
            None => self.stand(),
        }
    }

    pub(super) fn strike(&mut self, blow: Blow) {
        self.ctx.emit(blow);
    }

    /// From now on blows do nothing to it, or do again.
    pub(super) fn set_evading(&mut self, evading: bool) {
        self.ctx.set_evading(self.id, evading);
    }

    pub(super) fn heal(&mut self) {
        if let Some(full) = self.ctx.entity(self.id).map(Entity::max_hp) {
            self.ctx.set_hp(self.id, full);
        }
    }

    /// Stands at a place, at once.
    pub(super) fn appear_at(&mut self, place: Position) {
        self.stand();
        if !self.is_at(place) {
            self.ctx.set_position(self.id, place);
        }
    }

    /// Heads straight for a place with `speed` centimetres per second; true if it is there already. The last step is
    /// as long as the rest of the way, so that it doesn't walk past.
    pub(super) fn walk_to(&mut self, place: Position, speed: u32) -> bool {
        if self.is_at(place) {
            return true;
        }
        let distance = distance_squared(self.here, place).isqrt();
        let for_a_tick = distance * 1000 / i64::from(self.ctx.tick_ms());
        let speed = speed.min(u32::try_from(for_a_tick).unwrap_or(u32::MAX));
        if let Some(heading) = heading_towards(self.here, place) {
            self.ctx.set_motion(self.id, heading, speed);
        }
        false
    }

    /// Runs to where somebody is, around walls if need be. False if there is no way.
    pub(super) fn pursue(&mut self, way: &mut Way, to: Position) -> bool {
        let speed = self.speed();
        if speed == 0 {
            return false;
        }
        if self.sees(to) {
            way.places.clear();
            way.waits_since = 0;
            self.walk_to(to, speed);
            return true;
        }
        let leads_there = !way.places.is_empty() && way.to.is_within(MOVED_FAR_CM, to);
        if !leads_there && self.tick >= way.search_at {
            if *self.searches == 0 {
                way.waits_since = way.waits_since().unwrap_or(self.tick);
            } else {
                *self.searches -= 1;
                let Some(places) = self.ctx.map().path(self.here, to, PATH_NODES) else {
                    return false;
                };
                *way = Way {
                    places: places.into_iter().rev().collect(),
                    to,
                    search_at: self.after(SEARCH_EVERY_MS),
                    waits_since: 0,
                };
            }
        }
        self.follow(way, speed);
        true
    }

    fn follow(&mut self, way: &mut Way, speed: u32) {
        while let Some(next) = way.places.last() {
            if !self.walk_to(*next, speed) {
                return;
            }
            way.places.pop();
        }
        self.stand();
    }
}
