//! The ledger is folded between operations, in transactions of its own. A server that dies in one, or can't finish it,
//! has the old entries or what they come to, never both and never neither.

use protocol::v1::server_packet::Body;
use tempfile::TempDir;
use tests::client::Ended;
use tests::database::Engine;

use super::stage::{Stage, settle};

/// What is older is folded; the tests make entries older than that.
const RETENTION: &str = "1h";

fn stage(directory: &TempDir) -> Stage {
    let settled = settle(directory.path(), Engine::Sqlite);
    Stage::keeping(RETENTION, &settled, &directory.path().join("data"))
}

/// Another operation, asked for again while that is too fast. False if the server is gone before Ada is told.
fn earn(stage: &mut Stage) -> bool {
    loop {
        stage.ada.command("give Ada gold 1");
        let told = stage.ada.until(|_, body| match body {
            Body::InventoryChanged(_) => Some(true),
            Body::Refused(_) => Some(false),
            _ => None,
        });
        match told {
            Ok(true) => {
                stage.age_ledger();
                return true;
            }
            Ok(false) => {}
            Err(Ended) => return false,
        }
    }
}

/// Goes on until a slice is folded, and then for as long as takes to see it committed: the writer is one thread.
fn see_a_fold(stage: &mut Stage) {
    stage.failpoints.arm("store.folded = delay(0)");
    while stage.failpoints.hits().is_empty() {
        assert!(earn(stage), "{}", stage.server.log.text());
    }
    assert!(earn(stage), "{}", stage.server.log.text());
    stage.failpoints.disarm();
}

/// Kills the server, and holds what Ada was told against the books.
fn check(stage: &mut Stage, when: &str) {
    stage.server.kill();
    stage.audit(when);
    assert_eq!(stage.world().holding("Ada"), stage.ada.holding, "{when}");
}

#[test]
fn an_abort_while_the_ledger_is_folded_loses_nothing_and_the_next_start_folds_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    stage.failpoints.arm("store.folded = abort");
    while earn(&mut stage) {}
    stage.see_abort();
    stage.audit("an abort");
    let (told, owned) = (stage.ada.holding.gold, stage.world().holding("Ada").gold);
    assert!(told > 0, "she was told of something");
    assert!((told..=told + 1).contains(&owned), "told {told}, owned {owned}");
    stage.restart();
    see_a_fold(&mut stage);
    check(&mut stage, "the next start");
}

#[test]
fn a_fold_that_fails_is_put_off_and_nobody_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    stage.failpoints.arm("store.folded = error(transient)");
    while stage.failpoints.hits().is_empty() {
        assert!(earn(&mut stage), "{}", stage.server.log.text());
    }
    assert!(earn(&mut stage));
    stage.server.log.wait_for("the database's housekeeping is put off");
    see_a_fold(&mut stage);
    check(&mut stage, "a fold put off");
}

/// After a failed fsync the system may have dropped what it was given, whoever asked for it.
#[test]
fn a_fold_that_meets_a_disk_that_fails_stops_the_server_and_a_restart_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    stage.failpoints.arm("store.folding = error(fatal)");
    while stage.failpoints.hits().is_empty() && earn(&mut stage) {}
    assert_eq!(stage.server.wait().code(), Some(1));
    stage.server.log.wait_for("start it again to recover from disk: failpoint store.folding");
    stage.failpoints.disarm();
    stage.audit("a fold on a failing disk");
    stage.restart();
    see_a_fold(&mut stage);
    check(&mut stage, "the next start");
}
