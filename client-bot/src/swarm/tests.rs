//! A swarm over loopback against a tiny peer.

use super::*;
use crate::bot::event::Metric;
use crate::scenario::Scenario;

mod peer;

use peer::{Habit, Peer};

fn settings(peer: &Peer, bots: usize, scenario: Scenario) -> Settings {
    let mut settings = Settings {
        server: peer.address,
        bots,
        scenario,
        ramp: Duration::from_millis(200),
        // Far more than is needed: each test stops when it has seen what it waits for.
        duration: Duration::from_secs(60),
        oracle: 0.05,
        ..Settings::default()
    };
    settings.login.token_secret = "a secret of more than 32 bytes, ok".to_owned();
    settings
}

/// Runs until `enough` has been seen or the time is over.
fn run_until(settings: Settings, enough: impl Fn(&Progress) -> bool) -> Report {
    let stop = AtomicBool::new(false);
    let swarm = Swarm::new(settings).unwrap();
    let watch = &mut |progress: &Progress| {
        if enough(progress) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    swarm.run_watched(&stop, watch).unwrap()
}

#[test]
fn two_hundred_bots_log_in_walk_prove_what_they_see_and_leave() {
    let peer = Peer::start(Habit::Honest);
    let report = run_until(settings(&peer, 200, Scenario::Wander), |progress| {
        progress.counts.online == 200 && progress.moves.count > 500 && progress.counts.digests > 100
    });
    let counts = &report.counts;
    assert_eq!(counts.first_errors, [""; 0]);
    assert_eq!(counts.first_findings, [""; 0]);
    assert_eq!((counts.connected, counts.logged_in, counts.online_peak), (200, 200, 200));
    assert_eq!((counts.online, counts.connections_lost, report.unfinished), (0, 0, 0));
    assert_eq!(report.oracle.bots, 10);
    assert_eq!(counts.goodbyes.get("FAREWELL_CLIENT_LEFT"), Some(&200));
    assert!(report.latency[Metric::Move.name()].count > 500);
    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(json["counts"]["logged_in"], 200);
    assert!(json["latency"]["login"]["p99.9"].as_f64().unwrap() > 0.0);
    assert!(!report.to_json().unwrap().contains("secret"), "no secrets in a report");
    assert!(report.to_table().contains("logged in 200"));
}

#[test]
fn latencies_begin_anew_when_the_warm_up_is_over() {
    let peer = Peer::start(Habit::Honest);
    let mut settings = settings(&peer, 10, Scenario::Wander);
    settings.warm_up = Duration::from_secs(2);
    let before = std::cell::Cell::new(0);
    let report = run_until(settings, |progress| {
        let moves = progress.moves.count;
        before.replace(moves) > moves
    });
    assert!(report.counts.logins >= 10, "counts are those of the whole run");
    assert!(report.rates.frames_in > 0.0);
}

#[test]
fn a_server_that_leaves_an_entity_out_is_found_out() {
    let peer = Peer::start(Habit::HidesAMonster);
    let report =
        run_until(settings(&peer, 5, Scenario::Wander), |progress| progress.counts.findings > 0);
    assert!(report.counts.first_findings[0].contains("holds 3 entities"), "{report:?}");
}

#[test]
fn bots_with_bad_lines_resume_without_an_error() {
    let peer = Peer::start(Habit::Honest);
    let mut settings = settings(&peer, 20, Scenario::Reconnect);
    settings.script.reconnect.every = Duration::from_millis(300);
    settings.script.reconnect.pause = Duration::from_millis(20);
    settings.source_addresses = 3;
    let report = run_until(settings, |progress| progress.counts.logins > 60);
    assert_eq!(report.counts.first_errors, [""; 0]);
    assert_eq!((report.counts.logged_in, report.counts.connections_lost), (20, 0));
    assert!(peer.resumes() > 20);
}

#[test]
fn a_server_that_isnt_there_is_an_error_for_each_bot_and_the_run_still_ends() {
    let mut settings = settings(&Peer::start(Habit::Honest), 3, Scenario::Wander);
    // Nobody listens on the discard port of this address.
    settings.server = "127.0.0.1:9".parse().unwrap();
    let report = run_until(settings, |progress| progress.counts.errors_total() >= 3);
    assert!(report.counts.errors["connect"] >= 3);
    assert_eq!((report.counts.connected, report.unfinished), (0, 0));
}

#[test]
fn a_server_that_hangs_up_is_an_error_and_is_tried_again() {
    let peer = Peer::start(Habit::HangsUp);
    let report = run_until(settings(&peer, 3, Scenario::Wander), |progress| {
        progress.counts.connections_lost >= 6
    });
    assert!(report.counts.errors["lost"] >= 6);
}

#[test]
fn every_confirmation_is_on_disk_by_the_time_it_counts() {
    let peer = Peer::start(Habit::Honest);
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut settings = settings(&peer, 10, Scenario::Wander);
    settings.kill_log = Some(file.path().to_owned());
    let report = run_until(settings, |progress| {
        let lines = std::fs::read_to_string(file.path()).unwrap().lines().count();
        assert!(progress.counts.confirmations <= lines as u64);
        progress.counts.confirmations == 10
    });
    let list = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(report.counts.confirmations, 10);
    assert!(list.lines().all(|line| line.ends_with("gained 3")), "{list}");
}
