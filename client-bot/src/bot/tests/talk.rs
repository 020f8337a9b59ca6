//! A bot and a scripted server, without sockets: what the bot says, and what it hears.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use protocol::v1::client_packet::Body;
use protocol::v1::{
    Character, CharacterList, ClientPacket, Entered, Inventory, Item, LoggedIn, SessionToken,
    Welcome,
};
use protocol::{ServerMessage, encode_server_frame};

use crate::bot::credentials::{Credentials, Signer};
use crate::bot::event::{Event, Metric};
use crate::bot::world::Watch;
use crate::bot::{Bot, Common};
use crate::scenario::{Scenario, Script};

pub(super) fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn token() -> Credentials {
    Credentials::Token(Signer::new(b"secret", "realmbeat", Duration::ZERO))
}

fn common(credentials: Credentials) -> Common {
    Common {
        servers: vec!["127.0.0.1:7777".parse().unwrap()],
        credentials,
        prefix: "test".to_owned(),
        seed: 7,
        bots: 10,
        script: Script::default(),
    }
}

/// A bot and the server that talks to it, without sockets.
pub(super) struct Talk {
    pub(super) bot: Bot,
    pub(super) now: Duration,
    pub(super) events: Vec<Event>,
}

impl Talk {
    pub(super) fn new(scenario: Scenario, watch: Watch, credentials: Credentials) -> Self {
        Self::with(common(credentials), 3, scenario, watch)
    }

    pub(super) fn with_token(scenario: Scenario) -> Self {
        Self::numbered(3, scenario)
    }

    /// Bot `number` of the swarm.
    pub(super) fn numbered(number: usize, scenario: Scenario) -> Self {
        Self::with(common(token()), number, scenario, Watch::Count)
    }

    /// A server with these addresses.
    pub(super) fn with_servers(servers: Vec<SocketAddr>) -> Self {
        let common = Common { servers, ..common(token()) };
        Self::with(common, 3, Scenario::Wander, Watch::Count)
    }

    fn with(common: Common, number: usize, scenario: Scenario, watch: Watch) -> Self {
        let mut bot = Bot::new(Arc::new(common), number, scenario, watch);
        bot.start(Duration::ZERO);
        Self { bot, now: Duration::ZERO, events: Vec::new() }
    }

    /// Lets time pass, timeout by timeout.
    pub(super) fn wait(&mut self, millis: u64) {
        let end = self.now + at(millis);
        while let Some(due) = self.bot.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.bot.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    pub(super) fn collect(&mut self) {
        while let Some(event) = self.bot.poll_event() {
            self.events.push(event);
        }
    }

    /// Connects as soon as the bot asks to, and returns where to.
    pub(super) fn connect(&mut self) -> SocketAddr {
        let address = self.asks_to_connect();
        self.bot.connected(self.now);
        self.collect();
        address
    }

    /// Waits until the bot asks for a connection, and returns where to.
    pub(super) fn asks_to_connect(&mut self) -> SocketAddr {
        for _ in 0..1000 {
            self.collect();
            let asked = self.events.iter().position(|event| matches!(event, Event::Connect { .. }));
            if let Some(index) = asked {
                let Event::Connect { address } = self.events.remove(index) else { unreachable!() };
                return address;
            }
            self.wait(100);
        }
        panic!("the bot never connects");
    }

    pub(super) fn hear<M: ServerMessage>(&mut self, message: M) {
        self.answer(0, message);
    }

    pub(super) fn answer<M: ServerMessage>(&mut self, request: u32, message: M) {
        let mut frame = Vec::new();
        encode_server_frame(&mut frame, request, &message);
        assert_eq!(self.bot.receive(self.now, &frame), 1);
        self.collect();
    }

    /// What the bot has sent since the last look, with the request numbers.
    pub(super) fn said(&mut self) -> Vec<(u32, Body)> {
        let mut bytes = Vec::new();
        self.bot.transmit(&mut bytes);
        let (mut rest, mut bodies) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let packet = ClientPacket::decode_length_delimited(&mut rest).unwrap();
            bodies.push((packet.request, packet.body.unwrap()));
        }
        bodies
    }

    pub(super) fn says_one(&mut self) -> (u32, Body) {
        let said = self.said();
        assert_eq!(said.len(), 1, "{said:?}");
        said.into_iter().next().unwrap()
    }

    /// Greets and logs in with whatever the bot offers; returns that.
    pub(super) fn log_in(&mut self, in_world: bool) -> Body {
        self.connect();
        assert!(matches!(self.says_one().1, Body::Hello(hello) if hello.protocol_version == 1));
        self.hear(Welcome::default());
        let (_, login) = self.says_one();
        self.hear(SessionToken { token: vec![1, 2, 3], grace_ms: 10_000 });
        self.hear(LoggedIn { in_world, ..LoggedIn::default() });
        login
    }

    pub(super) fn entered(&mut self) {
        self.hear(Entered {
            character: 5,
            entity: 1,
            tick_ms: 100,
            cell_size: 3200,
            max_speed: 500,
            width: 40_000,
            height: 40_000,
            ..Entered::default()
        });
    }

    /// All the way into the world, with an inventory of one item.
    pub(super) fn play(&mut self) {
        self.log_in(false);
        self.said();
        self.hear(CharacterList { characters: vec![Character { id: 5, ..Character::default() }] });
        assert!(matches!(self.says_one().1, Body::EnterWorld(enter) if enter.character == 5));
        self.entered();
        self.hear(Inventory { items: vec![item(70, 0)], slots: 8, gold: 0 });
    }

    pub(super) fn moves(&mut self) -> Vec<u32> {
        let moves = self.said().into_iter();
        moves
            .filter_map(
                |(_, body)| {
                    if let Body::Move(step) = body { Some(step.sequence) } else { None }
                },
            )
            .collect()
    }

    pub(super) fn errors(&self) -> Vec<String> {
        let errors = self.events.iter();
        errors
            .filter_map(|event| {
                if let Event::Error(error) = event { Some(error.to_string()) } else { None }
            })
            .collect()
    }

    pub(super) fn samples(&self, wanted: Metric) -> Vec<Duration> {
        let matching = self.events.iter().filter_map(|event| match event {
            Event::Sample { metric, elapsed } if *metric == wanted => Some(*elapsed),
            _ => None,
        });
        matching.collect()
    }

    pub(super) fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }
}

pub(super) fn item(id: u64, slot: u32) -> Item {
    Item { id, template: "coin".into(), quantity: 1, slot }
}
