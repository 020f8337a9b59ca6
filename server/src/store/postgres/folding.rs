//! What the folded part of the ledger came to.

use game::record::{ItemRecord, OpId, Owner};
use game::{CharacterId, ItemId, MailId};

use crate::store::error::EngineError;
use crate::store::ledger::{FOLDED_OPERATION, Total};

use super::columns::{CHARACTER, Items, Purses, Totals};
use super::rows::{self, get, possible, signed, unsigned};
use super::session::Value;
use super::transaction::PostgresTransaction;

pub(super) fn item_openings(
    transaction: &mut PostgresTransaction<'_>,
    of: &[ItemId],
) -> Result<Vec<ItemRecord>, EngineError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let ids = possible(of.iter().map(|id| id.0));
    let sql = "SELECT item, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity \
               FROM item_openings WHERE item = ANY($1)";
    transaction.query(sql, &[&ids], rows::item)
}

pub(super) fn put_item_openings(
    transaction: &mut PostgresTransaction<'_>,
    items: &[ItemRecord],
) -> Result<(), EngineError> {
    if items.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO item_openings \
               (item, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity) \
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], \
               $6::integer[], $7::bigint[], $8::text[], $9::bigint[]) \
               ON CONFLICT (item) DO UPDATE SET owner_character = excluded.owner_character, \
               owner_zone = excluded.owner_zone, owner_mail = excluded.owner_mail, x = excluded.x, y = excluded.y, \
               slot = excluded.slot, template = excluded.template, quantity = excluded.quantity";
    transaction.execute(sql, &Items::of(items)?.values()).map(drop)
}

pub(super) fn remove_item_openings(
    transaction: &mut PostgresTransaction<'_>,
    of: &[ItemId],
) -> Result<(), EngineError> {
    if of.is_empty() {
        return Ok(());
    }
    let ids = possible(of.iter().map(|id| id.0));
    transaction.execute("DELETE FROM item_openings WHERE item = ANY($1)", &[&ids]).map(drop)
}

pub(super) fn purse_openings(
    transaction: &mut PostgresTransaction<'_>,
    of: &[Owner],
) -> Result<Vec<(Owner, u64)>, EngineError> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let purses = Purses::of(of.iter())?;
    let sql = "SELECT owner_kind, owner, gold FROM purse_openings \
               JOIN unnest($1::text[], $2::bigint[]) AS asked (kind, id) \
               ON owner_kind = asked.kind AND owner = asked.id";
    transaction.query(sql, &[&purses.kind, &purses.owner], |row| {
        let (kind, id): (&str, u64) = (get(row, 0)?, unsigned(row, 1)?);
        let owner = match kind {
            CHARACTER => Owner::Character(CharacterId(id)),
            _ => Owner::Mail(MailId(id)),
        };
        Ok((owner, unsigned(row, 2)?))
    })
}

pub(super) fn put_purse_openings(
    transaction: &mut PostgresTransaction<'_>,
    purses: &[(Owner, u64)],
) -> Result<(), EngineError> {
    if purses.is_empty() {
        return Ok(());
    }
    let rows = Purses::of(purses.iter().map(|(owner, _)| owner))?;
    let gold = purses.iter().map(|(_, gold)| signed(*gold)).collect::<Result<Vec<_>, _>>()?;
    let sql = "INSERT INTO purse_openings (owner_kind, owner, gold) \
               SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) \
               ON CONFLICT (owner_kind, owner) DO UPDATE SET gold = excluded.gold";
    transaction.execute(sql, &[&rows.kind, &rows.owner, &gold]).map(drop)
}

pub(super) fn remove_purse_openings(
    transaction: &mut PostgresTransaction<'_>,
    of: &[Owner],
) -> Result<(), EngineError> {
    if of.is_empty() {
        return Ok(());
    }
    let purses = Purses::of(of.iter())?;
    let sql = "DELETE FROM purse_openings USING unnest($1::text[], $2::bigint[]) AS gone (kind, id) \
               WHERE owner_kind = gone.kind AND owner = gone.id";
    transaction.execute(sql, &[&purses.kind, &purses.owner]).map(drop)
}

pub(super) fn add_totals(
    transaction: &mut PostgresTransaction<'_>,
    totals: &[Total],
) -> Result<(), EngineError> {
    if totals.is_empty() {
        return Ok(());
    }
    let rows = Totals::of(totals)?;
    let sql = "INSERT INTO ledger_totals AS sums (template, created, destroyed, reshaped) \
               SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) \
               ON CONFLICT (template) DO UPDATE SET created = sums.created + excluded.created, \
               destroyed = sums.destroyed + excluded.destroyed, reshaped = sums.reshaped + excluded.reshaped";
    let values: [Value<'_>; 4] = [&rows.template, &rows.created, &rows.destroyed, &rows.reshaped];
    transaction.execute(sql, &values).map(drop)
}

pub(super) fn folded_operation(
    transaction: &mut PostgresTransaction<'_>,
) -> Result<OpId, EngineError> {
    let found = transaction.query(FOLDED_OPERATION, &[], |row| {
        Ok(OpId { epoch: unsigned(row, 0)?, sequence: unsigned(row, 1)? })
    })?;
    Ok(found.first().copied().unwrap_or(OpId { epoch: 0, sequence: 0 }))
}

/// From where the last slice ended, so that rows which are gone and not yet swept out of the index aren't looked at.
pub(super) fn forget_entries(
    transaction: &mut PostgresTransaction<'_>,
    up_to: u64,
    last: OpId,
) -> Result<(), EngineError> {
    let up_to = signed(up_to)?;
    let sql = "DELETE FROM ledger WHERE entry <= $1 \
               AND entry > (SELECT value FROM meta WHERE key = 'folded_entry')";
    transaction.execute(sql, &[&up_to])?;
    let sql = "INSERT INTO meta (key, value) \
               VALUES ('folded_entry', $1), ('folded_epoch', $2), ('folded_sequence', $3) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let [epoch, sequence] = [signed(last.epoch)?, signed(last.sequence)?];
    transaction.execute(sql, &[&up_to, &epoch, &sequence]).map(drop)
}
