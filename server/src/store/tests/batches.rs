//! Commits: applied in order, once, whole; and what stops the store because memory and disk disagree.

use game::record::{Change, GmEntry, Owner};
use game::{CharacterId, CommitSeq, ItemId};

use super::world::{Home, World, ground, item, on_every_engine, register, save, write};
use crate::store::{Answer, Backlog, Breakage};

on_every_engine![
    a_commit_repeated_after_an_unknown_result_is_applied_once,
    an_operation_repeated_in_a_later_commit_is_applied_once,
    progress_is_never_apart_from_the_value_it_earned,
    what_memory_and_disk_disagree_about_stops_the_store,
    a_hole_in_the_order_of_commits_stops_the_store,
    an_operation_of_another_start_stops_the_store,
    a_save_of_nobody_is_told_before_its_commit_and_harms_nobody_else,
    all_that_was_submitted_is_durable_after_close,
];

/// The reason for which the store stopped.
fn broken(world: &mut World) -> String {
    let Answer::Broken(Breakage::Failed(reason)) = world.answer() else {
        panic!("not broken");
    };
    reason
}

fn a_commit_repeated_after_an_unknown_result_is_applied_once(home: &Home) {
    let mut world = home.open();
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
    assert_eq!(home.history(ItemId(1)).len(), 1);
    assert_eq!(home.count("gm_log", "TRUE"), 1);
}

fn an_operation_repeated_in_a_later_commit_is_applied_once(home: &Home) {
    let mut world = home.open();
    let create = world.operation(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
    let pick = Change::Move { item: ItemId(1), from: ground(0), to: ground(1), slot: 0 };
    let pick = world.operation(CharacterId(0), vec![pick]);
    let first = world.commit(vec![create.clone()]);
    let second = world.commit(vec![create, pick]);
    assert_eq!(world.write(write(first)), Answer::Durable(CommitSeq(1)));
    assert_eq!(world.write(write(second)), Answer::Durable(CommitSeq(2)));
    let report = home.audit();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.items, report.entries), (1, 2));
}

fn progress_is_never_apart_from_the_value_it_earned(home: &Home) {
    let mut world = home.open();
    let (_, anna) = world.character("anna");
    // The operation can't be applied, so the level that came with it isn't either.
    let stolen = Change::Destroy { item: ItemId(1), from: Owner::Character(anna) };
    let operation = world.operation(anna, vec![stolen]);
    let mut commit = world.commit(vec![operation]);
    commit.characters.push(save(anna, 1, 2));
    world.store.submit(write(commit)).unwrap();
    broken(&mut world);
    assert_eq!(home.count("character_modules", "TRUE"), 0);
}

fn what_memory_and_disk_disagree_about_stops_the_store(home: &Home) {
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
        let home = home.another();
        let mut world = home.open();
        world.settle(CharacterId(0), vec![Change::Create(item(1, ground(0)))]);
        world.submit(CharacterId(0), vec![change]);
        let reason = broken(&mut world);
        assert!(reason.contains("commit 2"), "{name}: {reason}");
        assert_eq!(world.store.submit(register("late")), Err(Backlog), "{name}");
        let unsaved = world.store.close().unwrap_err();
        assert_eq!(unsaved.commits, 1, "{name}: {unsaved}");
        // What was durable before is what is there.
        let report = home.audit();
        assert!(report.is_clean(), "{name}: {report}");
        assert_eq!(report.items, 1, "{name}");
    }
}

fn a_hole_in_the_order_of_commits_stops_the_store(home: &Home) {
    let mut world = home.open();
    let lost = world.commit(Vec::new());
    let next = world.commit(Vec::new());
    world.store.submit(write(next)).unwrap();
    let reason = broken(&mut world);
    assert!(reason.contains("commit 2 came after commit 0"), "{reason}");
    drop(lost);
}

fn an_operation_of_another_start_stops_the_store(home: &Home) {
    let mut world = home.open();
    let mut stale = world.operation(CharacterId(0), Vec::new());
    stale.id.epoch += 1;
    let commit = world.commit(vec![stale]);
    world.store.submit(write(commit)).unwrap();
    broken(&mut world);
}

fn a_save_of_nobody_is_told_before_its_commit_and_harms_nobody_else(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("anna");
    let nobody = CharacterId(77);
    let operation = world.operation(anna, vec![Change::Create(item(1, Owner::Character(anna)))]);
    let mut commit = world.commit(vec![operation]);
    commit.characters = vec![save(nobody, 0, 0), save(anna, 5, 2)];
    let seq = commit.seq;
    assert_eq!(world.write(write(commit)), Answer::SaveFailed(nobody));
    assert_eq!(world.answer(), Answer::Durable(seq));
    let record = world.load(account, anna);
    assert_eq!(record.place.unwrap().x, 5);
    assert_eq!(record.items.len(), 1);
}

fn all_that_was_submitted_is_durable_after_close(home: &Home) {
    let mut world = home.open();
    for id in 1..=500 {
        world.submit(CharacterId(0), vec![Change::Create(item(id, ground(0)))]);
    }
    world.store.close().unwrap();
    let report = home.audit();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.items, 500);
}
