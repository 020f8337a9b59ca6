//! Files that can't be used: each refusal has its own reason, and changes nothing.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use game::record::Change;
use game::{CharacterId, Rank};
use rusqlite::Connection;
use tempfile::TempDir;

use super::world::{World, ground, item, path, register, settings};
use crate::store::{
    Answer, Breakage, OpenError, OperatorError, Store, StoreSettings, audit, backup, export,
    migrate, set_rank,
};

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
    let Answer::Broken(Breakage::Superseded(reason)) = first.answer() else {
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
fn a_log_that_cannot_be_reached_is_named_itself() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let index = directory.path().join("world.db-shm");
    drop(fs::remove_file(&index));
    // Whoever follows it never arrives, not even root.
    std::os::unix::fs::symlink(&index, &index).unwrap();
    let error = refused(settings(&directory));
    assert!(matches!(&error, OpenError::Beside { file, .. } if *file == index), "{error}");
}

/// Pages of different moments side by side: a newer log beside an older copy of the file.
#[test]
fn a_world_whose_starts_contradict_each_other_is_damaged() {
    for strange in ["UPDATE meta SET value = 0 WHERE key = 'epoch'", "DELETE FROM meta"] {
        let directory = tempfile::tempdir().unwrap();
        World::open(settings(&directory)).store.close().unwrap();
        Connection::open(path(&directory)).unwrap().execute_batch(strange).unwrap();
        let error = refused(settings(&directory));
        assert!(matches!(error, OpenError::Corrupt { .. }), "{strange}: {error}");
        assert!(error.to_string().contains("does the -wal beside it belong to it?"), "{error}");
    }
}

/// Whoever opens it waits for somebody who writes into it.
#[test]
fn a_pipe_in_place_of_the_file_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path(&directory), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    for (who, problem) in refusals(&path(&directory)) {
        assert!(problem.to_string().contains("not a file"), "{who}: {problem}");
    }
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

/// A world that has noise where a table begins.
fn damaged(table: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.account("anna");
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
    world.store.close().unwrap();
    damage(&path(&directory), table);
    directory
}

/// Writes noise where a table begins.
pub(super) fn damage(path: &Path, table: &str) {
    let connection = Connection::open(path).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let root: i64 = connection.query_row(root, [table], |row| row.get(0)).unwrap();
    let size: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(connection);
    let [root, size] = [root, size].map(i64::unsigned_abs);
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let noise = vec![0x5a; usize::try_from(size).unwrap()];
    file.write_all_at(&noise, (root - 1) * size).unwrap();
}

#[test]
fn a_damaged_page_that_an_operator_meets_is_the_databases_and_a_backup_is_the_way_out() {
    let directory = damaged("items");
    let place = path(&directory).into();
    let new = directory.path().join("new");
    let met = [
        ("audit", audit(&place).map(drop)),
        ("backup", backup(&place, &new, true, &mut |_, _| {})),
        ("export", export(&place, &new, &mut |_, _| {})),
    ];
    for (command, outcome) in met {
        let problem = outcome.unwrap_err();
        let OperatorError::Open(OpenError::Corrupt { place: blamed, .. }) = &problem else {
            panic!("{command}: {problem}");
        };
        assert_eq!(*blamed, place, "{command}");
        assert!(problem.to_string().contains("restore a backup"), "{command}: {problem}");
        assert!(!new.exists(), "{command}");
    }
}

#[test]
fn a_damaged_page_met_in_play_breaks_the_store_for_what_it_is() {
    let directory = damaged("accounts");
    let mut world = World::open(settings(&directory));
    let answer = world.write(register("bert"));
    assert!(matches!(answer, Answer::Broken(Breakage::Damaged(_))), "{answer:?}");
    let unsaved = world.store.close().unwrap_err();
    assert!(unsaved.to_string().contains("restore a backup"), "{unsaved}");
}

