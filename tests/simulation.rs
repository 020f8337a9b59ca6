//! A world without sockets, disk or clock: two hundred bots' brains against the game, bytes in, bytes out. The same
//! seed gives the same world, also when it is put away and taken out again half-way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client_bot::bot::Common;
use client_bot::bot::credentials::Credentials;
use client_bot::bot::event::Event;
use client_bot::bot::world::Watch;
use client_bot::scenario::Script;
use client_bot::{Bot, Scenario};
use game::record::CharacterRecord;
use game::testing::Model;
use game::{
    AccountId, CharacterId, Content, Game, Input, ItemId, ModuleTable, Order, Publication, Rank,
    SessionId, Settings,
};
use protocol::v1::{
    Character, CharacterList, EnterWorld, Hello, LeaveWorld, ListCharacters, LoggedIn, Ping, Pong,
    Register, Welcome,
};
use protocol::{
    ClientMessage, Envelope, ServerMessage, decode_client, encode_server_frame, split_frame,
};
use tests::server::repository;

const BOTS: usize = 200;
const TICKS: u64 = 2_000;
/// When the world is put away and taken out again.
const HALF_WAY: u64 = 1_000;
const TICK: Duration = Duration::from_millis(100);
const SEED: u64 = 7;

/// The game, its bots, and what stands between them in a server: the way into the world.
struct Simulation {
    game: Game,
    content: Arc<Content>,
    table: Arc<ModuleTable>,
    bots: Vec<Bot>,
    inputs: Vec<Input>,
    database: Model,
    now: Duration,
    findings: Vec<String>,
    confirmations: usize,
    digests: u32,
    times: Vec<Duration>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let files = server::content_files::read_content_files(&repository().join("config/content"))
            .unwrap();
        let content = Arc::new(Content::parse(&files).unwrap());
        let table = Arc::new(game::modules::all().check().unwrap());
        let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
        let settings = Settings { zones, seed, ..Settings::default() };
        let game = Game::new(settings, Arc::clone(&content), Arc::clone(&table)).unwrap();
        let mut script = Script::default();
        // There are no connections to lose here; fighters make the most of a world.
        (script.mixed.reconnect, script.mixed.fight) = (0, 100);
        let common = Arc::new(Common {
            servers: vec![([127, 0, 0, 1], 1).into()],
            credentials: Credentials::Password("simulated".into()),
            prefix: "sim".into(),
            seed,
            bots: BOTS,
            script,
        });
        let bots = (0..BOTS).map(|number| {
            let mut bot = Bot::new(Arc::clone(&common), number, Scenario::Mixed, Watch::Prove);
            bot.start(TICK * u32::try_from(number).unwrap() / 10);
            bot
        });
        Self {
            bots: bots.collect(),
            game,
            content,
            table,
            inputs: vec![Input::ItemIds { first: ItemId(1), count: 1 << 32 }],
            database: Model::default(),
            now: Duration::ZERO,
            findings: Vec::new(),
            confirmations: 0,
            digests: 0,
            times: Vec::new(),
        }
    }

    fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.now += TICK;
            for number in 0..self.bots.len() {
                while self.bots[number].next_timeout().is_some_and(|due| due <= self.now) {
                    self.bots[number].handle_timeout(self.now);
                    self.settle(number);
                }
            }
            let started = Instant::now();
            let publication = self.game.tick(std::mem::take(&mut self.inputs), 1);
            self.times.push(started.elapsed());
            self.hand_out(&publication);
            self.game.recycle(publication);
        }
    }

    /// Puts the world away and goes on with what comes out again; the bots notice nothing.
    fn restore(&mut self) {
        let snapshot = self.game.snapshot();
        let (content, table) = (Arc::clone(&self.content), Arc::clone(&self.table));
        self.game = Game::restore(&snapshot, content, table).unwrap();
    }

    fn hand_out(&mut self, publication: &Publication) {
        for delivery in &publication.deliveries {
            let mut bytes = Vec::new();
            for frame in publication.frames(delivery) {
                bytes.extend_from_slice(frame.bytes);
            }
            publication.put_view(delivery, true, &mut bytes);
            self.receive(usize::try_from(delivery.session.0).unwrap(), &bytes);
        }
        for letter in &publication.letters {
            self.inputs.push(Input::OwnLetter(letter.clone()));
        }
        let decisions = publication.commit.iter().flat_map(|commit| self.database.apply(commit));
        self.inputs.extend(decisions.map(Input::Decided));
        for order in &publication.orders {
            if let Order::ReadMailbox { character, request } = *order {
                let mails = Some(self.database.mailbox(character));
                self.inputs.push(Input::Mailbox { character, request, mails });
            } else {
                assert_eq!(*order, Order::NeedItemIds);
            }
        }
    }

    fn receive(&mut self, number: usize, bytes: &[u8]) {
        self.bots[number].receive(self.now, bytes);
        self.settle(number);
    }

    /// After anything happened to a bot: what it tells, and what it sends.
    fn settle(&mut self, number: usize) {
        while let Some(event) = self.bots[number].poll_event() {
            match event {
                Event::Connect { .. } => self.bots[number].connected(self.now),
                Event::Finding(finding) => self.findings.push(finding),
                Event::Error(error) => self.findings.push(error.to_string()),
                Event::Confirmed(_) | Event::Purse(_) => self.confirmations += 1,
                Event::Proved { digests, .. } => self.digests += digests,
                Event::LookUp { .. }
                | Event::Close { .. }
                | Event::Greeted { .. }
                | Event::LoggedIn { .. }
                | Event::Online
                | Event::Offline
                | Event::Sample { .. }
                | Event::TurnsSkipped(_)
                | Event::Refused(_)
                | Event::Goodbye(_)
                | Event::Disconnected { .. }
                | Event::Finished => {}
            }
        }
        let mut sent = Vec::new();
        self.bots[number].transmit(&mut sent);
        let mut rest = &sent[..];
        while let Some(frame) = split_frame(rest, usize::MAX).unwrap() {
            self.packet(number, frame.packet);
            rest = &rest[frame.consumed..];
        }
    }

    /// What a server's lobby does with a packet, without accounts.
    fn packet(&mut self, number: usize, packet: &[u8]) {
        let Envelope { request, id, payload, .. } = Envelope::parse(packet).unwrap();
        let session = SessionId(number as u64);
        let character = CharacterId(number as u64 + 1);
        if id == Hello::INFO.id {
            let welcome = Welcome { heartbeat_timeout_ms: 30_000, ..Welcome::default() };
            self.answer(number, request, &welcome);
        } else if id == Register::INFO.id {
            self.answer(number, request, &LoggedIn::default());
        } else if id == ListCharacters::INFO.id {
            let known = Character { id: character.0, ..Character::default() };
            self.answer(number, request, &CharacterList { characters: vec![known] });
        } else if id == Ping::INFO.id {
            let Ping { nonce } = decode_client(payload).unwrap();
            self.answer(number, request, &Pong { nonce });
        } else if id == EnterWorld::INFO.id {
            let character = Box::new(newcomer(character));
            self.database.introduce(character.id, &character.name);
            self.inputs.push(Input::Enter { session, character });
        } else {
            assert_ne!(id, LeaveWorld::INFO.id, "nobody is told to leave");
            let payload = Bytes::copy_from_slice(payload);
            self.inputs.push(Input::Packet { session, request, id, payload });
        }
    }

    fn answer<M: ServerMessage>(&mut self, number: usize, request: u32, message: &M) {
        let mut bytes = Vec::new();
        encode_server_frame(&mut bytes, request, message);
        self.receive(number, &bytes);
    }
}

