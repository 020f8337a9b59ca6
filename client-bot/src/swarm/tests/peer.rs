//! A stand-in for the server: a thread per connection that answers what a client says, one view per move.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use prost::Message as _;
use protocol::v1::client_packet::Body;
use protocol::v1::{
    Cell, CellDigest, CellMotion, CellState, Character, CharacterCreated, CharacterList,
    ClientPacket, Entered, Entity, EntityKind, Farewell, Goodbye, Inventory, Item, LeftWorld,
    LoggedIn, Motion, Pong, SessionToken, View, Welcome,
};
use protocol::{ServerMessage, encode_server_frame, split_frame};

use crate::bot::sight::id_hash;

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    Honest,
    /// Its digests count a monster that it never shows.
    HidesAMonster,
    /// It closes every connection after the greeting.
    HangsUp,
}

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    resumes: Arc<AtomicU64>,
}

impl Peer {
    /// Listens on a free port until the test's process ends.
    pub(super) fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let resumes = Arc::new(AtomicU64::new(0));
        let counter = resumes.clone();
        thread::spawn(move || {
            for (stream, number) in listener.incoming().zip(1..) {
                let (stream, resumes) = (stream.unwrap(), counter.clone());
                thread::spawn(move || {
                    Client { stream, number, habit, resumes, tick: 0, watches: false }.serve()
                });
            }
        });
        Self { address, resumes }
    }

    /// Logins with a session token so far.
    pub(super) fn resumes(&self) -> u64 {
        self.resumes.load(Ordering::Relaxed)
    }
}

struct Client {
    stream: TcpStream,
    number: u64,
    habit: Habit,
    resumes: Arc<AtomicU64>,
    tick: u64,
    watches: bool,
}

impl Client {
    fn serve(mut self) {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length) = self.stream.read(&mut buffer) {
            if length == 0 {
                self.tell(&Goodbye { reason: Farewell::ClientLeft.into(), ..Goodbye::default() });
                return;
            }
            bytes.extend_from_slice(&buffer[..length]);
            while let Some(frame) = split_frame(&bytes, 4096).unwrap() {
                let packet = ClientPacket::decode(frame.packet).unwrap();
                let consumed = frame.consumed;
                bytes.drain(..consumed);
                if !self.answer(packet.body.unwrap()) {
                    return;
                }
            }
        }
    }

    /// Returns whether the connection goes on.
    fn answer(&mut self, body: Body) -> bool {
        let login = LoggedIn { account: self.number, ..LoggedIn::default() };
        match body {
            Body::Hello(_) => {
                self.tell(&Welcome { protocol_version: 1, ..Welcome::default() });
                return self.habit != Habit::HangsUp;
            }
            Body::TokenLogin(_) => self.tell_token_and(&login),
            Body::Resume(_) => {
                self.resumes.fetch_add(1, Ordering::Relaxed);
                self.tell_token_and(&LoggedIn { in_world: true, ..login });
                self.enter();
            }
            Body::ListCharacters(_) => self.tell(&CharacterList::default()),
            Body::CreateCharacter(create) => {
                let character =
                    Character { id: self.number, name: create.name, zone: "test".into() };
                self.tell(&CharacterCreated { character: Some(character) });
            }
            Body::EnterWorld(_) => self.enter(),
            Body::WatchDigest(watch) => self.watches = watch.on,
            Body::Move(step) => self.show(View { ack: step.sequence, ..View::default() }),
            Body::Ping(ping) => self.tell(&Pong { nonce: ping.nonce }),
            Body::LeaveWorld(_) => self.tell(&LeftWorld {}),
            other => panic!("these bots don't say {other:?}"),
        }
        true
    }

    fn tell_token_and(&mut self, message: &impl ServerMessage) {
        self.tell(&SessionToken { token: vec![1], grace_ms: 1000 });
        self.tell(message);
    }

    fn enter(&mut self) {
        self.tell(&Entered {
            character: self.number,
            entity: 1,
            tick_ms: 100,
            cell_size: 3200,
            max_speed: 500,
            ..Entered::default()
        });
        let items = vec![Item { id: 7, template: "coin".into(), quantity: 3, slot: 0 }];
        self.tell(&Inventory { items, slots: 8, gold: 0 });
        let own =
            Entity { id: 1, kind: EntityKind::Player.into(), x: 5, y: 5, ..Entity::default() };
        let monster = Entity { id: 2, kind: EntityKind::Monster.into(), ..own.clone() };
        let enters = vec![own, monster];
        let state = CellState { column: 3, row: 3, snapshot: true, enters, ..CellState::default() };
        let anchor = Some(Cell { column: 3, row: 3 });
        self.show(View { anchor, states: vec![state], ..View::default() });
    }

    fn show(&mut self, view: View) {
        self.tick += 1;
        let mut ids = vec![1, 2];
        if self.habit == Habit::HidesAMonster {
            ids.push(3);
        }
        let hash = ids.iter().fold(0, |hash, id| hash ^ id_hash(*id));
        let entities = u32::try_from(ids.len()).unwrap();
        let digest = CellDigest { column: 3, row: 3, entities, hash };
        let motions = vec![Motion { entity: 1, x: 6, y: 5, ..Motion::default() }];
        self.tell(&View {
            tick: self.tick,
            digests: if self.watches { vec![digest] } else { vec![] },
            motions: vec![CellMotion { column: 3, row: 3, motions }],
            ..view
        });
    }

    fn tell(&mut self, message: &impl ServerMessage) {
        let mut frame = Vec::new();
        encode_server_frame(&mut frame, 0, message);
        // Some clients have gone by the time of the answer.
        let _ = self.stream.write_all(&frame);
    }
}
