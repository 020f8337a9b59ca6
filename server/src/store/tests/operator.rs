//! What an operator does by hand: copies, migrations, histories.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use game::record::{Change, Owner};
use game::{CharacterId, ItemId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::history::{Dice, Model};
use super::world::{World, ground, item, path, settings};
use crate::store::{
    Location, Migrated, OpenError, OperatorError, Store, StoreSettings, audit, backup,
    character_history, export, item_history, migrate, quarantined,
};

#[test]
fn a_copy_made_while_the_server_writes_is_whole_and_starts() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let mut model = Model::new(&mut world);
    let mut dice = Dice(3);
    model.play(&mut dice, &mut world, 200);
    let copy = directory.path().join("copies.db");
    let mut steps = 0;
    // Between the pages of the copy the world goes on.
    backup(&path(&directory).into(), &copy, true, &mut |_, _| {
        steps += 1;
        model.play(&mut dice, &mut world, 5);
    })
    .unwrap();
    assert!(steps > 0);
    world.store.close().unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o077, 0);
    let report = audit(&copy.as_path().into()).unwrap();
    assert!(report.is_clean(), "{report}");
    let problem = backup(&path(&directory).into(), &copy, true, &mut |_, _| {}).unwrap_err();
    assert!(matches!(problem, OperatorError::Exists { .. }), "{problem}");
    Store::open(StoreSettings::new(copy.as_path(), 1), || {}).unwrap().0.close().unwrap();
}

#[test]
fn a_copy_that_is_not_in_order_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    world.store.close().unwrap();
    Connection::open(path(&directory)).unwrap().execute("DELETE FROM items", []).unwrap();
    let copy = directory.path().join("copy.db");
    let problem = backup(&path(&directory).into(), &copy, true, &mut |_, _| {}).unwrap_err();
    assert!(matches!(problem, OperatorError::Unclean { .. }), "{problem}");
    assert_eq!(parts(&directory), NOTHING);
    assert!(!copy.exists());
    backup(&path(&directory).into(), &copy, false, &mut |_, _| {}).unwrap();
}

const NOTHING: [PathBuf; 0] = [];

/// Files that were begun and have no name yet.
fn parts(directory: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains(".part")).collect()
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("world.jsonl");
    let problem = export(&path(&directory).into(), &file, &mut |_, _| {}).unwrap_err();
    assert!(matches!(problem, OperatorError::Open(OpenError::Missing { .. })), "{problem}");
    assert_eq!(parts(&directory), NOTHING);
}

#[test]
fn of_two_copies_at_once_under_one_name_the_second_is_refused_and_the_first_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.settle(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    world.store.close().unwrap();
    let place = Location::from(path(&directory));
    let copy = directory.path().join("copy.db");
    let mut refused = 0;
    backup(&place, &copy, true, &mut |_, _| {
        let problem = backup(&place, &copy, true, &mut |_, _| {}).unwrap_err();
        assert!(matches!(problem, OperatorError::Exists { .. }), "{problem}");
        refused += 1;
    })
    .unwrap();
    assert!(refused > 0);
    assert_eq!(audit(&copy.into()).unwrap().items, 1);
    assert_eq!(parts(&directory), NOTHING);
}

/// The next start would play a copy of that name into the database, or delete it.
#[test]
fn a_copy_takes_no_name_of_what_lies_beside_a_database() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let place = Location::from(path(&directory));
    for name in ["world.db-wal", "world.db-shm", "world.db-journal", "other.lock"] {
        let to = directory.path().join(name);
        let _ = fs::remove_file(&to);
        for outcome in
            [backup(&place, &to, true, &mut |_, _| {}), export(&place, &to, &mut |_, _| {})]
        {
            let problem = outcome.unwrap_err();
            assert!(matches!(problem, OperatorError::Reserved { .. }), "{name}: {problem}");
        }
        assert!(!to.exists(), "{name}");
    }
}

