//! The moves that a bot has sent and the server hasn't yet acknowledged in a view.

use std::collections::VecDeque;
use std::time::Duration;

/// Moves without an acknowledgement that are remembered: 12 s at five moves a second. The oldest beyond that are
/// sampled with the time they have waited, so that a server that never answers shows up in the latency.
pub const MAX_UNACKNOWLEDGED: usize = 64;

/// `(sequence, due)` of each unacknowledged move, oldest first.
#[derive(Debug, Default)]
pub struct Steps {
    waiting: VecDeque<(u32, Duration)>,
}

impl Steps {
    /// A move that was due at `due` has been sent. Returns when the move it pushed out was due, if it did.
    pub fn sent(&mut self, sequence: u32, due: Duration) -> Option<Duration> {
        self.waiting.push_back((sequence, due));
        if self.waiting.len() <= MAX_UNACKNOWLEDGED {
            return None;
        }
        self.waiting.pop_front().map(|(_, due)| due)
    }

    /// A view acknowledges all moves up to `ack`: calls `each` with when each was due.
    pub fn acknowledged(&mut self, ack: u32, mut each: impl FnMut(Duration)) {
        while let Some((_, due)) = self.waiting.pop_front_if(|(sequence, _)| *sequence <= ack) {
            each(due);
        }
    }

    /// The server refused the move of this sequence, so that no view will ever acknowledge it.
    pub fn refused(&mut self, sequence: u32) {
        self.waiting.retain(|(waiting, _)| *waiting != sequence);
    }

    /// When each unacknowledged move was due, oldest first. They are forgotten.
    pub fn take_unacknowledged(&mut self) -> impl Iterator<Item = Duration> {
        self.waiting.drain(..).map(|(_, due)| due)
    }

    /// Forgets all: the dead don't walk.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_view_acknowledges_every_move_that_it_includes() {
        let (mut steps, mut dues) = (Steps::default(), Vec::new());
        for sequence in 1..=4 {
            assert_eq!(steps.sent(sequence, at(sequence.into())), None);
        }
        steps.refused(2);
        steps.acknowledged(3, |due| dues.push(due));
        assert_eq!(dues, [at(1), at(3)]);
        steps.acknowledged(3, |_| panic!("once each"));
    }

    #[test]
    fn a_move_that_is_never_acknowledged_is_still_sampled() {
        let mut steps = Steps::default();
        let pushed_out: Vec<_> = (0..70).filter_map(|n| steps.sent(n, at(n.into()))).collect();
        assert_eq!(pushed_out, (0..6).map(at).collect::<Vec<_>>());
    }
}
