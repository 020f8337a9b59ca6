//! Thousands of bots on one thread: sleep until a socket is ready or a bot is due, read, act, write once per bot.

use std::io;
use std::net::ToSocketAddrs as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::bot::event::{Close, Event, LinkEnd};
use crate::confirmations::Confirmations;
use crate::latency::Latencies;
use crate::report::{Report, Stretch};
use crate::settings::{Settings, SettingsError};
use crate::tally::Tally;
use addresses::Addresses;
pub use addresses::BOTS_PER_ADDRESS;
use clock::RunClock;
use link::{Link, Received};
pub use progress::Progress;
use seat::Seat;
use timers::Timers;

mod addresses;
mod clock;
mod descriptors;
mod link;
mod progress;
mod seat;
mod timers;

/// Socket events taken per pass, so that one pass over a busy swarm stays around ten milliseconds.
const EVENTS_PER_PASS: usize = 1024;
/// Shared by all sockets: a read of this size empties a socket that holds many views.
const READ_BUFFER: usize = 256 * 1024;
/// Reads of one socket per pass; what is left waits for the next pass, so that nobody starves the others.
const READS_PER_PASS: usize = 8;
/// The longest sleep, so that a request to stop is seen in time.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// How long all bots together may take to leave at the end of a run.
pub const LEAVE_DEADLINE: Duration = Duration::from_secs(30);
/// How often the run's progress is told.
const PROGRESS_PERIOD: Duration = Duration::from_millis(500);

/// Why a swarm can't run.
#[derive(Debug, thiserror::Error)]
pub enum SwarmError {
    /// A setting makes no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system doesn't let one process hold so many connections.
    #[error(
        "{bots} bots need {needed} open files, but this process may have {limit} at most: run several swarms with \
         fewer bots and different --prefix, or raise the hard limit (ulimit -Hn)"
    )]
    Descriptors {
        /// How many bots were asked for.
        bots: usize,
        /// What they need, in descriptors.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// The list of confirmations couldn't be opened or written.
    #[error("the list of confirmations: {0}")]
    Confirmations(io::Error),
    /// Waiting for sockets failed.
    #[error("waiting for sockets failed: {0}")]
    Poll(io::Error),
}

/// A run of many bots against one server.
pub struct Swarm {
    settings: Settings,
    poll: Poll,
    events: Events,
    seats: Vec<Seat>,
    timers: Timers,
    addresses: Addresses,
    touched: Vec<usize>,
    unread: Vec<usize>,
    buffer: Box<[u8]>,
    tally: Tally,
    confirmations: Option<Confirmations>,
    clock: RunClock,
    finished: usize,
}

impl Swarm {
    /// Prepares the bots; nothing connects before [`run`](Self::run).
    ///
    /// # Errors
    /// When a setting makes no sense, the descriptor limit is too low or a file can't be opened.
    pub fn new(settings: Settings) -> Result<Self, SwarmError> {
        settings.check()?;
        descriptors::reserve(settings.bots)?;
        let confirmations = match &settings.kill_log {
            Some(path) => Some(Confirmations::open(path).map_err(SwarmError::Confirmations)?),
            None => None,
        };
        Ok(Self {
            addresses: Addresses::new(&settings),
            poll: Poll::new().map_err(SwarmError::Poll)?,
            events: Events::with_capacity(EVENTS_PER_PASS),
            seats: seat::seats(&settings),
            timers: Timers::default(),
            touched: Vec::new(),
            unread: Vec::new(),
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            tally: Tally::default(),
            confirmations,
            clock: RunClock::start(Instant::now()),
            finished: 0,
            settings,
        })
    }

    /// Runs until the time is over or `stop` is set; then the bots leave politely.
    ///
    /// # Errors
    /// When waiting for sockets or writing the list of confirmations fails.
    pub fn run(self, stop: &AtomicBool) -> Result<Report, SwarmError> {
        self.run_watched(stop, &mut |_| {})
    }

