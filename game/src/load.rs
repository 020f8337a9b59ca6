//! What is given up while ticks run late. Whoever runs the game decides about it and says so with an
//! [`Input`](crate::Input), since two runs of the same inputs must give up the same.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far the game has been told to hold back. Each level gives up what those before it do, too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum LoadLevel {
    /// Nothing is given up.
    #[default]
    Normal,
    /// Views have a smaller budget: in crowds, motion that isn't near is told in more turns.
    Motion,
    /// Monsters with no player near them sleep, though somebody may see them.
    Monsters,
    /// Nobody is let in while others don't leave. The game itself does nothing about it.
    Admission,
}

impl LoadLevel {
    /// From the first to the last.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Motion, Self::Monsters, Self::Admission];

    /// Steps from [`Self::Normal`].
    #[must_use]
    pub const fn steps(self) -> usize {
        self as usize
    }
}

impl fmt::Display for LoadLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Normal => "over; nothing is given up",
            Self::Motion => "motion in crowds is told in more turns",
            Self::Monsters => "monsters with nobody near them sleep",
            Self::Admission => "who wants into the world waits in a queue",
        })
    }
}
