//! Clients, a store, an auth pool and a game that do as little as the lobby needs, and check what it asks of them.

mod answers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use game::{AccountId, CharacterId, CommitSeq, Input, Order, SessionId};
use prost::Message as _;
use protocol::v1::{
    EnterWorld, Farewell, Hello, LoggedIn, Refusal, ServerPacket, TokenLogin, server_packet::Body,
};
use protocol::{ClientMessage, Envelope, PROTOCOL_VERSION, encode_client_frame, split_frame};

use crate::auth::Job;
use crate::lobby::{Action, Lobby, Settings};
use crate::store::{Answer, Read, Ticket, Write};

pub(super) const HERE: &str = "127.0.0.1:5000";
pub(super) const ELSEWHERE: &str = "192.0.2.7:5000";
pub(super) const ONE: SessionId = SessionId(1);
pub(super) const TWO: SessionId = SessionId(2);
pub(super) const THREE: SessionId = SessionId(3);
/// The message of a module outside this repository.
pub(super) const MODULE_MESSAGE: u32 = 1000;

pub(super) fn settings() -> Settings {
    Settings::default()
}

/// What concerns one client, in order.
#[derive(Debug)]
pub(super) enum Event {
    Frame(ServerPacket),
    /// Its character went to the game.
    Enters,
    /// A packet of it went to the game.
    Plays,
}

/// What one client has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) events: Vec<Event>,
    pub(super) frames: Vec<ServerPacket>,
    pub(super) logged_in: bool,
    pub(super) farewell: Option<Farewell>,
}

