//! A client's brain, without sockets and without a clock: bytes and time go in, bytes and events come out.
//!
//! Whoever runs a bot (the swarm over sockets, a test, a simulation) calls [`Bot::start`] once and then, whenever
//! something happens, the method of that name; after each call it asks [`Bot::poll_event`] until there is none and
//! writes what [`Bot::transmit`] gives. `now` is the time since the run began and never goes back.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::v1::LeaveWorld;
use rand::RngExt as _;
use rand_pcg::Pcg32;

use crate::scenario::{Behaviour, Scenario, Script};
use credentials::Credentials;
use event::{BotError, Close, Event, LinkEnd, Metric};
use holdings::Holdings;
use inbox::Inbox;
use outbox::Outbox;
use pulse::Pulse;
use state::{Next, State};
use world::{Watch, World};

pub mod credentials;
pub mod event;
pub mod holdings;
pub mod inbox;
mod login;
pub mod names;
pub mod oracle;
pub mod outbox;
mod outstanding;
mod packets;
pub mod pulse;
pub mod sight;
mod state;
pub mod steps;
mod turns;
pub mod world;

/// How long each step of the way into the world may take: far beyond a healthy server's login under load.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an overloaded server may let a bot wait in its queue without telling it another place.
pub const QUEUE_TIMEOUT: Duration = Duration::from_mins(10);
/// How long the server may take to close a connection that the bot has politely half-closed.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// The wait before the first new attempt after a failure; it doubles with each further one.
pub const FIRST_RETRY: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
pub const LAST_RETRY: Duration = Duration::from_secs(15);
/// How long a server that has announced its shutdown may be away before it counts as an error: an orderly end with its
/// deadline and a start, twice over.
pub const RESTART_PATIENCE: Duration = Duration::from_secs(60);
/// A bot that is further behind its turns than this leaves them out instead of flooding the server with them.
pub const MAX_BEHIND: Duration = Duration::from_secs(2);

/// What all bots of a swarm have in common.
#[derive(Debug)]
pub struct Common {
    /// The addresses of the server, at least one: a host name may have several, of which some may not answer.
    pub servers: Vec<SocketAddr>,
    /// How to log in.
    pub credentials: Credentials,
    /// The swarm's name in account names.
    pub prefix: String,
    /// Decides names and every chance of every bot.
    pub seed: u64,
    /// How many bots there are; whispers go to one of them.
    pub bots: usize,
    /// The scenario settings.
    pub script: Script,
}

/// One client.
pub struct Bot {
    common: Arc<Common>,
    number: usize,
    account: String,
    scenario: Scenario,
    behaviour: Box<dyn Behaviour>,
    watch: Watch,
    rng: Pcg32,
    state: State,
    /// When the state has lasted too long, or, while waiting, long enough.
    deadline: Duration,
    /// What follows the end of this connection.
    next: Next,
    address: SocketAddr,
    /// Addresses of the server that have refused the connection since one took it.
    refused_addresses: usize,
    /// The server has announced that it restarts, and counts as well until then.
    restart_until: Option<Duration>,
    out: Outbox,
    inbox: Inbox,
    events: VecDeque<Event>,
    pulse: Option<Pulse>,
    world: Option<World>,
    holdings: Holdings,
    /// A drop that was under way when the last connection ended.
    dropping: Option<u64>,
    /// Resumes this login after a lost connection.
    token: Option<Vec<u8>>,
    tokens_signed: u32,
    name_attempt: u32,
    registered: bool,
    failures: u32,
    /// When the login that hasn't succeeded yet was due first.
    login_due: Option<Duration>,
    /// When the way from the lobby into the world that hasn't led there yet was due first.
    enter_due: Option<Duration>,
    greeted: bool,
    logged_in: bool,
    stopping: bool,
}

