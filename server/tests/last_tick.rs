//! A panic in the tick that takes everybody out of the world: nobody may hear that all is saved. In a process of its
//! own, because it is ended by a signal.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::panic::catch_unwind;
use std::thread;
use std::time::Duration;

use game::{Content, Ctx, Module, PlayerId, Routes, ZoneName};
use prost::Message as _;
use protocol::v1::server_packet::Body;
use protocol::v1::{CreateCharacter, EnterWorld, Hello, Register, ServerPacket};
use protocol::{ClientMessage, PROTOCOL_VERSION, encode_client_frame, split_frame};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use server::config::{Loaded, Sources};
use server::{RunError, Server};

/// How long an answer may take; it decides only how long a failure takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fails whoever leaves.
#[derive(Serialize, Deserialize)]
struct Trap;

impl Module for Trap {
    const NAME: &'static str = "trap";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(_routes: &mut Routes<Self>) {}

    fn on_leave(&mut self, _ctx: &mut Ctx<'_>, _player: PlayerId) {
        panic!("the test's module fails");
    }
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Sends `message` and waits for the first packet that `wanted` takes.
    fn ask<T>(&mut self, message: &impl ClientMessage, wanted: impl Fn(Body) -> Option<T>) -> T {
        let mut frame = Vec::new();
        encode_client_frame(&mut frame, 1, message);
        self.stream.write_all(&frame).unwrap();
        loop {
            while let Some(frame) = split_frame(&self.buffer, 1 << 24).unwrap() {
                let packet = ServerPacket::decode(frame.packet).unwrap();
                let consumed = frame.consumed;
                self.buffer.drain(..consumed);
                if let Some(found) = packet.body.and_then(&wanted) {
                    return found;
                }
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the server has closed the connection");
            self.buffer.extend_from_slice(&bytes[..count]);
        }
    }
}

/// Plays until it is in the world.
fn play(address: SocketAddr) -> Client {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let buffer = Vec::new();
    let mut client = Client { stream, buffer };
    let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "test".into() };
    client.ask(&hello, |body| matches!(body, Body::Welcome(_)).then_some(()));
    let register = Register { account: "anna".into(), password: "correct horse".into() };
    client.ask(&register, |body| matches!(body, Body::LoggedIn(_)).then_some(()));
    let create = CreateCharacter { name: "Mira".into() };
    let character = client.ask(&create, |body| {
        let Body::CharacterCreated(created) = body else {
            return None;
        };
        created.character
    });
    let enter = EnterWorld { character: character.id };
    client.ask(&enter, |body| matches!(body, Body::Entered(_)).then_some(()));
    client
}

#[test]
fn a_panic_in_the_last_tick_is_not_taken_for_an_end_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let content = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/content");
    let data_dir = directory.path().to_str().unwrap();
    let sources = [
        ("server.data_dir", data_dir),
        ("network.listen", "127.0.0.1:0"),
        ("world.content", content),
        ("auth.argon2_memory_kib", "8"),
        ("auth.argon2_iterations", "1"),
    ]
    .into_iter()
    .fold(Sources::default(), |sources, (key, value)| sources.flag("--set", key, value));
    let loaded = Loaded::load(&sources).unwrap();
    let builder = Server::builder().module::<Trap>();
    let server = builder.start(loaded, sources).unwrap();
    let address = server.address();
    let player = thread::spawn(move || {
        // However far it came, the server is told to end, so that the test ends too.
        let played = catch_unwind(|| play(address));
        kill_process(getpid(), Signal::TERM).unwrap();
        played
    });
    let outcome = server.run();
    let _client = player.join().unwrap().unwrap();
    assert!(matches!(outcome, Err(RunError::GamePanicked(None))), "{outcome:?}");
}
