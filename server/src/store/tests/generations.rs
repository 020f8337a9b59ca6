//! A file and the log beside it belong together: what is confirmed may be in either.

use std::fs;
use std::path::Path;

use game::CharacterId;
use game::record::Change;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use super::open::refusals;
use super::world::{World, ground, item, path, settings};
use crate::store::{OperatorError, audit, backup, forget_log};

const DATABASE: &str = "world.db";
const LOG: &str = "world.db-wal";

fn settle(world: &mut World, id: u64) {
    world.settle(CharacterId(0), vec![Change::Create(item(id, ground(4)))]);
}

/// What a kill would leave at this moment: these files, in a directory of their own.
fn killed(directory: &TempDir, files: &[&str]) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in files {
        fs::copy(directory.path().join(file), left.path().join(file)).unwrap();
    }
    left
}

/// Another program, which leaves the log alone unless it is told not to.
fn visitor(directory: &TempDir) -> Connection {
    let visitor = Connection::open(path(directory)).unwrap();
    visitor.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    visitor.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    visitor
}

fn checkpoint(visitor: &Connection, mode: &str) {
    visitor.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
}

/// The generation in the file's own first page.
fn generation(file: &Path) -> i32 {
    i32::from_be_bytes(*fs::read(file).unwrap()[60..].first_chunk().unwrap())
}

fn items(directory: &TempDir) -> u64 {
    audit(&path(directory).into()).unwrap().items
}

#[test]
fn a_file_whose_log_is_gone_is_refused_by_all_until_that_is_taken_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let left = killed(&directory, &[DATABASE]);
    world.store.close().unwrap();
    let empty = left.path().join(LOG);
    for log in [None, Some("")] {
        let _ = log.map(|log| fs::write(&empty, log).unwrap());
        for (who, problem) in refusals(&path(&left)) {
            assert!(problem.to_string().contains("forget-log"), "{who}: {problem}");
            assert!(problem.is_damage(), "{who}: {problem}");
        }
    }
    assert_eq!(forget_log(&path(&left).into()).unwrap(), None);
    assert_eq!(items(&left), 0, "what was confirmed last was in the log");
    World::open(settings(&left)).store.close().unwrap();
}

#[test]
fn a_file_and_a_log_of_two_moments_are_refused_and_the_log_is_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let both = [DATABASE, LOG];
    let earlier = killed(&directory, &both);
    world.store.close().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 2);
    let later = killed(&directory, &both);
    world.store.close().unwrap();
    let ended = killed(&directory, &[DATABASE]);
    for (file, log, left) in [(&earlier, &later, 0), (&later, &earlier, 1), (&ended, &earlier, 2)] {
        let mixed = killed(file, &[DATABASE]);
        let strange = mixed.path().join(LOG);
        fs::copy(log.path().join(LOG), &strange).unwrap();
        let bytes = fs::read(&strange).unwrap();
        for (who, problem) in refusals(&path(&mixed)) {
            assert!(problem.to_string().contains("of another moment"), "{who}: {problem}");
        }
        assert_eq!(fs::read(&strange).unwrap(), bytes);
        let aside = forget_log(&path(&mixed).into()).unwrap().unwrap();
        assert_eq!(fs::read(aside).unwrap(), bytes);
        assert_eq!(items(&mixed), left);
        World::open(settings(&mixed)).store.close().unwrap();
    }
    World::open(settings(&earlier)).store.close().unwrap();
    assert_eq!(items(&earlier), 1);
    World::open(settings(&later)).store.close().unwrap();
    assert_eq!(items(&later), 2);
}

#[test]
fn a_log_that_a_database_needs_cannot_be_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let left = killed(&directory, &[DATABASE, LOG]);
    world.store.close().unwrap();
    for whole in [&left, &directory] {
        let problem = forget_log(&path(whole).into()).unwrap_err();
        assert!(matches!(problem, OperatorError::NothingToForget { .. }), "{problem}");
        assert_eq!(items(whole), 1);
    }
}

#[test]
fn another_program_that_takes_the_whole_log_in_leaves_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let left = killed(&directory, &[DATABASE, LOG]);
    world.store.close().unwrap();
    // The last one to close it.
    Connection::open(path(&left)).unwrap().execute_batch("SELECT * FROM items").unwrap();
    assert!(!left.path().join(LOG).exists());
    assert_eq!(items(&left), 1);
    World::open(settings(&left)).store.close().unwrap();
}

/// What the steps of a generation leave when the server dies between them.
#[test]
fn a_kill_at_any_step_of_a_generation_leaves_a_world_and_a_backup_of_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let left = killed(&directory, &[DATABASE, LOG]);
    world.store.close().unwrap();
    let now = generation(&path(&left));
    assert!(now > 0, "{now}");
    let server = visitor(&left);
    let say = |number: i32| server.pragma_update(None, "user_version", number).unwrap();
    let steps: [(&str, &dyn Fn()); 4] = [
        ("the log goes on", &|| {}),
        ("the next one is announced", &|| say(now + 1)),
        ("the log is copied", &|| checkpoint(&server, "PASSIVE")),
        ("the log says that it is the new one", &|| say(-now - 1)),
    ];
    for (step, take) in steps {
        take();
        let left = killed(&left, &[DATABASE, LOG]);
        assert_eq!(items(&left), 1, "{step}");
        let copy = left.path().join("copy.db");
        backup(&path(&left).into(), &copy, true, &mut |_, _| {}).unwrap();
        assert_eq!(generation(&copy), 0, "{step}: it needs no log");
        let mut world = World::open(settings(&left));
        settle(&mut world, 2);
        assert!(generation(&path(&left)) > 0, "{step}");
        world.store.close().unwrap();
        assert!(generation(&path(&left)) < 0, "{step}: it is whole without its log");
        assert_eq!(items(&left), 2, "{step}");
    }
}

/// Nothing can be copied over what somebody reads: the file isn't marked until they are done.
#[test]
fn a_reader_delays_a_generation_and_neither_a_kill_nor_an_end_meanwhile_loses_anything() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let reader = visitor(&directory);
    let read = || reader.execute_batch("BEGIN; SELECT COUNT(*) FROM items").unwrap();
    let stop = || reader.execute_batch("COMMIT").unwrap();
    read();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    assert!(generation(&path(&directory)) <= 0);
    let left = killed(&directory, &[DATABASE, LOG]);
    assert_eq!(items(&left), 1);
    World::open(settings(&left)).store.close().unwrap();
    stop();
    // What is left to do is done behind the second one.
    settle(&mut world, 2);
    settle(&mut world, 3);
    assert!(generation(&path(&directory)) > 0);
    read();
    world.store.close().unwrap();
    stop();
    assert_eq!(items(&directory), 3);
    World::open(settings(&directory)).store.close().unwrap();
}

/// What was announced and never came isn't in the file that an end leaves.
#[test]
fn an_end_before_a_delayed_generation_has_begun_leaves_a_whole_file() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let reader = visitor(&directory);
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM items").unwrap();
    let world = World::open(settings(&directory));
    reader.execute_batch("COMMIT").unwrap();
    world.store.close().unwrap();
    assert!(generation(&path(&directory)) <= 0);
    World::open(settings(&directory)).store.close().unwrap();
}
