//! From the greeting to the world: accounts, logins, characters, resuming. No I/O and no clock: packets and answers
//! go in with the time, actions come out.
//!
//! ```text
//! greeting --Hello--> login --Login, Register, TokenLogin, Resume--> lobby --EnterWorld--> world
//!                                                                      ^                     |
//!                                                                      +---- saved <--- leaving
//! ```
//!
//! A session is a connection. A login is an account that is being played: it outlives its session by the grace time,
//! and another session can take it over. An account has one login, and a login one session at most, so nobody plays
//! an account twice.

mod accounts;
mod action;
mod characters;
mod guesses;
mod login;
mod names;
mod payloads;
mod phases;
mod questions;
mod queue;
mod replies;
mod saving;
mod session;
mod session_tokens;
mod settings;
mod stats;
mod trail;
mod world;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use game::{AccountId, CharacterId, CommitSeq, Input, SessionId};
use protocol::v1::{Farewell, Hello, Ping, Pong, Refusal, Welcome};
use protocol::{Envelope, PROTOCOL_VERSION, Phase};

use crate::store::Ticket;
use guesses::Guesses;
use login::Login;
use payloads::Payloads;
use questions::Question;
use queue::Queue;
use session::{Session, Stage};
use session_tokens::SessionTokens;
use trail::Trail;
use world::{Parked, Redirected};

pub use action::Action;
pub(crate) use names::account as account_name;
pub(crate) use phases::Phases;
pub use session_tokens::{TokenSource, system_tokens};
pub use settings::Settings;
pub use stats::LobbyStats;

/// Bytes of `Hello.client`; more is no name for a log line.
const CLIENT_NAME_MAX: usize = 64;

/// Every session and login of this process.
pub struct Lobby {
    settings: Settings,
    phases: Phases,
    actions: VecDeque<Action>,
    payloads: Payloads,
    sessions: HashMap<SessionId, Session>,
    logins: HashMap<AccountId, Login>,
    /// Whose character is in the world or on its way out of it.
    characters: HashMap<CharacterId, AccountId>,
    tokens: SessionTokens,
    guesses: Guesses,
    trail: Trail,
    /// When logins without a session end.
    grace: BTreeSet<(Instant, AccountId)>,
    questions: HashMap<Ticket, Question>,
    last_ticket: u64,
    /// False while the store's disk is full, its database gone or its queue long.
    store_open: bool,
    /// Requests to enter that wait until the account's character is saved.
    parked: HashMap<AccountId, Parked>,
    queue: Queue,
    /// Characters that are out of the world once this commit is durable.
    saving: BTreeSet<(CommitSeq, AccountId)>,
    durable: CommitSeq,
    redirected: Vec<Redirected>,
    /// Set when no login is taken any more: when to come back.
    closing: Option<Duration>,
    stats: LobbyStats,
}

impl Lobby {
    /// An empty lobby. `module_messages` are the ids of messages of modules outside this repository, which belong to
    /// the world; `tokens` makes session tokens, [`system_tokens`] outside tests.
    #[must_use]
    pub fn new(
        settings: Settings,
        module_messages: impl IntoIterator<Item = u32>,
        tokens: TokenSource,
    ) -> Self {
        Self {
            tokens: SessionTokens::new(tokens, settings.logins_max),
            guesses: Guesses::default(),
            trail: Trail::default(),
            phases: Phases::new(module_messages),
            settings,
            actions: VecDeque::new(),
            payloads: Payloads::default(),
            sessions: HashMap::new(),
            logins: HashMap::new(),
            characters: HashMap::new(),
            grace: BTreeSet::new(),
            questions: HashMap::new(),
            store_open: true,
            last_ticket: 0,
            parked: HashMap::new(),
            queue: Queue::default(),
            saving: BTreeSet::new(),
            durable: CommitSeq(0),
            redirected: Vec::new(),
            closing: None,
            stats: LobbyStats::default(),
        }
    }

    /// From now on these settings count. Waits and deadlines that have begun go on as they were.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// A connection was accepted. `secure` when its transport is encrypted; from loopback it needn't be.
    pub fn opened(&mut self, session: SessionId, peer: SocketAddr, secure: bool) {
        // An IPv4 client of a dual-stack listener is loopback too.
        let trusted = secure || peer.ip().to_canonical().is_loopback();
        self.sessions.insert(session, Session::new(peer, trusted));
    }

    /// A connection is gone. Called once for each session that was opened, also after [`Action::Close`].
    pub fn closed(&mut self, session: SessionId, now: Instant) {
        self.part(session, now);
        self.sessions.remove(&session);
        self.redirected.retain(|gone| gone.session != session);
    }

