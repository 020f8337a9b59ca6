//! All sessions of one I/O thread: found by id, answered, and ended with a reason.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use game::SessionId;
use mio::Registry;
use mio::net::TcpStream;
use protocol::encode_server_frame;
use protocol::v1::{Farewell, Goodbye};
use slab::Slab;

use super::Framing;
use super::farewell::{CloseReason, FarewellLog, goodbye, index};
use super::limits::Limits;
use super::outgoing::{BufferPool, Outgoing};
use super::session::{Clock, Phase, Session};
use super::stats::NetStats;
use super::token;
use super::transport::Transport;
use crate::failpoints;

/// The sessions, for everybody who has something to say to them. An id whose session is gone finds nothing, and
/// speaking to it is no error: its [`Inbox::closed`](super::Inbox::closed) is on its way or has been told.
#[derive(Debug)]
pub struct Sessions {
    pub(super) framing: Framing,
    pub(super) limits: Limits,
    pub(super) registry: Registry,
    pub(super) table: Slab<Session>,
    pub(super) stats: NetStats,
    pub(super) clock: Clock,
    /// Sessions to read, first come, first served.
    pub(super) ready: VecDeque<SessionId>,
    /// Sessions to flush.
    pub(super) touched: Vec<SessionId>,
    /// To be told to the inbox.
    pub(super) ended: Vec<(SessionId, CloseReason)>,
    /// To be told to the inbox.
    pub(super) recovered: Vec<SessionId>,
    pub(super) closing: usize,
    /// Where those whose sockets are gone had come from, to be told to the door.
    pub(super) left: Vec<SocketAddr>,
    log: FarewellLog,
    pool: BufferPool,
    pub(super) io_thread: u8,
    generation: u32,
    rotation: usize,
    /// Which session a tick is handed out to first.
    pub(super) first_served: usize,
}

impl Sessions {
    pub(super) fn new(io_thread: u8, framing: Framing, limits: Limits, registry: Registry) -> Self {
        Self {
            framing,
            limits,
            registry,
            table: Slab::new(),
            stats: NetStats::default(),
            clock: Clock::default(),
            ready: VecDeque::new(),
            touched: Vec::new(),
            ended: Vec::new(),
            recovered: Vec::new(),
            closing: 0,
            left: Vec::new(),
            log: FarewellLog::default(),
            pool: BufferPool::default(),
            io_thread,
            generation: 0,
            rotation: 0,
            first_served: 0,
        }
    }

    /// Sessions that hold a socket, those that are being ended included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True when no session is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Counts since the start.
    #[must_use]
    pub const fn stats(&self) -> &NetStats {
        &self.stats
    }

    /// Where `id` connects from.
    #[must_use]
    pub fn peer(&self, id: SessionId) -> Option<SocketAddr> {
        self.get(id).map(|session| session.peer)
    }

    /// From now on `id` may send longer frames and has no login deadline.
    pub fn mark_logged_in(&mut self, id: SessionId) {
        if let Some(session) = self.get_mut(id) {
            session.logged_in = true;
        }
    }

    /// Queues a whole frame; it goes out with the next flush.
    pub fn send(&mut self, id: SessionId, frame: &[u8]) {
        use bytes::BufMut as _;
        if let Some(out) = self.outgoing(id) {
            out.tail().put_slice(frame);
        }
    }

    /// The output of `id`, to append whole frames to; they go out with the next flush. `None` when the session is
    /// gone, is being ended, or is ended now because its client has left too much unread.
    pub fn outgoing(&mut self, id: SessionId) -> Option<&mut Outgoing> {
        if self.is_over_hard_limit(id) {
            self.close(id, &too_slow());
        }
        let session = live(&mut self.table, id).filter(|session| !session.is_closing())?;
        if !session.touched {
            session.touched = true;
            self.touched.push(id);
        }
        session.output.open(&mut self.pool);
        Some(&mut session.output)
    }

