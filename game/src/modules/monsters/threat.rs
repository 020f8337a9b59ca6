//! Whom a monster hates, and how much: the damage that each has done to it.

use serde::{Deserialize, Serialize};

use crate::ids::EntityId;

/// Attackers that a monster remembers. Among more of them the least hated one is forgotten.
const MAX_ATTACKERS: usize = 32;
/// Another attacker becomes the target when it is hated more than the present one by this much, in hundredths.
/// Without it a monster would turn back and forth between two who strike in turn.
const SWITCH_AT: u64 = 110;

/// A threat table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Threat {
    /// In the order in which they became known.
    attackers: Vec<(EntityId, u32)>,
}

impl Threat {
    /// `attacker` is hated more by `amount`.
    pub(super) fn add(&mut self, attacker: EntityId, amount: u32) {
        let mut known = self.attackers.iter_mut();
        if let Some((_, threat)) = known.find(|(known, _)| *known == attacker) {
            *threat = threat.saturating_add(amount);
            return;
        }
        if self.attackers.len() == MAX_ATTACKERS {
            let threats = self.attackers.iter().enumerate();
            let least = threats.min_by_key(|(_, (_, threat))| *threat);
            if let Some(index) = least.map(|(index, _)| index) {
                self.attackers.remove(index);
            }
        }
        self.attackers.push((attacker, amount));
    }

    /// Forgets all of whom `stays` is false.
    pub(super) fn keep(&mut self, stays: impl Fn(EntityId) -> bool) {
        self.attackers.retain(|(attacker, _)| stays(*attacker));
    }

    pub(super) fn forget(&mut self, attacker: EntityId) {
        self.keep(|known| known != attacker);
    }

    pub(super) fn clear(&mut self) {
        self.attackers.clear();
    }

    /// Whom to attack: the most hated one, but `present` as long as nobody is hated much more. `None` if nobody is
    /// hated.
    pub(super) fn target(&self, present: EntityId) -> Option<EntityId> {
        // Of two who are hated alike it is the one that became known first.
        let mut most = *self.attackers.first()?;
        for &(attacker, threat) in &self.attackers {
            if threat > most.1 {
                most = (attacker, threat);
            }
        }
        let mut attackers = self.attackers.iter();
        let of_present = attackers.find(|(attacker, _)| *attacker == present);
        match of_present {
            Some((_, threat)) if u64::from(most.1) * 100 <= u64::from(*threat) * SWITCH_AT => {
                Some(present)
            }
            _ => Some(most.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: EntityId = EntityId(1);
    const BOB: EntityId = EntityId(2);

    #[test]
    fn the_most_hated_is_the_target_but_a_tenth_more_is_needed_to_turn_away() {
        let mut threat = Threat::default();
        assert_eq!(threat.target(ADA), None);
        threat.add(ADA, 100);
        threat.add(BOB, 110);
        assert_eq!(threat.target(ADA), Some(ADA));
        threat.add(BOB, 1);
        assert_eq!(threat.target(ADA), Some(BOB));
        threat.forget(BOB);
        assert_eq!(threat.target(BOB), Some(ADA));
    }

    #[test]
    fn of_too_many_attackers_the_least_hated_is_forgotten() {
        let mut threat = Threat::default();
        for (id, amount) in (10..).enumerate().take(MAX_ATTACKERS) {
            threat.add(EntityId(id as u64), amount);
        }
        threat.add(EntityId(99), 50);
        assert_eq!(threat.attackers.len(), MAX_ATTACKERS);
        assert!(threat.attackers.iter().all(|(id, _)| *id != EntityId(0)));
        assert!(threat.attackers.contains(&(EntityId(99), 50)));
    }
}