    /// A frame of a session. Those of a session that was told goodbye are ignored.
    pub fn packet(&mut self, session: SessionId, packet: &Envelope<'_>, now: Instant) {
        let Some(state) = self.sessions.get(&session) else {
            return;
        };
        let stage = state.stage;
        if matches!(stage, Stage::Closing | Stage::Redirected) {
            return;
        }
        let Some(phase) = self.phases.of(packet.id) else {
            let text = format!("there is no message {}", packet.id);
            return self.error(session, packet, Refusal::UnknownMessage, &text, now);
        };
        match (phase, stage) {
            (Phase::World, Stage::World(account)) => {
                self.world_packet(session, account, packet, now);
            }
            (
                Phase::Any,
                Stage::Login | Stage::Lobby(_) | Stage::World(_) | Stage::Leaving { .. },
            ) => {
                self.ping(session, packet, now);
            }
            (Phase::Greeting, Stage::Greeting) => self.hello(session, packet, now),
            (Phase::Login, Stage::Login) => self.login_packet(session, packet, now),
            (Phase::Lobby, Stage::Lobby(account)) => {
                self.lobby_packet(session, account, packet, now);
            }
            // Sent before the client could know that its character has left; no mistake of the client's.
            (Phase::World, Stage::Leaving { .. }) => {
                let text = "your character is leaving the world";
                self.refuse(session, packet.request, Refusal::WrongPhase, text);
            }
            (Phase::Greeting | Phase::Login | Phase::Lobby | Phase::World | Phase::Any, _) => {
                let text = format!("message {} isn't accepted {}", packet.id, stage.words());
                self.error(session, packet, Refusal::WrongPhase, &text, now);
            }
        }
    }

    /// Time has passed: logins whose grace is over end, and so do redirected sessions that didn't close by themselves.
    /// The queue moves. Call it at least once a second; more often makes the deadlines more exact.
    pub fn tick(&mut self, now: Instant) {
        while let Some(&(due, account)) = self.grace.first().filter(|(due, _)| *due <= now) {
            self.grace.remove(&(due, account));
            self.grace_over(account);
        }
        self.close_redirected(now);
        self.move_queue();
    }

    /// Takes no login from here on; clients are told to come back in `retry_after`. Those who play go on playing.
    pub fn close_doors(&mut self, retry_after: Duration) {
        self.closing = Some(retry_after);
        self.dissolve_queue();
    }

    /// Says goodbye to every session. Call it after [`Self::close_doors`], when all is saved.
    pub fn say_goodbye(&mut self, now: Instant) {
        let mut sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        for session in sessions {
            let text = "the server is shutting down";
            self.goodbye(session, Farewell::Shutdown, text, now);
        }
    }

    /// A tick has used up every packet that went to the game. What follows may use their memory.
    pub fn packets_applied(&mut self) {
        self.payloads.rewind();
    }

    /// What to do next, in order. Take all after each batch of calls.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What happened so far, and what is there now.
    #[must_use]
    pub fn stats(&self) -> LobbyStats {
        LobbyStats {
            sessions: self.sessions.len(),
            logins: self.logins.len(),
            away: self.grace.len(),
            characters: self.characters.len(),
            waiting: self.waiting(),
            in_queue: self.queue.len(),
            ..self.stats.clone()
        }
    }

    fn hello(&mut self, session: SessionId, packet: &Envelope<'_>, now: Instant) {
        let Some(hello) = self.decode::<Hello>(session, packet, now) else {
            return;
        };
        if hello.protocol_version != PROTOCOL_VERSION {
            let text = format!("this server speaks protocol version {PROTOCOL_VERSION}");
            return self.goodbye(session, Farewell::WrongVersion, &text, now);
        }
        if self.closing.is_some() {
            let text = "the server is shutting down";
            return self.goodbye(session, Farewell::Shutdown, text, now);
        }
        if hello.client.len() > CLIENT_NAME_MAX {
            let text = format!("the client's name is longer than {CLIENT_NAME_MAX} bytes");
            return self.error(session, packet, Refusal::BadRequest, &text, now);
        }
        tracing::debug!(%session, client = ?hello.client, "hello");
        self.set_stage(session, Stage::Login);
        let welcome = Welcome {
            protocol_version: PROTOCOL_VERSION,
            server: self.settings.server.clone(),
            heartbeat_timeout_ms: milliseconds(self.settings.heartbeat_timeout),
            login_deadline_ms: milliseconds(self.settings.login_deadline),
        };
        self.send(session, packet.request, &welcome);
    }

    fn ping(&mut self, session: SessionId, packet: &Envelope<'_>, now: Instant) {
        if let Some(Ping { nonce }) = self.decode(session, packet, now) {
            self.send(session, packet.request, &Pong { nonce });
        }
    }

    /// The hot path: one look-up by session, one copy of the payload, no allocation.
    fn world_packet(
        &mut self,
        session: SessionId,
        account: AccountId,
        packet: &Envelope<'_>,
        now: Instant,
    ) {
        if packet.id == phases::LEAVE_WORLD {
            return self.leave_world(session, account, packet, now);
        }
        self.actions.push_back(Action::Game(Input::Packet {
            session,
            request: packet.request,
            id: packet.id,
            payload: self.payloads.copy(packet.payload),
        }));
    }
}

/// As the protocol has it; what doesn't fit is for ever.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
