//! What every bus promises to one server, whichever carries it. Each test runs on both.

use std::time::{Duration, Instant};

use game::post::{Address, Route};
use server::bus::{LETTER_BYTES, QueueBounds, Refused, Settings};
use tests::nats::NatsServer;

use super::node::{Node, letter, node, numbers, settings, zone};

/// Runs each test on the in-process bus and on NATS.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[test]
            fn $name() {
                super::$name("local");
            })*
        }
        mod over_nats {
            $(#[test]
            fn $name() {
                let nats = tests::nats::NatsServer::start().expect("a private nats-server");
                super::$name(&nats.url());
            })*
        }
    };
}

on_both! {
    a_letter_comes_back_to_a_zone_of_this_server,
    a_letter_to_this_node_says_who_sent_it,
    everyone_includes_the_sender_once,
    letters_of_one_sender_keep_their_order,
    a_full_inbox_refuses_and_takes_again_when_there_is_room,
    the_largest_letter_is_taken_and_a_larger_one_refused,
    names_that_no_server_can_have_are_refused,
    a_letter_that_nobody_hosts_here_does_not_come_back,
    a_letter_where_none_waited_wakes_the_loop,
    closing_leaves_nothing_behind,
}

fn alone(url: &str) -> Settings {
    settings(url, "1", &["meadow", "realm"])
}

fn a_letter_comes_back_to_a_zone_of_this_server(url: &str) {
    let mut server = Node::ready(alone(url));
    let sent = letter(zone("meadow"), "hello");
    server.bus.publish(sent.clone()).expect("taken");
    // Short-circuited: it is there at once, also over NATS.
    assert_eq!(server.bus.poll().expect("there").letter, sent);
    assert_eq!(server.bus.poll(), None);
    let stats = server.stats();
    assert_eq!((stats.published, stats.delivered), (1, 1));
}

fn a_letter_to_this_node_says_who_sent_it(url: &str) {
    let mut server = Node::ready(alone(url));
    server.send(node("1"), "hello").expect("taken");
    assert_eq!(server.bus.poll().expect("there").from, "1");
}

fn everyone_includes_the_sender_once(url: &str) {
    let mut server = Node::ready(alone(url));
    server.send(Route::Everyone, "hello").expect("taken");
    assert_eq!(server.texts(1), ["hello"]);
    assert_eq!(server.bus.poll(), None);
}

fn letters_of_one_sender_keep_their_order(url: &str) {
    let mut server = Node::ready(alone(url));
    for text in numbers(0..1000) {
        server.send(zone("realm"), &text).expect("taken");
    }
    assert_eq!(server.texts(1000), numbers(0..1000));
}

fn a_full_inbox_refuses_and_takes_again_when_there_is_room(url: &str) {
    let small = QueueBounds { letters: 3, bytes: 1000 };
    let mut server = Node::ready(Settings { incoming: small, ..alone(url) });
    for text in numbers(0..3) {
        server.send(zone("meadow"), &text).expect("taken");
    }
    assert_eq!(server.send(zone("meadow"), "3"), Err(Refused::Full));
    assert_eq!(server.send(Route::Everyone, "4"), Err(Refused::Full));
    let stats = server.stats();
    assert_eq!((stats.published, stats.refused_full), (3, 2));
    assert_eq!((stats.incoming, stats.outgoing), (3, 0));
    assert_eq!(server.texts(1), ["0"]);
    server.send(zone("meadow"), "5").expect("room again");
    assert_eq!(server.texts(3), ["1", "2", "5"]);
}

fn the_largest_letter_is_taken_and_a_larger_one_refused(url: &str) {
    let mut server = Node::ready(alone(url));
    let text = "x".repeat(LETTER_BYTES - "test.text".len());
    server.send(zone("meadow"), &text).expect("taken");
    assert_eq!(server.texts(1), [text.as_str()]);
    let bytes = LETTER_BYTES + 1;
    let larger = server.send(zone("meadow"), &format!("{text}x"));
    assert_eq!(larger, Err(Refused::TooLarge { bytes }));
    assert_eq!(server.stats().refused_unfit, 1);
}

fn names_that_no_server_can_have_are_refused(url: &str) {
    let mut server = Node::ready(alone(url));
    for name in ["", "*", "a.b", "a b", "a\r\nPUB all 0"] {
        let refused = Err(Refused::Name(name.to_owned()));
        assert_eq!(server.send(zone(name), "x"), refused);
        assert_eq!(server.send(node(name), "x"), refused);
        let mut letter = letter(Route::Everyone, "x");
        letter.to = Address::Zone(game::ZoneName::new(name));
        assert_eq!(server.bus.publish(letter), refused);
    }
    assert_eq!(server.stats().refused_unfit, 15);
}

fn a_letter_that_nobody_hosts_here_does_not_come_back(url: &str) {
    let mut server = Node::ready(alone(url));
    server.send(zone("elsewhere"), "x").expect("taken");
    server.send(node("2"), "x").expect("taken");
    server.send(zone("meadow"), "last").expect("taken");
    assert_eq!(server.texts(1), ["last"]);
    let stats = server.stats();
    let counted = if url == "local" { 2 } else { 0 };
    assert_eq!((stats.published, stats.undeliverable), (3, counted));
}

fn a_letter_where_none_waited_wakes_the_loop(url: &str) {
    let mut server = Node::ready(alone(url));
    let rings = server.rings();
    server.send(zone("meadow"), "first").expect("taken");
    server.send(zone("meadow"), "second").expect("taken");
    assert_eq!(server.rings(), rings + 1);
    assert_eq!(server.texts(2), ["first", "second"]);
    server.send(zone("meadow"), "third").expect("taken");
    assert_eq!(server.rings(), rings + 2);
}

fn closing_leaves_nothing_behind(url: &str) {
    let mut server = Node::ready(alone(url));
    server.send(Route::Everyone, "x").expect("taken");
    let deadline = Instant::now() + Duration::from_secs(30);
    assert_eq!(server.bus.close(deadline), 0);
}

#[test]
fn a_private_nats_server_is_gone_when_it_is_dropped() {
    let nats = NatsServer::start().expect("a private nats-server");
    let address = ("127.0.0.1", nats.port);
    std::net::TcpStream::connect(address).expect("it listens");
    drop(nats);
    std::net::TcpStream::connect(address).expect_err("it is gone");
}
