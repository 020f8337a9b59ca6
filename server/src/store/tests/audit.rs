//! The audit: silent on whatever the game may do, loud on whatever it may not.

use std::collections::BTreeMap;

use game::record::{Change, ItemRecord, Owner};
use game::{CharacterId, ItemId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::history::{Dice, Model};
use super::world::{World, ground, item, path, settings};
use crate::store::{AuditReport, Balance, Finding, GOLD, audit, item_history};

#[test]
fn whatever_is_done_the_items_are_those_of_the_model_and_the_audit_is_clean() {
    for seed in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let mut dice = Dice(seed);
        let mut world = World::open(settings(&directory));
        let mut model = Model::new(&mut world);
        for _ in 0..3 {
            model.play(&mut dice, &mut world, 60);
            world.store.close().unwrap();
            world = World::open(settings(&directory));
        }
        let report = audit(&path(&directory).into()).unwrap();
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert_eq!(report.items, model.items.len() as u64, "seed {seed}");
        let gold: u64 = model.purses.values().sum();
        let mut sums: BTreeMap<&str, u64> = BTreeMap::from([(GOLD, gold)]);
        for item in model.items.values() {
            *sums.entry(&item.template).or_default() += u64::from(item.quantity);
        }
        for (template, balance) in &report.balances {
            let expected = sums.get(template.as_str()).copied().unwrap_or_default();
            assert_eq!(balance.present, expected, "seed {seed}, {template}");
        }
        let mut on_ground = world.claim.ground.clone();
        on_ground.sort_by_key(|item| item.id);
        let expected: Vec<ItemRecord> = model
            .items
            .into_values()
            .filter(|item| matches!(item.owner, Owner::Ground { .. }))
            .collect();
        assert_eq!(on_ground, expected, "seed {seed}");
    }
}

/// A closed database with items 1 to 3 on the ground, of which 3 was destroyed.
pub(super) fn small_world() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    world.character("anna");
    for id in 1..=3 {
        world.settle(CharacterId(0), vec![Change::Create(item(id, ground(0)))]);
    }
    world.settle(
        CharacterId(0),
        vec![
            Change::Move { item: ItemId(2), from: ground(0), to: ground(1), slot: 0 },
            Change::Destroy { item: ItemId(3), from: ground(0) },
        ],
    );
    world.store.close().unwrap();
    directory
}

/// The audit after somebody has changed the database behind our back.
fn after(sql: &str) -> AuditReport {
    let directory = small_world();
    let connection = Connection::open(path(&directory)).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(sql).unwrap();
    drop(connection);
    audit(&path(&directory).into()).unwrap()
}

#[test]
fn a_world_in_order_is_counted() {
    let directory = small_world();
    let report = audit(&path(&directory).into()).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.items, report.histories, report.entries), (2, 3, 5));
    let ore = Balance { created: 15, destroyed: 5, reshaped: 0, present: 10 };
    assert_eq!(report.balances["iron ore"], ore);
    let text = report.to_string();
    assert!(
        text.starts_with("2 items, 3 histories, 0 gold in 0 purses and letters, 5 ledger entries"),
        "{text}"
    );
    let history = item_history(&path(&directory).into(), ItemId(2)).unwrap();
    let owners: Vec<_> = history.entries.iter().map(|entry| entry.to.clone()).collect();
    assert_eq!(owners, [Some(ground(0)), Some(ground(1))]);
    assert_eq!(item_history(&path(&directory).into(), ItemId(9)).unwrap().entries, []);
}

#[test]
fn a_lost_item_is_found() {
    let report = after("DELETE FROM items WHERE id = 1");
    assert!(matches!(&report.findings[0], Finding::Missing(item) if item.id == ItemId(1)));
    assert!(matches!(&report.findings[1], Finding::Imbalance { .. }));
}

#[test]
fn an_item_out_of_nothing_is_found() {
    let insert = "INSERT INTO items SELECT 7, NULL, 'meadow', NULL, 0, 0, 0, 'crown', 1";
    let report = after(insert);
    assert!(matches!(&report.findings[0], Finding::Unexplained(item) if item.id == ItemId(7)));
}

#[test]
fn an_item_back_from_destruction_is_found() {
    let report = after("INSERT INTO items SELECT 3, NULL, 'meadow', NULL, 0, -7, 0, 'iron ore', 5");
    assert!(matches!(&report.findings[0], Finding::Unexplained(item) if item.id == ItemId(3)));
}

#[test]
fn a_stolen_or_swollen_item_is_found() {
    for change in ["quantity = 500", "x = 9", "template = 'crown'", "slot = 1"] {
        let report = after(&format!("UPDATE items SET {change} WHERE id = 2"));
        assert!(
            matches!(&report.findings[0], Finding::Different { found, .. } if found.id == ItemId(2)),
            "{change}: {report}"
        );
    }
}

#[test]
fn a_rewritten_history_is_found() {
    for change in [
        "UPDATE ledger SET from_x = 5 WHERE entry = 4",
        "DELETE FROM ledger WHERE entry = 1",
        "UPDATE ledger SET item = 3 WHERE entry = 2",
        "UPDATE ledger SET quantity = 6 WHERE entry = 5",
    ] {
        let report = after(change);
        assert!(!report.is_clean(), "{change}");
    }
}

#[test]
fn an_operation_applied_twice_or_beyond_its_mark_is_found() {
    for change in
        ["UPDATE ledger SET sequence = 1 WHERE entry = 3", "UPDATE epochs SET operations = 3"]
    {
        let report = after(change);
        assert!(matches!(report.findings[0], Finding::OutOfOrder { .. }), "{change}: {report}");
    }
}

/// A closed world in which anna was paid 10 gold twice by one operation, of which the second entry was changed so.
pub(super) fn paid_twice(change: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let anna = world.character("anna").1;
    let pay = Change::Gold { from: None, to: Some(anna), amount: 10 };
    world.settle(anna, vec![pay.clone(), pay]);
    world.store.close().unwrap();
    let connection = Connection::open(path(&directory)).unwrap();
    connection.execute_batch(&format!("UPDATE ledger SET {change} WHERE entry = 2")).unwrap();
    drop(connection);
    directory
}

#[test]
fn one_operation_may_pay_twice_but_a_payment_applied_twice_is_found() {
    let after = |change| audit(&path(&paid_twice(change)).into()).unwrap();
    let report = after("at_ms = at_ms");
    assert!(report.is_clean(), "{report}");
    // No two batches are of the same moment, however fast they are.
    let report = after("at_ms = at_ms + 1");
    assert!(matches!(report.findings[..], [Finding::OutOfOrder { entry: 2, .. }]), "{report}");
}

#[test]
fn an_item_of_nobody_is_found() {
    let report = after(
        "INSERT INTO ledger SELECT 9, 1, 4, 1, MAX(at_ms), 'x', 0, 'create', 9, NULL, NULL, NULL, NULL, NULL, \
             55, NULL, NULL, NULL, NULL, 0, 'y', 1, 1 FROM ledger;
         INSERT INTO items SELECT 9, 55, NULL, NULL, NULL, NULL, 0, 'y', 1",
    );
    assert!(matches!(report.findings[0], Finding::Damage(_)), "{report}");
}
