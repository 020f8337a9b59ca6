//! What a game is told once, at its start.

use serde::{Deserialize, Serialize};

use crate::ids::ZoneName;
use crate::module::Rate;

/// Everything of a game that isn't content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// This server's name on the bus.
    pub node: String,
    /// Ticks per second: 1 to 30.
    pub tick_rate: u32,
    /// Chooses the random streams of all zones and modules, together with the secret and the epoch.
    pub seed: u64,
    /// Of the world: six numbers of 48 random bits, so that nobody who has the source can compute what comes next. A test or
    /// a replay gives them by hand.
    pub secret: [u64; 6],
    /// The zones that run here.
    pub zones: Vec<ZoneName>,
    /// Whether the realm zone runs here.
    pub realm: bool,
    /// Ticks between two saves of the same character that moved.
    pub save_interval: u64,
    /// Side of a visibility cell, in centimetres.
    pub cell_size: u32,
    /// How far a viewer goes beyond its anchor cell before the anchor follows, in centimetres.
    pub cell_margin: u32,
    /// Bytes per second for what a client is shown, but for state; 0 is no limit.
    pub client_budget: u32,
    /// Rows of the ledger that an account may write with what costs it nothing: see
    /// [`Ctx::spend_rows`](crate::Ctx::spend_rows).
    pub ledger_rows: Rate,
    /// Addresses, as [`PublicAddress`](protocol::PublicAddress) writes them, to which another server may send players of this one.
    pub redirect_to: Vec<String>,
    /// Grows with each start; the first half of op ids.
    pub epoch: u64,
    /// Packet kinds that are refused, because one of them has brought a server down.
    pub switched_off: Vec<u32>,
}

impl Settings {
    /// The beginning of the random stream of this name: another one in each world and after each start.
    #[must_use]
    pub(crate) fn stream(&self, name: &str) -> u128 {
        let numbers = self.secret.iter().chain([&self.epoch]);
        let mut key: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        key.extend_from_slice(name.as_bytes());
        xxhash_rust::xxh3::xxh3_128_with_seed(&key, self.seed)
    }

    /// Length of a tick in milliseconds.
    #[must_use]
    pub fn tick_ms(&self) -> u32 {
        1000 / self.tick_rate.max(1)
    }

    /// Bytes that a view may have, but for state: the budget of a tick.
    #[must_use]
    pub fn view_budget(&self) -> u32 {
        match self.client_budget {
            0 => crate::zone::visibility::UNLIMITED,
            budget => budget / self.tick_rate.max(1),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: "1".into(),
            tick_rate: 10,
            seed: 1,
            secret: [0; 6],
            zones: Vec::new(),
            realm: true,
            save_interval: 50,
            cell_size: 3200,
            cell_margin: 400,
            client_budget: 64 * 1024,
            ledger_rows: Rate { per_second: 1, burst: 20 },
            redirect_to: Vec::new(),
            epoch: 1,
            switched_off: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_stream_is_the_same_for_the_same_world_and_start_and_else_another_one() {
        let own = Settings { secret: [1, 2, 3, 4, 5, 6], epoch: 7, ..Settings::default() };
        let stream = |settings: &Settings| settings.stream("meadow/items");
        assert_eq!(stream(&own), stream(&own.clone()));
        for other in [
            Settings { seed: 2, ..own.clone() },
            Settings { epoch: 8, ..own.clone() },
            Settings { secret: [1, 2, 3, 4, 5, 7], ..own.clone() },
        ] {
            assert_ne!(stream(&own), stream(&other), "{other:?}");
        }
        assert_ne!(stream(&own), own.stream("meadow/monsters"));
    }
}
