//! A process killed in the middle of its writing loses nothing that it was told is durable.

use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use game::record::Change;
use game::{CharacterId, ItemId};

use super::world::{World, ground, item, path, register, settings, write};
use crate::store::{Answer, StoreSettings, audit, item_history};

/// Tells the child where its database is; without it the child's test does nothing.
const DIRECTORY: &str = "REALMBEAT_TEST_STORE_UNDER_LOAD";

#[test]
fn what_was_confirmed_before_a_kill_is_there_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut confirmed_ever = Vec::new();
    for kill in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::kill::child_under_load", "--nocapture"])
            .env(DIRECTORY, path(&directory))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // A different moment each time, always in the middle of the load.
        let confirmed: Vec<u64> = lines
            .map_while(|line| {
                let line = line.ok()?;
                Some(line.strip_prefix("confirmed ").and_then(|id| id.parse().ok()))
            })
            .flatten()
            .take(20 + 37 * kill)
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(confirmed.len(), 20 + 37 * kill, "the child ended by itself");
        confirmed_ever.extend(confirmed);

        let report = audit(&path(&directory).into()).unwrap();
        assert!(report.is_clean(), "kill {kill}: {report}");
        assert!(report.histories >= confirmed_ever.len() as u64);
        for id in &confirmed_ever {
            let history = item_history(&path(&directory).into(), ItemId(*id)).unwrap().entries;
            assert_eq!(history.len(), 2, "kill {kill}, item {id}: {history:?}");
        }
    }
    let world = World::open(settings(&directory));
    assert_eq!(world.claim.epoch, 11);
}

/// Not a test by itself: what the test above starts and kills. Makes items in one operation and moves them in the
/// next of the same commit, and says so once it is durable.
#[test]
fn child_under_load() {
    let Some(path) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let mut world = World::open(StoreSettings::new(PathBuf::from(path), 1));
    // The load is endless for a test, but an orphan ends by itself.
    const COMMITS: u64 = 100_000;
    let floor = world.claim.epoch << 32;
    let mut confirmed = 0;
    let anna = CharacterId(1);
    let mut out = std::io::stdout();
    for id in 1..=COMMITS {
        let id = floor + id;
        let made = item(id, ground(0));
        let make = world.operation(anna, vec![Change::Create(made)]);
        let pass = Change::Move { item: ItemId(id), from: ground(0), to: ground(1), slot: 3 };
        let pass = world.operation(anna, vec![pass]);
        let commit = world.commit(vec![make, pass]);
        world.store.submit(write(commit)).unwrap();
        if id.is_multiple_of(16) {
            world.store.submit(register(&format!("robot {id}"))).unwrap();
        }
        // A few commits are always on their way.
        while world.store.stats().waiting.commits > 8 {
            if let Answer::Durable(seq) = world.answer() {
                confirmed = confirmed.max(seq.0);
                writeln!(out, "confirmed {}", floor + confirmed).unwrap();
                out.flush().unwrap();
            }
        }
    }
}
