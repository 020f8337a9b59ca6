//! Goes where everybody goes, keeps moving about there, and strikes whatever comes within reach: a battle in one spot.

use std::time::Duration;

use protocol::v1::EntityKind;
use rand::RngExt as _;

use super::fight::respawn_in_time;
use super::{Behaviour, Turn, wander::Wander};
use crate::bot::sight::Point;

/// How near a bot must come to a place that it walks to, in centimetres: more than it covers in a turn at five a second.
const ARRIVED_CM: f64 = 150.0;
/// How long a bot walks to one place at the most; what lies behind a wall is never reached.
const LEG: Duration = Duration::from_secs(5);

/// One of the crowd between two strikes.
#[derive(Default)]
pub(super) struct Crowd {
    strike_at: Duration,
    /// Where it walks within the spot, and until when.
    leg: Option<(Point, Duration)>,
    /// For as long as it doesn't know where it is.
    search: Wander,
}

impl Behaviour for Crowd {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let period = turn.script.walk.period();
        if turn.dead_since().is_some() {
            respawn_in_time(turn);
            return period;
        }
        let Some(here) = turn.sight().and_then(|sight| sight.own()).map(|own| own.at) else {
            return self.search.act(turn);
        };
        let there = self.place(turn, here);
        turn.walk(here.heading_to(there));
        if turn.due >= self.strike_at
            && let Some(target) = in_reach(turn, here)
        {
            self.strike_at = turn.due + turn.script.fight.cooldown;
            turn.attack(target);
        }
        period
    }
}

impl Crowd {
    /// Where it walks now: a new place in the spot whenever it has reached the last one.
    fn place(&mut self, turn: &mut Turn<'_>, here: Point) -> Point {
        if let Some((there, until)) = self.leg
            && turn.due < until
            && here.distance(there) > ARRIVED_CM
        {
            return there;
        }
        let there = somewhere_in_the_spot(turn);
        self.leg = Some((there, turn.due + LEG));
        there
    }
}

fn somewhere_in_the_spot(turn: &mut Turn<'_>) -> Point {
    let crowd = &turn.script.crowd;
    let radius = i64::from(crowd.radius);
    let (width, height) = turn.world.map_size;
    let middle =
        |side: u32, share: f64| (f64::from(side) * share).round().clamp(0.0, f64::from(side));
    #[expect(clippy::cast_possible_truncation, reason = "a place of the map")]
    let (x, y) = (middle(width, crowd.east) as i64, middle(height, crowd.south) as i64);
    loop {
        // Of a square around the circle, three of four points lie in the circle.
        let (dx, dy) =
            (turn.rng.random_range(-radius..=radius), turn.rng.random_range(-radius..=radius));
        if dx * dx + dy * dy <= radius * radius {
            return Point { x: x + dx, y: y + dy };
        }
    }
}

/// The nearest living monster that a strike reaches.
fn in_reach(turn: &Turn<'_>, here: Point) -> Option<u64> {
    let reach = f64::from(turn.script.fight.reach);
    let living = turn
        .sight()?
        .entities()
        .filter(|(_, seen)| seen.kind == EntityKind::Monster && seen.hp > 0)
        .map(|(id, seen)| (here.distance(seen.at), id))
        .filter(|(distance, _)| *distance <= reach);
    living.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, id)| id)
}
