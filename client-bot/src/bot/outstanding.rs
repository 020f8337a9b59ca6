//! Requests without an answer when their connection or the run ends: each counts with the time that it has waited.
//! Otherwise a server that stops answering would keep the latency that it had before.

use std::time::Duration;

use super::Bot;
use super::event::Metric;
use super::pulse::Pulse;
use super::state::State;

impl Bot {
    /// Samples what the server still owes this connection, and forgets it. A bot that is leaving has done so and waits
    /// for nothing more.
    pub(super) fn count_outstanding(&mut self, now: Duration) {
        if self.stopping {
            return;
        }
        let pulse = self.pulse.take();
        let pings: Vec<Duration> = pulse.iter().flat_map(Pulse::unanswered).collect();
        pings.into_iter().for_each(|due| self.sample(Metric::Ping, due, now));
        let Some(world) = &mut self.world else {
            return;
        };
        let moves: Vec<Duration> = world.steps.take_unacknowledged().collect();
        let confirmation = world.pending.map(|pending| pending.due);
        moves.into_iter().for_each(|due| self.sample(Metric::Move, due, now));
        if let Some(due) = confirmation {
            self.sample(Metric::Confirm, due, now);
        }
    }

    /// Samples a connection without a greeting.
    pub(super) fn count_unanswered_connect(&mut self, now: Duration) {
        if let State::Connecting { due } | State::Greeting { due } = self.state {
            self.sample(Metric::Connect, due, now);
        }
    }

    /// Samples a login or an entry that hasn't succeeded when the run ends. Until then it goes on with the next
    /// connection.
    pub(super) fn count_unfinished_entry(&mut self, now: Duration) {
        if let Some(due) = self.login_due.take() {
            self.sample(Metric::Login, due, now);
        }
        if let State::Rejoining { due } = self.state {
            self.enter_due.get_or_insert(due);
        }
        if let Some(due) = self.enter_due.take() {
            self.sample(Metric::Enter, due, now);
        }
    }
}
