//! Databases of older schemas: all that was in them is there afterwards.

use game::record::{Owner, Saved};
use game::{AccountId, CharacterId, ItemId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::world::{World, path, settings};
use crate::store::{Answer, Read, Ticket, audit, item_history};

/// The fixture as a file. Its tables are in the order of their names, not of what refers to what.
fn first_schema(directory: &TempDir) -> Connection {
    let old = Connection::open(path(directory)).unwrap();
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute_batch(include_str!("fixtures/v1.sql")).unwrap();
    old
}

/// Rows of a table.
fn count(connection: &Connection, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

const TABLES: [&str; 7] =
    ["accounts", "characters", "character_modules", "items", "ledger", "login_tokens", "gm_log"];

#[test]
fn a_world_of_the_first_schema_loads_with_everything_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let old = first_schema(&directory);
    let before = TABLES.map(|table| count(&old, table));
    assert_eq!(before[0], 30);
    let characters: Vec<(i64, i64, String, u32)> = old
        .prepare(
            "SELECT id, account, name, (SELECT COUNT(*) FROM items WHERE owner_character = characters.id) \
             FROM characters",
        )
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let on_ground = count(&old, "items WHERE owner_zone IS NOT NULL");
    drop(old);

    let mut world = World::open(settings(&directory));
    assert_eq!(world.claim.epoch, 2);
    assert_eq!(i64::try_from(world.claim.ground.len()), Ok(on_ground));
    for (id, account, name, items) in characters {
        let ticket = Ticket(1);
        let (account, character) =
            (AccountId(account.unsigned_abs()), CharacterId(id.unsigned_abs()));
        let answer = world.read(Read::Character { ticket, account, character });
        let Answer::Character { character: Some(record), .. } = answer else {
            panic!("{name}: {answer:?}");
        };
        assert_eq!((record.name, record.items.len(), record.gold), (name, items as usize, 0));
        assert!(record.place.is_some());
        assert!(record.modules.contains_key("combat"));
    }
    world.store.close().unwrap();
    let new = Connection::open(path(&directory)).unwrap();
    assert_eq!(TABLES.map(|table| count(&new, table)), before);
    let report = audit(&path(&directory).into()).unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_row_of_the_first_schema_is_read_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let old = first_schema(&directory);
    drop(old);
    let mut world = World::open(settings(&directory));
    let fourth = CharacterId((1 << 48) | 4);
    let record = world.load(AccountId((1 << 48) | 4), fourth);
    let combat = Saved { version: 1, bytes: vec![0x78, 0] };
    assert_eq!(record.modules["combat"], combat);
    let history = item_history(&path(&directory).into(), ItemId((1 << 48) | 1)).unwrap().entries;
    assert_eq!((history[0].cause.as_str(), history[0].change), ("loot", 1));
    assert_eq!((&history[0].from, &history[0].to), (&None, &Some(Owner::Character(fourth))));
}
