//! Folding the ledger: whatever is folded when, conservation stays provable.

use std::path::Path;
use std::time::Duration;

use game::CharacterId;
use game::record::Change;
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::audit::{paid_twice, small_world};
use super::history::{Dice, Model};
use super::open::damage;
use super::world::{Home, World, ground, item, on_every_engine, path, settings};
use crate::store::engine::{Database, Transaction, Writer};
use crate::store::error::EngineError;
use crate::store::ledger::{self, Folded, LONGEST};
use crate::store::rules::Rules;
use crate::store::{self, AuditReport, Finding, audit};

/// Unix milliseconds that never come: all entries are older.
const FOR_EVER: u64 = i64::MAX.cast_unsigned();

/// Makes all entries so much older that a retention of a second is over, but not so much that the clock is doubted.
const OLDER: &str = "UPDATE ledger SET at_ms = at_ms - 3600000";

/// Folds slices of these sizes, as far as there is something to fold, and proves the world after each.
fn fold(path: &Path, slices: impl IntoIterator<Item = u32>) -> Folded {
    fold_in(store::sqlite::reopen(path), slices)
}

fn fold_in(mut database: impl Database, slices: impl IntoIterator<Item = u32>) -> Folded {
    let mut last = Folded::NothingDue;
    for most in slices {
        let mut transaction = database.begin().unwrap();
        last = ledger::fold(&mut transaction, FOR_EVER, most).unwrap();
        match last {
            Folded::Entries(_) => transaction.commit().unwrap(),
            Folded::NothingDue | Folded::Stuck(_) => break,
        }
    }
    database.finish().unwrap();
    last
}

fn clean(path: &Path) -> AuditReport {
    let report = audit(&path.into()).unwrap();
    assert!(report.is_clean(), "{report}");
    report
}

on_every_engine!(
    a_history_is_folded_and_goes_on,
    a_clock_that_is_far_ahead_folds_nothing_whatever_is_written_under_it,
);

/// For the ledger it is the same whether its entries are old or the clock is ahead of them.
fn a_clock_that_is_far_ahead_folds_nothing_whatever_is_written_under_it(home: &Home) {
    let mut settings = home.settings();
    settings.ledger_retention = Duration::from_hours(1);
    let create = |id| Change::Create(item(id, ground(0)));
    let mut world = World::open(settings.clone());
    world.settle(CharacterId(0), (1..=5).map(create).collect());
    world.store.close().unwrap();
    home.run("UPDATE ledger SET at_ms = at_ms - 17280000000");
    // The second start finds entries that were written under the wrong clock, in the third it is right again.
    for id in [6, 7] {
        let mut world = World::open(settings.clone());
        world.settle(CharacterId(0), vec![create(id)]);
        world.store.close().unwrap();
        assert_eq!(home.audit().entries, id);
    }
    home.run("UPDATE meta SET value = value + 17280000000 WHERE key = 'clock_believed_ms'");
    let mut world = World::open(settings);
    world.settle(CharacterId(0), vec![create(8)]);
    world.store.close().unwrap();
    let report = home.audit();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.entries, report.folded), (3, 5), "what is old was folded");
}