#[test]
fn an_empty_file_is_no_world_to_look_at_and_a_new_one_to_a_start() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(path(&directory), "").unwrap();
    let place = path(&directory).into();
    let looks =
        [audit(&place).map(drop), export(&place, &directory.path().join("new"), &mut |_, _| {})];
    for look in looks.into_iter().chain([migrate(&place).map(drop)]) {
        let problem = look.unwrap_err();
        assert!(matches!(problem, OperatorError::Open(OpenError::Empty { .. })), "{problem}");
    }
    World::open(settings(&directory)).store.close().unwrap();
    assert!(audit(&place).unwrap().is_clean());
}

/// Everything that opens a database, each of which must fail for what is wrong with it.
fn refused_by_all(file: &Path) {
    for (who, problem) in refusals(file) {
        let is_damage = matches!(problem, OperatorError::Open(OpenError::Corrupt { .. }));
        assert!(is_damage, "{who}: {problem}");
        assert!(problem.to_string().contains("with its -wal"), "{who}: {problem}");
    }
}

/// What the server and each command say who all refuse the file.
pub(super) fn refusals(file: &Path) -> impl Iterator<Item = (&'static str, OperatorError)> {
    let (place, new) = (file.into(), file.with_added_extension("new"));
    let start = Store::open(StoreSettings::new(file, 1), || {}).map(drop);
    let outcomes = [
        ("start", start.map_err(Into::into)),
        ("audit", audit(&place).map(drop)),
        ("export", export(&place, &new, &mut |_, _| {})),
        ("backup", backup(&place, &new, true, &mut |_, _| {})),
        ("migrate", migrate(&place).map(drop)),
        ("rank", set_rank(&place, "Anna", Rank::Guide)),
    ];
    assert!(!new.exists());
    outcomes.into_iter().map(|(who, outcome)| (who, outcome.unwrap_err()))
}

#[test]
fn nobody_throws_the_log_beside_an_empty_file_away() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(path(&directory), "").unwrap();
    let log = directory.path().join("world.db-wal");
    fs::write(&log, "what was confirmed").unwrap();
    refused_by_all(&path(&directory));
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(path(&directory), &link).unwrap();
    refused_by_all(&link);
    assert_eq!(fs::read_to_string(log).unwrap(), "what was confirmed");
}

#[test]
fn no_world_begins_where_a_log_without_its_database_lies() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("world.db-wal");
    fs::write(&log, "what was confirmed").unwrap();
    let error = refused(settings(&directory));
    assert!(error.to_string().contains("the file is gone"), "{error}");
    assert!(!path(&directory).exists());
    assert_eq!(fs::read_to_string(log).unwrap(), "what was confirmed");
}

#[test]
fn a_file_with_two_names_is_refused_under_both() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let other = directory.path().join("other.db");
    fs::hard_link(path(&directory), &other).unwrap();
    for (who, problem) in refusals(&path(&directory)).chain(refusals(&other)) {
        assert!(problem.to_string().contains("hard links"), "{who}: {problem}");
    }
    fs::remove_file(other).unwrap();
    World::open(settings(&directory)).store.close().unwrap();
}

#[test]
fn nobody_plays_a_log_that_was_left_behind_into_a_backup() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let copy = directory.path().join("copy.db");
    backup(&path(&directory).into(), &copy, true, &mut |_, _| {}).unwrap();
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(4)))]);
    let log = directory.path().join("world.db-wal");
    let left = fs::read(&log).unwrap();
    world.store.close().unwrap();
    // As if the server had been killed before its end, and the backup put in its database's place.
    fs::rename(&copy, path(&directory)).unwrap();
    fs::write(&log, &left).unwrap();
    refused_by_all(&path(&directory));
    assert_eq!(fs::read(&log).unwrap(), left);
    fs::remove_file(&log).unwrap();
    assert_eq!(audit(&path(&directory).into()).unwrap().items, 0);
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
