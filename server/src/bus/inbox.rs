//! The letters that have come in for this process, with the counters of the bus and the bell that wakes the loop.
//! Both implementations put their arrivals here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use game::post::Envelope;

use super::place::{self, Place};
use super::queue::Queue;
use super::{Arrival, BusStats, Connection, LETTER_BYTES, QueueBounds, Refused};

/// Shared between the loop and the thread that talks to NATS.
pub(super) struct Inbox {
    place: Place,
    wake: Box<dyn Fn() + Send + Sync>,
    shared: Mutex<Shared>,
}

struct Shared {
    arrivals: Queue<Arrival>,
    stats: BusStats,
}

impl Inbox {
    pub(super) fn new(
        place: Place,
        bounds: QueueBounds,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let shared =
            Shared { arrivals: Queue::new(bounds), stats: BusStats::new(Connection::InProcess) };
        Self { place, wake, shared: Mutex::new(shared) }
    }

    /// Who this server is, and what is for it.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the bus may carry this letter at all.
    pub(super) fn check(letter: &Envelope) -> Result<(), Refused> {
        place::check_names(letter)?;
        let bytes = letter_bytes(letter);
        if bytes > LETTER_BYTES {
            return Err(Refused::TooLarge { bytes });
        }
        Ok(())
    }

    /// Delivers a letter of this process to this process.
    pub(super) fn loop_back(&self, letter: Envelope) -> Result<(), Refused> {
        let from = self.place.node.clone();
        let arrival = Arrival { from, own: true, letter };
        if self.push(arrival) { Ok(()) } else { Err(Refused::Full) }
    }

    /// Delivers a letter of another server. When there is no room for it, it is dropped and counted: the wire can't
    /// be made to wait.
    #[cfg(feature = "nats")]
    pub(super) fn take_in(&self, arrival: Arrival) {
        if self.push(arrival) {
            return;
        }
        self.count_slow_consumer();
    }

    /// A letter of another server was lost on the way in, because we didn't keep up.
    #[cfg(feature = "nats")]
    pub(super) fn count_slow_consumer(&self) {
        let total = self.count(|stats| {
            stats.slow_consumer += 1;
            stats.slow_consumer
        });
        // At each power of two, so that a flood of letters isn't a flood of lines.
        if total.is_power_of_two() {
            tracing::warn!(
                total,
                "letters from other servers dropped: this server doesn't keep up"
            );
        }
    }

    /// The next arrival, counted as delivered.
    pub(super) fn pop(&self) -> Option<Arrival> {
        let mut shared = self.lock();
        let arrival = shared.arrivals.pop()?;
        shared.stats.delivered += 1;
        Some(arrival)
    }

    /// Changes the counters.
    pub(super) fn count<R>(&self, change: impl FnOnce(&mut BusStats) -> R) -> R {
        change(&mut self.lock().stats)
    }

    /// Counts what became of a letter of this process.
    pub(super) fn count_published(&self, outcome: &Result<(), Refused>) {
        self.count(|stats| match outcome {
            Ok(()) => stats.published += 1,
            Err(Refused::Full) => stats.refused_full += 1,
            Err(Refused::TooLarge { .. } | Refused::Name(_)) => stats.refused_unfit += 1,
        });
    }

    /// The counters and what waits here; what waits on the way out is the implementation's to add.
    pub(super) fn stats(&self) -> BusStats {
        let shared = self.lock();
        BusStats { incoming: shared.arrivals.len(), ..shared.stats }
    }

    /// Rings for the loop.
    #[cfg(feature = "nats")]
    pub(super) fn wake(&self) {
        (self.wake)();
    }

    fn push(&self, arrival: Arrival) -> bool {
        let bytes = letter_bytes(&arrival.letter);
        let mut shared = self.lock();
        let first = shared.arrivals.is_empty();
        let taken = shared.arrivals.push(arrival, bytes).is_ok();
        drop(shared);
        if first && taken {
            (self.wake)();
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is inside is consistent after each statement, so a panic elsewhere spoils nothing.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a letter weighs in the queues' byte bounds.
pub(super) fn letter_bytes(letter: &Envelope) -> usize {
    letter.kind.len().saturating_add(letter.body.len())
}
