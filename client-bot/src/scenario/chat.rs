//! Talks: to those around, to the zone, to one other bot.

use std::time::Duration;

use rand::RngExt as _;

use super::{Behaviour, Turn};

const LINES: [&str; 6] = [
    "Has anybody seen the smith?",
    "The bridge is out again.",
    "Selling bread, fresh from the oven!",
    "Watch out, wolves in the east.",
    "Good morning to you all.",
    "I'll be at the well at noon.",
];

/// Says one of a few lines at a steady pace.
pub(super) struct Chat;

impl Behaviour for Chat {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        let settings = &turn.script.chat;
        if turn.dead_since().is_some() {
            super::fight::respawn_in_time(turn);
            return settings.every;
        }
        let line = LINES[turn.rng.random_range(0..LINES.len())].to_owned();
        let chance: f64 = turn.rng.random();
        if chance < settings.shout {
            turn.shout(line);
        } else if chance < settings.shout + settings.whisper {
            let friend = turn.friend();
            turn.whisper(friend, line);
        } else {
            turn.say(line);
        }
        settings.every
    }
}
