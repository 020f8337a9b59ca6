//! Sockets and sessions: what lies between epoll and a packet.
//!
//! The owner of a [`Network`] repeats three calls, and they are the only ones that make system calls per client:
//!
//! ```text
//! wait(timeout)        sleep until a socket is ready, another thread wakes us, or time is up
//! receive(now, inbox)  accept and read, a bounded amount for each session; packets go to the inbox
//! flush()              one write for each session that has something to send
//! ```
//!
//! In between, and from within the inbox, [`Sessions`] is where clients are answered and sent away. Nothing that a
//! client does comes out of here as an error: it ends that client's session, with a reason.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game::SessionId;
use mio::event::Source;
use mio::{Events, Poll, Waker};

mod addresses;
mod deadlines;
mod farewell;
mod limits;
mod listener;
mod outgoing;
mod rate;
mod reading;
mod session;
mod sessions;
mod stats;
#[cfg(test)]
mod tests;
mod token;
mod transport;

pub use farewell::{CloseReason, goodbye};
pub use limits::{DescriptorError, Limits, OTHER_DESCRIPTORS, raise_descriptor_limit};
pub use listener::BindError;
pub use outgoing::Outgoing;
pub use rate::Rate;
pub use sessions::Sessions;
pub use stats::NetStats;

use deadlines::Sweep;
use listener::Listener;

/// How a session's bytes are cut into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A varint length before each packet. A client that doesn't read is ended at the hard limit, and every farewell
    /// is a `Goodbye` frame.
    Delimited,
    /// Not at all: a packet is whatever one read brought. A client that doesn't read isn't read either, above the
    /// soft limit; farewells are silent.
    Raw,
}

/// What the network tells its owner, all of it during [`Network::receive`]. Each method may answer, or end, any
/// session at once.
pub trait Inbox {
    /// A client has connected.
    fn opened(&mut self, sessions: &mut Sessions, id: SessionId, peer: SocketAddr);

    /// A packet has arrived. It lies in the shared read buffer: keep a copy, if at all.
    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]);

    /// All packets that one read brought have been told. Who answers each client by itself calls
    /// [`Sessions::flush_session`] here, while socket and answer are in the processor's cache; where one client's packet
    /// is news for many, the default waits for the flush, which has one write for all that a pass brought a session.
    fn read(&mut self, _sessions: &mut Sessions, _id: SessionId) {}

    /// The client has closed its half and will send nothing more. The session stays open for answers until it is
    /// closed; the default closes it now, after what is queued already.
    fn half_closed(&mut self, sessions: &mut Sessions, id: SessionId) {
        let left = goodbye(protocol::v1::Farewell::ClientLeft, "until next time");
        sessions.close(id, &left);
    }

    /// A session that [was slow](Outgoing::is_slow) has taken everything.
    fn recovered(&mut self, _sessions: &mut Sessions, _id: SessionId) {}

    /// A session is over, whoever ended it. Told once for each one opened; nothing comes from it after that, and
    /// nothing can be sent to it.
    fn closed(&mut self, sessions: &mut Sessions, id: SessionId, reason: CloseReason);
}

/// A listening socket and its sessions on one poll.
#[derive(Debug)]
pub struct Network {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    listener: Option<Listener>,
    local: SocketAddr,
    sessions: Sessions,
    sweep: Sweep,
    /// Where every session's bytes arrive.
    buffer: Box<[u8]>,
    started: Instant,
}

