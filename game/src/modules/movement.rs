//! Walking: clients say where they want to go, the server walks them there against the map.

use protocol::v1::{Move, Refusal};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::ids::{EntityId, PlayerId, ZoneName};
use crate::module::{Module, Rate, Refuse, Routes};
use crate::space::{Heading, Position, step};
use crate::zone::{Entity, EntityKind};

/// A client sends one when its player turns, starts or stops: ten a second are a restless hand.
const MOVES: Rate = Rate { per_second: 30, burst: 60 };

/// Walks everything that has a speed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Movement {
    /// Of one tick; kept for its memory.
    #[serde(skip)]
    walkers: Vec<EntityId>,
}

impl Module for Movement {
    const NAME: &'static str = "movement";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { walkers: Vec::new() }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(MOVES, Self::steer);
    }

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let walkers = ctx.entities().iter().filter(|entity| entity.speed() > 0).map(Entity::id);
        self.walkers.extend(walkers);
        for walker in self.walkers.drain(..) {
            walk(ctx, walker);
        }
    }
}

impl Movement {
    fn steer(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: Move) -> Result<(), Refuse> {
        let Ok(heading) = u16::try_from(wish.heading) else {
            return Err(Refuse::new(Refusal::BadRequest, "a heading is 0 to 65535"));
        };
        ctx.acknowledge(player, wish.sequence);
        // The dead lie still; their client's prediction is corrected by the acknowledgement.
        let alive = ctx.entity(player.entity()).is_some_and(|entity| entity.hp() > 0);
        let speed = if wish.walking && alive {
            ctx.content().player().speed_cm_s.unsigned_abs()
        } else {
            0
        };
        ctx.set_motion(player.entity(), Heading(heading), speed);
        Ok(())
    }
}

/// One tick's step. A wall stops a walker or lets it slide along.
fn walk(ctx: &mut Ctx<'_>, id: EntityId) {
    let Some(entity) = ctx.entity(id) else { return };
    let (from, heading) = (entity.position(), entity.heading());
    let (to, residue) = step(from, entity.residue(), heading, entity.speed(), ctx.tick_ms());
    let reached = ctx.map().slide(from, to);
    let is_player = entity.kind() == EntityKind::Player;
    ctx.advance(id, reached, residue);
    if is_player && reached == from && to != from {
        // Against a wall: it stands, so that nobody extrapolates it through.
        ctx.set_motion(id, heading, 0);
    }
}

/// True if one who stands at `from` could get to `to` without a wall between.
#[must_use]
pub fn in_reach(ctx: &Ctx<'_>, from: Position, to: Position, reach: u32) -> bool {
    from.is_within(reach, to) && ctx.map().clear_line(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GameTest;

    fn walk_east(sequence: u32) -> Move {
        Move { heading: 0, walking: true, sequence }
    }

    #[test]
    fn a_player_walks_at_the_speed_of_the_content_and_stops_when_told() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1);
        let start = test.position("Ada");
        test.send(walk_east(1)).tick(10);
        let speed = test.content().player().speed_cm_s;
        assert_eq!(test.position("Ada"), Position { x: start.x + speed, ..start });
        test.send(Move { heading: 0, walking: false, sequence: 2 }).tick(5);
        assert_eq!(test.position("Ada").x, start.x + speed);
    }

    #[test]
    fn nobody_walks_through_a_wall_or_off_the_map() {
        let mut test = GameTest::new();
        test.player("Ada");
        for heading in (0..64).map(|turn| turn * 1024) {
            test.send(Move { heading, walking: true, sequence: heading }).tick(40);
            let position = test.position("Ada");
            assert!(test.map("field").walkable(position), "{position:?}");
        }
    }

    #[test]
    fn a_heading_beyond_a_turn_is_refused() {
        let mut test = GameTest::new();
        test.player("Ada").send(Move { heading: 65_536, walking: true, sequence: 1 }).tick(1);
        assert_eq!(test.refusals(), [Refusal::BadRequest]);
    }
}
