//! The way into the world: greeting, login, characters, entering; and what each refusal on it means.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::v1::{
    Character, CharacterList, CreateCharacter, EnterWorld, Entered, Hello, ListCharacters,
    LoggedIn, Login, Redirect, Refusal, Refused, Register, Resume, TokenLogin, WatchDigest,
    Welcome,
};
use protocol::{Host, PROTOCOL_VERSION, PublicAddress};
use rand::RngExt as _;

use super::credentials::Credentials;
use super::event::{BotError, Event, Metric};
use super::pulse::Pulse;
use super::state::{Next, State, With};
use super::world::{Watch, World};
use super::{Bot, QUEUE_TIMEOUT, STEP_TIMEOUT, names};
use crate::scenario::Scenario;

/// Names that a bot tries before it takes its failure for an error.
const MAX_NAME_ATTEMPTS: u32 = 20;
/// The wait after a refusal that time may heal but that doesn't say when.
const RETRY_UNSAID: Duration = Duration::from_secs(1);

impl Bot {
    pub(super) fn greet(&mut self, due: Duration, now: Duration) {
        let client = concat!("realmbeat-bots ", env!("CARGO_PKG_VERSION")).to_owned();
        self.out.request(&Hello { protocol_version: PROTOCOL_VERSION, client });
        self.step_to(State::Greeting { due }, now);
    }

    pub(super) fn welcomed(&mut self, welcome: &Welcome, now: Duration) {
        let State::Greeting { due } = self.state else {
            return self.unexpected("Welcome", now);
        };
        self.sample(Metric::Connect, due, now);
        (self.restart_until, self.refused_addresses) = (None, 0);
        let first = !std::mem::replace(&mut self.greeted, true);
        self.events.push_back(Event::Greeted { first });
        if self.scenario == Scenario::Connect {
            let pause = self.common.script.connect.pause;
            return self.close(now, Next::Again(pause));
        }
        let timeout = Duration::from_millis(welcome.heartbeat_timeout_ms.into());
        self.pulse = Some(Pulse::start(now, self.rng.random(), timeout));
        self.log_in(now);
    }

    /// Logs in: with the session token of an earlier connection if there is one, else with the credentials.
    fn log_in(&mut self, now: Duration) {
        let account = self.account.clone();
        let common = self.common.clone();
        let (request, with) = match (self.token.take(), &common.credentials) {
            (Some(token), _) => (self.out.request(&Resume { token }), With::Resume),
            (None, Credentials::Token(signer)) => {
                let token = match signer.sign(&account, self.tokens_signed, now) {
                    Ok(token) => token,
                    Err(error) => return self.fail(now, error.into()),
                };
                self.tokens_signed += 1;
                (self.out.request(&TokenLogin { token }), With::Token)
            }
            (None, Credentials::Password(password)) => {
                let password = password.clone();
                if self.registered {
                    (self.out.request(&Login { account, password }), With::Password)
                } else {
                    (self.out.request(&Register { account, password }), With::Register)
                }
            }
        };
        let due = *self.login_due.get_or_insert(now);
        self.step_to(State::LoggingIn { due, request, with }, now);
    }

    /// Asks again for what the server was too busy for.
    pub(super) fn retry(&mut self, in_lobby: bool, now: Duration) {
        if in_lobby {
            self.out.request(&ListCharacters {});
            self.step_to(State::Listing, now);
        } else {
            self.log_in(now);
        }
    }

    pub(super) fn logged_in(&mut self, answer: &LoggedIn, now: Duration) {
        let State::LoggingIn { due, .. } = self.state else {
            return self.unexpected("LoggedIn", now);
        };
        self.login_due = None;
        self.sample(Metric::Login, due, now);
        self.registered = true;
        let first = !std::mem::replace(&mut self.logged_in, true);
        self.events.push_back(Event::LoggedIn { first });
        if answer.in_world {
            self.step_to(State::Rejoining { due: now }, now);
        } else {
            self.out.request(&ListCharacters {});
            self.step_to(State::Listing, now);
        }
    }

    pub(super) fn listed(&mut self, list: CharacterList, now: Duration) {
        if self.state != State::Listing {
            return self.unexpected("CharacterList", now);
        }
        match list.characters.first() {
            Some(character) => self.enter(character.id, now),
            None => self.create(now),
        }
    }

    fn create(&mut self, now: Duration) {
        let common = &self.common;
        let name = names::character(&common.prefix, common.seed, self.number, self.name_attempt);
        self.out.request(&CreateCharacter { name });
        self.step_to(State::Creating, now);
    }

    pub(super) fn created(&mut self, character: Option<Character>, now: Duration) {
        match (self.state, character) {
            (State::Creating, Some(character)) => self.enter(character.id, now),
            (_, _) => self.unexpected("CharacterCreated", now),
        }
    }

