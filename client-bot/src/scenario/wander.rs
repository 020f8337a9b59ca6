//! Walks about: straight for a while, then another way. Long legs spread a swarm over the map.

use std::time::Duration;

use rand::RngExt as _;

use super::{Behaviour, Turn, around};

/// A walker's direction and how long it keeps it.
#[derive(Default)]
pub(super) struct Wander {
    heading: u16,
    turn_at: Duration,
}

impl Behaviour for Wander {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let walk = &turn.script.walk;
        let period = walk.period();
        if walk.inputs <= 0.0 || turn.dead_since().is_some() {
            super::fight::respawn_in_time(turn);
            return period;
        }
        if turn.due >= self.turn_at {
            self.heading = turn.rng.random();
            self.turn_at = turn.due + around(walk.straight, turn.rng);
        }
        // A slight sway, as a hand on a stick has it: each input is a new one.
        const SWAY: i16 = 512;
        let sway = turn.rng.random_range(-SWAY..=SWAY);
        turn.walk(self.heading.wrapping_add_signed(sway));
        period
    }
}
