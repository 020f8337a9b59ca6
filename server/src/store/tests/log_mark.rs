//! What was confirmed last is in the log: a file that a kill left without it is no world, and any other one is.

use std::fs;

use game::CharacterId;
use game::record::Change;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use super::open::refusals;
use super::world::{World, ground, item, path, settings};
use crate::store::sqlite::log_mark::{NEEDS_LOG, WHOLE};
use crate::store::{OperatorError, audit, backup, forget_log, migrate, set_rank};
use game::Rank;

const DATABASE: &str = "world.db";
const LOG: &str = "world.db-wal";
const BOTH: &[&str] = &[DATABASE, LOG];

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

/// A world with one item that has ended in order, and what a kill before would have left of it.
fn ended_and_killed(files: &[&str]) -> (TempDir, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let left = killed(&directory, files);
    world.store.close().unwrap();
    (directory, left)
}

/// Another program, which leaves the log alone.
fn visitor(directory: &TempDir) -> Connection {
    let visitor = Connection::open(path(directory)).unwrap();
    visitor.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    visitor.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    visitor
}

fn read(visitor: &Connection) {
    visitor.execute_batch("BEGIN; SELECT COUNT(*) FROM items").unwrap();
}

fn stop_reading(visitor: &Connection) {
    visitor.execute_batch("COMMIT").unwrap();
}

fn checkpoint(visitor: &Connection, mode: &str) {
    visitor.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
}

/// The mark in the file's own first page.
fn mark(directory: &TempDir) -> i32 {
    i32::from_be_bytes(*fs::read(path(directory)).unwrap()[60..].first_chunk().unwrap())
}

fn items(directory: &TempDir) -> u64 {
    let report = audit(&path(directory).into()).unwrap();
    assert!(report.is_clean(), "{report}");
    report.items
}

/// Another start takes it, and it is whole by itself after the end.
fn starts_with(directory: &TempDir, count: u64) {
    assert_eq!(items(directory), count);
    World::open(settings(directory)).store.close().unwrap();
    assert_eq!(mark(directory), WHOLE);
    assert_eq!(items(&killed(directory, &[DATABASE])), count);
}

#[test]
fn a_file_that_a_kill_left_without_its_log_is_refused_by_all_until_it_is_taken_as_it_is() {
    let (_, left) = ended_and_killed(&[DATABASE]);
    for has_empty_log in [false, true] {
        if has_empty_log {
            fs::write(left.path().join(LOG), "").unwrap();
        }
        for (who, problem) in refusals(&path(&left)) {
            assert!(problem.to_string().contains("forget-log"), "{who}: {problem}");
            assert!(problem.is_damage(), "{who}: {problem}");
        }
    }
    forget_log(&path(&left).into()).unwrap();
    starts_with(&left, 0);
}

#[test]
fn a_log_that_a_database_needs_or_has_not_got_by_right_cannot_be_forgotten() {
    let (ended, left) = ended_and_killed(BOTH);
    for whole in [&left, &ended] {
        let problem = forget_log(&path(whole).into()).unwrap_err();
        assert!(matches!(problem, OperatorError::NothingToForget { .. }), "{problem}");
        starts_with(whole, 1);
    }
}

/// A server that is killed at any step of a copy: it starts again, its backup is whole, and so is what the next copies
/// leave.
#[test]
fn a_kill_at_any_step_of_a_copy_leaves_a_world_and_a_backup_of_it_is_whole() {
    let (_, left) = ended_and_killed(BOTH);
    let server = visitor(&left);
    let say = |mark: i32| server.pragma_update(None, "user_version", mark).unwrap();
    let steps: [(&str, &dyn Fn()); 6] = [
        ("nothing is copied", &|| {}),
        ("the log is copied", &|| checkpoint(&server, "PASSIVE")),
        ("it is marked", &|| say(NEEDS_LOG)),
        ("the mark is copied", &|| checkpoint(&server, "PASSIVE")),
        ("the log is unmarked", &|| say(WHOLE)),
        ("the end has emptied it", &|| checkpoint(&server, "TRUNCATE")),
    ];
    for (step, take) in steps {
        println!("{step}");
        take();
        let left = killed(&left, BOTH);
        assert_eq!(items(&left), 1);
        let copy = tempfile::tempdir().unwrap();
        backup(&path(&left).into(), &path(&copy), true, &mut |_, _| {}).unwrap();
        assert_eq!(mark(&copy), WHOLE);
        starts_with(&copy, 1);
        let mut world = World::open(settings(&left));
        assert_eq!(mark(&left), NEEDS_LOG);
        settle(&mut world, 2);
        world.store.close().unwrap();
        starts_with(&left, 2);
    }
}

/// As SQLite's own shell is after a kill.
#[test]
fn another_program_that_closes_the_database_last_leaves_a_whole_file() {
    let (_, left) = ended_and_killed(BOTH);
    Connection::open(path(&left)).unwrap().execute_batch("SELECT * FROM items").unwrap();
    assert!(!left.path().join(LOG).exists());
    starts_with(&left, 1);
}

/// Readers come and go at each moment, so that each copy is a part of the log: what is left is a world, whatever it is
/// marked as.
#[test]
fn readers_beside_a_server_never_keep_its_database_from_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (visitor(&directory), visitor(&directory));
    World::open(settings(&directory)).store.close().unwrap();
    read(&first);
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    starts_with(&killed(&directory, BOTH), 1);
    read(&second);
    stop_reading(&first);
    settle(&mut world, 2);
    checkpoint(&first, "PASSIVE");
    starts_with(&killed(&directory, BOTH), 2);
    world.store.close().unwrap();
    let left = killed(&directory, BOTH);
    assert!(left.path().join(LOG).metadata().unwrap().len() > 0, "the reader needs it");
    starts_with(&left, 2);
    stop_reading(&second);
    starts_with(&directory, 2);
}

/// It calls the file whole, which it isn't for long.
#[test]
fn a_file_whose_log_another_program_has_copied_is_marked_again_with_what_comes_next() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    settle(&mut world, 1);
    let visitor = visitor(&directory);
    for (id, mode) in [(2, "PASSIVE"), (4, "TRUNCATE")] {
        checkpoint(&visitor, mode);
        assert_eq!(mark(&directory), WHOLE);
        settle(&mut world, id);
        // What is left to do is done behind the next one.
        settle(&mut world, id + 1);
        assert_eq!(mark(&directory), NEEDS_LOG);
        starts_with(&killed(&directory, BOTH), id + 1);
    }
    world.store.close().unwrap();
    starts_with(&directory, 5);
}

/// A kill has left it so.
#[test]
fn a_command_that_writes_unmarks_the_log_and_leaves_a_whole_file() {
    for rank in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::open(settings(&directory));
        world.character("Anna");
        settle(&mut world, 1);
        let left = killed(&directory, BOTH);
        visitor(&left).pragma_update(None, "user_version", NEEDS_LOG).unwrap();
        world.store.close().unwrap();
        let place = path(&left).into();
        match rank {
            true => set_rank(&place, "Anna", Rank::Guide).unwrap(),
            false => drop(migrate(&place).unwrap()),
        }
        assert_eq!(left.path().join(LOG).metadata().unwrap().len(), 0);
        assert_eq!(mark(&left), WHOLE);
        starts_with(&left, 1);
    }
}