pub(super) struct Rig {
    pub(super) lobby: Lobby,
    pub(super) now: Instant,
    pub(super) seen: BTreeMap<SessionId, Seen>,
    pub(super) writes: VecDeque<(Ticket, Write)>,
    pub(super) reads: VecDeque<(Ticket, Read)>,
    pub(super) jobs: VecDeque<Job>,
    /// Value frames that wait for their commit.
    held: VecDeque<(SessionId, ServerPacket, CommitSeq)>,
    accounts: BTreeMap<String, (AccountId, Option<String>)>,
    pub(super) characters: BTreeMap<CharacterId, (AccountId, String)>,
    spent: BTreeSet<String>,
    /// Who is in the world, and played by whom.
    pub(super) world: BTreeMap<CharacterId, Option<SessionId>>,
    /// Characters whose last save isn't durable yet.
    pub(super) unsaved: BTreeMap<CharacterId, CommitSeq>,
    orders: VecDeque<Order>,
    pub(super) inputs: Vec<Input>,
    /// The game takes nobody in.
    pub(super) zone_gone: bool,
    commit: CommitSeq,
    last_id: u64,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let mut count = 0_u128;
        let tokens = Box::new(move || {
            count += 1;
            Some(count.to_be_bytes())
        });
        Self {
            lobby: Lobby::new(settings, [MODULE_MESSAGE], tokens),
            now: Instant::now(),
            seen: BTreeMap::new(),
            writes: VecDeque::new(),
            reads: VecDeque::new(),
            jobs: VecDeque::new(),
            held: VecDeque::new(),
            accounts: BTreeMap::new(),
            characters: BTreeMap::new(),
            spent: BTreeSet::new(),
            world: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            orders: VecDeque::new(),
            inputs: Vec::new(),
            zone_gone: false,
            commit: CommitSeq(0),
            last_id: 0,
        }
    }

    pub(super) fn open(&mut self, session: SessionId, peer: &str) {
        let peer: SocketAddr = peer.parse().unwrap();
        self.seen.insert(session, Seen::default());
        self.lobby.opened(session, peer, false);
    }

    pub(super) fn close(&mut self, session: SessionId) {
        self.lobby.closed(session, self.now);
        self.seen.remove(&session);
        self.held.retain(|(to, ..)| *to != session);
        self.pump();
    }

    pub(super) fn send<M: ClientMessage>(&mut self, session: SessionId, request: u32, message: &M) {
        let mut bytes = Vec::new();
        encode_client_frame(&mut bytes, request, message);
        let frame = split_frame(&bytes, 4096).unwrap().unwrap();
        let envelope = Envelope::parse(frame.packet).unwrap();
        self.lobby.packet(session, &envelope, self.now);
        self.pump();
    }

    pub(super) fn send_raw(&mut self, session: SessionId, id: u32, payload: &[u8]) {
        let envelope = Envelope { request: 7, id, payload };
        self.lobby.packet(session, &envelope, self.now);
        self.pump();
    }

    /// Opens and greets.
    pub(super) fn greet(&mut self, session: SessionId, peer: &str) {
        self.open(session, peer);
        let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "test".into() };
        self.send(session, 0, &hello);
    }

    /// Opens, greets and logs in with a token for this account.
    pub(super) fn log_in(&mut self, session: SessionId, account: &str) -> LoggedIn {
        self.greet(session, ELSEWHERE);
        self.last_id += 1;
        let token = format!("{account}:fresh-{}", self.last_id);
        self.send(session, 2, &TokenLogin { token });
        self.settle();
        let frames = &self.seen[&session].frames;
        let logged_in = frames.iter().find_map(|packet| match &packet.body {
            Some(Body::LoggedIn(logged_in)) => Some(logged_in.clone()),
            _ => None,
        });
        logged_in.unwrap_or_else(|| panic!("{account} isn't logged in: {frames:?}"))
    }

    /// A character as if it had been made earlier.
    pub(super) fn character(&mut self, account: &str, name: &str) -> CharacterId {
        self.last_id += 1;
        let id = CharacterId(self.last_id);
        let account = self.account(account);
        self.characters.insert(id, (account, name.into()));
        id
    }

    pub(super) fn enter(&mut self, session: SessionId, character: CharacterId) {
        let character = character.0;
        self.send(session, 3, &EnterWorld { character });
        self.settle();
    }

    fn account(&mut self, name: &str) -> AccountId {
        self.last_id += 1;
        let fresh = AccountId(self.last_id);
        self.accounts.entry(name.into()).or_insert((fresh, None)).0
    }

    /// Answers every question until nothing is left to answer. The game doesn't tick.
    pub(super) fn settle(&mut self) {
        while self.answer_write() || self.answer_read() || self.answer_job() {}
    }

    /// Questions that wait for an answer.
    pub(super) fn questions(&self) -> usize {
        self.writes.len() + self.reads.len() + self.jobs.len()
    }

    /// The game's turn: what left the world is in the next commit.
    pub(super) fn game_tick(&mut self) {
        self.commit.0 += 1;
        for order in std::mem::take(&mut self.orders) {
            if let Order::Left { character, .. } = order {
                self.unsaved.insert(character, self.commit);
            }
            self.order(&order);
        }
    }

    pub(super) fn order(&mut self, order: &Order) {
        self.lobby.order(order, self.commit, self.now);
        self.pump();
    }

    /// The game lets a character go without being asked.
    pub(super) fn expel(&mut self, character: CharacterId) {
        let session = self.world.remove(&character).unwrap();
        self.orders.push_back(Order::Left { character, session });
    }

    /// All commits are durable.
    pub(super) fn sync(&mut self) {
        self.unsaved.clear();
        for (session, packet, _) in std::mem::take(&mut self.held) {
            self.show(session, packet);
        }
        let commit = self.commit;
        self.lobby.store_answer(Answer::Durable(commit), self.now);
        self.pump();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.lobby.tick(self.now);
        self.pump();
    }

    pub(super) fn pump(&mut self) {
        while let Some(action) = self.lobby.next_action() {
            match action {
                Action::Send { session, frame } => self.show(session, packet(&frame)),
                Action::SendValue { session, frame, after } => {
                    self.held.push_back((session, packet(&frame), after))
                }
                Action::Close { session, last } => {
                    let reason = last.reason();
                    self.show(
                        session,
                        ServerPacket { request: 0, body: Some(Body::Goodbye(last)) },
                    );
                    self.seen.get_mut(&session).unwrap().farewell = Some(reason);
                    // Goodbye is the last frame, so what is held is dropped.
                    self.held.retain(|(to, ..)| *to != session);
                }
                Action::LoggedIn(session) => {
                    let seen = self.seen.get_mut(&session).unwrap();
                    assert!(!seen.logged_in, "{session} logged in twice");
                    seen.logged_in = true;
                }
                Action::Write { ticket, write } => self.writes.push_back((ticket, write)),
                Action::Read { ticket, read } => self.reads.push_back((ticket, read)),
                Action::Auth(job) => self.jobs.push_back(job),
                Action::CancelAuth(ticket) => self.jobs.retain(|job| job.ticket != ticket),
                Action::Game(input) => self.input(input),
            }
        }
    }

    fn show(&mut self, session: SessionId, packet: ServerPacket) {
        let seen = self.seen.get_mut(&session).expect("a frame for a session that is gone");
        assert_eq!(seen.farewell, None, "{packet:?} after goodbye");
        seen.events.push(Event::Frame(packet.clone()));
        seen.frames.push(packet);
    }

    /// The game, as far as characters come and go.
    fn input(&mut self, input: Input) {
        self.inputs.push(input.clone());
        if let Input::Enter { session, .. } | Input::Packet { session, .. } = &input {
            let enters = matches!(input, Input::Enter { .. });
            let event = if enters { Event::Enters } else { Event::Plays };
            self.seen.get_mut(session).unwrap().events.push(event);
        }
        match input {
            Input::Enter { session, character } => {
                let id = character.id;
                if self.zone_gone {
                    let message = "its zone isn't here".into();
                    self.orders.push_back(Order::EnterFailed { character: id, session, message });
                } else {
                    let before = self.world.insert(id, Some(session));
                    assert_eq!(before, None, "entered twice");
                    let own = |other: &CharacterId| self.characters[other].0 == character.account;
                    let of_account = self.world.keys().filter(|other| own(other)).count();
                    assert_eq!(of_account, 1, "two characters of one account in the world");
                }
            }
            Input::Attach { character, session } => {
                if let Some(player) = self.world.get_mut(&character) {
                    *player = Some(session);
                }
            }
            Input::Detach { character } => {
                if let Some(player) = self.world.get_mut(&character) {
                    *player = None;
                }
            }
            Input::Leave { character } => {
                if let Some(session) = self.world.remove(&character) {
                    self.orders.push_back(Order::Left { character, session });
                }
            }
            Input::Packet { session, .. } => {
                // The lobby may not have heard yet that somebody is out again.
                let unheard = !self.orders.is_empty();
                let plays = self.world.values().any(|player| *player == Some(session));
                assert!(plays || unheard, "{session} plays nobody");
            }
            Input::Stale { .. }
            | Input::Letter(_)
            | Input::OwnLetter(_)
            | Input::Undelivered(_)
            | Input::Operator { .. }
            | Input::ItemIds { .. }
            | Input::Ground { .. }
            | Input::ValueOpen { .. }
            | Input::Decided(_)
            | Input::Mailbox { .. }
            | Input::SaveFailed { .. }
            | Input::LoadLevel { .. }
            | Input::TicksDropped { .. } => panic!("not the lobby's"),
        }
    }

    /// The last frame that this session got.
    pub(super) fn last(&self, session: SessionId) -> &ServerPacket {
        self.seen[&session].frames.last().expect("a frame")
    }

    /// The last session token or redirect that this session got.
    pub(super) fn token(&self, session: SessionId) -> Vec<u8> {
        let mut frames = self.seen[&session].frames.iter().rev();
        let token = frames.find_map(|packet| match &packet.body {
            Some(Body::SessionToken(token)) => Some(token.token.clone()),
            Some(Body::Redirect(redirect)) => Some(redirect.token.clone()),
            _ => None,
        });
        token.expect("a session token")
    }

    /// The session's last frame refuses `request` for `reason`.
    #[track_caller]
    pub(super) fn assert_refused(&self, session: SessionId, request: u32, reason: Refusal) {
        let packet = self.last(session);
        assert_eq!(packet.request, request, "{packet:?}");
        let Some(Body::Refused(refused)) = &packet.body else {
            panic!("{packet:?} isn't a refusal for {reason:?}")
        };
        assert_eq!(refused.reason(), reason, "{refused:?}");
        assert!(!refused.message.is_empty());
        let passes = matches!(reason, Refusal::Busy | Refusal::StoreBehind);
        assert_eq!(passes, refused.retry_after_ms > 0);
    }

    #[track_caller]
    pub(super) fn assert_farewell(&self, session: SessionId, reason: Farewell) {
        assert_eq!(self.seen[&session].farewell, Some(reason));
    }

    /// Sessions that have logged in and weren't told goodbye. In these tests all play one account.
    pub(super) fn live(&self) -> Vec<SessionId> {
        let live = |seen: &Seen| seen.logged_in && seen.farewell.is_none();
        let sessions = self.seen.iter().filter(|(_, seen)| live(seen));
        sessions.map(|(session, _)| *session).collect()
    }
}

fn packet(frame: &[u8]) -> ServerPacket {
    ServerPacket::decode_length_delimited(frame).unwrap()
}
