//! Several servers on one NATS: letters between them, and NATS coming late, going away, being flooded and lied to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use game::post::Route;
use server::bus::{Connection, LETTER_BYTES, QueueBounds, Refused, Settings};
use tests::nats::NatsServer;

use super::node::{Node, node, numbers, settings, zone};

fn nats() -> NatsServer {
    NatsServer::start().expect("a private nats-server")
}

/// Server 1 hosts the meadow, server 2 the cave and the realm.
fn pair(url: &str) -> (Settings, Settings) {
    (settings(url, "1", &["meadow"]), settings(url, "2", &["cave", "realm"]))
}

fn ready_pair(url: &str) -> (Node, Node) {
    let (first, second) = pair(url);
    (Node::ready(first), Node::ready(second))
}

#[test]
fn two_servers_exchange_letters_by_zone_and_by_node() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    first.send(zone("realm"), "to the realm").expect("taken");
    assert_eq!(second.texts(1), ["to the realm"]);
    second.send(node("1"), "to server 1").expect("taken");
    first.eventually("a letter waits", |first| first.stats().incoming == 1);
    let arrival = first.bus.poll().expect("it waits");
    assert_eq!((arrival.from.as_str(), &arrival.letter.body[..]), ("2", &b"to server 1"[..]));
}

#[test]
fn everyone_gets_an_announcement_once_the_sender_too() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    first.send(Route::Everyone, "from 1").expect("taken");
    assert_eq!(second.texts(1), ["from 1"]);
    // NATS has handled the first one for everybody, so an echo of it would come before the answer.
    second.send(Route::Everyone, "from 2").expect("taken");
    assert_eq!(first.texts(2), ["from 1", "from 2"]);
    first.send(Route::Everyone, "again").expect("taken");
    assert_eq!(second.texts(2), ["from 2", "again"]);
    assert_eq!((first.stats().delivered, second.stats().delivered), (2, 3));
}

#[test]
fn worlds_on_one_nats_do_not_hear_each_other() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    let mut stranger = Node::ready(Settings { world: "other".to_owned(), ..pair(&nats.url()).1 });
    for route in [zone("cave"), node("2"), Route::Everyone] {
        stranger.send(route, "not for you").expect("taken");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    assert_eq!(stranger.bus.close(deadline), 0);
    first.send(zone("cave"), "for you").expect("taken");
    assert_eq!(second.texts(1), ["for you"]);
}

#[test]
fn letters_between_servers_keep_their_order_and_the_largest_fits() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    let large = "x".repeat(LETTER_BYTES - "test.text".len());
    first.send(zone("cave"), &large).expect("taken");
    for text in numbers(0..5000) {
        first.send(zone("cave"), &text).expect("taken");
    }
    assert_eq!(second.texts(1), [large]);
    assert_eq!(second.texts(5000), numbers(0..5000));
}

#[test]
fn a_server_starts_without_nats_and_its_letters_flow_when_nats_comes() {
    let mut nats = NatsServer::not_yet_started().expect("a free port");
    let (first, second) = pair(&nats.url());
    let (mut first, mut second) = (Node::open(first), Node::open(second));
    // What is for this process needs no NATS.
    first.send(zone("meadow"), "at home").expect("taken");
    assert_eq!(first.texts(1), ["at home"]);
    assert_eq!(first.stats().connection, Connection::Connecting);
    nats.restart().expect("a private nats-server");
    second.await_connection(1);
    first.send(zone("cave"), "hello").expect("taken");
    assert_eq!(second.texts(1), ["hello"]);
}