    /// Ends `id` with a last message. What was queued before goes out first; the client has until the goodbye
    /// deadline to take it. Packets that it sends meanwhile are thrown away.
    pub fn close(&mut self, id: SessionId, last: &Goodbye) {
        let deadline = self.clock.service + nanoseconds(self.limits.goodbye_deadline);
        let Some(session) = live(&mut self.table, id).filter(|session| !session.is_closing())
        else {
            return;
        };
        session.phase = Phase::Closing { deadline };
        session.unfinished = Vec::new();
        session.held = false;
        if self.framing == Framing::Delimited {
            session.output.open(&mut self.pool);
            encode_server_frame(session.output.tail(), 0, last);
        }
        if !session.touched {
            session.touched = true;
            self.touched.push(id);
        }
        let peer = session.peer;
        self.closing += 1;
        self.note(last, Some(id), peer);
        let reason = CloseReason::Told(last.reason());
        self.ended.push((id, reason));
    }

    /// Ends all sessions with the same last message.
    pub fn close_all(&mut self, last: &Goodbye) {
        let ids: Vec<SessionId> = self.table.iter().map(|(_, session)| session.id).collect();
        for id in ids {
            self.close(id, last);
        }
    }

    /// Writes what is queued for `id`, in one system call, instead of waiting for the flush. Handing out a tick
    /// session by session this way keeps the bytes in the processor's cache from the copy to the kernel.
    pub fn flush_session(&mut self, id: SessionId) {
        let Some(session) = live(&mut self.table, id) else {
            return;
        };
        if session.writable
            && session.output.pending() > 0
            && let Err(error) = write(session, &mut self.stats)
        {
            return self.lose(id, error.kind());
        }
        self.settle(id);
    }

    /// Writes what is queued, one system call for each session that was touched since the last flush, beginning
    /// with another one each time.
    pub(super) fn flush(&mut self) {
        self.rotate_touched();
        let mut touched = std::mem::take(&mut self.touched);
        for &id in &touched {
            if let Some(session) = self.get_mut(id) {
                session.touched = false;
            }
            self.flush_session(id);
        }
        // Sessions ended by this flush wait for the next one: their sockets take nothing now.
        touched.clear();
        touched.append(&mut self.touched);
        self.touched = touched;
    }

    /// Chooses another session to be flushed first.
    pub(super) fn rotate_touched(&mut self) {
        self.rotation = self.rotation.wrapping_add(1);
        if !self.touched.is_empty() {
            let start = self.rotation % self.touched.len();
            self.touched.rotate_left(start);
        }
    }

    /// What follows from how much of a session's output is left after a write.
    fn settle(&mut self, id: SessionId) {
        let Some(session) = live(&mut self.table, id) else {
            return;
        };
        let pending = session.output.pending();
        let must_arm = pending > 0;
        if session.armed != must_arm {
            session.armed = must_arm;
            let armed = session.transport.arm(&self.registry, token::of_session(id), must_arm);
            if let Err(error) = armed {
                return self.lose(id, error.kind());
            }
        }
        if pending > 0 {
            if pending > self.limits.soft_output_limit && !session.output.slow {
                session.output.slow = true;
                self.stats.slow += 1;
            }
            if self.is_over_hard_limit(id) {
                self.close(id, &too_slow());
            }
            return;
        }
        session.output.release(&mut self.pool);
        if std::mem::take(&mut session.output.slow) && !session.is_closing() {
            session.output.stale = true;
            self.recovered.push(id);
        }
        if session.is_closing() {
            self.finish(id);
        } else if std::mem::take(&mut session.held) {
            self.queue(id);
        }
    }

    /// The last byte is out: say so, and keep the socket until the client has said the same or the deadline passes.
    /// Closing at once, with bytes of the client unread, would reset the connection and might destroy the goodbye.
    fn finish(&mut self, id: SessionId) {
        let Some(session) = live(&mut self.table, id) else {
            return;
        };
        if session.hung_up && !session.queued {
            self.remove(id);
        } else if !session.finished {
            session.finished = true;
            session.transport.finish();
        }
    }

