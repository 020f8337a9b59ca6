//! Fighting: blows, health, death, and the way back from the graveyard. Whoever strikes, player or monster, strikes
//! through here.

use protocol::v1::{self, Died, Refusal};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{EntityId, PlayerId, ZoneName};
use crate::module::{Event, Module, Rate, Refuse, Routes};
use crate::modules::movement::in_reach;
use crate::player::Player;
use crate::record::{BlankPage, Saved};
use crate::zone::{Entity, EntityKind};

/// Version of what is saved of a character: [`Wounds`].
const SAVE_VERSION: u32 = 2;
/// The version before: health and the cooldown alone, which are read from it.
const OLDER_VERSION: u32 = 1;
/// A blow does this much more or less than its strength, in hundredths.
const SPREAD: u32 = 20;
/// How long after the last blow a player begins to heal, in milliseconds.
const HEALS_AFTER_MS: u32 = 8_000;
/// A healing player gets a hundredth of its health this often, in milliseconds.
const HEAL_EVERY_MS: u32 = 500;
/// Impatient clients send attacks faster than their cooldown; the cooldown refuses them.
const ATTACKS: Rate = Rate { per_second: 10, burst: 20 };

/// One strikes at another. Emitted by whoever decides that, after it has seen to reach and cooldown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blow {
    /// Who strikes.
    pub attacker: EntityId,
    /// Who is struck.
    pub target: EntityId,
    /// Base damage, before the random spread; 0 does nothing.
    pub strength: u32,
}

/// A blow has hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hurt {
    /// Who struck.
    pub attacker: EntityId,
    /// Who was struck.
    pub victim: EntityId,
    /// Health that was lost, at least 1.
    pub damage: u32,
}

/// A blow was the last one. The victim's entity is still there, with no health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Killed {
    /// Who struck.
    pub killer: EntityId,
    /// Who died.
    pub victim: EntityId,
}

impl Event for Blow {}
impl Event for Hurt {}
impl Event for Killed {}

/// Combat in a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Combat {
    fighters: EntityMap<Fighter>,
}

/// What combat remembers of a player: ticks from which on it can do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fighter {
    /// Strike again.
    ready_at: u64,
    /// Heal.
    heals_at: u64,
    /// Come back to life.
    back_at: u64,
}

/// What is saved of a character: its health, and how long it has to wait yet, in milliseconds. Time outside the world
/// and on the way between zones doesn't count, so that no change of entity is a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wounds {
    hp: u32,
    /// Until it can strike again.
    cooldown_ms: u32,
    /// Until it begins to heal.
    heals_in_ms: u32,
    /// Until it can come back to life.
    back_in_ms: u32,
}

impl Wounds {
    /// What was saved; `None` if nothing was that this build can read.
    fn read(saved: &Saved) -> Option<Self> {
        let older = || {
            let (hp, cooldown_ms) = saved.read(OLDER_VERSION)?;
            Some(Self { hp, cooldown_ms, heals_in_ms: 0, back_in_ms: 0 })
        };
        saved.read(SAVE_VERSION).or_else(older)
    }
}

