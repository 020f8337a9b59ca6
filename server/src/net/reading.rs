//! From a readable socket to packets: one read per session and turn, into one buffer that all sessions share.

use std::io;

use game::SessionId;
use protocol::v1::{Farewell, Goodbye};
use protocol::{FrameError, MAX_LENGTH_BYTES, split_frame};

use super::farewell::goodbye;
use super::limits::Limits;
use super::session::Phase;
use super::sessions::Sessions;
use super::{Framing, Inbox};

/// Bytes that the shared buffer needs: the front of an unfinished frame and a full read behind it.
pub(super) fn buffer_size(limits: &Limits) -> usize {
    let longest = limits.frame_limit.max(limits.frame_limit_before_login);
    longest + MAX_LENGTH_BYTES + limits.read_budget.max(1)
}

impl Sessions {
    /// Gives one turn to each session that was ready when the pass began, as many as one pass may serve. Those that
    /// have more to read go to the end of the list.
    pub(super) fn read_ready(&mut self, buffer: &mut [u8], inbox: &mut impl Inbox) {
        let turns = self.ready.len().min(self.limits.events_per_poll);
        for _ in 0..turns {
            if inbox.is_full() {
                return;
            }
            if let Some(id) = self.ready.pop_front() {
                if let Some(session) = self.get_mut(id) {
                    session.queued = false;
                }
                self.read_once(id, buffer, inbox);
            }
        }
    }

    /// One read, and what follows from it.
    pub(super) fn read_once(&mut self, id: SessionId, buffer: &mut [u8], inbox: &mut impl Inbox) {
        let soft_limit = self.limits.soft_output_limit;
        let holds_back = self.framing == Framing::Raw;
        let budget = self.limits.read_budget.max(1);
        let Some(session) = self.get_mut(id) else {
            return;
        };
        if holds_back && !session.is_closing() && session.output.pending() > soft_limit {
            session.held = true;
            return;
        }
        let kept = session.unfinished.len();
        buffer[..kept].copy_from_slice(&session.unfinished);
        let result = session.transport.read(&mut buffer[kept..kept + budget]);
        self.stats.reads += 1;
        match result {
            Ok(0) => self.end_of_input(id, inbox),
            Ok(count) => self.received(id, &buffer[..kept + count], count, inbox),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lose(id, error.kind()),
        }
    }

    /// `bytes` are what was unfinished and then the `count` bytes that are new.
    fn received(&mut self, id: SessionId, bytes: &[u8], count: usize, inbox: &mut impl Inbox) {
        let (clock, budget) = (self.clock, self.limits.read_budget.max(1));
        let rate = self.limits.byte_rate;
        self.stats.bytes_in += count as u64;
        let Some(session) = self.get_mut(id) else {
            return;
        };
        session.received_at = clock.service;
        // A short read has emptied the socket, and what comes later is a new event; but a hang-up that the event
        // told about is still to be read.
        let more = count == budget || session.hung_up;
        let backlog = clock.backlog.at(clock.now);
        let admitted =
            rate.is_none_or(|rate| session.bytes.admit(rate, count as u64, clock.now, backlog));
        let closing = session.is_closing();
        if more {
            self.queue(id);
        }
        if closing {
            return;
        }
        if !admitted {
            return self.close(id, &flooding("bytes"));
        }
        match self.framing {
            Framing::Raw => inbox.frame(self, id, bytes),
            Framing::Delimited => self.split(id, bytes, inbox),
        }
        inbox.read(self, id);
    }

    /// Hands each whole frame to `inbox` and keeps the rest. The session is looked up anew for each, because the inbox
    /// may end it.
    fn split(&mut self, id: SessionId, mut bytes: &[u8], inbox: &mut impl Inbox) {
        let now = self.clock.now;
        let backlog = self.clock.backlog.at(now);
        loop {
            let limits = &self.limits;
            let rate = limits.packet_rate;
            let limit = match self.get(id) {
                Some(session) if !session.is_closing() => session.frame_limit(limits),
                _ => return,
            };
            let frame = match split_frame(bytes, limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return self.close(id, &unreadable(error)),
            };
            let Some(session) = self.get_mut(id) else {
                return;
            };
            if !rate.is_none_or(|rate| session.packets.admit(rate, 1, now, backlog)) {
                return self.close(id, &flooding("packets"));
            }
            bytes = &bytes[frame.consumed..];
            self.stats.packets_in += 1;
            inbox.frame(self, id, frame.packet);
        }
        if let Some(session) = self.get_mut(id) {
            keep(&mut session.unfinished, bytes);
        }
    }

    fn end_of_input(&mut self, id: SessionId, inbox: &mut impl Inbox) {
        let Some(session) = self.get_mut(id) else {
            return;
        };
        session.hung_up = true;
        session.unfinished = Vec::new();
        match session.phase {
            Phase::Open => {
                session.phase = Phase::HalfClosed;
                inbox.half_closed(self, id);
            }
            Phase::HalfClosed => {}
            // Both sides are done, as soon as the last bytes are out.
            Phase::Closing { .. } => self.touch(id),
        }
    }
}

/// Keeps `rest` until more comes. Nothing to keep takes no memory.
fn keep(unfinished: &mut Vec<u8>, rest: &[u8]) {
    if rest.is_empty() {
        *unfinished = Vec::new();
    } else {
        unfinished.clear();
        unfinished.extend_from_slice(rest);
    }
}

fn flooding(what: &str) -> Goodbye {
    goodbye(Farewell::Flooding, format!("more {what} than a client may send"))
}

fn unreadable(error: FrameError) -> Goodbye {
    let reason = match error {
        FrameError::Malformed => Farewell::Malformed,
        FrameError::TooLong { .. } => Farewell::FrameTooLong,
    };
    goodbye(reason, error.to_string())
}
