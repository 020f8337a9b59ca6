//! How old the positions may be that a client is shown: in a crowd motion is told in turns.

use std::collections::VecDeque;

/// The views that count, from the protocol: the most turns that there are.
const MAX_TURNS: usize = 32;

/// The last views of a client that gets one with each publication.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The tick of each, and in how many turns it told motion; last first.
    views: VecDeque<(u64, u32)>,
}

impl Patience {
    /// A view of `tick` tells motion in so many `turns`; 0 and 1 are at once.
    pub(super) fn begin(&mut self, tick: u64, turns: u32) {
        self.views.push_front((tick, turns.max(1)));
        self.views.truncate(MAX_TURNS);
    }

    /// The most publications that a position may be behind the last one.
    pub(super) fn publications(&self) -> usize {
        let turns = self.views.iter().map(|(_, turns)| *turns).max().unwrap_or(1);
        usize::try_from(turns).unwrap_or(MAX_TURNS) - 1
    }

    /// The tick from which a position may be that is so many publications behind; the first that is known, if it's longer
    /// ago. 0 before the first view.
    pub(super) fn tick(&self, behind: usize) -> u64 {
        let view = self.views.get(behind).or_else(|| self.views.back());
        view.map_or(0, |(tick, _)| *tick)
    }
}