fn newcomer(id: CharacterId) -> CharacterRecord {
    CharacterRecord {
        id,
        account: AccountId(id.0),
        name: format!("Bot{}", id.0),
        rank: Rank::Player,
        place: None,
        modules: Default::default(),
        items: Vec::new(),
        gold: 0,
    }
}

/// A run to its end, with a look at what it was.
fn whole(seed: u64) -> Simulation {
    let mut simulation = Simulation::new(seed);
    simulation.run(TICKS);
    simulation
}

#[test]
fn two_hundred_simulated_bots_live_the_same_life_twice_and_across_a_restore() {
    let first = whole(SEED);
    let mut times = first.times.clone();
    times.sort_unstable();
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap();
    let (confirmations, digests) = (first.confirmations, first.digests);
    println!(
        "tick mean {mean:?}, p99 {:?}, max {:?}; {confirmations} confirmations, {digests} digests proved",
        times[times.len() * 99 / 100],
        times[times.len() - 1],
    );
    assert_eq!(first.findings, [""; 0]);
    assert_eq!(first.game.population(), BOTS);
    assert!(confirmations > 0 && digests > 0);
    assert_eq!(whole(SEED).game.zone_hashes(), first.game.zone_hashes());
    assert_ne!(whole(SEED + 1).game.hash(), first.game.hash(), "another seed is another world");

    let mut restored = Simulation::new(SEED);
    restored.run(HALF_WAY);
    restored.restore();
    restored.run(TICKS - HALF_WAY);
    assert_eq!(restored.game.zone_hashes(), first.game.zone_hashes());
    assert_eq!(restored.game.hash(), first.game.hash());
}
