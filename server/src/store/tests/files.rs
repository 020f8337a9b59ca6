//! The files of an open store are changed by others, or were left by a start before: what was confirmed stays in them,
//! and nothing is confirmed that wouldn't.

use std::fs;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use game::CharacterId;
use game::record::Change;
use rusqlite::Connection;
use tempfile::TempDir;

use super::world::{World, ground, item, path, settings};
use crate::store::{Answer, Breakage, audit, backup};

#[test]
fn a_store_whose_file_was_replaced_or_deleted_confirms_nothing_more_and_keeps_its_log() {
    for replaced in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::open(settings(&directory));
        let (file, away) = (path(&directory), directory.path().join("away.db"));
        world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
        fs::rename(&file, &away).unwrap();
        if replaced {
            fs::copy(&away, &file).unwrap();
        }
        world.submit(CharacterId(0), vec![Change::Create(item(2, ground(4)))]);
        let answer = world.answer();
        assert!(matches!(answer, Answer::Broken(Breakage::Superseded(_))), "{answer:?}");
        let unsaved = world.store.close().unwrap_err();
        assert!(unsaved.to_string().contains("put both back together"), "{unsaved}");
        // As it says.
        fs::rename(&away, &file).unwrap();
        assert_eq!(audit(&file.as_path().into()).unwrap().items, 1);
    }
}

/// A backup that is restored while the server runs: the file keeps its identity.
#[test]
fn a_store_whose_file_was_emptied_or_written_over_by_a_backup_confirms_nothing_more() {
    for emptied in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::open(settings(&directory));
        world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
        let copy = directory.path().join("copy.db");
        backup(&path(&directory).into(), &copy, true, &mut |_, _| {}).unwrap();
        match emptied {
            true => fs::write(path(&directory), "").unwrap(),
            false => drop(fs::copy(&copy, path(&directory)).unwrap()),
        }
        world.submit(CharacterId(0), vec![Change::Create(item(2, ground(4)))]);
        let answer = world.answer();
        assert!(matches!(answer, Answer::Broken(Breakage::Superseded(_))), "{answer:?}");
        let unsaved = world.store.close().unwrap_err();
        assert!(unsaved.to_string().contains("restore a backup"), "{unsaved}");
        // As it says.
        fs::remove_file(directory.path().join("world.db-wal")).unwrap();
        fs::rename(&copy, path(&directory)).unwrap();
        assert_eq!(audit(&path(&directory).into()).unwrap().items, 1);
    }
}

/// A store that owns one item loses a part of its files, to another one or to nobody, and is asked for a second item. Gives
/// what it says then; the other file is gone.
fn lose(part: &str, replaced: bool) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let part = directory.path().join(part);
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
    fs::remove_file(&part).unwrap();
    if replaced {
        fs::write(&part, "").unwrap();
    }
    world.submit(CharacterId(0), vec![Change::Create(item(2, ground(4)))]);
    let Answer::Broken(Breakage::Superseded(reason)) = world.answer() else {
        panic!("it goes on");
    };
    world.store.close().unwrap_err();
    let _ = fs::remove_file(&part);
    (directory, reason)
}

#[test]
fn a_store_whose_log_was_deleted_or_replaced_puts_it_into_the_database_and_confirms_nothing_more() {
    for replaced in [true, false] {
        let (directory, reason) = lose("world.db-wal", replaced);
        assert!(reason.contains("delete a -wal"), "{reason}");
        assert_eq!(audit(&path(&directory).into()).unwrap().items, 1);
    }
}

/// Who comes next makes a new one, and locks nobody out of the old one.
#[test]
fn a_store_whose_index_was_deleted_or_replaced_confirms_nothing_more() {
    for replaced in [true, false] {
        let (directory, reason) = lose("world.db-shm", replaced);
        assert!(reason.contains("the database's -shm was moved"), "{reason}");
        assert_eq!(audit(&path(&directory).into()).unwrap().items, 1);
    }
}

/// Who reads an older state holds the pages of the log up that came after it.
#[test]
fn a_log_that_was_deleted_is_put_into_the_database_when_its_last_reader_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let log = directory.path().join("world.db-wal");
    let sword = |id| Change::Create(item(id, ground(4)));
    world.settle(CharacterId(0), vec![sword(1)]);
    let reader = Connection::open(path(&directory)).unwrap();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM items").unwrap();
    world.settle(CharacterId(0), vec![sword(2)]);
    fs::remove_file(&log).unwrap();
    let before = path(&directory).metadata().unwrap().modified().unwrap();
    let reading = thread::spawn({
        let database = path(&directory);
        move || {
            // Until what the reader has seen is in the database, and what it hasn't is waited with.
            while database.metadata().unwrap().modified().unwrap() == before {
                thread::yield_now();
            }
            reader.execute_batch("COMMIT").unwrap();
        }
    });
    world.submit(CharacterId(0), vec![sword(3)]);
    let answer = world.answer();
    assert!(matches!(answer, Answer::Broken(Breakage::Superseded(_))), "{answer:?}");
    reading.join().unwrap();
    let unsaved = world.store.close().unwrap_err();
    assert!(unsaved.to_string().contains("all that was confirmed is in the database"), "{unsaved}");
    assert_eq!(audit(&path(&directory).into()).unwrap().items, 2);
}

/// It may be in the system's memory alone, and be called clean there, if the start before ended over a failed sync.
#[test]
fn a_log_that_is_left_from_the_start_before_is_written_once_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
    let left = tempfile::tempdir().unwrap();
    for part in ["world.db", "world.db-wal"] {
        fs::copy(directory.path().join(part), left.path().join(part)).unwrap();
    }
    let log = left.path().join("world.db-wal");
    let (bytes, long_ago) = (fs::read(&log).unwrap(), UNIX_EPOCH + Duration::from_secs(1_000_000));
    fs::File::options().write(true).open(&log).unwrap().set_modified(long_ago).unwrap();
    let database = crate::store::sqlite::reopen(&path(&left));
    assert!(log.metadata().unwrap().modified().unwrap() > long_ago);
    assert!(fs::read(&log).unwrap() == bytes, "it is another one");
    drop(database);
    assert_eq!(audit(&path(&left).into()).unwrap().items, 1);
    world.store.close().unwrap();
}

#[test]
fn an_orderly_end_after_the_log_was_deleted_saves_all_and_isnt_called_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
    fs::remove_file(directory.path().join("world.db-wal")).unwrap();
    world.store.close().unwrap_err();
    assert_eq!(audit(&path(&directory).into()).unwrap().items, 1);
}

/// Else another program that closes the database takes itself for the last one, and deletes the log.
#[test]
fn an_open_store_keeps_sqlites_lock_on_the_file() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(settings(&directory));
    let file = path(&directory).metadata().unwrap().ino();
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let held = locks.lines().filter(|lock| lock.contains(&format!(":{file} "))).count();
    assert!(held > 0, "no lock on inode {file}:\n{locks}");
    world.store.close().unwrap();
}

#[test]
fn an_orderly_end_beside_another_file_isnt_called_one() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(settings(&directory));
    fs::rename(path(&directory), directory.path().join("away.db")).unwrap();
    world.store.close().unwrap_err();
    assert!(directory.path().join("world.db-wal").metadata().unwrap().len() > 0);
}
