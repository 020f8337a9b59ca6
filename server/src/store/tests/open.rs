//! Files that can't be used: each refusal has its own reason, and changes nothing.

use std::fs;
use std::path::Path;

use game::CharacterId;
use game::record::Change;
use rusqlite::Connection;

use super::world::{World, ground, item, path, settings};
use crate::store::{Answer, OpenError, OperatorError, Store, StoreSettings, audit};

fn refused(settings: StoreSettings) -> OpenError {
    let error = Store::open(settings, || {}).map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    error
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(settings(&directory));
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    world.store.close().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
}

#[test]
fn another_name_of_the_same_database_is_the_same_database() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let other_name = directory.path().join("elsewhere.db");
    std::os::unix::fs::symlink(path(&directory), &other_name).unwrap();
    let world = World::open(settings(&directory));
    let error = refused(StoreSettings::new(other_name.as_path(), 1));
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    world.store.close().unwrap();
}

#[test]
fn a_start_that_another_one_has_got_past_the_lock_of_writes_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = World::open(settings(&directory));
    let sword = |id| Change::Create(item(id, ground(4)));
    first.settle(CharacterId(0), vec![sword(1)]);
    fs::remove_file(path(&directory).with_added_extension("lock")).unwrap();
    let second = World::open(settings(&directory));
    first.submit(CharacterId(0), vec![sword(2)]);
    let Answer::Broken(reason) = first.answer() else {
        panic!("it goes on");
    };
    assert!(reason.contains("another server has taken over"), "{reason}");
    assert!(first.store.close().is_err());
    second.store.close().unwrap();
    let third = World::open(settings(&directory));
    assert_eq!(third.claim.ground, [item(1, ground(4))]);
    third.store.close().unwrap();
}

#[test]
fn each_start_has_a_larger_epoch_and_finds_what_lies_on_the_ground() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let first = world.claim.epoch;
    assert_eq!(world.claim.ground, []);
    let dropped = item(1, ground(4));
    world.settle(CharacterId(0), vec![Change::Create(dropped.clone())]);
    world.store.close().unwrap();
    let world = World::open(settings(&directory));
    assert_eq!(world.claim.epoch, first + 1);
    assert_eq!(world.claim.ground, [dropped]);
}

#[test]
fn a_missing_directory_is_made_and_the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/world.db");
    World::open(StoreSettings::new(path.as_path(), 1)).store.close().unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn a_directory_that_cannot_be_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(StoreSettings::new(file.join("world.db"), 1));
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
}

#[test]
fn a_read_only_directory_is_said_so() {
    // Where even root may not write.
    let error = refused(StoreSettings::new(Path::new("/proc/self/world.db"), 1));
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
}

#[test]
fn a_directory_in_place_of_the_file_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(path(&directory)).unwrap();
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::Access { .. }), "{error}");
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = "dear diary, ".repeat(1_000);
    fs::write(path(&directory), &text).unwrap();
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert_eq!(fs::read_to_string(path(&directory)).unwrap(), text);
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = Connection::open(path(&directory)).unwrap();
    foreign.execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    drop(foreign);
    let before = fs::read(path(&directory)).unwrap();
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert_eq!(fs::read(path(&directory)).unwrap(), before);
}

#[test]
fn a_damaged_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let mut bytes = fs::read(path(&directory)).unwrap();
    // The header stays; every page behind it is noise.
    for byte in &mut bytes[100..] {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    fs::write(path(&directory), bytes).unwrap();
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

#[test]
fn a_newer_schema_is_refused_by_server_and_audit() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let later = Connection::open(path(&directory)).unwrap();
    later
        .execute_batch(
            "INSERT INTO refinery_schema_history VALUES (99, 'later', '2026-01-01T00:00:00Z', '1')",
        )
        .unwrap();
    drop(later);
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error}");
    assert!(matches!(
        audit(&path(&directory).into()),
        Err(OperatorError::Open(OpenError::NewerSchema { found: 99, .. }))
    ));
}

#[test]
fn a_changed_migration_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let other = Connection::open(path(&directory)).unwrap();
    other.execute_batch("UPDATE refinery_schema_history SET checksum = '1'").unwrap();
    drop(other);
    let error = refused(settings(&directory));
    assert!(matches!(error, OpenError::OtherSchema { .. }), "{error}");
}

#[test]
fn a_database_keeps_its_node() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let mut other = settings(&directory);
    other.node = 2;
    let error = refused(other.clone());
    assert!(matches!(error, OpenError::OtherNode { stored: 1, configured: 2, .. }), "{error}");
    for node in [0, 1_024] {
        other.node = node;
        let error = refused(other.clone());
        assert!(matches!(error, OpenError::NodeRange(_)), "{error}");
    }
}

#[test]
fn an_audit_of_nothing_makes_no_database() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(
        audit(&path(&directory).into()),
        Err(OperatorError::Open(OpenError::Missing { .. }))
    ));
    assert!(!path(&directory).exists());
}
