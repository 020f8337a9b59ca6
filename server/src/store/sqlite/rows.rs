//! Between rows and records. SQLite's integers are signed 64 bits; ours are mostly unsigned.

use game::record::{ItemRecord, OpId, Owner, Place};
use game::{CharacterId, ItemId, Rank, ZoneName};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

use crate::store::LedgerEntry;
use crate::store::error::EngineError;
use crate::store::ledger::EntryKind;

/// Bits of an id below the node number. 2^48 ids last for 8,900 years at 1,000 a second.
const NODE_SHIFT: u32 = 48;

/// An id of this node from the counter of its kind.
pub(super) const fn id(node: u16, counter: i64) -> i64 {
    ((node as i64) << NODE_SHIFT) | counter
}

/// A number as SQLite keeps it.
pub(super) fn signed(number: u64) -> Result<i64, EngineError> {
    i64::try_from(number)
        .map_err(|_| EngineError::Fatal(format!("{number} is larger than any id or count may be")))
}

/// A column that is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// An owner as four columns: character, zone, x, y.
pub(super) type OwnerColumns<'a> = (Option<i64>, Option<&'a str>, Option<i32>, Option<i32>);

pub(super) fn owner_columns(owner: &Owner) -> Result<OwnerColumns<'_>, EngineError> {
    Ok(match owner {
        Owner::Character(character) => (Some(signed(character.0)?), None, None, None),
        Owner::Ground { zone, x, y } => (None, Some(zone.as_str()), Some(*x), Some(*y)),
        Owner::Mail(_) => return Err(EngineError::Fatal("not written here yet".to_owned())),
    })
}

/// The owner in four columns from `first` on; `None` when it is nobody.
fn owner(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Owner>> {
    let character: Option<i64> = row.get(first)?;
    let zone: Option<String> = row.get(first + 1)?;
    Ok(match (character, zone) {
        (Some(_), _) => Some(Owner::Character(CharacterId(unsigned(row, first)?))),
        (None, Some(zone)) => Some(Owner::Ground {
            zone: ZoneName::new(zone),
            x: row.get(first + 2)?,
            y: row.get(first + 3)?,
        }),
        (None, None) => None,
    })
}

/// A query for [`item`].
pub(super) fn select_items(condition: &str) -> String {
    format!(
        "SELECT id, owner_character, owner_zone, x, y, slot, template, quantity FROM items WHERE {condition}"
    )
}

/// An item from a row of [`select_items`].
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<ItemRecord> {
    let nobody = || Error::InvalidColumnType(1, "owner_character".to_owned(), Type::Null);
    Ok(ItemRecord {
        id: ItemId(unsigned(row, 0)?),
        owner: owner(row, 1)?.ok_or_else(nobody)?,
        slot: row.get(5)?,
        template: row.get(6)?,
        quantity: row.get(7)?,
    })
}

/// A query for [`ledger_entry`].
pub(super) fn select_ledger(condition: &str) -> String {
    format!(
        "SELECT entry, epoch, sequence, tick, at_ms, cause, actor, item, from_character, from_zone, from_x, from_y, \
         to_character, to_zone, to_x, to_y, slot, template, quantity, kind, change FROM ledger {condition}"
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
        to: owner(row, 12)?,
        slot: row.get(16)?,
        template: row.get(17)?,
        quantity: unsigned(row, 18)?,
        kind: kind(row, 19)?,
        change: row.get(20)?,
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
