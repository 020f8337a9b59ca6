//! Two servers with a database each and one nats-server between them: players talk to each other as if they were on
//! one, and each server goes on when the other end of the bus is gone.

use protocol::v1::server_packet::Body;
use protocol::v1::{
    Announcement, ChatLine, ChatScope, Refusal, Refused, Say, Whisper, Who, WhoList,
};
use tests::client::Client;
use tests::nats::NatsServer;
use tests::server::{ServerProcess, ServerSetup};

/// Whispers and lists that may come too early for a server to have heard of the other's players: at a few per second
/// and player, far more than the other end takes to tell.
const ATTEMPTS: u32 = 600;

/// The east has the realm zone; its Ada may announce. The west has Ben.
struct World {
    east: ServerSetup,
    west: ServerSetup,
}

impl World {
    fn new(nats: &NatsServer) -> Self {
        let setup = |side| {
            let layer = format!("config/cluster/{side}.toml");
            ServerSetup::new().layer(&layer).set("bus.url", nats.url())
        };
        Self { east: setup("east"), west: setup("west") }
    }

    fn start(&self) -> (ServerProcess, ServerProcess) {
        (self.east.start(), self.west.start())
    }
}

/// Whispers until the other end of the world is known.
fn whisper(from: &mut Client, to: &str, text: &str) {
    for request in 1..=ATTEMPTS {
        from.send(request, &Whisper { to: to.into(), text: text.into() });
        loop {
            let packet = from.next().unwrap();
            match packet.body {
                Some(Body::ChatLine(line)) if line.scope() == ChatScope::WhisperSent => return,
                Some(Body::Refused(_)) if packet.request == request => break,
                _ => {}
            }
        }
    }
    panic!("nobody knows {to}");
}

fn heard(client: &mut Client, from: &str, text: &str) {
    loop {
        let line: ChatLine = client.expect();
        if line.scope() == ChatScope::Whisper {
            assert_eq!((line.from.as_str(), line.text.as_str()), (from, text));
            return;
        }
    }
}

fn online(client: &mut Client) -> Vec<String> {
    client.send(1, &Who {});
    loop {
        let packet = client.next().unwrap();
        match packet.body {
            Some(Body::WhoList(WhoList { characters, .. })) => {
                return characters.into_iter().map(|entry| entry.name).collect();
            }
            Some(Body::Refused(_)) => client.send(1, &Who {}),
            _ => {}
        }
    }
}

fn talks(client: &mut Client) {
    client.send(0, &Say { text: "still here".into() });
    while client.expect::<ChatLine>().text != "still here" {}
}

#[test]
fn players_of_two_servers_whisper_and_are_seen_online_by_both() {
    let nats = NatsServer::start().unwrap();
    let (east, west) = World::new(&nats).start();
    let (mut ada, _) = Client::enter(east.address, "ada", "Ada");
    let (mut ben, _) = Client::enter(west.address, "ben", "Ben");
    whisper(&mut ada, "Ben", "hello over there");
    heard(&mut ben, "Ada", "hello over there");
    whisper(&mut ben, "Ada", "and back");
    heard(&mut ada, "Ben", "and back");
    for client in [&mut ada, &mut ben] {
        let both = (0..ATTEMPTS).any(|_| online(client) == ["Ada", "Ben"]);
        assert!(both, "{:?}", online(client));
        client.send(5, &Whisper { to: "Nobody".into(), text: "?".into() });
        let (request, refused): (u32, Refused) = client.expect_refusal();
        assert_eq!((request, refused.reason()), (5, Refusal::NotOnline));
    }
}

#[test]
fn an_announcement_reaches_the_players_of_both_servers() {
    let nats = NatsServer::start().unwrap();
    let world = World::new(&nats);
    let mut east = world.east.start();
    Client::enter(east.address, "ada", "Ada").0.leave();
    assert!(east.stop().success(), "{}", east.log.text());
    assert!(world.east.run(&["rank", "Ada", "guide"]).status.success());
    let (east, west) = world.start();
    let (mut ada, _) = Client::enter(east.address, "ada", "Ada");
    let (mut ben, _) = Client::enter(west.address, "ben", "Ben");
    whisper(&mut ada, "Ben", "are you there?");
    ada.command("announce the fair begins");
    for client in [&mut ada, &mut ben] {
        let told = client.seen.iter().any(|packet| {
            matches!(&packet.body, Some(Body::Announcement(said)) if said.text == "the fair begins")
        });
        assert!(told || client.expect::<Announcement>().text == "the fair begins");
    }
}

#[test]
fn servers_go_on_without_nats_and_find_each_other_again() {
    let mut nats = NatsServer::start().unwrap();
    let (east, west) = World::new(&nats).start();
    let (mut ada, _) = Client::enter(east.address, "ada", "Ada");
    let (mut ben, _) = Client::enter(west.address, "ben", "Ben");
    whisper(&mut ada, "Ben", "before");
    heard(&mut ben, "Ada", "before");
    nats.kill();
    talks(&mut ada);
    talks(&mut ben);
    nats.restart().unwrap();
    whisper(&mut ben, "Ada", "after");
    heard(&mut ada, "Ben", "after");
    whisper(&mut ada, "Ben", "as well");
    heard(&mut ben, "Ada", "as well");
}

#[test]
fn servers_start_without_nats_say_so_and_connect_later() {
    let mut nats = NatsServer::not_yet_started().unwrap();
    let (east, west) = World::new(&nats).start();
    let (mut ada, _) = Client::enter(east.address, "ada", "Ada");
    let (mut ben, _) = Client::enter(west.address, "ben", "Ben");
    talks(&mut ada);
    talks(&mut ben);
    east.log.wait_for("WARN");
    west.log.wait_for("WARN");
    nats.restart().unwrap();
    whisper(&mut ada, "Ben", "late, but here");
    heard(&mut ben, "Ada", "late, but here");
}