    /// [`run`](Self::run), telling `watch` twice a second how it goes.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_watched(
        mut self,
        stop: &AtomicBool,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<Report, SwarmError> {
        let mut stretch = Stretch::begin(&self.tally.counts, self.received());
        let mut warm_up = Some(self.settings.warm_up).filter(|time| !time.is_zero());
        self.start_bots();
        let (mut end, mut leaving, mut show) = (self.settings.duration, false, Duration::ZERO);
        let mut playing = None;
        while self.finished < self.seats.len() {
            self.sleep()?;
            self.read_ready();
            self.run_due();
            self.sync_confirmations()?;
            self.write_touched();

            let now = self.now();
            if now >= show {
                watch(&self.progress(now, leaving));
                show = now + PROGRESS_PERIOD;
            }
            if !leaving && warm_up.take_if(|until| now >= *until).is_some() {
                self.tally.latencies = Latencies::default();
                stretch = Stretch::begin(&self.tally.counts, self.received());
            }
            if !leaving && (now >= end || stop.load(Ordering::Relaxed)) {
                (leaving, end) = (true, now + LEAVE_DEADLINE);
                playing = Some(stretch.end(&self.tally.counts, &self.received()));
                self.leave_all(now);
            } else if leaving && now >= end {
                break;
            }
        }
        let played = playing.unwrap_or_else(|| stretch.end(&self.tally.counts, &self.received()));
        let unfinished = self.seats.len() - self.finished;
        let mut report = Report::new(&self.settings, self.tally, played, unfinished);
        report.absent_s = self.clock.absent().as_secs_f64();
        Ok(report)
    }

    fn now(&mut self) -> Duration {
        self.clock.now()
    }

    /// Bytes that each bot has received so far, but for those that prove what they see: digests come on top of what a
    /// player is sent.
    fn received(&self) -> Vec<u64> {
        let players = self.seats.iter().enumerate();
        let players = players.filter(|(number, _)| !self.settings.is_oracle(*number));
        players.map(|(_, seat)| seat.bytes_in).collect()
    }

    /// Spreads the first connects evenly over the ramp.
    fn start_bots(&mut self) {
        self.clock = RunClock::start(Instant::now());
        let count = self.seats.len() as f64;
        for index in 0..self.seats.len() {
            let due = self.settings.ramp.mul_f64(index as f64 / count);
            self.seats[index].bot.start(due);
            self.settle(index);
        }
    }

