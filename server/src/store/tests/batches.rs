//! Commits: applied in order, once, whole; and what stops the store because memory and disk disagree.

use game::record::{Change, GmEntry, Owner};
use game::{CharacterId, CommitSeq, ItemId};
use rusqlite::Connection;

use super::world::{World, ground, item, path, register, save, settings, write};
use crate::store::{Answer, Backlog, Read, Ticket, audit, item_history};

/// The reason for which the store stopped.
fn broken(world: &mut World) -> String {
    let Answer::Broken(reason) = world.answer() else {
        panic!("not broken");
    };
    reason
}

#[test]
fn a_commit_repeated_after_an_unknown_result_is_applied_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let (_, anna) = world.character("anna");
    let operation = world.operation(anna, vec![Change::Create(item(1, ground(0)))]);
    let mut commit = world.commit(vec![operation]);
    commit.gm_log.push(GmEntry {
        actor: anna,
        line: "/give".to_owned(),
        outcome: "done".to_owned(),
    });
    for _ in 0..3 {
        assert_eq!(world.write(write(commit.clone())), Answer::Durable(commit.seq));
    }
    assert_eq!(item_history(&path(&directory), ItemId(1)).unwrap().len(), 1);
    let lines: i64 = Connection::open(path(&directory))
        .unwrap()
        .query_row("SELECT COUNT(*) FROM gm_log", [], |row| row.get(0))
        .unwrap();
    assert_eq!(lines, 1);
}

#[test]
fn an_operation_repeated_in_a_later_commit_is_applied_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let create = world.operation(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    let pick = Change::Move { item: ItemId(1), from: ground(0), to: ground(1), slot: 0 };
    let pick = world.operation(CharacterId(0), vec![pick]);
    let first = world.commit(vec![create.clone()]);
    let second = world.commit(vec![create, pick]);
    assert_eq!(world.write(write(first)), Answer::Durable(CommitSeq(1)));
    assert_eq!(world.write(write(second)), Answer::Durable(CommitSeq(2)));
    let report = audit(&path(&directory)).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.items, report.entries), (1, 2));
}

#[test]
fn progress_is_never_apart_from_the_value_it_earned() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let (_, anna) = world.character("anna");
    // The operation can't be applied, so the level that came with it isn't either.
    let stolen = Change::Destroy { item: ItemId(1), from: Owner::Character(anna) };
    let operation = world.operation(anna, vec![stolen]);
    let mut commit = world.commit(vec![operation]);
    commit.characters.push(save(anna, 1, 2));
    world.store.submit(write(commit)).unwrap();
    broken(&mut world);
    let saved: i64 = Connection::open(path(&directory))
        .unwrap()
        .query_row("SELECT COUNT(*) FROM character_modules", [], |row| row.get(0))
        .unwrap();
    assert_eq!(saved, 0);
}

#[test]
fn what_memory_and_disk_disagree_about_stops_the_store() {
    let anna = Owner::Character(CharacterId(77));
    let nothing = {
        let mut item = item(2, ground(0));
        item.quantity = 0;
        item
    };
    let moved = |from, to| Change::Move { item: ItemId(1), from, to, slot: 0 };
    let wrong = [
        ("a second of the same id", Change::Create(item(1, ground(1)))),
        ("nothing of something", Change::Create(nothing)),
        ("an owner who isn't there", moved(ground(0), anna.clone())),
        ("an owner who hasn't got it", moved(anna.clone(), ground(0))),
        ("another place on the ground", moved(ground(1), ground(2))),
        ("an item that isn't there", Change::Destroy { item: ItemId(3), from: anna }),
        ("an id beyond all ids", Change::Create(item(u64::MAX, ground(0)))),
    ];
    for (name, change) in wrong {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::open(settings(&directory));
        world.settle(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
        world.submit(CharacterId(0), vec![change]);
        let reason = broken(&mut world);
        assert!(reason.contains("commit 2"), "{name}: {reason}");
        assert_eq!(world.store.submit(register("late")), Err(Backlog), "{name}");
        let unsaved = world.store.close().unwrap_err();
        assert_eq!(unsaved.commits, 1, "{name}: {unsaved}");
        // What was durable before is what is there.
        let report = audit(&path(&directory)).unwrap();
        assert!(report.is_clean(), "{name}: {report}");
        assert_eq!(report.items, 1, "{name}");
    }
}

#[test]
fn a_hole_in_the_order_of_commits_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let lost = world.commit(Vec::new());
    let next = world.commit(Vec::new());
    world.store.submit(write(next)).unwrap();
    let reason = broken(&mut world);
    assert!(reason.contains("commit 2 came after commit 0"), "{reason}");
    drop(lost);
}

#[test]
fn an_operation_of_another_start_stops_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let mut stale = world.operation(CharacterId(0), Vec::new());
    stale.id.epoch += 1;
    let commit = world.commit(vec![stale]);
    world.store.submit(write(commit)).unwrap();
    broken(&mut world);
}

#[test]
fn a_save_of_nobody_is_told_before_its_commit_and_harms_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let (account, anna) = world.character("anna");
    let nobody = CharacterId(77);
    let operation = world.operation(anna, vec![Change::Create(item(1, Owner::Character(anna)))]);
    let mut commit = world.commit(vec![operation]);
    commit.characters = vec![save(nobody, 0, 0), save(anna, 5, 2)];
    let seq = commit.seq;
    assert_eq!(world.write(write(commit)), Answer::SaveFailed(nobody));
    assert_eq!(world.answer(), Answer::Durable(seq));
    let ticket = Ticket(1);
    let answer = world.read(Read::Character { ticket, account, character: anna });
    let Answer::Character { character: Some(record), .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(record.place.unwrap().x, 5);
    assert_eq!(record.items.len(), 1);
}

#[test]
fn all_that_was_submitted_is_durable_after_close() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    for id in 1..=500 {
        world.submit(CharacterId(0), vec![Change::Create(item(id, ground(0)))]);
    }
    world.store.close().unwrap();
    let report = audit(&path(&directory)).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.items, 500);
}
