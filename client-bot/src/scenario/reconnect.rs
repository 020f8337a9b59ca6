//! Wanders, and loses its connection at random: half the time as if the cable was cut.

use std::time::Duration;

use rand::RngExt as _;

use super::{Behaviour, Turn, around, wander::Wander};

/// A walker with a bad line.
#[derive(Default)]
pub(super) struct Reconnect {
    walk: Wander,
    cut_at: Option<Duration>,
}

impl Behaviour for Reconnect {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let settings = &turn.script.reconnect;
        match self.cut_at {
            None => self.cut_at = Some(turn.due + around(settings.every, turn.rng)),
            Some(at) if at <= turn.due => {
                self.cut_at = None;
                let reset = turn.rng.random();
                turn.cut(reset, settings.pause);
            }
            Some(_) => {}
        }
        self.walk.act(turn)
    }
}
