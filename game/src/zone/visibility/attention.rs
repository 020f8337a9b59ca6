//! Whom a player fights: those are told of at once, however many others stand around.

use serde::{Deserialize, Serialize};

use super::turns::Round;
use crate::ids::EntityId;

/// The most of them, so that who is attacked by a whole crowd isn't sent the whole crowd; whoever struck last counts.
const MAX_OTHERS: usize = 8;
/// How many publications after a blow the two are still told of: longer than anybody waits before the next blow.
const LASTS: u64 = 64;

/// Whom somebody struck and by whom it was struck of late.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Attention {
    /// With the last round in which each is told of.
    others: Vec<(EntityId, u64)>,
}

impl Attention {
    /// Tells of `other` from now on, for a while.
    pub(super) fn turn_to(&mut self, other: EntityId, now: Round) {
        let until = now.0 + LASTS;
        if let Some(known) = self.others.iter_mut().find(|(id, _)| *id == other) {
            known.1 = until;
            return;
        }
        if self.others.len() < MAX_OTHERS {
            return self.others.push((other, until));
        }
        if let Some(oldest) = self.others.iter_mut().min_by_key(|(_, until)| *until) {
            *oldest = (other, until);
        }
    }

    /// Whom to tell of in this round.
    pub(super) fn others(&self, now: Round) -> impl Iterator<Item = EntityId> + '_ {
        self.others.iter().filter(move |(_, until)| now.0 <= *until).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_struck_are_told_of_until_a_while_after_their_last_blow() {
        let mut attention = Attention::default();
        for id in 0..10 {
            attention.turn_to(EntityId(id), Round(id));
        }
        attention.turn_to(EntityId(2), Round(10));
        let others = |round| {
            let mut ids: Vec<_> = attention.others(Round(round)).map(|id| id.0).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(others(10), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(others(9 + LASTS), [2, 9]);
        assert_eq!(others(11 + LASTS), [0_u64; 0]);
    }
}
