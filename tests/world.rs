//! The world as its players see it: hundreds of them who prove what they see, portals, slow readers, floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use client_bot::bot::oracle::Oracle;
use client_bot::bot::sight::Sight;
use client_bot::{Report, Scenario, Settings, Swarm};
use protocol::v1::server_packet::Body;
use protocol::v1::{ChatLine, Entered, Inventory, Move, Say, View, WatchDigest, Who};
use tests::client::Client;
use tests::server::{ServerProcess, ServerSetup, TOKEN_SECRET};

fn settings(server: &ServerProcess, bots: usize, scenario: Scenario, seconds: u64) -> Settings {
    let mut settings = Settings {
        server: server.address,
        bots,
        ramp: Duration::from_secs(2),
        duration: Duration::from_secs(seconds),
        scenario,
        ..Settings::default()
    };
    settings.login.token_secret = TOKEN_SECRET.into();
    settings
}

fn run(settings: Settings) -> Report {
    Swarm::new(settings).unwrap().run(&AtomicBool::new(false)).unwrap()
}

/// Ends the server in order and returns the last line of figures, about the whole run.
fn total(server: &mut ServerProcess) -> String {
    assert!(server.stop().success(), "{}", server.log.text());
    let text = server.log.text();
    text.lines().rfind(|line| line.contains("total")).unwrap_or(&text).to_owned()
}

#[test]
fn two_hundred_bots_play_and_see_exactly_what_they_must() {
    let mut server = ServerSetup::new().start();
    let report = run(Settings { oracle: 1.0, ..settings(&server, 200, Scenario::Mixed, 20) });
    println!("{}\n{}", report.to_table(), total(&mut server));
    let counts = &report.counts;
    assert_eq!(counts.logged_in, 200);
    assert_eq!(counts.findings, 0, "{:#?}", counts.first_findings);
    assert_eq!(counts.errors_total(), 0, "{:#?}", counts.first_errors);
    assert_eq!(report.unfinished, 0);
    assert!(counts.digests > 0);
}

#[test]
fn two_hundred_and_fifty_fight_in_one_spot_on_a_small_budget_and_nobody_is_shown_anything_older_than_its_turn()
 {
    let mut server = ServerSetup::new()
        .edit_content("zones/meadow.toml", "start = [2, 2, 356, 316]", "start = [176, 156, 8, 8]")
        .set("network.client_budget", 8192)
        .start();
    let (address, over) = (server.address, Arc::new(AtomicBool::new(false)));
    let is_over = Arc::clone(&over);
    let witness = thread::spawn(move || {
        let (mut client, _) = Client::enter(address, "witness", "Witness");
        while client.expect::<View>().turns < 2 {
            assert!(!is_over.load(Ordering::Relaxed), "motion was never told in turns");
        }
    });
    let report = run(Settings { oracle: 0.2, ..settings(&server, 250, Scenario::Crowd, 20) });
    over.store(true, Ordering::Relaxed);
    assert!(witness.join().is_ok(), "the budget was ignored");
    println!("{}\n{}", report.to_table(), total(&mut server));
    let counts = &report.counts;
    assert_eq!(counts.logged_in, 250);
    assert_eq!(counts.findings, 0, "{:#?}", counts.first_findings);
    assert_eq!(counts.errors_total(), 0, "{:#?}", counts.first_errors);
    assert_eq!(report.unfinished, 0);
    assert!(counts.digests > 0);
}

#[test]
fn who_walks_into_a_portal_is_in_the_other_zone_with_all_it_owns() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    Client::enter(server.address, "ada", "Ada").0.leave();
    assert!(server.stop().success());
    assert!(setup.run(&["rank", "Ada", "master"]).status.success());

    let server = setup.start();
    let (mut ben, _) = Client::enter(server.address, "ben", "Ben");
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    ada.command("give Ada rusty_sword");
    // The portal covers the tiles 180..182 x 150..152 of 400 cm; Ben goes first, and stands where the road arrives.
    ada.command("teleport Ben 71700 60400");
    ben.send(1, &Move { heading: 0, walking: true, sequence: 1 });
    assert_eq!(ben.expect::<Entered>().zone, "village");
    ada.command("teleport 71700 60400");
    ada.seen.clear();
    ada.send(1, &Move { heading: 0, walking: true, sequence: 1 });
    let entered: Entered = ada.expect();
    assert_eq!(entered.zone, "village");
    let told = ada.seen.iter().find_map(|packet| match &packet.body {
        Some(Body::Inventory(inventory)) => Some(inventory.clone()),
        _ => None,
    });
    let inventory: Inventory = told.unwrap_or_else(|| ada.expect());
    assert_eq!(inventory.items[0].template, "rusty_sword");
    loop {
        let view: View = ben.expect();
        let entered = view.states.iter().flat_map(|state| &state.enters);
        if entered.into_iter().any(|entity| entity.name == "Ada") {
            return;
        }
    }
}

#[test]
fn a_server_that_never_sleeps_serves_as_well() {
    let mut server = ServerSetup::new().set("network.wait", "busy").start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    ada.send(1, &Say { text: "hello".into() });
    assert_eq!(ada.expect::<ChatLine>().text, "hello");
    ada.leave();
    assert!(server.stop().success(), "{}", server.log.text());
}

#[test]
fn who_reads_slowly_misses_motion_and_then_sees_everything_again() {
    let setup = ServerSetup::new()
        .edit_content("zones/meadow.toml", "start = [2, 2, 356, 316]", "start = [170, 150, 4, 4]")
        .set("network.output_soft_limit_bytes", 4096)
        .set("network.output_hard_limit_bytes", 64 << 20)
        .set("log.stats_interval", "100ms")
        .set("world.tick_rate", 30);
    let server = setup.start();
    let stop = Arc::new(AtomicBool::new(false));
    let swarm = Swarm::new(settings(&server, 50, Scenario::Wander, 120)).unwrap();
    let stopped = Arc::clone(&stop);
    let crowd = thread::spawn(move || swarm.run(&stopped).unwrap());

    let (mut ada, entered) = Client::enter(server.address, "ada", "Ada");
    ada.send(1, &WatchDigest { on: true });
    // Enough long answers to fill what the system keeps for a socket that nobody reads.
    while !server.log.text().contains(" slow=1") {
        ada.send(0, &Who {});
        ada.send(0, &Say { text: "x".repeat(250) });
        // Only the pace: below the rate that a session may have.
        thread::sleep(Duration::from_millis(40));
    }
    let (mut sight, mut oracle, mut findings) =
        (Sight::new(&entered), Oracle::default(), Vec::new());
    let (mut reset, mut proved) = (false, 0);
    while !reset || proved < 1_000 {
        let view: View = ada.expect();
        ada.seen.clear();
        reset |= view.reset;
        let digests = oracle.apply(&mut sight, &view, |finding| findings.push(finding));
        proved += if reset { digests } else { 0 };
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(findings, [""; 0]);
    assert_eq!(crowd.join().unwrap().counts.findings, 0);
}

#[test]
fn the_world_keeps_time_while_a_hundred_send_all_they_may() {
    let mut server = ServerSetup::new().start();
    let mut crowd = settings(&server, 100, Scenario::Wander, 6);
    // Just below the limit of a session, pings included.
    crowd.script.walk.inputs = 55.0;
    let report = run(crowd);
    let total = total(&mut server);
    println!("{total}");
    assert_eq!(report.counts.errors_total(), 0, "{:?}", report.counts.first_errors);
    assert!(report.counts.frames_out > 10_000, "{}", report.counts.frames_out);
    assert!(total.contains("dropped_ticks=0 "), "{total}");
}