impl Network {
    /// Listens on `address`; port 0 takes a free one. `now` begins the clock of deadlines.
    ///
    /// # Errors
    /// When the address can't be listened on, in a line for the operator.
    pub fn bind(
        address: SocketAddr,
        framing: Framing,
        limits: Limits,
        now: Instant,
    ) -> Result<Self, BindError> {
        let failed = |source| BindError::new(address, source);
        let poll = Poll::new().map_err(failed)?;
        let registry = poll.registry().try_clone().map_err(failed)?;
        let waker = Waker::new(&registry, token::WAKER).map_err(failed)?;
        let listener = Listener::bind(address, &limits, &registry).map_err(failed)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(limits.events_per_poll.max(1)),
            waker: Arc::new(waker),
            local: listener.local_addr(),
            listener: Some(listener),
            buffer: vec![0; reading::buffer_size(&limits)].into_boxed_slice(),
            sessions: Sessions::new(framing, limits, registry),
            sweep: Sweep::default(),
            started: now,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Ends a [`wait`](Self::wait) from another thread.
    #[must_use]
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Lets another source, such as signals, end a [`wait`](Self::wait). Ask the source itself what it has.
    ///
    /// # Errors
    /// When the system refuses to watch it.
    pub fn watch(&self, guest: &mut impl Source) -> io::Result<()> {
        listener::register_guest(self.poll.registry(), guest)
    }

    /// Sleeps until something is ready or `timeout` is over; `None` sleeps for ever. Doesn't sleep while there is work
    /// left from the last pass, and never past a client's deadline. A signal ends the sleep and is no error.
    ///
    /// # Errors
    /// When polling itself fails, which no client can cause.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let bounds = [timeout, self.sessions.longest_sleep(), self.accept_again()];
        let timeout = if self.has_work_left() {
            Some(Duration::ZERO)
        } else {
            bounds.into_iter().flatten().min()
        };
        let result = self.poll.poll(&mut self.events, timeout);
        self.sessions.stats.wakeups += 1;
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// Accepts, reads, watches deadlines, and tells `inbox` what came of it.
    pub fn receive(&mut self, now: Instant, inbox: &mut impl Inbox) {
        self.sessions.now = sessions::nanoseconds(now.saturating_duration_since(self.started));
        self.take_events();
        self.report(inbox);
        if let Some(listener) = &mut self.listener
            && listener.pending
        {
            listener.accept_some(&mut self.sessions, inbox);
        }
        self.sessions.read_ready(&mut self.buffer, inbox);
        self.sweep.advance(&mut self.sessions);
        self.report(inbox);
    }

    /// The sessions, to answer them or send them away between [`receive`](Self::receive) and [`flush`](Self::flush).
    pub const fn sessions(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// Writes what is queued: one system call for each session that was touched since the last flush.
    pub fn flush(&mut self) {
        self.sessions.flush();
    }

    /// From now on these limits count, for the sessions that are there too. What was sized by them at the start (the
    /// read buffer, the events of a pass, the backlog) stays.
    pub fn set_limits(&mut self, limits: Limits) {
        let now = &self.sessions.limits;
        self.sessions.limits = Limits {
            max_sessions: now.max_sessions,
            backlog: now.backlog,
            events_per_poll: now.events_per_poll,
            read_budget: now.read_budget,
            frame_limit: now.frame_limit,
            frame_limit_before_login: now.frame_limit_before_login,
            ..limits
        };
    }

    /// Counts since the start.
    #[must_use]
    pub const fn stats(&self) -> &NetStats {
        self.sessions.stats()
    }

    /// Takes in nobody any more. Those who wait in the kernel's queue are refused by it.
    pub fn stop_accepting(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.stop(self.poll.registry());
        }
    }

    /// Sees sessions out that were told to go, until none is left. Bounded by their goodbye deadline, and so only
    /// useful after [`Sessions::close_all`].
    ///
    /// # Errors
    /// When polling itself fails.
    pub fn drain(&mut self, inbox: &mut impl Inbox) -> io::Result<()> {
        self.flush();
        while self.is_seeing_out() {
            self.wait(None)?;
            self.receive(Instant::now(), inbox);
            self.flush();
        }
        Ok(())
    }

    /// True while a session that was told to go is still there. Bounded by the goodbye deadline.
    #[must_use]
    pub const fn is_seeing_out(&self) -> bool {
        self.sessions.closing > 0
    }

    fn has_work_left(&self) -> bool {
        let sessions = &self.sessions;
        let to_accept = self
            .listener
            .as_ref()
            .is_some_and(|listener| listener.pending && (!listener.starved || sessions.freed));
        to_accept
            || !sessions.ready.is_empty()
            || !sessions.ended.is_empty()
            || !sessions.recovered.is_empty()
    }

    /// When accept, out of descriptors, is tried again although none of ours was freed.
    fn accept_again(&self) -> Option<Duration> {
        const RETRY: Duration = Duration::from_millis(100);
        let starved = self.listener.as_ref().is_some_and(|listener| listener.starved);
        starved.then_some(RETRY)
    }

    /// Sorts the events of the last [`wait`](Self::wait) into those to read and those to flush.
    fn take_events(&mut self) {
        for event in &self.events {
            let Some(id) = token::session_of(event.token()) else {
                if let (token::LISTENER, Some(listener)) = (event.token(), &mut self.listener) {
                    listener.pending = true;
                }
                continue;
            };
            let Some(session) = self.sessions.get_mut(id) else {
                continue;
            };
            if event.is_read_closed() {
                session.hung_up = true;
            }
            if event.is_writable() && session.armed {
                session.writable = true;
                self.sessions.touch(id);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.sessions.queue(id);
            }
        }
        self.events.clear();
        self.sessions.freed = false;
    }

    /// Tells the inbox about sessions that are over or have recovered, those included that it ends by being told.
    fn report(&mut self, inbox: &mut impl Inbox) {
        while let Some(id) = self.sessions.recovered.pop() {
            if self.sessions.get(id).is_some_and(|session| !session.is_closing()) {
                inbox.recovered(&mut self.sessions, id);
            }
        }
        let mut next = 0;
        while let Some(&(id, reason)) = self.sessions.ended.get(next) {
            next += 1;
            inbox.closed(&mut self.sessions, id, reason);
        }
        self.sessions.ended.clear();
    }
}
