//! Between rows and records. SQLite's integers are signed 64 bits; ours are mostly unsigned.

use game::record::{ItemRecord, OpId, Owner, Place};
use game::{CharacterId, ItemId, MailId, Rank, ZoneName};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

use crate::store::LedgerEntry;
use crate::store::error::EngineError;
use crate::store::ledger::EntryKind;

/// A number as SQLite keeps it.
pub(super) fn signed(number: u64) -> Result<i64, EngineError> {
    i64::try_from(number).map_err(|_| {
        EngineError::Forbidden(format!("{number} is larger than any id or count may be"))
    })
}

/// A column that is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// Ids as one value, for `IN (SELECT value FROM json_each(?))`. Those that no row can have are left out.
pub(super) fn list(ids: impl Iterator<Item = u64>) -> String {
    let ids: Vec<String> =
        ids.filter_map(|id| i64::try_from(id).ok()).map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(","))
}

/// An owner as five columns: character, zone, mail, x, y.
pub(super) type OwnerColumns<'a> =
    (Option<i64>, Option<&'a str>, Option<i64>, Option<i32>, Option<i32>);

pub(super) fn owner_columns(owner: &Owner) -> Result<OwnerColumns<'_>, EngineError> {
    Ok(match owner {
        Owner::Character(character) => (Some(signed(character.0)?), None, None, None, None),
        Owner::Ground { zone, x, y } => (None, Some(zone.as_str()), None, Some(*x), Some(*y)),
        Owner::Mail(mail) => (None, None, Some(signed(mail.0)?), None, None),
    })
}

/// The owner in five columns from `first` on; `None` when it is nobody.
fn owner(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Owner>> {
    let character: Option<i64> = row.get(first)?;
    let zone: Option<String> = row.get(first + 1)?;
    let mail: Option<i64> = row.get(first + 2)?;
    Ok(match (character, zone, mail) {
        (Some(_), _, _) => Some(Owner::Character(CharacterId(unsigned(row, first)?))),
        (None, Some(zone), _) => Some(Owner::Ground {
            zone: ZoneName::new(zone),
            x: row.get(first + 3)?,
            y: row.get(first + 4)?,
        }),
        (None, None, Some(_)) => Some(Owner::Mail(MailId(unsigned(row, first + 2)?))),
        (None, None, None) => None,
    })
}

/// A query for [`item`].
pub(super) fn select_items(condition: &str) -> String {
    format!(
        "SELECT id, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity FROM items WHERE {condition}"
    )
}

/// An item from a row of [`select_items`].
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<ItemRecord> {
    let nobody = || Error::InvalidColumnType(1, "owner_character".to_owned(), Type::Null);
    Ok(ItemRecord {
        id: ItemId(unsigned(row, 0)?),
        owner: owner(row, 1)?.ok_or_else(nobody)?,
        slot: row.get(6)?,
        template: row.get(7)?,
        quantity: row.get(8)?,
    })
}

/// A query for [`ledger_entry`].
pub(super) fn select_ledger(condition: &str) -> String {
    format!(
        "SELECT entry, epoch, sequence, tick, at_ms, cause, actor, item, \
         from_character, from_zone, from_mail, from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, slot, template, quantity, kind, change FROM ledger {condition}"
    )
}

/// An entry from a row of [`select_ledger`].
pub(super) fn ledger_entry(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let tick: Option<i64> = row.get(3)?;
    Ok(LedgerEntry {
        entry: unsigned(row, 0)?,
        op: OpId { epoch: unsigned(row, 1)?, sequence: unsigned(row, 2)? },
        tick: tick.map(|_| unsigned(row, 3)).transpose()?,
        at_ms: unsigned(row, 4)?,
        cause: row.get(5)?,
        actor: CharacterId(unsigned(row, 6)?),
        item: ItemId(unsigned(row, 7)?),
        from: owner(row, 8)?,
        to: owner(row, 13)?,
        slot: row.get(18)?,
        template: row.get(19)?,
        quantity: unsigned(row, 20)?,
        kind: kind(row, 21)?,
        change: row.get(22)?,
    })
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<EntryKind> {
    let name: String = row.get(column)?;
    let found = EntryKind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or(Error::InvalidColumnType(column, name, Type::Text))
}

/// The place in four columns from `first` on: zone, x, y, heading.
pub(super) fn place(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Place>> {
    let zone: Option<String> = row.get(first)?;
    let Some(zone) = zone else { return Ok(None) };
    Ok(Some(Place {
        zone: ZoneName::new(zone),
        x: row.get(first + 1)?,
        y: row.get(first + 2)?,
        heading: row.get(first + 3)?,
    }))
}

/// A rank as the schema names it.
pub(super) const fn rank_name(rank: Rank) -> &'static str {
    match rank {
        Rank::Player => "player",
        Rank::Guide => "guide",
        Rank::Master => "master",
        Rank::Admin => "admin",
    }
}

/// The rank in a column.
pub(super) fn rank(row: &Row<'_>, column: usize) -> rusqlite::Result<Rank> {
    let name: String = row.get(column)?;
    [Rank::Player, Rank::Guide, Rank::Master, Rank::Admin]
        .into_iter()
        .find(|rank| rank_name(*rank) == name)
        .ok_or(Error::InvalidColumnType(column, name, Type::Text))
}