impl Module for Combat {
    const NAME: &'static str = "combat";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { fighters: EntityMap::new() }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(ATTACKS, Self::attack);
        routes.on(Self::respawn);
        routes.on_event(Self::blow);
    }

    fn on_enter(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, saved: Option<&Saved>) {
        let mut fighter = Fighter::default();
        if let Some(wounds) = saved.and_then(Wounds::read) {
            ctx.set_hp(player.entity(), wounds.hp);
            let after = |ms: u32| ctx.tick() + u64::from(ms.div_ceil(ctx.tick_ms()));
            fighter = Fighter {
                ready_at: after(wounds.cooldown_ms),
                heals_at: after(wounds.heals_in_ms),
                back_at: after(wounds.back_in_ms),
            };
        }
        self.fighters.insert(player.entity(), fighter);
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let (tick, every) = (ctx.tick(), ctx.ticks(HEAL_EVERY_MS));
        if !tick.is_multiple_of(every) {
            return;
        }
        let wounded = |entity: &Entity| entity.hp() > 0 && entity.hp() < entity.max_hp();
        let rested = |id| self.fighters.get(id).is_some_and(|fighter| tick > fighter.heals_at);
        let healing: Vec<_> = ctx
            .players()
            .filter_map(|player| ctx.entity(player.id().entity()))
            .filter(|entity| wounded(entity) && rested(entity.id()))
            .map(|entity| (entity.id(), entity.hp() + (entity.max_hp() / 100).max(1)))
            .collect();
        healing.into_iter().for_each(|(id, hp)| ctx.set_hp(id, hp));
    }

    fn save(&self, ctx: &Ctx<'_>, player: PlayerId, page: BlankPage<'_>) {
        let Some(body) = ctx.entity(player.entity()) else {
            return;
        };
        let fighter = self.fighters.get(player.entity()).copied().unwrap_or_default();
        let wait_ms = |until| wait_ms(ctx, until);
        let wounds = Wounds {
            hp: body.hp(),
            cooldown_ms: wait_ms(fighter.ready_at),
            heals_in_ms: wait_ms(fighter.heals_at),
            back_in_ms: wait_ms(fighter.back_at),
        };
        page.write(SAVE_VERSION, &wounds);
    }
}

impl Combat {
    fn attack(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: v1::Attack,
    ) -> Result<(), Refuse> {
        let id = player.entity();
        let absent = || Refuse::new(Refusal::NoSuchTarget, "there is nothing to attack");
        let body = ctx.entity(id).ok_or_else(absent)?;
        let target = ctx.entity(EntityId(wish.target)).ok_or_else(absent)?;
        if body.hp() == 0 {
            return Err(Refuse::new(Refusal::Dead, "the dead strike nobody"));
        }
        match target.kind() {
            EntityKind::Monster if target.is_evading() => {
                let message = "it runs home and can't be hurt on the way";
                return Err(Refuse::new(Refusal::NotAllowed, message));
            }
            EntityKind::Monster if target.hp() > 0 => {}
            EntityKind::Monster => return Err(absent()),
            EntityKind::Player => {
                return Err(Refuse::new(
                    Refusal::NotAllowed,
                    "players don't fight each other here",
                ));
            }
            EntityKind::Npc => {
                return Err(Refuse::new(Refusal::NotAllowed, "nobody lays a hand on them"));
            }
            EntityKind::Item | EntityKind::Portal => return Err(absent()),
        }
        let player_kind = ctx.content().player();
        let (strength, cooldown) = (player_kind.damage, player_kind.attack_cooldown_ms);
        let reach = player_kind.attack_range_cm.unsigned_abs();
        if !in_reach(ctx, body.position(), target.position(), reach) {
            return Err(Refuse::new(Refusal::OutOfRange, "that is too far away"));
        }
        if strength == 0 {
            return Err(Refuse::new(Refusal::NotAllowed, "players strike nobody here"));
        }
        let fighter = self.fighters.get_or_insert_with(id, Fighter::default).ok_or_else(absent)?;
        let wait = wait_ms(ctx, fighter.ready_at);
        if wait > 0 {
            return Err(Refuse::new(Refusal::Cooldown, "not ready yet").for_ms(wait));
        }
        fighter.ready_at = ctx.tick() + ctx.ticks(cooldown);
        ctx.emit(Blow { attacker: id, target: EntityId(wish.target), strength });
        Ok(())
    }

    fn blow(&mut self, ctx: &mut Ctx<'_>, blow: &Blow) {
        let hurts = |target: &&Entity| target.hp() > 0 && !target.is_evading();
        let Some(target) = ctx.entity(blow.target).filter(hurts).filter(|_| blow.strength > 0)
        else {
            return;
        };
        let hp = target.hp();
        let hundredths = ctx.random(100 - SPREAD..100 + SPREAD + 1);
        let damage = (blow.strength.saturating_mul(hundredths) / 100).clamp(1, hp);
        let Blow { attacker, target: victim, .. } = *blow;
        ctx.set_hp(victim, hp - damage);
        ctx.show_strike(attacker, victim, damage);
        let heals_at = ctx.tick() + ctx.ticks(HEALS_AFTER_MS);
        for side in [attacker, victim] {
            if ctx.player_of(side).is_some() {
                self.note(side, |fighter| fighter.heals_at = heals_at);
            }
        }
        ctx.emit(Hurt { attacker, victim, damage });
        if damage == hp {
            self.death(ctx, attacker, victim);
        }
    }

