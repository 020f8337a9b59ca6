//! One connected client: its socket, what it has sent half, what it hasn't read yet.

use std::net::SocketAddr;

use game::SessionId;

use super::limits::Limits;
use super::outgoing::Outgoing;
use super::rate::{Backlog, Meter};
use super::transport::Transport;

/// The time of a pass, in nanoseconds since the network was bound.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// As it passed: for meters.
    pub(super) now: u64,
    /// Without absences: for deadlines.
    pub(super) service: u64,
    /// What absences have let pile up.
    pub(super) backlog: Backlog,
}

/// Where a session is on its way from the accept to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides talk.
    Open,
    /// The client has said its last; it may still be answered.
    HalfClosed,
    /// The last bytes are on their way. Whatever comes in is thrown away.
    Closing {
        /// When the socket goes, whether the bytes went or not.
        deadline: u64,
    },
}

/// All times are nanoseconds since the network was bound, in service: without absences. An idle session owns no memory beyond this.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) peer: SocketAddr,
    pub(super) transport: Transport,
    pub(super) phase: Phase,
    pub(super) opened_at: u64,
    pub(super) received_at: u64,
    pub(super) logged_in: bool,
    pub(super) packets: Meter,
    pub(super) bytes: Meter,

    /// The front of a frame whose end hasn't come. Bounded by the frame limit.
    pub(super) unfinished: Vec<u8>,
    /// It is on the list of sessions to read.
    pub(super) queued: bool,
    /// Nothing more will come: the event said so, so that the end is read even after a short read.
    pub(super) hung_up: bool,
    /// Not read because its output is full; read again when that has drained.
    pub(super) held: bool,

    pub(super) output: Outgoing,
    /// It is on the list of sessions to flush.
    pub(super) touched: bool,
    /// The kernel took the last write whole. While not, writing again is a wasted call until an event comes.
    pub(super) writable: bool,
    /// Writable events are asked for.
    pub(super) armed: bool,
    /// The client was told that nothing more will come.
    pub(super) finished: bool,
}

impl Session {
    pub(super) fn new(id: SessionId, peer: SocketAddr, transport: Transport, clock: Clock) -> Self {
        Self {
            id,
            peer,
            transport,
            phase: Phase::Open,
            opened_at: clock.service,
            received_at: clock.service,
            logged_in: false,
            packets: Meter::full(clock.now),
            bytes: Meter::full(clock.now),
            unfinished: Vec::new(),
            queued: false,
            hung_up: false,
            held: false,
            output: Outgoing::default(),
            touched: false,
            writable: true,
            armed: false,
            finished: false,
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// Bytes that a packet of this session may have.
    pub(super) const fn frame_limit(&self, limits: &Limits) -> usize {
        if self.logged_in { limits.frame_limit } else { limits.frame_limit_before_login }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_costs_a_few_cache_lines() {
        let size = size_of::<Session>();
        assert!(size <= 256, "{size} bytes");
    }
}
