//! Characters and what their modules keep.

use std::collections::BTreeMap;

use game::record::{CharacterRecord, CharacterSave, GmEntry, Owner, Saved};
use game::{AccountId, CharacterId};
use rusqlite::{Connection, OptionalExtension};

use crate::store::CharacterRow;
use crate::store::error::EngineError;

use super::rows::{self, signed, unsigned};
use super::value;

/// Sorted by name.
pub(super) fn of_account(
    rows: &Connection,
    account: AccountId,
) -> Result<Vec<CharacterRow>, EngineError> {
    let found = rows
        .prepare_cached(
            "SELECT id, name, COALESCE(zone, ''), rank FROM characters WHERE account = ?1 ORDER BY folded_name",
        )?
        .query_map([signed(account.0)?], |row| {
            Ok(CharacterRow {
                id: CharacterId(unsigned(row, 0)?),
                name: row.get(1)?,
                zone: row.get(2)?,
                rank: rows::rank(row, 3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

pub(super) fn named(rows: &Connection, folded: &str) -> Result<Option<CharacterId>, EngineError> {
    let found = rows
        .prepare_cached("SELECT id FROM characters WHERE folded_name = ?1")?
        .query_row([folded], |row| Ok(CharacterId(unsigned(row, 0)?)))
        .optional()?;
    Ok(found)
}

pub(super) fn name_of(
    rows: &Connection,
    character: CharacterId,
) -> Result<Option<String>, EngineError> {
    let found = rows
        .prepare_cached("SELECT name FROM characters WHERE id = ?1")?
        .query_row([signed(character.0)?], |row| row.get(0))
        .optional()?;
    Ok(found)
}

pub(super) fn add(
    rows: &Connection,
    account: AccountId,
    row: &CharacterRow,
    (folded, now_ms): (&str, u64),
) -> Result<(), EngineError> {
    rows.prepare_cached(
        "INSERT INTO characters (id, account, name, folded_name, rank, created_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        signed(row.id.0)?,
        signed(account.0)?,
        &row.name,
        folded,
        rows::rank_name(row.rank),
        signed(now_ms)?,
    ))?;
    Ok(())
}

pub(super) fn remove(rows: &Connection, character: CharacterId) -> Result<(), EngineError> {
    let id = [signed(character.0)?];
    rows.prepare_cached("DELETE FROM character_modules WHERE character = ?1")?.execute(id)?;
    rows.prepare_cached("DELETE FROM characters WHERE id = ?1")?.execute(id)?;
    Ok(())
}

/// Gives those that aren't there.
pub(super) fn save(
    rows: &Connection,
    epoch: u64,
    saves: &[(&CharacterSave, u64)],
    now_ms: u64,
) -> Result<Vec<CharacterId>, EngineError> {
    let mut stand = rows.prepare_cached(
        "UPDATE characters SET zone = ?2, x = ?3, y = ?4, heading = ?5, \
         saved_epoch = ?6, saved_tick = ?7, saved_ms = ?8 WHERE id = ?1",
    )?;
    let mut keep = rows.prepare_cached(
        "INSERT INTO character_modules (character, module, version, bytes) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (character, module) DO UPDATE SET version = excluded.version, bytes = excluded.bytes",
    )?;
    let mut missing = Vec::new();
    for (save, tick) in saves {
        let (id, place) = (signed(save.character.0)?, &save.place);
        let (zone, tick) = (place.zone.as_str(), signed(*tick)?);
        let (epoch, now_ms) = (signed(epoch)?, signed(now_ms)?);
        let place = (id, zone, place.x, place.y, place.heading, epoch, tick, now_ms);
        if stand.execute(place)? == 0 {
            missing.push(save.character);
            continue;
        }
        for page in save.modules.iter() {
            keep.execute((id, page.module, page.version, page.bytes))?;
        }
    }
    Ok(missing)
}

pub(super) fn log(
    rows: &Connection,
    epoch: u64,
    entry: &GmEntry,
    (tick, now_ms): (u64, u64),
) -> Result<(), EngineError> {
    rows.prepare_cached(
        "INSERT INTO gm_log (epoch, tick, at_ms, actor, line, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        signed(epoch)?,
        signed(tick)?,
        signed(now_ms)?,
        signed(entry.actor.0)?,
        &entry.line,
        &entry.outcome,
    ))?;
    Ok(())
}

/// Everything of a character of this account.
pub(super) fn load(
    rows: &Connection,
    account: AccountId,
    character: CharacterId,
) -> Result<Option<CharacterRecord>, EngineError> {
    // An id that no row can have is nobody's.
    let (Ok(owner), Ok(id)) = (signed(account.0), signed(character.0)) else {
        return Ok(None);
    };
    let found = rows
        .prepare_cached(
            "SELECT name, rank, zone, x, y, heading, gold FROM characters WHERE id = ?1 AND account = ?2",
        )?
        .query_row((id, owner), |row| {
            Ok(CharacterRecord {
                id: character,
                account,
                name: row.get(0)?,
                rank: rows::rank(row, 1)?,
                place: rows::place(row, 2)?,
                modules: BTreeMap::new(),
                items: Vec::new(),
                gold: unsigned(row, 6)?,
            })
        })
        .optional()?;
    let Some(mut record) = found else {
        return Ok(None);
    };
    record.modules = rows
        .prepare_cached(
            "SELECT module, version, bytes FROM character_modules WHERE character = ?1",
        )?
        .query_map([id], |row| {
            let saved = Saved { version: row.get(1)?, bytes: row.get(2)? };
            Ok((row.get(0)?, saved))
        })?
        .collect::<Result<_, _>>()?;
    record.items = value::items_of(rows, &Owner::Character(character))?;
    Ok(Some(record))
}
