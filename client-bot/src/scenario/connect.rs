//! Connects, greets and closes; never comes as far as a turn in the world.

use std::time::Duration;

use super::{Behaviour, Turn};

/// A bot of this scenario lives before the login: the [`Bot`](crate::Bot) closes after the greeting.
pub(super) struct Connect;

impl Behaviour for Connect {
    fn act(&mut self, turn: &mut Turn<'_>) -> Duration {
        turn.script.connect.pause
    }
}
