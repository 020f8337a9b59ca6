//! Whose turn it is: what is to be done for each character every so many ticks is spread over those ticks by the
//! character's number, and finding those whose turn it is costs nothing for the others. Neighbours by number have their
//! turn together: they lie on the same pages of the database, and each page that a tick's saves touch is written and
//! synced whole. So no tick does it for all, once there are more than a few of [`NEIGHBOURS`].

use std::collections::BTreeSet;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::ids::CharacterId;

/// Characters who have their turn together: about as many as fit on a page of 4 KiB.
pub(crate) const NEIGHBOURS: u64 = 32;

/// Characters that each have a turn every so many ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rota {
    every: u64,
    /// By the tick, modulo `every`, in which it is their turn.
    members: BTreeSet<(u64, CharacterId)>,
}

impl Rota {
    /// Nobody yet; a turn every `every` ticks, at least one.
    pub(crate) fn new(every: u64) -> Self {
        Self { every: every.max(1), members: BTreeSet::new() }
    }

    /// The character has its turns from now on. The first one comes within `every` ticks.
    pub(crate) fn add(&mut self, character: CharacterId) {
        self.members.insert((self.turn_of(character), character));
    }

    pub(crate) fn remove(&mut self, character: CharacterId) {
        self.members.remove(&(self.turn_of(character), character));
    }

    /// Those whose turn it is in `tick`, in the order of their numbers.
    pub(crate) fn due(&self, tick: u64) -> Vec<CharacterId> {
        let turn = tick % self.every;
        let due = self.members.range((turn, CharacterId(0))..=(turn, CharacterId(u64::MAX)));
        due.map(|(_, character)| *character).collect()
    }

    /// The first of those whose turn it is in `tick`, or the first behind `last`.
    pub(crate) fn next(&self, tick: u64, last: Option<CharacterId>) -> Option<CharacterId> {
        let turn = tick % self.every;
        let start = last
            .map_or(Bound::Included((turn, CharacterId(0))), |last| Bound::Excluded((turn, last)));
        let end = Bound::Included((turn, CharacterId(u64::MAX)));
        self.members.range((start, end)).next().map(|(_, character)| *character)
    }

    /// The first `most` of all.
    pub(crate) fn first(&self, most: usize) -> Vec<CharacterId> {
        self.members.iter().take(most).map(|(_, character)| *character).collect()
    }

    fn turn_of(&self, character: CharacterId) -> u64 {
        character.0 / NEIGHBOURS % self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_turn_in_each_round_and_none_after_leaving() {
        let mut rota = Rota::new(7);
        (1..=1_000).map(CharacterId).for_each(|character| rota.add(character));
        rota.add(CharacterId(4));
        rota.remove(CharacterId(9));
        let mut turns: Vec<CharacterId> = (50..57).flat_map(|tick| rota.due(tick)).collect();
        turns.sort_unstable();
        let all: Vec<_> = (1..=1_000).filter(|id| *id != 9).map(CharacterId).collect();
        assert_eq!(turns, all);
        assert!(rota.due(50).len() <= 160, "{:?}", rota.due(50));
        let one_by_one =
            std::iter::successors(rota.next(50, None), |last| rota.next(50, Some(*last)));
        assert_eq!(one_by_one.collect::<Vec<_>>(), rota.due(50));
    }

    #[test]
    fn neighbours_have_their_turn_in_the_same_tick() {
        let mut rota = Rota::new(50);
        (0..10_000).map(CharacterId).for_each(|character| rota.add(character));
        for tick in 0..50 {
            let due = rota.due(tick);
            let neighbours = due.windows(2).filter(|pair| pair[0].0 + 1 == pair[1].0).count();
            assert!((190..=230).contains(&due.len()), "{} in tick {tick}", due.len());
            assert!(due.len() - neighbours <= 7, "{neighbours} of {}", due.len());
        }
    }
}
