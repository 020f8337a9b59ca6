//! Who is told of when, where not everything can be told at once: entities take turns, and nobody's turn is forgotten.
//!
//! An entity's turn depends on its slot alone, so that it can't be dodged by walking to and fro. At level `l` a turn
//! comes once in `2^l` publications, and whoever has a turn at a level has one at all lower levels as well: so however
//! the level changes from one publication to the next, an entity is told after as many as the highest of them says.

/// The highest level. At this one motion is told every 32nd publication, 3.2 s at 10 ticks a second; more patience than
/// that nobody has with a battle, so beyond it the budget is overdrawn.
pub(super) const MAX_LEVEL: u8 = 5;
/// The most turns into which motion is divided: no position is older than so many publications.
pub const MAX_TURNS: u8 = 1 << MAX_LEVEL;

/// Counts publications, and says whose turn it is in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round(pub(super) u64);

impl Round {
    /// The highest level at which the entity in `slot` has its turn in this round.
    pub(super) fn level(self, slot: usize) -> u8 {
        let differing = (slot as u64 ^ self.0).trailing_zeros();
        u8::try_from(differing).unwrap_or(MAX_LEVEL).min(MAX_LEVEL)
    }

    /// What the entity in `slot` did in so many rounds, this one included, is told in this one.
    pub(super) fn turns(self, slot: usize) -> u8 {
        1 << self.level(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_each_level_everybody_has_one_turn_in_as_many_rounds_as_the_level_has_turns() {
        for level in 0..=MAX_LEVEL {
            for slot in [0, 1, 5, 37, 1_000_003] {
                for start in [0, 7, 1 << 40] {
                    let rounds = (start..start + (1 << level)).map(Round);
                    let turns = rounds.filter(|round| round.level(slot) >= level).count();
                    assert_eq!(turns, 1, "slot {slot} at level {level} from round {start}");
                }
            }
        }
    }

    #[test]
    fn half_of_all_have_their_turn_at_each_further_level() {
        for level in 0..=MAX_LEVEL {
            let slots = (0..1024).filter(|slot| Round(77).level(*slot) >= level);
            assert_eq!(slots.count(), 1024 >> level);
        }
    }
}