    fn enter(&mut self, character: u64, now: Duration) {
        self.out.request(&EnterWorld { character });
        let due = *self.enter_due.get_or_insert(now);
        self.step_to(State::Entering { due }, now);
    }

    /// The server is overloaded and lets the bot in when it is its turn: no failure, however long it takes.
    pub(super) fn queued(&mut self, now: Duration) {
        if matches!(self.state, State::Entering { .. }) {
            self.deadline = now + QUEUE_TIMEOUT;
        }
    }

    pub(super) fn entered(&mut self, entered: &Entered, now: Duration) {
        match self.state {
            State::Entering { due } | State::Rejoining { due } => {
                self.enter_due = None;
                self.sample(Metric::Enter, due, now);
            }
            // Through a portal.
            State::Playing => {}
            State::Leaving => return,
            State::Waiting
            | State::Connecting { .. }
            | State::Greeting { .. }
            | State::LoggingIn { .. }
            | State::Listing
            | State::Creating
            | State::Retrying { .. }
            | State::Ousted
            | State::Closing
            | State::Finished => return self.unexpected("Entered", now),
        }
        self.failures = 0;
        let turn_due = match &self.world {
            Some(world) => world.turn_due,
            // Spread over a second, so that bots that enter in one tick don't all act in one.
            None => now + Duration::from_secs(1).mul_f64(self.rng.random()),
        };
        if self.world.is_none() {
            self.events.push_back(Event::Online);
        }
        let pending = self.world.take().and_then(|world| world.pending);
        let mut world = World::new(entered, self.watch, turn_due);
        world.pending = pending;
        self.world = Some(world);
        self.state = State::Playing;
        if self.watch == Watch::Prove {
            self.out.request(&WatchDigest { on: true });
        }
    }

    pub(super) fn left_world(&mut self, now: Duration) {
        match self.state {
            State::Leaving => self.close(now, Next::Finish),
            // A server that shuts down takes everybody out of the world, and then says goodbye.
            State::Playing => {
                self.leave_world();
                self.step_to(State::Ousted, now);
            }
            State::Ousted
            | State::Retrying { .. }
            | State::Waiting
            | State::Connecting { .. }
            | State::Greeting { .. }
            | State::LoggingIn { .. }
            | State::Rejoining { .. }
            | State::Listing
            | State::Creating
            | State::Entering { .. }
            | State::Closing
            | State::Finished => self.unexpected("LeftWorld", now),
        }
    }

    /// The way to another server: greet there and resume with the token.
    pub(super) fn redirected(&mut self, redirect: Redirect, now: Duration) {
        let address = match redirect.address.parse::<PublicAddress>() {
            Ok(address) => address,
            Err(error) => {
                let text = format!("Redirect to {:?}: {error}", redirect.address);
                return self.fail(now, BotError::Protocol(text));
            }
        };
        match address.host() {
            Host::Ip(ip) => self.address = SocketAddr::new(*ip, address.port()),
            Host::Name(_) => self.events.push_back(Event::LookUp { address }),
        }
        self.token = Some(redirect.token);
        self.close(now, Next::Again(Duration::ZERO));
    }

    /// The answer to [`Event::LookUp`]: where it is, or that nobody knows; then the bot goes on where it was.
    pub fn looked_up(&mut self, address: &PublicAddress, found: Option<SocketAddr>) {
        match found {
            Some(found) => self.address = found,
            None => self.error(BotError::Protocol(format!("Redirect to {address}: no such host"))),
        }
    }

    /// A refusal that answers a step on the way into the world. Returns whether the way goes on.
    pub(super) fn refused_on_the_way(&mut self, refused: &Refused, now: Duration) -> bool {
        let reason = refused.reason();
        match (self.state, reason) {
            (State::LoggingIn { with: With::Register, .. }, Refusal::AccountExists) => {
                self.registered = true;
                self.log_in(now);
            }
            (
                State::LoggingIn { with: With::Resume, .. },
                Refusal::TokenExpired | Refusal::TokenUsed | Refusal::TokenInvalid,
            ) => self.log_in(now),
            (State::Creating, Refusal::NameTaken) if self.name_attempt < MAX_NAME_ATTEMPTS => {
                self.name_attempt += 1;
                self.create(now);
            }
            (State::Playing | State::Leaving, _) => return false,
            (
                _,
                Refusal::Busy | Refusal::TooFast | Refusal::StoreBehind | Refusal::ZoneUnavailable,
            ) => {
                let said = Duration::from_millis(refused.retry_after_ms.into());
                let pause = if said.is_zero() { RETRY_UNSAID } else { said };
                let in_lobby = !matches!(self.state, State::LoggingIn { .. });
                self.state = State::Retrying { in_lobby };
                self.deadline = now + self.spread(pause);
            }
            (_, _) => return false,
        }
        true
    }

    fn step_to(&mut self, state: State, now: Duration) {
        self.state = state;
        self.deadline = now + STEP_TIMEOUT;
    }
}