    fn sleep(&mut self) -> Result<(), SwarmError> {
        let now = self.now();
        let until_due = self.timers.next().map(|due| due.saturating_sub(now));
        let timeout = match until_due {
            _ if !self.unread.is_empty() => Duration::ZERO,
            Some(time) => time.min(LONGEST_SLEEP),
            None => LONGEST_SLEEP,
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(SwarmError::Poll(error))
            }
            _ => Ok(()),
        }
    }

    fn read_ready(&mut self) {
        for index in std::mem::take(&mut self.unread) {
            self.read(index, true);
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let (index, generation) = link::seat_of(event.token());
            let Some(seat) = self.seats.get(index).filter(|seat| seat.generation == generation)
            else {
                continue;
            };
            if seat.link.is_none() {
                continue;
            }
            if event.is_writable() && !self.opened_or_flushed(index) {
                continue;
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(index, event.is_read_closed() || event.is_error());
            }
        }
        self.events = events;
    }

    /// A socket is writable: its connect is over, or unsent bytes fit again. Returns whether it is still there.
    fn opened_or_flushed(&mut self, index: usize) -> bool {
        let seat = &mut self.seats[index];
        let Some(link) = &mut seat.link else {
            return false;
        };
        if link.is_open() {
            if link.has_unsent() {
                self.touch(index);
            }
            return true;
        }
        match link.finish_connect() {
            Ok(true) => {
                let now = self.clock.now();
                seat.bot.connected(now);
                self.settle(index);
                true
            }
            Ok(false) => false,
            Err(error) => {
                self.lost(index, LinkEnd::Failed(error.kind()));
                false
            }
        }
    }

    /// Reads what a socket holds, up to a bound, and gives it to the bot. `to_the_end` when a short read doesn't
    /// mean that nothing more will be told: the peer has closed, or its last bytes were left in an earlier pass.
    fn read(&mut self, index: usize, to_the_end: bool) {
        for _ in 0..READS_PER_PASS {
            let seat = &mut self.seats[index];
            let Some(link) = &mut seat.link else {
                return;
            };
            let length = match link.read(&mut self.buffer) {
                Received::Bytes(length) => length,
                Received::Nothing => return,
                Received::End(end) => return self.lost(index, end),
            };
            let now = self.clock.now();
            let frames = seat.bot.receive(now, &self.buffer[..length]);
            self.tally.counts.frames_in += frames as u64;
            self.tally.counts.bytes_in += length as u64;
            seat.bytes_in += length as u64;
            self.settle(index);
            // A short read has emptied the socket: what comes later is a new edge.
            if length < self.buffer.len() && !to_the_end {
                return;
            }
        }
        self.unread.push(index);
    }

    fn run_due(&mut self) {
        let now = self.now();
        while let Some((due, index)) = self.timers.pop_due(now) {
            let seat = &mut self.seats[index];
            if seat.armed != Some(due) {
                continue;
            }
            seat.armed = None;
            seat.bot.handle_timeout(self.clock.now());
            self.settle(index);
        }
    }

    /// After anything happened to a bot: does what it asks for, counts what it tells, and sets its timer.
    fn settle(&mut self, index: usize) {
        while let Some(event) = self.seats[index].bot.poll_event() {
            self.tally.count(&event, self.seats[index].bot.account());
            match event {
                Event::Connect { address } => self.open(index, address),
                Event::LookUp { address } => {
                    // Blocks the swarm for as long as the resolver takes: redirects to names are rare.
                    let found = address.to_string().to_socket_addrs();
                    let found = found.ok().and_then(|mut found| found.next());
                    self.seats[index].bot.looked_up(&address, found);
                }
                Event::Close { how } => self.close(index, how),
                Event::Confirmed(confirmation) => match &mut self.confirmations {
                    Some(list) => list.push(confirmation),
                    None => self.tally.counts.confirmations += 1,
                },
                Event::Purse(purse) => match &mut self.confirmations {
                    Some(list) => list.push_purse(purse),
                    None => self.tally.counts.confirmations += 1,
                },
                Event::Finished => self.finished += 1,
                Event::Greeted { .. }
                | Event::LoggedIn { .. }
                | Event::Online
                | Event::Offline
                | Event::Sample { .. }
                | Event::TurnsSkipped(_)
                | Event::Refused(_)
                | Event::Goodbye(_)
                | Event::Disconnected { .. }
                | Event::Proved { .. }
                | Event::Finding(_)
                | Event::Error(_) => {}
            }
        }
        if self.seats[index].bot.wants_to_send() {
            self.touch(index);
        }
        let seat = &mut self.seats[index];
        let next = seat.bot.next_timeout();
        if next != seat.armed {
            seat.armed = next;
            if let Some(due) = next {
                self.timers.set(due, index);
            }
        }
    }

    fn touch(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        if !std::mem::replace(&mut seat.touched, true) {
            self.touched.push(index);
        }
    }

    fn open(&mut self, index: usize, address: std::net::SocketAddr) {
        let seat = &mut self.seats[index];
        seat.generation = seat.generation.wrapping_add(1);
        let source = self.addresses.of_bot(index);
        match Link::open(self.poll.registry(), address, source, index, seat.generation) {
            Ok(link) => seat.link = Some(link),
            Err(error) => seat.bot.disconnected(self.clock.now(), LinkEnd::Failed(error.kind())),
        }
    }

    fn close(&mut self, index: usize, how: Close) {
        let seat = &mut self.seats[index];
        match how {
            Close::Politely => {
                if let Some(link) = &mut seat.link {
                    link.close_when_sent();
                }
                self.touch(index);
            }
            Close::Abruptly => seat.link = None,
            Close::Reset => {
                if let Some(link) = seat.link.take() {
                    link.reset();
                }
            }
        }
    }

    /// A connection is gone without the bot's doing.
    fn lost(&mut self, index: usize, end: LinkEnd) {
        let seat = &mut self.seats[index];
        seat.link = None;
        seat.bot.disconnected(self.clock.now(), end);
        self.settle(index);
    }

    fn write_touched(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        for &index in &touched {
            let seat = &mut self.seats[index];
            seat.touched = false;
            let Some(link) = seat.link.as_mut().filter(|link| link.is_open()) else {
                continue;
            };
            seat.bot.transmit(link.unsent());
            match link.write() {
                Ok(written) => {
                    self.tally.counts.bytes_out += written.bytes;
                    self.tally.counts.frames_out += written.frames;
                }
                Err(error) => self.lost(index, LinkEnd::Failed(error.kind())),
            }
        }
        if self.touched.is_empty() {
            self.touched = touched;
            self.touched.clear();
        }
    }

    fn sync_confirmations(&mut self) -> Result<(), SwarmError> {
        if let Some(list) = &mut self.confirmations {
            let seen = list.sync().map_err(SwarmError::Confirmations)?;
            self.tally.counts.confirmations += seen;
        }
        Ok(())
    }

    fn leave_all(&mut self, now: Duration) {
        for index in 0..self.seats.len() {
            self.seats[index].bot.leave(now);
            self.settle(index);
        }
    }

    fn progress(&self, now: Duration, leaving: bool) -> Progress {
        Progress::new(&self.settings, &self.tally, now, leaving)
    }
}

#[cfg(test)]
mod tests;