#[test]
fn a_killed_nats_is_found_again_and_what_waited_goes_out() {
    let mut nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    for round in 1..=3 {
        nats.kill();
        for server in [&mut first, &mut second] {
            server.eventually("the loss is seen", |server| {
                server.stats().connection == Connection::Lost
            });
        }
        // Home letters still flow, and the outbox holds the others.
        first.send(zone("meadow"), "at home").expect("taken");
        // What waited in the last round came in before, unless server 2 was back sooner than server 1.
        while first.texts(1) != ["at home"] {}
        second.send(zone("meadow"), "waited").expect("taken");
        assert_eq!(second.stats().outgoing, 1);
        nats.restart().expect("the same port");
        first.await_connection(round + 1);
        second.await_connection(round + 1);
        first.send(zone("cave"), "back").expect("taken");
        assert_eq!(second.texts(1), ["back"]);
        second.eventually("the outbox is empty", |second| second.stats().outgoing == 0);
    }
    assert_eq!(first.stats().connects, 4);
}

#[test]
fn a_full_outbox_refuses_counts_and_never_waits() {
    let nats = NatsServer::not_yet_started().expect("a free port");
    let outgoing = QueueBounds { letters: 10, bytes: 1000 };
    let mut server = Node::open(Settings { outgoing, ..pair(&nats.url()).0 });
    for text in numbers(0..10) {
        server.send(zone("cave"), &text).expect("taken");
    }
    assert_eq!(server.send(zone("cave"), "10"), Err(Refused::Full));
    // Everyone is all or nothing: what can't go out doesn't come back in.
    assert_eq!(server.send(Route::Everyone, "11"), Err(Refused::Full));
    let stats = server.stats();
    assert_eq!((stats.outgoing, stats.incoming), (10, 0));
    assert_eq!((stats.published, stats.refused_full), (10, 2));
    // With NATS away, closing gives up at the deadline and says what it leaves.
    assert_eq!(server.bus.close(Instant::now()), 10);
}

#[test]
fn a_flood_that_nobody_fetches_is_dropped_counted_and_over_afterwards() {
    const FLOOD: usize = 5000;
    let nats = nats();
    let (first, second) = pair(&nats.url());
    let incoming = QueueBounds { letters: 100, bytes: 100_000 };
    let mut first = Node::ready(first);
    let mut second = Node::ready(Settings { incoming, ..second });
    for text in numbers(0..FLOOD) {
        first.send(zone("cave"), &text).expect("taken");
    }
    second.eventually("all but a hundred are dropped", |second| {
        let stats = second.stats();
        assert!(stats.incoming <= 100);
        stats.slow_consumer == FLOOD as u64 - 100
    });
    assert_eq!(first.stats().refused_full, 0);
    assert_eq!(second.texts(100), numbers(0..100));
    first.send(zone("cave"), "after").expect("taken");
    assert_eq!(second.texts(1), ["after"]);
}

#[test]
fn closing_hands_over_what_waits() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    for text in numbers(0..2000) {
        first.send(zone("cave"), &text).expect("taken");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    assert_eq!(first.bus.close(deadline), 0);
    assert_eq!(second.texts(2000), numbers(0..2000));
}

#[test]
fn messages_that_are_no_letters_are_dropped_and_counted() {
    let nats = nats();
    let (mut first, mut second) = ready_pair(&nats.url());
    let bad: [&[u8]; 4] = [b"", b"hello", b"\x01", &[1; 70_000]];
    let mut raw = TcpStream::connect(("127.0.0.1", nats.port)).expect("it listens");
    raw.write_all(b"CONNECT {\"verbose\":false}\r\n").expect("sent");
    for message in bad {
        write!(raw, "PUB w.zone.cave {}\r\n", message.len()).expect("sent");
        raw.write_all(message).expect("sent");
        raw.write_all(b"\r\n").expect("sent");
    }
    raw.write_all(b"PING\r\n").expect("sent");
    let handled = (BufReader::new(&raw).lines().map_while(Result::ok)).any(|line| line == "PONG");
    assert!(handled, "nats-server closed the raw connection");
    second.eventually("all four are counted", |second| second.stats().malformed == 4);
    first.send(zone("cave"), "a letter").expect("taken");
    assert_eq!(second.texts(1), ["a letter"]);
}
