//! A player's character in a zone: who it is, who sees through its eyes, what it owns.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CharacterId, PlayerId, Rank, SessionId};
use crate::module::Rate;
use crate::rate_clock::RateTime;
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
    pub(crate) fn take(&mut self, id: u32, rate: Rate, time: RateTime) -> Result<(), u32> {
        let index = self.0.iter().position(|(kind, _)| *kind == id).unwrap_or_else(|| {
            self.0.push((id, Bucket::default()));
            self.0.len() - 1
        });
        self.0[index].1.take(rate, time)
    }
}

/// A token bucket that counts in ticks: how much of a rate is used up, in thousandths of a packet. Negative where what
/// was free while ticks were dropped is more than the burst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    used: i64,
    tick: u64,
}

impl Bucket {
    /// Takes one packet's worth, or says in how many milliseconds there is room for one.
    fn take(&mut self, rate: Rate, time: RateTime) -> Result<(), u32> {
        const PACKET: i64 = 1000;
        let per_ms = i64::from(rate.per_second.max(1));
        let worth = |ticks: u64| {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            ticks.saturating_mul(i64::from(time.tick_ms)).saturating_mul(per_ms)
        };
        let freed = worth(time.tick.saturating_sub(self.tick));
        self.used = self.used.saturating_sub(freed).max(-worth(time.backlog));
        self.tick = time.tick;
        let room = i64::from(rate.burst.max(1)) * PACKET;
        if self.used + PACKET > room {
            let missing = u64::try_from(self.used + PACKET - room).unwrap_or(0);
            let wait = missing.div_ceil(u64::from(rate.per_second.max(1)));
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        self.used += PACKET;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_clock::RateClock;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::default();
        let at = |tick| RateTime { tick, tick_ms: 100, backlog: 0 };
        let at_once = (0..10).filter(|_| bucket.take(rate, at(5)).is_ok()).count();
        assert_eq!(at_once, 3);
        assert_eq!(bucket.take(rate, at(5)), Err(500));
        let in_ten_seconds = (6..106).filter(|tick| bucket.take(rate, at(*tick)).is_ok()).count();
        assert_eq!(in_ten_seconds, 20);
    }

    #[test]
    fn a_bucket_grants_its_rate_for_dropped_ticks_beyond_its_burst() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::default();
        let mut clock = RateClock::default();
        let mut sent = |clock: &RateClock, tick| {
            (0..100).filter(|_| bucket.take(rate, clock.at(tick, 100)).is_ok()).count()
        };
        assert_eq!(sent(&clock, 5), 3);
        clock.drop_ticks(100, 6);
        assert_eq!(sent(&clock, 6), 20, "ten seconds without ticks");
        assert_eq!(sent(&clock, 16), 2, "and no more than once");
        assert_eq!(sent(&clock, 300), 3, "a pause of the client is no backlog");
    }
}