    fn note(&mut self, player: EntityId, change: impl FnOnce(&mut Fighter)) {
        if let Some(fighter) = self.fighters.get_or_insert_with(player, Fighter::default) {
            change(fighter);
        }
    }

    fn death(&mut self, ctx: &mut Ctx<'_>, killer: EntityId, victim: EntityId) {
        if let Some(heading) = ctx.entity(victim).map(Entity::heading) {
            ctx.set_motion(victim, heading, 0);
        }
        if let Some(player) = ctx.player_of(victim) {
            let respawn_ms = ctx.content().player().respawn_s.saturating_mul(1000);
            let back_at = ctx.tick() + ctx.ticks(respawn_ms);
            self.note(victim, |fighter| fighter.back_at = back_at);
            let killer = ctx.entity(killer).map(Entity::name).unwrap_or_default().to_owned();
            ctx.send(player, &Died { killer });
        }
        ctx.emit(Killed { killer, victim });
    }

    fn respawn(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        _: v1::Respawn,
    ) -> Result<(), Refuse> {
        let id = player.entity();
        let Some(body) = ctx.entity(id).filter(|body| body.hp() == 0) else {
            return Err(Refuse::new(Refusal::BadRequest, "only the dead come back"));
        };
        let (max_hp, heading) = (body.max_hp(), body.heading());
        let back_at = self.fighters.get(id).map_or(0, |fighter| fighter.back_at);
        let wait = wait_ms(ctx, back_at);
        if wait > 0 {
            return Err(Refuse::new(Refusal::Cooldown, "not yet").for_ms(wait));
        }
        let seed = ctx.player(player).map_or(0, |player| Player::character(player).0);
        let zone = ctx.content().zone_content(ctx.zone());
        let Some(graveyard) = zone.map(|zone| zone.place_in(&zone.graveyard, seed)) else {
            return Ok(());
        };
        ctx.set_position(id, graveyard);
        ctx.set_motion(id, heading, 0);
        ctx.set_hp(id, max_hp);
        Ok(())
    }
}

