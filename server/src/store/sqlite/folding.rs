//! The old end of the ledger and what it came to.

use game::record::{ItemRecord, OpId, Owner};
use game::{CharacterId, ItemId, MailId};
use rusqlite::{Connection, OptionalExtension};

use crate::store::LedgerEntry;
use crate::store::error::EngineError;
use crate::store::ledger::{FOLDED_OPERATION, Total};

use super::rows::{self, list, owner_columns, signed, unsigned};

/// Of the last entry, in its order.
pub(super) fn newest_entry_ms(rows: &Connection) -> Result<Option<u64>, EngineError> {
    let mut newest = rows.prepare_cached("SELECT at_ms FROM ledger ORDER BY entry DESC LIMIT 1")?;
    Ok(newest.query_row([], |row| unsigned(row, 0)).optional()?)
}

/// Entries in their order, up to the first one that isn't old enough.
pub(super) fn oldest_entries(
    rows: &Connection,
    before_ms: u64,
    most: u32,
) -> Result<Vec<LedgerEntry>, EngineError> {
    let mut oldest = rows.prepare_cached(&rows::select_ledger(
        "WHERE entry > (SELECT value FROM meta WHERE key = 'folded_entry') ORDER BY entry LIMIT ?1",
    ))?;
    let entries = oldest.query_map([most], rows::ledger_entry)?;
    let old = |entry: &rusqlite::Result<LedgerEntry>| {
        entry.as_ref().map_or(true, |entry| entry.at_ms < before_ms)
    };
    Ok(entries.take_while(old).collect::<Result<_, _>>()?)
}

pub(super) fn item_openings(
    rows: &Connection,
    of: &[ItemId],
) -> Result<Vec<ItemRecord>, EngineError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let found = rows
        .prepare_cached(
            "SELECT item, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity \
             FROM item_openings WHERE item IN (SELECT value FROM json_each(?1))",
        )?
        .query_map([list(of.iter().map(|id| id.0))], rows::item)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

pub(super) fn put_item_openings(
    rows: &Connection,
    items: &[ItemRecord],
) -> Result<(), EngineError> {
    let mut put = rows.prepare_cached(
        "INSERT OR REPLACE INTO item_openings \
         (item, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for item in items {
        let (character, zone, mail, x, y) = owner_columns(&item.owner)?;
        let ItemRecord { id, slot, template, quantity, .. } = item;
        put.execute((signed(id.0)?, character, zone, mail, x, y, slot, template, quantity))?;
    }
    Ok(())
}

pub(super) fn remove_item_openings(rows: &Connection, of: &[ItemId]) -> Result<(), EngineError> {
    if !of.is_empty() {
        rows.prepare_cached(
            "DELETE FROM item_openings WHERE item IN (SELECT value FROM json_each(?1))",
        )?
        .execute([list(of.iter().map(|id| id.0))])?;
    }
    Ok(())
}

pub(super) fn purse_openings(
    rows: &Connection,
    of: &[Owner],
) -> Result<Vec<(Owner, u64)>, EngineError> {
    let mut find = rows
        .prepare_cached("SELECT gold FROM purse_openings WHERE owner_kind = ?1 AND owner = ?2")?;
    let mut found = Vec::new();
    for owner in of {
        let gold = find.query_row(purse_key(owner)?, |row| unsigned(row, 0)).optional()?;
        found.extend(gold.map(|gold| (owner.clone(), gold)));
    }
    Ok(found)
}

pub(super) fn put_purse_openings(
    rows: &Connection,
    purses: &[(Owner, u64)],
) -> Result<(), EngineError> {
    let mut put = rows.prepare_cached(
        "INSERT OR REPLACE INTO purse_openings (owner_kind, owner, gold) VALUES (?1, ?2, ?3)",
    )?;
    for (owner, gold) in purses {
        let (kind, id) = purse_key(owner)?;
        put.execute((kind, id, signed(*gold)?))?;
    }
    Ok(())
}

pub(super) fn remove_purse_openings(rows: &Connection, of: &[Owner]) -> Result<(), EngineError> {
    let mut remove =
        rows.prepare_cached("DELETE FROM purse_openings WHERE owner_kind = ?1 AND owner = ?2")?;
    for owner in of {
        remove.execute(purse_key(owner)?)?;
    }
    Ok(())
}

/// The columns that name a purse: what kind of owner it has, and which.
fn purse_key(owner: &Owner) -> Result<(&'static str, i64), EngineError> {
    match owner {
        Owner::Character(CharacterId(id)) => Ok(("character", signed(*id)?)),
        Owner::Mail(MailId(id)) => Ok(("mail", signed(*id)?)),
        Owner::Ground { zone, .. } => {
            Err(EngineError::Impossible(format!("the ground of {zone} has no purse")))
        }
    }
}

pub(super) fn add_totals(rows: &Connection, totals: &[Total]) -> Result<(), EngineError> {
    let mut add = rows.prepare_cached(
        "INSERT INTO ledger_totals (template, created, destroyed, reshaped) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (template) DO UPDATE SET created = created + excluded.created, \
         destroyed = destroyed + excluded.destroyed, reshaped = reshaped + excluded.reshaped",
    )?;
    for Total { template, created, destroyed, reshaped } in totals {
        add.execute((template, signed(*created)?, signed(*destroyed)?, reshaped))?;
    }
    Ok(())
}

pub(super) fn folded_operation(rows: &Connection) -> Result<OpId, EngineError> {
    let found = rows
        .prepare_cached(FOLDED_OPERATION)?
        .query_row([], |row| Ok(OpId { epoch: unsigned(row, 0)?, sequence: unsigned(row, 1)? }))?;
    Ok(found)
}

pub(super) fn forget_entries(rows: &Connection, up_to: u64, last: OpId) -> Result<(), EngineError> {
    let up_to = [signed(up_to)?];
    rows.prepare_cached(
        "DELETE FROM ledger WHERE entry <= ?1 AND entry > (SELECT value FROM meta WHERE key = 'folded_entry')",
    )?
    .execute(up_to)?;
    rows.prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'folded_entry'")?.execute(up_to)?;
    rows.prepare_cached(
        "INSERT INTO meta (key, value) VALUES ('folded_epoch', ?1), ('folded_sequence', ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute([signed(last.epoch)?, signed(last.sequence)?])?;
    Ok(())
}
