//! A player's character in a zone: who it is, who sees through its eyes, what it owns.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CharacterId, PlayerId, Rank, SessionId};
use crate::module::Rate;
use crate::value::Inventory;

/// A character that stands in a zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Player {
    /// Its entity.
    pub(crate) id: PlayerId,
    pub(crate) character: CharacterId,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) rank: Rank,
    /// `None` while its connection is lost.
    pub(crate) session: Option<SessionId>,
    pub(crate) inventory: Inventory,
    /// The request that asked for the mailbox, while the store is looking.
    pub(crate) reading_mailbox: Option<u32>,
    /// Of what was last saved, so that nothing is saved twice.
    pub(crate) saved_hash: u64,
    /// How much of each packet kind's rate its account has used up.
    pub(crate) buckets: Buckets,
}

impl Player {
    /// Its entity in this zone.
    #[must_use]
    pub fn id(&self) -> PlayerId {
        self.id
    }

    /// Who it is in every zone and in the database.
    #[must_use]
    pub fn character(&self) -> CharacterId {
        self.character
    }

    /// Its name, unique in the world.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do.
    #[must_use]
    pub fn rank(&self) -> Rank {
        self.rank
    }

    /// True while somebody is connected to it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// The connection that shows it, another one after a take-over; `None` while it is lost.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// True while the database decides about something that it owns: until then it goes to no other zone.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.inventory.pending().is_some()
    }

    /// What it owns.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

/// The buckets of a player, by packet kind: a handful, so that a look through them is the quickest way to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Buckets(Vec<(u32, Bucket)>);

impl Buckets {
    /// Takes one packet of kind `id`, as [`Bucket::take`] does.
    pub(crate) fn take(&mut self, id: u32, rate: Rate, tick: u64, tick_ms: u32) -> Result<(), u32> {
        let index = self.0.iter().position(|(kind, _)| *kind == id).unwrap_or_else(|| {
            self.0.push((id, Bucket::default()));
            self.0.len() - 1
        });
        self.0[index].1.take(rate, tick, tick_ms)
    }
}

/// A token bucket that counts in ticks: how much of a rate is used up, in thousandths of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    used: u64,
    tick: u64,
}

impl Bucket {
    /// Takes one packet's worth at `tick` of `tick_ms` milliseconds each, or says in how many milliseconds there is
    /// room for one.
    fn take(&mut self, rate: Rate, tick: u64, tick_ms: u32) -> Result<(), u32> {
        const PACKET: u64 = 1000;
        let per_ms = u64::from(rate.per_second.max(1));
        let elapsed = (tick - self.tick).saturating_mul(u64::from(tick_ms));
        self.used = self.used.saturating_sub(elapsed.saturating_mul(per_ms));
        self.tick = tick;
        let room = u64::from(rate.burst.max(1)) * PACKET;
        if self.used + PACKET > room {
            let wait = (self.used + PACKET - room).div_ceil(per_ms);
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        self.used += PACKET;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::default();
        let at_once = (0..10).filter(|_| bucket.take(rate, 5, 100).is_ok()).count();
        assert_eq!(at_once, 3);
        assert_eq!(bucket.take(rate, 5, 100), Err(500));
        let in_ten_seconds = (6..106).filter(|tick| bucket.take(rate, *tick, 100).is_ok()).count();
        assert_eq!(in_ten_seconds, 20);
    }
}
