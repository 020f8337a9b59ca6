//! A listening socket and its sessions on one poll.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll, Waker};

use super::border::LoopPresence;
use super::deadlines::Sweep;
use super::door::Door;
use super::limits::Limits;
use super::listener::{BindError, Listener};
use super::sessions::{self, Sessions};
use super::stats::NetStats;
use super::{Framing, Inbox, reading, token};
use crate::service_clock::{LONGEST_PASS, ServiceClock};

/// Where a network without a door listens.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A listening socket and its sessions on one poll.
#[derive(Debug)]
pub struct Network {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    local: SocketAddr,
    /// An I/O thread has none.
    door: Option<Door>,
    sessions: Sessions,
    sweep: Sweep,
    /// What deadlines are measured by.
    service: ServiceClock,
    /// Notices when nothing was read for long.
    reading: ServiceClock,
    /// On an I/O thread: when the loop last listened.
    loop_presence: Option<Arc<LoopPresence>>,
    /// Where every session's bytes arrive.
    buffer: Box<[u8]>,
    started: Instant,
    reading_paused: bool,
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
        let mut network = Self::without_door(0, framing, limits, now).map_err(failed)?;
        let (limits, registry) = (&network.sessions.limits, network.poll.registry());
        let listener = Listener::bind(address, limits, registry).map_err(failed)?;
        network.local = listener.local_addr();
        network.door = Some(Door::with(listener));
        Ok(network)
    }

    /// The network of an I/O thread: sessions come in by another's door.
    fn without_door(
        io_thread: u8,
        framing: Framing,
        limits: Limits,
        now: Instant,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, token::WAKER)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(limits.events_per_poll.max(1)),
            waker: Arc::new(waker),
            local: NOWHERE,
            door: None,
            buffer: vec![0; reading::buffer_size(&limits)].into_boxed_slice(),
            sessions: Sessions::new(io_thread, framing, limits, registry),
            sweep: Sweep::default(),
            service: ServiceClock::new(now),
            reading: ServiceClock::new(now),
            loop_presence: None,
            started: now,
            reading_paused: false,
        })
    }

    /// The network of an I/O thread with the limits of this one. Its deadlines stand still while the loop is away too.
    pub(super) fn branch(
        &self,
        io_thread: u8,
        loop_presence: Arc<LoopPresence>,
    ) -> io::Result<Self> {
        let Sessions { framing, limits, .. } = &self.sessions;
        let branch = Self::without_door(io_thread, *framing, limits.clone(), self.started)?;
        Ok(Self { loop_presence: Some(loop_presence), ..branch })
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
        self.read(now, inbox);
        self.watch_deadlines(inbox);
    }

    /// The first half of [`receive`](Self::receive): accepts and reads.
    pub(super) fn read(&mut self, now: Instant, inbox: &mut impl Inbox) {
        self.begin_pass(now);
        if !inbox.is_full() {
            self.begin_reading(now);
        }
        self.report(inbox);
        if let Some(door) = &mut self.door {
            door.accept_some(&mut self.sessions, |sessions, stream, peer| {
                if let Some(id) = sessions.open(stream, peer) {
                    inbox.opened(sessions, id, peer);
                }
            });
        }
        self.sessions.read_ready(&mut self.buffer, inbox);
        self.report(inbox);
    }

    /// The second half of [`receive`](Self::receive): ends sessions whose deadlines have passed. To be called when all that
    /// could move a deadline is known.
    pub(super) fn watch_deadlines(&mut self, inbox: &mut impl Inbox) {
        self.sweep.advance(&mut self.sessions, &mut self.buffer, inbox);
        self.report(inbox);
    }

    /// Accepts connections for others. `take_in` is false if it can't take this one.
    pub(super) fn receive_at_door(
        &mut self,
        now: Instant,
        mut take_in: impl FnMut(TcpStream, SocketAddr) -> bool,
    ) {
        self.begin_pass(now);
        let Some(door) = &mut self.door else { return };
        for peer in self.sessions.left.drain(..) {
            door.leave(peer);
        }
        door.accept_some(&mut self.sessions, |sessions, stream, peer| {
            if !take_in(stream, peer) {
                sessions.left.push(peer);
            }
        });
    }

    /// A session that has come in here and is at another's is gone from there.
    pub(super) fn leave(&mut self, peer: SocketAddr) {
        if let Some(door) = &mut self.door {
            door.leave(peer);
        }
    }

    /// Sessions that have more to read are no reason not to sleep, because nobody would take it.
    pub(super) const fn pause_reading(&mut self, pause: bool) {
        self.reading_paused = pause;
    }

    /// The sessions, to answer them or send them away between [`receive`](Self::receive) and [`flush`](Self::flush).
    pub const fn sessions(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// Says that the loop takes news from now on, or still does, as of `now`.
    pub(super) fn note_presence(&self, now: Instant, presence: &LoopPresence) {
        presence.listen(now.saturating_duration_since(self.started));
    }

    pub(super) fn session_count(&self) -> usize {
        self.sessions.len()
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
        if let Some(door) = &mut self.door {
            door.close(self.poll.registry());
        }
    }

    fn has_work_left(&self) -> bool {
        let sessions = &self.sessions;
        self.door.as_ref().is_some_and(Door::has_work_left)
            || !sessions.ready.is_empty() && !self.reading_paused
            || !sessions.ended.is_empty()
            || !sessions.recovered.is_empty()
            || !sessions.left.is_empty()
    }

    fn accept_again(&self) -> Option<Duration> {
        self.door.as_ref().and_then(Door::accept_again)
    }

    fn begin_pass(&mut self, now: Instant) {
        // Not beyond the loop's last look while it is away: what comes after counts when it is back, as one absence.
        let listened =
            self.loop_presence.as_ref().map(|presence| self.started + presence.last_listened());
        let away = listened.filter(|listened| now > *listened + LONGEST_PASS);
        let present = away.unwrap_or(now);
        self.service.begin_pass(present);
        let since_start =
            |time: Instant| sessions::nanoseconds(time.saturating_duration_since(self.started));
        let clock = &mut self.sessions.clock;
        (clock.now, clock.service) = (since_start(now), since_start(self.service.now()));
        self.take_events();
    }

    /// What clients have sent since the last pass that read, if that is long ago, isn't held against them.
    fn begin_reading(&mut self, now: Instant) {
        let absence = self.reading.begin_pass(now);
        if !absence.is_zero() {
            let clock = &mut self.sessions.clock;
            clock.backlog.grant(sessions::nanoseconds(absence + LONGEST_PASS), clock.now);
        }
    }

    /// Sorts the events of the last [`wait`](Self::wait) into those to read and those to flush.
    fn take_events(&mut self) {
        for event in &self.events {
            let Some(id) = token::session_of(event.token()) else {
                if let (token::LISTENER, Some(door)) = (event.token(), &mut self.door) {
                    door.somebody_waits();
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
        while let Some(peer) = self.sessions.left.pop() {
            self.leave(peer);
            inbox.left(peer);
        }
    }
}
