//! Steps that take long or report a fault: nothing is lost, what is confirmed is confirmed later, and what can't be
//! repaired ends the server in order.

use server::failpoints::Kind;

use tests::database::Engine;

use super::deed::Deed;
use super::operations::{ALL as OPERATIONS, Operation};
use super::pairs::{all_steps, steps};
use super::stage::{Stage, settle};

fn stage(directory: &tempfile::TempDir) -> Stage {
    let settled = settle(directory.path(), Engine::Sqlite);
    Stage::on_copy(&settled, &directory.path().join("data"))
}

/// An operation that passes a step, and tells somebody.
fn passing(step: &str) -> &'static Operation {
    let mut told = OPERATIONS.iter().filter(|operation| !operation.told.is_empty());
    let passes = |operation: &&Operation| operation.path.iter().any(|part| part.contains(&step));
    told.find(passes).unwrap_or_else(|| panic!("no operation passes {step}"))
}

/// The steps at which a database can fail.
fn fallible() -> impl Iterator<Item = &'static str> {
    steps(&[Kind::Fallible])
}

#[test]
fn a_step_that_takes_long_delays_the_confirmation_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    for step in all_steps() {
        let deed = Deed::seen(&mut stage, passing(step), &format!("{step} = delay(40)"));
        assert!(!stage.failpoints.hits().is_empty(), "{step} was met");
        deed.is_done(&stage, step);
    }
}

#[test]
fn while_a_step_of_the_database_fails_nothing_is_confirmed_and_then_all_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    // Behind the commit it is durable, whatever is reported.
    for step in fallible().filter(|step| *step != "store.committed") {
        let operation = passing(step);
        let mut deed = Deed::asked(&mut stage, operation, &format!("{step} = error(transient)"));
        stage.failpoints.wait_for(&[step]);
        for (name, such) in operation.told {
            assert!(!stage.hears_before_a_pong(name, *such), "{step}: {name} was told too soon");
        }
        stage.failpoints.disarm();
        deed.listen(&mut stage);
        deed.is_done(&stage, step);
    }
}

#[test]
fn a_commit_of_unknown_outcome_is_looked_up_and_never_applied_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    for step in fallible() {
        let mut deed = Deed::asked(&mut stage, passing(step), &format!("{step} = error(unknown)"));
        stage.failpoints.wait_for(&[step]);
        stage.failpoints.disarm();
        deed.listen(&mut stage);
        deed.is_done(&stage, step);
    }
}

#[test]
fn a_fault_that_nothing_repairs_stops_the_server_with_its_reason_and_a_restart_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(&directory);
    for step in fallible() {
        let deed = Deed::seen(&mut stage, passing(step), &format!("{step} = error(fatal)"));
        let status = stage.server.wait();
        assert_eq!(status.code(), Some(1), "{step}");
        stage.server.log.wait_for(&format!("failpoint {step}"));
        stage.failpoints.disarm();
        stage.audit(step);
        deed.is_whole_or_nothing(&mut stage, step);
        stage.restart();
        Deed::seen(&mut stage, passing(step), "").is_done(&stage, step);
    }
}