    fn is_over_hard_limit(&mut self, id: SessionId) -> bool {
        let (now, hard_limit) = (self.clock.service, self.limits.hard_output_limit);
        self.framing == Framing::Delimited
            && self.get_mut(id).is_some_and(|session| {
                !session.is_closing() && session.output.overdue(now) > hard_limit
            })
    }

    /// Takes a new connection in; `None` if it can't be watched.
    pub(super) fn open(&mut self, stream: TcpStream, peer: SocketAddr) -> Option<SessionId> {
        let slot = self.table.vacant_key();
        self.generation = self.generation.wrapping_add(1);
        let id = token::session_id(self.io_thread, self.generation, slot);
        let mut transport = Transport::Tcp(stream);
        if transport.register(&self.registry, token::of_session(id)).is_err() {
            self.stats.accept_errors += 1;
            self.left.push(peer);
            return None;
        }
        self.table.insert(Session::new(id, peer, transport, self.clock));
        self.stats.opened += 1;
        Some(id)
    }

    /// Counts and logs a farewell.
    pub(super) fn note(&mut self, last: &Goodbye, session: Option<SessionId>, peer: SocketAddr) {
        self.stats.farewells[index(last.reason())] += 1;
        self.log.note(last, session, peer, self.clock.now);
    }

    /// The connection broke by itself.
    pub(super) fn lose(&mut self, id: SessionId, kind: io::ErrorKind) {
        let Some(session) = self.get(id) else { return };
        let peer = session.peer;
        if !session.is_closing() {
            if kind == io::ErrorKind::TimedOut {
                self.note(&took_nothing(), Some(id), peer);
            }
            self.stats.lost += 1;
            self.ended.push((id, CloseReason::Lost(kind)));
        }
        self.remove(id);
    }

    /// Drops the socket and everything about it. Whoever is to be told was told before.
    pub(super) fn remove(&mut self, id: SessionId) {
        if self.get(id).is_none() {
            return;
        }
        let mut session = self.table.remove(token::slot(id));
        session.output.release(&mut self.pool);
        self.closing -= usize::from(session.is_closing());
        self.left.push(session.peer);
    }

    /// Puts `id` at the end of those to read.
    pub(super) fn queue(&mut self, id: SessionId) {
        if let Some(session) = live(&mut self.table, id)
            && !session.queued
        {
            session.queued = true;
            self.ready.push_back(id);
        }
    }

    /// Puts `id` among those to flush.
    pub(super) fn touch(&mut self, id: SessionId) {
        if let Some(session) = live(&mut self.table, id)
            && !session.touched
        {
            session.touched = true;
            self.touched.push(id);
        }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.table.get(token::slot(id)).filter(|session| session.id == id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        live(&mut self.table, id)
    }
}

/// The session that `id` names, if it is still there. A function of the table alone, so that the rest of
/// [`Sessions`] can be used beside the session.
fn live(table: &mut Slab<Session>, id: SessionId) -> Option<&mut Session> {
    table.get_mut(token::slot(id)).filter(|session| session.id == id)
}

/// One write.
fn write(session: &mut Session, stats: &mut NetStats) -> io::Result<()> {
    stats.writes += 1;
    match session.transport.write(session.output.unsent()) {
        Ok(sent) => {
            failpoints::pass("session.written");
            session.output.advance(sent);
            stats.bytes_out += sent as u64;
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    session.writable = session.output.pending() == 0;
    stats.partial_writes += u64::from(!session.writable);
    Ok(())
}

fn too_slow() -> Goodbye {
    goodbye(Farewell::TooSlow, "the connection is too slow for what happens around you")
}

/// Counted and logged, and told to nobody: its reader doesn't read.
fn took_nothing() -> Goodbye {
    goodbye(Farewell::TooSlow, "the client took nothing that was sent to it for too long")
}

/// `duration` on the clock of sessions: five centuries at most.
pub(super) fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