fn a_history_is_folded_and_goes_on(home: &Home) {
    let mut dice = Dice(11);
    let mut world = home.open();
    let mut model = Model::new(&mut world);
    for slices in [vec![30, 30], vec![17, 60], vec![1_000]] {
        model.play(&mut dice, &mut world, 60);
        let epoch = world.claim.epoch;
        world.store.close().unwrap();
        let before = home.audit();
        assert!(before.is_clean(), "{before}");
        match home {
            Home::Sqlite(directory) => fold(&path(directory), slices),
            #[cfg(feature = "postgres")]
            Home::Postgres(_) => fold_in(store::postgres::reopen(&home.location(), epoch), slices),
        };
        let after = home.audit();
        assert!(after.is_clean(), "{after}");
        assert_eq!(after.balances, before.balances);
        world = home.open();
    }
    world.store.close().unwrap();
    let report = home.audit();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.entries, report.items), (0, model.items.len() as u64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn folding_at_any_point_of_any_history_leaves_the_audit_clean_and_the_sums_equal(
        seed: u64,
        first in prop::collection::vec(5_u32..60, 0..4),
        second in prop::collection::vec(5_u32..60, 0..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut dice = Dice(seed);
        let mut world = World::open(settings(&directory));
        let mut model = Model::new(&mut world);
        let path = path(&directory);
        for slices in [first, second, vec![1_000; 10]] {
            model.play(&mut dice, &mut world, 40);
            world.store.close().unwrap();
            let before = clean(&path);
            for most in slices {
                fold(&path, [most]);
                let after = clean(&path);
                prop_assert_eq!(&after.balances, &before.balances);
                prop_assert_eq!(after.items, before.items);
                prop_assert!(after.entries + after.folded >= before.entries);
            }
            world = World::open(settings(&directory));
        }
        world.store.close().unwrap();
        let report = clean(&path);
        prop_assert_eq!(report.entries, 0, "all of it is folded");
        prop_assert_eq!(report.items, model.items.len() as u64);
    }
}

#[test]
fn a_fold_that_is_cut_off_leaves_all_as_it_was() {
    let directory = small_world();
    let before = clean(&path(&directory));
    let path = path(&directory);
    let mut database = store::sqlite::reopen(&path);
    let mut transaction = database.begin().unwrap();
    let folded = ledger::fold(&mut transaction, FOR_EVER, 100).unwrap();
    assert_eq!(folded, Folded::Entries(5));
    drop(transaction);
    drop(database);
    assert_eq!(clean(&path), before);
}

#[test]
fn a_ledger_that_cannot_be_folded_ends_nothing_and_stays_as_it_is() {
    for forged in [
        // Sums that one entry more takes beyond what a column holds.
        "INSERT INTO ledger_totals VALUES ('iron ore', 9223372036854775807, 0, 0)",
        // A kind of entry that there isn't.
        "UPDATE ledger SET kind = 'gift' WHERE entry = 1",
        // An item that moves and wasn't there.
        "DELETE FROM ledger WHERE entry = 2",
        // Gold for the ground, which has no purse.
        "UPDATE ledger SET kind = 'gold', item = 0, template = 'gold', change = quantity, to_character = NULL, to_mail = NULL, \
         to_zone = 'meadow', to_x = 0, to_y = 0 WHERE entry = 1",
    ] {
        let directory = small_world();
        let connection = Connection::open(path(&directory)).unwrap();
        connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
        connection.execute_batch(OLDER).unwrap();
        connection.execute_batch(forged).unwrap();
        let rows = |table: &str| -> i64 {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let (entries, openings) = (rows("ledger"), rows("item_openings"));
        let database = store::sqlite::reopen(&path(&directory));
        let mut rules = Rules::new(database, 1, Duration::from_secs(1));
        assert_eq!(rules.tend(), Ok(()), "{forged}");
        assert_eq!((rows("ledger"), rows("item_openings")), (entries, openings), "{forged}");
    }
}

#[test]
fn a_damaged_page_isnt_taken_for_a_ledger_that_cannot_be_folded() {
    let directory = small_world();
    let connection = Connection::open(path(&directory)).unwrap();
    connection.execute_batch(OLDER).unwrap();
    drop(connection);
    damage(&path(&directory), "ledger");
    let database = store::sqlite::reopen(&path(&directory));
    let mut rules = Rules::new(database, 1, Duration::from_secs(1));
    let tended = rules.tend();
    assert!(matches!(tended, Err(EngineError::Damaged(_))), "{tended:?}");
}

#[test]
fn an_operation_is_folded_whole() {
    let directory = small_world();
    // The last two of the five entries are of one operation.
    assert_eq!(fold(&path(&directory), [4]), Folded::Entries(3));
    assert_eq!(clean(&path(&directory)).folded, 3);
    assert_eq!(fold(&path(&directory), [4]), Folded::Entries(2));
}

/// A closed database whose first operation has so many entries, and whose second has one.
fn one_long_operation(entries: u64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(settings(&directory));
    let create = |id| Change::Create(item(id, ground(0)));
    world.settle(CharacterId(0), (1..=entries).map(create).collect());
    world.settle(CharacterId(0), vec![create(entries + 1)]);
    world.store.close().unwrap();
    directory
}

#[test]
fn an_operation_that_is_longer_than_a_slice_is_folded_whole() {
    let directory = one_long_operation(LONGEST.into());
    assert_eq!(fold(&path(&directory), [1]), Folded::Entries(LONGEST as usize));
    assert_eq!(clean(&path(&directory)).entries, 1);
    assert_eq!(fold(&path(&directory), [1]), Folded::Entries(1));
    assert_eq!(clean(&path(&directory)).entries, 0);
}

#[test]
fn an_operation_that_is_too_long_for_any_slice_is_said_and_kept() {
    let directory = one_long_operation(u64::from(LONGEST) + 1);
    let folded = fold(&path(&directory), [1]);
    assert!(matches!(folded, Folded::Stuck(_)), "{folded:?}");
    assert_eq!(clean(&path(&directory)).entries, u64::from(LONGEST) + 2);
}

#[test]
fn an_entry_that_is_young_stays_with_all_after_it() {
    let directory = small_world();
    let connection = Connection::open(path(&directory)).unwrap();
    // A clock that was set back: later entries seem older.
    connection
        .execute_batch(
            "UPDATE ledger SET at_ms = 10 - MIN(entry, 4); UPDATE ledger SET at_ms = 50 WHERE entry = 3",
        )
        .unwrap();
    drop(connection);
    let path = path(&directory);
    let mut database = store::sqlite::reopen(&path);
    let mut transaction = database.begin().unwrap();
    assert_eq!(ledger::fold(&mut transaction, 50, 100).unwrap(), Folded::Entries(2));
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(clean(&path).entries, 3);
}

#[test]
fn an_entry_that_was_removed_is_found_before_and_after_a_fold() {
    for entry in 1..=5 {
        let directory = small_world();
        let connection = Connection::open(path(&directory)).unwrap();
        connection.execute("DELETE FROM ledger WHERE entry = ?1", [entry]).unwrap();
        drop(connection);
        assert!(!audit(&path(&directory).into()).unwrap().is_clean(), "entry {entry}");
        fold(&path(&directory), [100]);
        assert!(!audit(&path(&directory).into()).unwrap().is_clean(), "entry {entry}, folded");
    }
}

#[test]
fn a_balance_that_was_changed_is_found() {
    for forged in [
        "UPDATE item_openings SET quantity = quantity + 1 WHERE item = 1",
        "UPDATE item_openings SET x = 99 WHERE item = 1",
        "DELETE FROM item_openings WHERE item = 1",
        "DELETE FROM items WHERE id = 1",
        "UPDATE purse_openings SET gold = gold + 1",
        "DELETE FROM purse_openings",
        "UPDATE characters SET gold = gold + 1",
        "UPDATE ledger_totals SET created = created + 1 WHERE template = 'gold'",
        "UPDATE ledger_totals SET reshaped = 1 WHERE template = 'iron ore'",
        "UPDATE meta SET value = value + 1 WHERE key = 'folded_entry'",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::open(settings(&directory));
        let anna = world.character("anna").1;
        let pay = |from, to| Change::Gold { from, to, amount: 40 };
        world.settle(anna, vec![Change::Create(item(1, ground(0))), pay(None, Some(anna))]);
        world.settle(anna, vec![Change::Create(item(2, ground(0)))]);
        world.settle(CharacterId(0), vec![Change::Create(item(3, ground(0)))]);
        world.store.close().unwrap();
        assert_eq!(fold(&path(&directory), [3]), Folded::Entries(3));
        clean(&path(&directory));
        let connection = Connection::open(path(&directory)).unwrap();
        connection.execute_batch(forged).unwrap();
        drop(connection);
        assert!(!audit(&path(&directory).into()).unwrap().is_clean(), "{forged}");
    }
}

#[test]
fn a_payment_that_was_applied_twice_is_never_folded() {
    let directory = paid_twice("at_ms = at_ms + 1");
    let path = path(&directory);
    assert!(matches!(fold(&path, [100]), Folded::Stuck(_)));
    let report = audit(&path.as_path().into()).unwrap();
    assert!(matches!(report.findings[..], [Finding::OutOfOrder { entry: 2, .. }]), "{report}");
}

#[test]
fn a_payment_that_is_applied_again_after_it_was_folded_is_found_and_stays() {
    let directory = paid_twice("at_ms = at_ms");
    let path = path(&directory);
    assert_eq!(fold(&path, [100]), Folded::Entries(2));
    let connection = Connection::open(&path).unwrap();
    let again = "INSERT INTO ledger SELECT 3, 1, 1, 10, at_ms, cause, actor, kind, item, NULL, NULL, NULL, NULL, NULL, \
                 to_character, NULL, NULL, NULL, NULL, 0, 'gold', 10, 10 \
                 FROM (SELECT 5 AS at_ms, 'test' AS cause, 0 AS actor, 'gold' AS kind, 0 AS item, \
                 owner AS to_character FROM purse_openings); \
                 UPDATE characters SET gold = gold + 10;";
    connection.execute_batch(again).unwrap();
    drop(connection);
    for _ in 0..2 {
        let report = audit(&path.as_path().into()).unwrap();
        assert!(matches!(report.findings[..], [Finding::OutOfOrder { entry: 3, .. }]), "{report}");
        assert!(matches!(fold(&path, [100]), Folded::Stuck(_)));
    }
}
