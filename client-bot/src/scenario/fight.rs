//! Seeks the nearest monster, walks to it and strikes; takes what lies near, gold too; comes back from the dead.

use std::time::Duration;

use protocol::v1::EntityKind;
use rand::RngExt as _;

use super::{Behaviour, Turn, wander::Wander};
use crate::bot::sight::Point;

/// A fighter between two strikes.
#[derive(Default)]
pub(super) struct Fight {
    strike_at: Duration,
    search: Wander,
    /// An item that was asked for, left alone until then: it may be somebody else's by now.
    avoid: Option<(u64, Duration)>,
}

/// How long a fighter leaves an item alone that it has asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a fighter goes for.
struct Goal {
    id: u64,
    kind: EntityKind,
    distance: f64,
    heading: u16,
}

impl Behaviour for Fight {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let period = turn.script.walk.period();
        if turn.dead_since().is_some() {
            respawn_in_time(turn);
            return period;
        }
        if turn.rng.random_bool(turn.script.fight.drop) {
            let nth = turn.rng.random_range(0..64);
            if let Some(item) = turn.holdings().pick(nth) {
                turn.drop_item(item);
            }
        }
        let Some(goal) = self.goal(turn) else {
            return self.search.act(turn);
        };
        if goal.distance > f64::from(turn.script.fight.reach) {
            turn.walk(goal.heading);
            return period;
        }
        match goal.kind {
            EntityKind::Item => {
                self.avoid = Some((goal.id, turn.due + PATIENCE));
                turn.pick_up(goal.id);
            }
            EntityKind::Monster => {
                turn.stand(goal.heading);
                if turn.due >= self.strike_at {
                    self.strike_at = turn.due + turn.script.fight.cooldown;
                    turn.attack(goal.id);
                }
            }
            EntityKind::Unspecified | EntityKind::Player | EntityKind::Portal | EntityKind::Npc => {
            }
        }
        period
    }
}

impl Fight {
    /// The nearest item that is worth a detour, else the nearest living monster in sight.
    fn goal(&self, turn: &Turn<'_>) -> Option<Goal> {
        let sight = turn.sight()?;
        let here = sight.own()?.at;
        let detour = f64::from(turn.script.fight.detour);
        let candidates = sight.entities().filter_map(|(id, seen)| {
            let distance = here.distance(seen.at);
            let wanted = match seen.kind {
                EntityKind::Item => distance <= detour && !self.avoids(id, turn.due),
                EntityKind::Monster => seen.hp > 0,
                EntityKind::Unspecified
                | EntityKind::Player
                | EntityKind::Portal
                | EntityKind::Npc => false,
            };
            wanted.then(|| goal(id, seen.kind, here, seen.at))
        });
        candidates.min_by(|a, b| {
            let rank = |goal: &Goal| goal.kind != EntityKind::Item;
            rank(a).cmp(&rank(b)).then(a.distance.total_cmp(&b.distance)).then(a.id.cmp(&b.id))
        })
    }

    fn avoids(&self, item: u64, now: Duration) -> bool {
        self.avoid.is_some_and(|(id, until)| id == item && now < until)
    }
}

fn goal(id: u64, kind: EntityKind, here: Point, there: Point) -> Goal {
    Goal { id, kind, distance: here.distance(there), heading: here.heading_to(there) }
}

/// Asks to live again once the dead has been mourned. A refusal starts the mourning anew.
pub(super) fn respawn_in_time(turn: &mut Turn<'_>) {
    let Some(since) = turn.dead_since() else {
        return;
    };
    if turn.due >= since + turn.script.fight.mourning {
        turn.respawn();
    }
}