#[test]
fn a_link_in_the_way_of_a_copy_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    World::open(settings(&directory)).store.close().unwrap();
    let elsewhere = directory.path().join("elsewhere");
    let link = directory.path().join(format!("copy.db.{}.part", std::process::id()));
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let copy = directory.path().join("copy.db");
    let problem = backup(&path(&directory).into(), &copy, true, &mut |_, _| {}).unwrap_err();
    assert!(matches!(&problem, OperatorError::Exists { file } if *file == link), "{problem}");
    assert!(!elsewhere.exists());
    assert_eq!(parts(&directory), [link], "it isn't ours to remove");
}

#[test]
fn a_migration_says_from_where_to_where() {
    let directory = tempfile::tempdir().unwrap();
    let missing = migrate(&path(&directory).into()).unwrap_err();
    assert!(matches!(missing, OperatorError::Open(OpenError::Missing { .. })), "{missing}");
    let old = Connection::open(path(&directory)).unwrap();
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute_batch(include_str!("fixtures/v1.sql")).unwrap();
    drop(old);
    let Migrated { from, to } = migrate(&path(&directory).into()).unwrap();
    assert_eq!(from, 1);
    assert!(to > 1);
    assert_eq!(migrate(&path(&directory).into()).unwrap(), Migrated { from: to, to });
    let world = World::open(settings(&directory));
    let problem = migrate(&path(&directory).into()).unwrap_err();
    assert!(matches!(problem, OperatorError::Open(OpenError::InUse { .. })), "{problem}");
    world.store.close().unwrap();
}

#[test]
fn a_characters_history_tells_of_items_and_of_the_purse_after_each_payment() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let (anna, bert) = (world.character("Anna").1, world.character("Bert").1);
    let pay = |from, to, amount| Change::Gold { from, to, amount };
    world.settle(anna, vec![pay(None, Some(anna), 100), pay(None, Some(bert), 10)]);
    world.settle(bert, vec![Change::Create(item(1, Owner::Character(bert)))]);
    let give = Change::Move {
        item: ItemId(1),
        from: Owner::Character(bert),
        to: Owner::Character(anna),
        slot: 4,
    };
    world.settle(bert, vec![give, pay(Some(anna), Some(bert), 30)]);
    world.settle(anna, vec![pay(Some(anna), None, 5)]);
    world.store.close().unwrap();
    let history = character_history(&path(&directory).into(), "ANNA").unwrap();
    assert_eq!((history.gold, history.items.len()), (65, 1));
    let purses: Vec<Option<u64>> = history.entries.iter().map(|(_, purse)| *purse).collect();
    assert_eq!(purses, [Some(100), None, Some(70), Some(65)]);
    let text = history.to_string();
    assert!(text.contains("move item 1, 5 iron ore, from Bert"), "{text}");
    let text = item_history(&path(&directory).into(), ItemId(1)).unwrap().to_string();
    assert!(text.contains("to Anna"), "{text}");
    let nobody = character_history(&path(&directory).into(), "Cora").unwrap_err();
    assert!(matches!(nobody, OperatorError::NoSuchCharacter(_)), "{nobody}");
}

#[test]
fn items_that_the_content_does_not_know_are_reported_with_their_owners() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let anna = world.character("Anna").1;
    let mut crown = item(1, Owner::Character(anna));
    crown.template = "crown".to_owned();
    let fallen = Change::Create(item(2, ground(0)));
    world.settle(anna, vec![Change::Create(crown), fallen]);
    world.store.close().unwrap();
    let known = BTreeSet::from(["iron ore".to_owned()]);
    let unknown = quarantined(&path(&directory).into(), &known).unwrap();
    let text = unknown[0].to_string();
    assert_eq!(unknown.len(), 1);
    assert_eq!(text, "crown: 1 items, 1 with characters, 0 on the ground, 0 in letters (of Anna)");
}
