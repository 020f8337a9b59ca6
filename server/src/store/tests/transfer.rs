//! Worlds as files: all of it arrives, or nothing.

use std::fs;
use std::path::Path;

use game::CharacterId;
use game::record::Change;
use tempfile::TempDir;

use super::history::{Dice, Model};
use super::world::{Home, World, ground, item, path, save, settings, write};
use crate::store::{OperatorError, Store, StoreSettings, TransferError, export, import};

/// A closed world with something in most tables, and its file.
fn exported() -> (TempDir, u64) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let mut model = Model::new(&mut world);
    model.play(&mut Dice(7), &mut world, 100);
    let anna = *model.purses.keys().next().unwrap();
    let mut commit = world.commit(Vec::new());
    commit.characters.push(save(anna, -3, 250));
    world.store.submit(write(commit)).unwrap();
    let epoch = world.claim.epoch;
    world.store.close().unwrap();
    export(&path(&directory).into(), &directory.path().join("world.jsonl"), &mut |_, _| {})
        .unwrap();
    (directory, epoch)
}

fn take(directory: &Path, text: &[u8]) -> Result<(), OperatorError> {
    let file = directory.join("taken.jsonl");
    fs::write(&file, text).unwrap();
    let _ = fs::remove_file(directory.join("new.db"));
    import(&directory.join("new.db").into(), &file, 1, &mut |_, _| {}).map(|report| {
        assert!(report.is_clean(), "{report}");
    })
}

/// That the file is at fault, and no rule of the database's that it breaks.
fn is_told(outcome: Result<(), OperatorError>) {
    let problem = outcome.unwrap_err();
    let OperatorError::Transfer { problem, .. } = &problem else { panic!("{problem}") };
    assert!(!matches!(problem, TransferError::Database(_)), "{problem}");
}

/// All lines but the first and the last, which say when and what came.
fn rows(text: &[u8]) -> Vec<&str> {
    let lines: Vec<&str> = std::str::from_utf8(text).unwrap().lines().collect();
    lines[1..lines.len() - 1].to_vec()
}

#[test]
fn a_world_goes_through_a_file_without_any_difference() {
    let (directory, epoch) = exported();
    let text = fs::read(directory.path().join("world.jsonl")).unwrap();
    take(directory.path(), &text).unwrap();
    let new = directory.path().join("new.db");
    let again = directory.path().join("again.jsonl");
    export(&new.clone().into(), &again, &mut |_, _| {}).unwrap();
    assert_eq!(rows(&text), rows(&fs::read(again).unwrap()));
    let (store, claim) = Store::open(StoreSettings::new(new.as_path(), 1), || {}).unwrap();
    assert_eq!(claim.epoch, epoch + 1);
    store.close().unwrap();
}

#[cfg(feature = "postgres")]
#[test]
fn a_world_goes_from_one_engine_to_the_other_and_back_without_any_difference() {
    let (directory, epoch) = exported();
    let file = |name: &str| directory.path().join(name);
    let home = Home::postgres();
    let report = import(&home.location(), &file("world.jsonl"), 1, &mut |_, _| {}).unwrap();
    assert!(report.is_clean(), "{report}");
    export(&home.location(), &file("postgres.jsonl"), &mut |_, _| {}).unwrap();
    let text = fs::read(file("postgres.jsonl")).unwrap();
    take(directory.path(), &text).unwrap();
    export(&file("new.db").into(), &file("back.jsonl"), &mut |_, _| {}).unwrap();
    let sorted = |name: &str| {
        let text = fs::read(file(name)).unwrap();
        // Texts of keys are sorted by each engine in its own way.
        let mut lines: Vec<String> = rows(&text).into_iter().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted("world.jsonl"), sorted("postgres.jsonl"));
    assert_eq!(sorted("world.jsonl"), sorted("back.jsonl"));
    // What comes next is numbered on.
    let mut world = home.open();
    assert_eq!(world.claim.epoch, epoch + 1);
    let made = item(100_000, ground(0));
    world.settle(CharacterId(1), vec![Change::Create(made)]);
    world.store.close().unwrap();
    assert!(home.audit().is_clean(), "{}", home.audit());
}

#[test]
fn a_file_that_was_cut_or_changed_is_refused_and_leaves_nothing() {
    let (directory, _) = exported();
    let text = fs::read(directory.path().join("world.jsonl")).unwrap();
    let mut dice = Dice(1);
    for _ in 0..20 {
        let end = dice.below(text.len());
        is_told(take(directory.path(), &text[..end]));
        let mut changed = text.clone();
        changed[end] ^= 1;
        is_told(take(directory.path(), &changed));
        assert!(!directory.path().join("new.db").exists());
    }
    let lines = String::from_utf8(text).unwrap();
    let without_one: Vec<&str> = lines.lines().filter(|line| !line.contains("bert")).collect();
    take(directory.path(), (without_one.join("\n") + "\n").as_bytes()).unwrap_err();
    take(directory.path(), format!("{lines}{{}}\n").as_bytes()).unwrap_err();
    let new = directory.path().join("new.db");
    import(&new.into(), &directory.path().join("world.jsonl"), 1, &mut |_, _| {}).unwrap();
}

#[test]
fn a_world_is_only_read_into_an_empty_one() {
    let (directory, _) = exported();
    let file = directory.path().join("world.jsonl");
    let problem = import(&path(&directory).into(), &file, 1, &mut |_, _| {}).unwrap_err();
    let not_empty = TransferError::NotEmpty.to_string();
    assert!(problem.to_string().contains(&not_empty), "{problem}");
}

#[test]
fn a_world_of_another_node_is_refused_and_nothing_of_it_taken() {
    let (directory, epoch) = exported();
    let (file, new) = (directory.path().join("world.jsonl"), directory.path().join("new.db"));
    let place = new.as_path().into();
    let problem = import(&place, &file, 2, &mut |_, _| {}).unwrap_err();
    assert!(problem.to_string().contains("set server.node = 1"), "{problem}");
    assert!(!new.exists());
    import(&place, &file, 1, &mut |_, _| {}).unwrap();
    let (store, claim) = Store::open(StoreSettings::new(new.as_path(), 1), || {}).unwrap();
    assert_eq!(claim.epoch, epoch + 1);
    store.close().unwrap();
}

#[test]
fn another_file_or_version_is_said_so() {
    let (directory, _) = exported();
    let text = fs::read_to_string(directory.path().join("world.jsonl")).unwrap();
    let later = text.replacen("\"schema\":", "\"schema\":9", 1);
    let other = |text: &str| {
        let problem = take(directory.path(), text.as_bytes()).unwrap_err();
        let OperatorError::Transfer { problem, .. } = problem else { panic!("{problem}") };
        problem
    };
    assert!(matches!(other(&later), TransferError::OtherVersion { .. }));
    assert!(matches!(other("{\"a\":1}\n"), TransferError::NotOurs));
    assert!(matches!(other("a diary\n"), TransferError::NotOurs));
}

#[test]
fn an_export_beside_a_server_is_one_moment_and_writes_over_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let anna = world.character("anna").1;
    world.settle(anna, vec![Change::Create(item(1, ground(0)))]);
    let file = directory.path().join("world.jsonl");
    export(&path(&directory).into(), &file, &mut |_, _| {}).unwrap();
    let problem = export(&path(&directory).into(), &file, &mut |_, _| {}).unwrap_err();
    assert!(matches!(problem, OperatorError::Exists { .. }), "{problem}");
    world.settle(anna, vec![Change::Create(item(2, ground(0)))]);
    world.store.close().unwrap();
    take(directory.path(), &fs::read(&file).unwrap()).unwrap();
}
