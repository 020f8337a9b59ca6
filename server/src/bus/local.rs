//! The bus of a server that is alone: what it sends comes back to itself, and nothing has to be installed for it.

use std::time::Instant;

use game::post::Envelope;

use super::inbox::Inbox;
use super::{Arrival, Bus, BusStats, Refused};

/// Carries letters between the zones of this process.
pub(super) struct LocalBus {
    inbox: Inbox,
}

impl LocalBus {
    pub(super) const fn new(inbox: Inbox) -> Self {
        Self { inbox }
    }

    fn carry(&self, letter: Envelope) -> Result<(), Refused> {
        Inbox::check(&letter)?;
        if self.inbox.place().is_here(&letter.route) {
            return self.inbox.loop_back(letter);
        }
        self.inbox.count(|stats| stats.undeliverable += 1);
        Ok(())
    }
}

impl Bus for LocalBus {
    fn publish(&mut self, letter: Envelope) -> Result<(), Refused> {
        let outcome = self.carry(letter);
        self.inbox.count_published(&outcome);
        outcome
    }

    fn poll(&mut self) -> Option<Arrival> {
        self.inbox.pop()
    }

    fn stats(&self) -> BusStats {
        self.inbox.stats()
    }

    fn close(self: Box<Self>, _deadline: Instant) -> usize {
        // Nothing is on its way out: every letter has arrived already.
        0
    }
}
