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
    /// Chooses the random streams of all zones and modules.
    pub seed: u64,
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
    /// Grows with each start; the first half of op ids.
    pub epoch: u64,
    /// Packet kinds that are refused, because one of them has brought a server down.
    pub switched_off: Vec<u32>,
}

impl Settings {
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
            zones: Vec::new(),
            realm: true,
            save_interval: 50,
            cell_size: 3200,
            cell_margin: 400,
            client_budget: 64 * 1024,
            ledger_rows: Rate { per_second: 1, burst: 20 },
            epoch: 1,
            switched_off: Vec::new(),
        }
    }
}
