//! What is confirmed was synced before; and a sync that fails ends the server, because the system may have dropped what
//! it couldn't write and would call the next one good.

use std::path::Path;
use std::thread;

use protocol::v1::server_packet::Body;
use protocol::v1::{Command, Refusal};
use tests::server::ServerSetup;
use tests::syncs::Syncs;

use super::player::Player;
use super::world::{audit, end, make_masters};

/// Operations that are asked for one after the other.
const OPERATIONS: usize = 20;
/// Of the writer's syncs, the first that fails: after some operations were confirmed.
const FAILS_FROM: u32 = 12;
/// Players who ask for something at the same time.
const CROWD: [&str; 8] = ["Ada", "Ben", "Cleo", "Dot", "Eve", "Fay", "Gwen", "Hope"];

/// A server on these data. Nothing but value operations makes a commit.
fn on(data: &Path) -> ServerSetup {
    ServerSetup::new().data_at(data).set("store.save_interval", "10m")
}

/// Asks for gold, again while that is too fast, and waits for the confirmation. False when the connection is over before.
fn is_paid(player: &mut Player, name: &str) -> bool {
    let question = Command { line: format!("give {name} gold 1") };
    player.client.send(10, &question);
    while let Ok(packet) = player.client.next() {
        match &packet.body {
            Some(Body::InventoryChanged(change)) => {
                player.note(change);
                return true;
            }
            Some(Body::Refused(refused)) if refused.reason() == Refusal::TooFast => {
                player.client.send(10, &question);
            }
            _ => {}
        }
    }
    false
}

#[test]
fn a_sync_comes_before_each_confirmation_and_one_serves_all_that_wait() {
    let data = tempfile::tempdir().unwrap();
    make_masters(&on(data.path()), &CROWD);
    let syncs = Syncs::watch();
    let mut server = on(data.path()).through(syncs.launcher()).start();
    let mut crowd = CROWD.map(|name| Player::enter(server.address, &name.to_lowercase(), name));

    let first = syncs.done();
    for number in 0..OPERATIONS {
        let before = syncs.done();
        assert!(is_paid(&mut crowd[0], CROWD[0]));
        assert!(syncs.done() > before, "operation {number} was confirmed without a sync");
    }
    let alone = syncs.done() - first;
    assert!(alone >= OPERATIONS, "{alone} syncs");

    let first = syncs.done();
    thread::scope(|scope| {
        for (player, name) in crowd.iter_mut().zip(CROWD) {
            scope.spawn(|| {
                for _ in 0..OPERATIONS {
                    assert!(is_paid(player, name));
                }
            });
        }
    });
    let together = syncs.done() - first;
    print("one after the other", OPERATIONS, alone);
    print("eight at a time", OPERATIONS * CROWD.len(), together);
    end(&mut server);
    audit(&on(data.path()));
}

#[allow(clippy::print_stdout, reason = "the figure is what a reader wants")]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn print(how: &str, operations: usize, syncs: usize) {
    let (operations, syncs) = (operations as f64, syncs as f64);
    let (each, thousand) = (operations / syncs, syncs / operations * 1000.0);
    println!("{how}: {each:.1} operations per sync, {thousand:.0} syncs per 1,000 operations");
}

#[test]
fn a_sync_that_fails_is_a_clean_stop_and_the_restart_has_all_that_was_confirmed() {
    let data = tempfile::tempdir().unwrap();
    make_masters(&on(data.path()), &["Ada"]);
    let syncs = Syncs::failing_from(FAILS_FROM);
    let mut server = on(data.path()).through(syncs.launcher()).start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    while is_paid(&mut ada, "Ada") {}

    let status = server.wait();
    assert_eq!(status.code(), Some(1), "{}", server.log.text());
    server.log.wait_for("start it again to recover from disk: disk I/O error");
    server.log.wait_for("total ");
    assert!(syncs.failed() > 0);
    audit(&on(data.path()));
    let mut server = on(data.path()).start();
    let again = Player::enter(server.address, "ada", "Ada");
    assert!(ada.gold > 0, "nothing was confirmed");
    // What was asked for last may have come to disk without anybody's knowing.
    let may_own = ada.gold..=ada.gold + 1;
    assert!(may_own.contains(&again.gold), "{} of {}", again.gold, ada.gold);
    end(&mut server);
    audit(&on(data.path()));
}
