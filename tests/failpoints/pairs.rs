//! Every step x every operation: the server dies there, and what its clients were told is what the disk says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use server::failpoints::{ALL as POINTS, Kind};
use tests::database::Engine;

use super::deed::Deed;
use super::operations::{ALL as OPERATIONS, Operation};
use super::stage::{Stage, settle};

/// Operations that are looked at at the same time; each has a server that mostly waits.
const WORKERS: usize = 3;

/// Steps of what the writer does by itself between operations.
const BETWEEN: &[&str] = &["store.folding", "store.folded"];

/// The steps of operations, of these kinds.
pub(crate) fn steps(kinds: &[Kind]) -> impl Iterator<Item = &'static str> {
    let points = POINTS.iter().filter(|point| kinds.contains(&point.kind));
    points.map(|point| point.name).filter(|name| !BETWEEN.contains(name))
}

/// All of them: switches are no steps.
pub(crate) fn all_steps() -> impl Iterator<Item = &'static str> {
    steps(&[Kind::Step, Kind::Fallible])
}

#[test]
fn an_abort_at_any_step_of_any_operation_leaves_all_of_it_or_nothing() {
    let met = abort_everywhere(Engine::Sqlite, |_, _| true);
    let all: BTreeSet<&str> = met.values().flatten().copied().collect();
    assert_eq!(all, all_steps().collect(), "each step is on the way of some operation");
}

/// Which steps an operation passes is the same on both: those that it doesn't pass are left to the test above.
#[test]
fn an_abort_at_any_step_of_any_operation_on_postgresql_leaves_all_of_it_or_nothing() {
    let passes =
        |operation: &Operation, step| operation.path.iter().any(|part| part.contains(&step));
    abort_everywhere(Engine::Postgres, passes);
}

/// Aborts each operation at each of these steps, and gives those at which the server died, which must be all that the
/// operation declares.
fn abort_everywhere(
    engine: Engine,
    tried: impl Fn(&Operation, &'static str) -> bool + Sync,
) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let directory = tempfile::tempdir().unwrap();
    let settled = settle(directory.path(), engine);
    let (queue, met) = (Mutex::new(OPERATIONS.iter()), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(operation) = next else { return };
                    let data = directory.path().join(operation.name);
                    let mut stage = Stage::on_copy(&settled, &data);
                    let steps = all_steps().filter(|step| tried(operation, step));
                    let steps = steps.filter(|step| dies(&mut stage, operation, step)).collect();
                    met.lock().unwrap().insert(operation.name, steps);
                }
            });
        }
    });
    let met: BTreeMap<&str, BTreeSet<&str>> = met.into_inner().unwrap();
    for operation in OPERATIONS {
        let declared: BTreeSet<&str> = operation.path.iter().copied().flatten().copied().collect();
        assert_eq!(met[operation.name], declared, "the steps of {:?}", operation.name);
    }
    let pairs: usize = met.values().map(BTreeSet::len).sum();
    println!("{engine:?}: {} operations, {pairs} aborts", OPERATIONS.len());
    met
}

/// Arms an abort and does the operation. True if the server died of it; then everything must be in order, and the
/// operation possible again.
fn dies(stage: &mut Stage, operation: &Operation, step: &str) -> bool {
    let pair = format!("{} x {step}", operation.name);
    // What a failure of a client's own is about; shown with the test's other output.
    println!("{pair}");
    let after = match step {
        "session.written" => format!(" after {}", operation.answered),
        _ => String::new(),
    };
    let deed = Deed::seen(stage, operation, &format!("{step} = abort{after}"));
    let aborted = format!("{step} abort{after}");
    if !stage.failpoints.hits().contains(&aborted) {
        deed.is_done(stage, &pair);
        stage.kill();
        stage.restart();
        return false;
    }
    stage.see_abort();
    stage.audit(&pair);
    deed.is_whole_or_nothing(stage, &pair);
    stage.restart();
    Deed::seen(stage, operation, "").is_done(stage, &format!("{pair}, again"));
    true
}