impl Bot {
    /// Bot `number` of a swarm. `watch` is raised to what the scenario needs.
    #[must_use]
    pub fn new(common: Arc<Common>, number: usize, scenario: Scenario, watch: Watch) -> Self {
        let mut rng = Pcg32::new(common.seed, number as u64);
        let scenario = scenario.of_one(&common.script.mixed, &mut rng);
        let watch = watch.max(scenario.watch());
        Self {
            account: names::account(&common.prefix, number),
            address: common.server(0),
            refused_addresses: 0,
            restart_until: None,
            common,
            number,
            scenario,
            behaviour: scenario.behaviour(),
            watch,
            rng,
            state: State::Finished,
            deadline: Duration::ZERO,
            next: Next::Retry,
            out: Outbox::default(),
            inbox: Inbox::default(),
            events: VecDeque::new(),
            pulse: None,
            world: None,
            holdings: Holdings::default(),
            dropping: None,
            token: None,
            tokens_signed: 0,
            name_attempt: 0,
            registered: false,
            failures: 0,
            login_due: None,
            enter_due: None,
            greeted: false,
            logged_in: false,
            stopping: false,
        }
    }

    /// Has the bot connect at `due`.
    pub fn start(&mut self, due: Duration) {
        self.wait_until(due);
    }

    /// The connection that [`Event::Connect`] asked for is open.
    pub fn connected(&mut self, now: Duration) {
        if let State::Connecting { due } = self.state {
            self.greet(due, now);
        }
    }

