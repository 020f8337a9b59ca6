//! Items, purses and the ledger.

use game::record::{ItemRecord, Owner};
use game::{CharacterId, ItemId};
use rusqlite::{Connection, Row, ToSql};

use crate::store::LedgerEntry;
use crate::store::error::EngineError;

use super::rows::{self, list, owner_columns, signed, unsigned};

pub(super) fn items(rows: &Connection, ids: &[ItemId]) -> Result<Vec<ItemRecord>, EngineError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = list(ids.iter().map(|id| id.0));
    let found = rows
        .prepare_cached(&rows::select_items("id IN (SELECT value FROM json_each(?1))"))?
        .query_map([ids], rows::item)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// By id.
pub(super) fn items_of(rows: &Connection, owner: &Owner) -> Result<Vec<ItemRecord>, EngineError> {
    let of = |condition: &str, key: &[&dyn ToSql]| -> rusqlite::Result<Vec<ItemRecord>> {
        rows.prepare_cached(&rows::select_items(&format!("{condition} ORDER BY id")))?
            .query_map(key, rows::item)?
            .collect()
    };
    let found = match owner {
        Owner::Character(id) => of("owner_character = ?1", &[&signed(id.0)?]),
        Owner::Mail(id) => of("owner_mail = ?1", &[&signed(id.0)?]),
        Owner::Ground { zone, x, y } => {
            of("owner_zone = ?1 AND x = ?2 AND y = ?3", &[&zone.as_str(), x, y])
        }
    };
    Ok(found?)
}

pub(super) fn put_items(rows: &Connection, items: &[ItemRecord]) -> Result<(), EngineError> {
    if items.is_empty() {
        return Ok(());
    }
    let mut put = rows.prepare_cached(
        "INSERT INTO items (id, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (id) DO UPDATE SET owner_character = excluded.owner_character, \
         owner_zone = excluded.owner_zone, owner_mail = excluded.owner_mail, x = excluded.x, y = excluded.y, \
         slot = excluded.slot, template = excluded.template, quantity = excluded.quantity",
    )?;
    for item in items {
        let (character, zone, mail, x, y) = owner_columns(&item.owner)?;
        let ItemRecord { id, slot, template, quantity, .. } = item;
        put.execute((signed(id.0)?, character, zone, mail, x, y, slot, template, quantity))
            .map_err(|problem| EngineError::from(problem).at(format_args!("item {id}")))?;
    }
    Ok(())
}

pub(super) fn remove_items(rows: &Connection, ids: &[ItemId]) -> Result<(), EngineError> {
    if !ids.is_empty() {
        rows.prepare_cached("DELETE FROM items WHERE id IN (SELECT value FROM json_each(?1))")?
            .execute([list(ids.iter().map(|id| id.0))])?;
    }
    Ok(())
}

pub(super) fn purses(
    rows: &Connection,
    ids: &[CharacterId],
) -> Result<Vec<(CharacterId, u64)>, EngineError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let purse = |row: &Row<'_>| Ok((CharacterId(unsigned(row, 0)?), unsigned(row, 1)?));
    let found = rows
        .prepare_cached(
            "SELECT id, gold FROM characters WHERE id IN (SELECT value FROM json_each(?1))",
        )?
        .query_map([list(ids.iter().map(|id| id.0))], purse)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

pub(super) fn set_purses(
    rows: &Connection,
    purses: &[(CharacterId, u64)],
) -> Result<(), EngineError> {
    if purses.is_empty() {
        return Ok(());
    }
    let mut set = rows.prepare_cached("UPDATE characters SET gold = ?2 WHERE id = ?1")?;
    for (character, gold) in purses {
        set.execute((signed(character.0)?, signed(*gold)?))?;
    }
    Ok(())
}

/// Numbered on from the last entry that there ever was, also when that one is folded already.
pub(super) fn append(rows: &Connection, entries: &[LedgerEntry]) -> Result<(), EngineError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut number: i64 = rows
        .prepare_cached(
            "SELECT MAX(COALESCE((SELECT MAX(entry) FROM ledger), 0), value) FROM meta WHERE key = 'folded_entry'",
        )?
        .query_row([], |row| row.get(0))?;
    let mut append = rows.prepare_cached(
        "INSERT INTO ledger (entry, epoch, sequence, tick, at_ms, cause, actor, kind, item, \
         from_character, from_zone, from_mail, from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, \
         slot, template, quantity, change) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
         ?22, ?23)",
    )?;
    for entry in entries {
        number += 1;
        let nobody = (None, None, None, None, None);
        let from = entry.from.as_ref().map_or(Ok(nobody), owner_columns)?;
        let to = entry.to.as_ref().map_or(Ok(nobody), owner_columns)?;
        append.execute(rusqlite::params![
            number,
            signed(entry.op.epoch)?,
            signed(entry.op.sequence)?,
            entry.tick.map(signed).transpose()?,
            signed(entry.at_ms)?,
            entry.cause,
            signed(entry.actor.0)?,
            entry.kind.name(),
            signed(entry.item.0)?,
            from.0,
            from.1,
            from.2,
            from.3,
            from.4,
            to.0,
            to.1,
            to.2,
            to.3,
            to.4,
            entry.slot,
            entry.template,
            signed(entry.quantity)?,
            entry.change,
        ])?;
    }
    Ok(())
}
