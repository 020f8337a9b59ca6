//! A client that doesn't read loses motion first, then its session; nobody else notices.

use protocol::v1::server_packet::Body;
use protocol::v1::{Farewell, Say, View};
use tests::client::Client;
use tests::neighbour::Neighbour;
use tests::server::{ServerProcess, ServerSetup};
use tests::swarm::Bots;

use client_bot::Scenario;

/// A small, crowded place with a quick tick, so that it doesn't take long until much is unread.
fn crowded(hard_limit: usize) -> (ServerProcess, Bots) {
    let setup = ServerSetup::new()
        .arena()
        .set("world.tick_rate", 30)
        .set("log.stats_interval", "200ms")
        .set("network.output_soft_limit_bytes", 4096)
        .set("network.output_hard_limit_bytes", hard_limit);
    let server = setup.start();
    let bots = Bots::play(server.address, 60, Scenario::Wander);
    (server, bots)
}

/// Somebody in the midst of it whose system keeps little for it.
fn sleeper(server: &ServerProcess) -> Client {
    let connection = Client::connect_with_small_window(server.address);
    let mut client = connection.greeted().logged_in("sleepy");
    client.enter_world("Sleepy");
    client
}

#[test]
fn a_slow_reader_gets_fresh_snapshots_instead_of_the_motion_that_it_missed() {
    let (server, bots) = crowded(64 << 20);
    let mut sleeper = sleeper(&server);
    server.log.wait_for("slow=1");
    bots.go_on();
    // It wakes up: old views first, then one that begins anew.
    let mut views = 0;
    let fresh = loop {
        let view = sleeper.expect::<View>();
        views += 1;
        if view.reset && views > 1 {
            break view;
        }
    };
    assert!(fresh.anchor.is_some());
    // What doesn't fit that one comes with the next ones.
    let enters = |view: &View| view.states.iter().map(|state| state.enters.len()).sum::<usize>();
    let (mut entered, mut last) = (enters(&fresh), fresh);
    while !last.pending.is_empty() {
        last = sleeper.expect();
        assert!(!last.reset, "it never has everything");
        entered += enters(&last);
    }
    assert!(entered > 60, "{entered}");
    sleeper.ping();
    assert!(!server.log.text().contains("FAREWELL_TOO_SLOW"));
    bots.stop_unharmed();
}

#[test]
fn who_never_reads_is_ended_at_the_hard_limit_and_the_others_play_on() {
    let (server, bots) = crowded(16 << 10);
    let mut sleeper = sleeper(&server);
    server.log.wait_for("slow=1");
    // Without motion it takes what may not be left out to reach the limit: what people say.
    let mut talkers: Vec<Neighbour> = ["Ann", "Bea", "Cleo", "Dot", "Eve", "Fay", "Gwen", "Hope"]
        .map(|name| Neighbour::enter(server.address, name))
        .into();
    let text = "x".repeat(256);
    while !server.log.text().contains("FAREWELL_TOO_SLOW") {
        for talker in &mut talkers {
            talker.client.send(0, &Say { text: text.clone() });
            talker.plays();
        }
    }
    let log = server.log.text();
    assert!(log.find("slow=1") < log.find("FAREWELL_TOO_SLOW"), "{log}");
    let farewell = sleeper.read_to_end().expect("there is time to read why");
    assert_eq!(farewell.reason(), Farewell::TooSlow);
    let lines = sleeper.seen.iter().filter(
        |packet| matches!(&packet.body, Some(Body::ChatLine(line)) if line.text.len() == 256),
    );
    assert!(lines.count() > 0, "what was said was not left out");
    bots.go_on();
    bots.stop_unharmed();
}