    /// The connection couldn't be opened, or has ended.
    pub fn disconnected(&mut self, now: Duration, end: LinkEnd) {
        if matches!(self.state, State::Waiting | State::Finished) {
            return;
        }
        let next = if self.stopping { Next::Finish } else { self.next };
        let lost = self.next == Next::Retry && self.state != State::Closing;
        if let (State::Connecting { due }, LinkEnd::Failed(kind)) = (self.state, end) {
            if !self.stopping && self.has_another_address() {
                return self.wait_until(due);
            }
            if self.restart_until.is_none_or(|until| now >= until) {
                self.error(BotError::Connect { address: self.address, kind });
            }
        } else {
            self.events.push_back(Event::Disconnected { lost });
            if lost {
                self.count_unanswered_connect(now);
                self.count_outstanding(now);
                self.error(BotError::Lost { step: self.state.step(), end: format!("{end:?}") });
            }
        }
        self.forget_connection();
        match next {
            Next::Finish => self.finish(),
            Next::Again(pause) => self.wait_until(now + pause),
            Next::Retry => {
                let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(8)).min(LAST_RETRY);
                self.failures += 1;
                self.address = self.common.server(self.refused_addresses);
                let wait = self.spread(wait);
                self.wait_until(now + wait);
            }
        }
    }

    /// Bytes have arrived. Returns how many frames they completed.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) -> usize {
        let mut inbox = std::mem::take(&mut self.inbox);
        let frames = inbox.feed(bytes, |packet| {
            self.packet(now, packet);
            self.state.is_linked()
        });
        if self.state.is_linked() {
            self.inbox = inbox;
        }
        frames.unwrap_or_else(|error| {
            self.fail(now, BotError::Protocol(error.to_string()));
            0
        })
    }

    /// Moves the bytes that the bot wants to send to the end of `out`.
    pub fn transmit(&mut self, out: &mut Vec<u8>) {
        self.out.drain_into(out);
    }

    /// Whether [`transmit`](Self::transmit) has anything.
    #[must_use]
    pub fn wants_to_send(&self) -> bool {
        !self.out.is_empty()
    }

    /// What happened, oldest first; `None` when all is told.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called next, if nothing else happens.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        let pulse = self.pulse.as_ref().map(Pulse::due);
        let own = match (self.state, &self.world) {
            (State::Finished, _) => return None,
            (State::Playing, Some(world)) => Some(world.turn_due),
            (State::Playing, None) => None,
            (_, _) => Some(self.deadline),
        };
        [own, pulse].into_iter().flatten().min()
    }

    /// Time has passed. Does what was due by `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.pulse.as_ref().is_some_and(|pulse| pulse.due() <= now) {
            self.beat(now);
        }
        match self.state {
            State::Finished => {}
            State::Playing => self.take_turns(now),
            _ if now < self.deadline => {}
            State::Waiting => {
                self.state = State::Connecting { due: self.deadline };
                self.next = Next::Retry;
                self.deadline = now + STEP_TIMEOUT;
                let address = self.address;
                self.events.push_back(Event::Connect { address });
            }
            State::Closing => self.close_now(now, Close::Abruptly),
            State::Retrying { in_lobby } => self.retry(in_lobby, now),
            State::Connecting { .. }
            | State::Greeting { .. }
            | State::LoggingIn { .. }
            | State::Rejoining { .. }
            | State::Listing
            | State::Creating
            | State::Entering { .. }
            | State::Ousted
            | State::Leaving => {
                let (step, seconds) = (self.state.step(), STEP_TIMEOUT.as_secs());
                self.fail(now, BotError::Timeout { step, seconds });
            }
        }
    }

    /// Leaves politely: out of the world, then off the server. [`Event::Finished`] follows.
    pub fn leave(&mut self, now: Duration) {
        if !self.stopping {
            self.count_unanswered_connect(now);
            self.count_outstanding(now);
            self.count_unfinished_entry(now);
            let connected = !matches!(self.state, State::Waiting | State::Connecting { .. });
            if self.restart_until.is_some() && !connected {
                self.error(BotError::Away);
            }
        }
        self.stopping = true;
        match self.state {
            State::Finished | State::Leaving | State::Closing => {}
            State::Waiting => self.finish(),
            State::Connecting { .. } => {
                self.next = Next::Finish;
                self.close_now(now, Close::Abruptly);
            }
            State::Playing => {
                self.out.request(&LeaveWorld {});
                self.state = State::Leaving;
                self.deadline = now + STEP_TIMEOUT;
            }
            State::Greeting { .. }
            | State::LoggingIn { .. }
            | State::Rejoining { .. }
            | State::Listing
            | State::Creating
            | State::Entering { .. }
            | State::Retrying { .. }
            | State::Ousted => self.close(now, Next::Finish),
        }
    }

    /// The bot's account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What the bot does; never [`Scenario::Mixed`].
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// How much the bot makes of views.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// What the bot sees, if it decodes views and is in the world.
    #[must_use]
    pub fn sight(&self) -> Option<&sight::Sight> {
        self.world.as_ref()?.sight.as_ref()
    }

    /// What the bot's character owns, as confirmed.
    #[must_use]
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Whether the bot is done for good.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Turns to the server's next address, if there is one that hasn't been tried since the last round.
    fn has_another_address(&mut self) -> bool {
        self.refused_addresses += 1;
        self.address = self.common.server(self.refused_addresses);
        !self.refused_addresses.is_multiple_of(self.common.servers.len())
    }

    /// A wait of `least` to half as much again, so that bots that were sent away together don't come back together.
    fn spread(&mut self, least: Duration) -> Duration {
        least.mul_f64(self.rng.random_range(1.0..1.5))
    }

    fn wait_until(&mut self, due: Duration) {
        self.state = State::Waiting;
        self.deadline = due;
    }

    fn finish(&mut self) {
        self.state = State::Finished;
        self.events.push_back(Event::Finished);
    }

    fn error(&mut self, error: BotError) {
        self.events.push_back(Event::Error(error));
    }

    fn sample(&mut self, metric: Metric, due: Duration, now: Duration) {
        let elapsed = now.saturating_sub(due);
        self.events.push_back(Event::Sample { metric, elapsed });
    }

    /// Something is wrong with this connection: tells so, drops it and tries again later.
    fn fail(&mut self, now: Duration, error: BotError) {
        self.error(error);
        if self.state.is_linked() || matches!(self.state, State::Connecting { .. }) {
            self.count_unanswered_connect(now);
            self.count_outstanding(now);
            self.next = Next::Retry;
            self.state = State::Closing;
            self.close_now(now, Close::Abruptly);
        }
    }

    /// Half-closes the connection; `next` follows its end.
    fn close(&mut self, now: Duration, next: Next) {
        self.count_outstanding(now);
        self.leave_world();
        self.next = next;
        self.state = State::Closing;
        self.deadline = now + CLOSE_TIMEOUT;
        self.pulse = None;
        self.events.push_back(Event::Close { how: Close::Politely });
    }

    /// Closes the connection; as nobody will tell of its end, it has ended.
    fn close_now(&mut self, now: Duration, how: Close) {
        self.events.push_back(Event::Close { how });
        self.disconnected(now, LinkEnd::Closed);
    }

    fn leave_world(&mut self) {
        if let Some(world) = self.world.take() {
            // One from before is still open if this stay ended before the inventory came.
            self.dropping = world.dropping().or(self.dropping);
            self.events.push_back(Event::Offline);
        }
    }

    fn forget_connection(&mut self) {
        self.leave_world();
        self.holdings.interrupted();
        self.out.clear();
        self.inbox.clear();
        self.pulse = None;
    }
}

#[cfg(test)]
mod tests;