/// Milliseconds until the tick `until`; 0 when it is here.
fn wait_ms(ctx: &Ctx<'_>, until: u64) -> u32 {
    let ticks = u32::try_from(until.saturating_sub(ctx.tick())).unwrap_or(u32::MAX);
    ticks.saturating_mul(ctx.tick_ms())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Position;
    use crate::testing::GameTest;

    /// Ada beside the cellar's rat.
    fn face_the_rat() -> (GameTest, EntityId) {
        let mut test = GameTest::new();
        test.player("Ada").travel("Ada", "cellar");
        let rat = test.entity_of_kind(EntityKind::Monster);
        stand_beside(&mut test, rat);
        (test, rat)
    }

    fn stand_beside(test: &mut GameTest, rat: EntityId) {
        let at =
            test.entities_beside("Ada").find(|entity| entity.id() == rat).map(Entity::position);
        let at = at.unwrap();
        test.place("Ada", Position { x: at.x + 50, ..at });
    }

    fn attack(target: EntityId) -> v1::Attack {
        v1::Attack { target: target.0 }
    }

    #[test]
    fn blows_wear_a_monster_down_until_it_dies_and_leaves_its_drops() {
        let (mut test, rat) = face_the_rat();
        for _ in 0..5 {
            stand_beside(&mut test, rat);
            test.send(attack(rat)).tick(10);
        }
        assert!(test.refusals().iter().all(|reason| *reason == Refusal::NoSuchTarget));
        let left = test.entities_beside("Ada").filter(|entity| entity.kind() == EntityKind::Item);
        assert_eq!(left.map(Entity::template).collect::<Vec<_>>(), ["coin", "gold"]);
    }

    #[test]
    fn attacks_faster_than_the_cooldown_are_refused_with_the_time_to_wait() {
        let (mut test, rat) = face_the_rat();
        test.send(attack(rat)).send(attack(rat)).tick(1);
        assert_eq!(test.refusals(), [Refusal::Cooldown]);
        assert_eq!(test.received::<v1::Refused>()[0].retry_after_ms, 1000);
    }

    #[test]
    fn the_dead_do_nothing_but_come_back_at_the_graveyard_in_full_health() {
        let (mut test, rat) = face_the_rat();
        for _ in 0..300 {
            if test.entity("Ada").hp() > 0 {
                stand_beside(&mut test, rat);
            }
            test.tick(4);
        }
        assert_eq!(test.entity("Ada").hp(), 0);
        test.expect(|died: &Died| died.killer == "Rat").send(attack(rat)).tick(1);
        assert_eq!(test.refusals(), [Refusal::Dead]);
        test.send(v1::Respawn {}).tick(1);
        assert_eq!(test.entity("Ada").hp(), 100);
    }

    #[test]
    fn players_do_not_hurt_each_other() {
        let mut test = GameTest::new();
        test.player("Bob").player("Ada").tick(1);
        let bob = test.entity("Bob").id();
        test.send(attack(bob)).tick(1);
        assert_eq!(test.refusals(), [Refusal::NotAllowed]);
    }

    #[test]
    fn wounds_are_not_healed_by_leaving_and_coming_back() {
        let (mut test, rat) = face_the_rat();
        while test.entity("Ada").hp() == 100 {
            stand_beside(&mut test, rat);
            test.tick(1);
        }
        test.leave("Ada").tick(1).player("Ada");
        assert!(test.entity("Ada").hp() < 100);
    }

    /// Ada, just hurt, with the health that she has left.
    fn hurt() -> (GameTest, u32) {
        let mut test = GameTest::new();
        test.player("Ada").tick(200);
        let me = test.entity("Ada").id();
        test.emit(Blow { attacker: me, target: me, strength: 60 }).tick(1);
        let left = test.entity("Ada").hp();
        assert!(left < 60);
        (test, left)
    }

    #[test]
    fn healing_begins_eight_seconds_after_the_last_blow_and_not_sooner_by_a_new_login() {
        let (mut test, left) = hurt();
        test.tick(75);
        assert_eq!(test.entity("Ada").hp(), left);
        test.tick(15);
        assert!(test.entity("Ada").hp() > left, "it heals");

        let (mut test, left) = hurt();
        test.leave("Ada").tick(100).player("Ada").tick(70);
        assert_eq!(test.entity("Ada").hp(), left, "time outside the world is no rest");
        test.tick(20);
        assert!(test.entity("Ada").hp() > left, "it heals");
    }

    #[test]
    fn healing_does_not_begin_sooner_by_a_portal() {
        let (mut test, left) = hurt();
        test.travel("Ada", "cellar").travel("Ada", "field").tick(60);
        assert_eq!(test.entity("Ada").hp(), left);
    }

    #[test]
    fn the_time_until_the_dead_come_back_goes_on_after_a_new_login() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1);
        let wait = 10 * u64::from(test.content().player().respawn_s);
        let me = test.entity("Ada").id();
        test.emit(Blow { attacker: me, target: me, strength: 100_000 }).tick(wait / 2);
        test.leave("Ada").tick(wait).player("Ada").send(v1::Respawn {}).tick(1);
        assert_eq!(test.refusals(), [Refusal::Cooldown]);
        test.tick(wait / 2).send(v1::Respawn {}).tick(1);
        assert_eq!(test.entity("Ada").hp(), 100);
    }

    #[test]
    fn health_that_the_former_version_saved_is_read() {
        let wounds = Wounds::read(&Saved::new(OLDER_VERSION, &(40_u32, 300_u32)));
        let read = wounds.map(|wounds| (wounds.hp, wounds.cooldown_ms, wounds.heals_in_ms));
        assert_eq!(read, Some((40, 300, 0)));
        assert_eq!(Wounds::read(&Saved::new(SAVE_VERSION + 1, &(40_u32, 300_u32))), None);
    }
}
