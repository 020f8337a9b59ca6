//! Between rows and records. PostgreSQL's integers are signed; ours are mostly unsigned. Its texts hold no zero byte;
//! ours may.

use std::borrow::Cow;

use game::record::{ItemRecord, OpId, Owner, Place};
use game::{CharacterId, ItemId, MailId, Rank, ZoneName};
use tokio_postgres::Row;

use crate::store::LedgerEntry;
use crate::store::error::EngineError;
use crate::store::ledger::EntryKind;

/// What stands in a text for the byte that PostgreSQL doesn't take.
const REPLACEMENT: &str = "\u{fffd}";

/// The columns of [`item`].
macro_rules! select_items {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity ",
            $rest
        )
    };
}

/// The columns of [`ledger_entry`].
macro_rules! ledger_columns {
    () => {
        "entry, epoch, sequence, tick, at_ms, cause, actor, kind, item, from_character, from_zone, from_mail, from_x, \
         from_y, to_character, to_zone, to_mail, to_x, to_y, slot, template, quantity, change"
    };
}

pub(super) use {ledger_columns, select_items};

/// A number as PostgreSQL keeps it.
pub(super) fn signed(number: u64) -> Result<i64, EngineError> {
    i64::try_from(number).map_err(|_| {
        EngineError::Forbidden(format!("{number} is larger than any id or count may be"))
    })
}

/// Those of the numbers that a row can have. A client may name others: no row has them.
pub(super) fn possible(ids: impl Iterator<Item = u64>) -> Vec<i64> {
    ids.filter_map(|id| i64::try_from(id).ok()).collect()
}

/// A text as PostgreSQL takes it.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', REPLACEMENT)),
        false => Cow::Borrowed(text),
    }
}

/// A column that can't be what is in it.
fn impossible(column: usize, what: impl std::fmt::Debug) -> EngineError {
    EngineError::Impossible(format!("column {column} holds {what:?}, which can't be"))
}

/// Any column.
pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, EngineError> {
    row.try_get(column)
        .map_err(|problem| EngineError::Impossible(format!("column {column}: {problem}")))
}

/// A column of type BIGINT that is never negative and may have fewer bits here.
pub(super) fn unsigned<T: TryFrom<i64>>(row: &Row, column: usize) -> Result<T, EngineError> {
    let number: i64 = get(row, column)?;
    T::try_from(number).map_err(|_| impossible(column, number))
}

/// The same, where it may be missing.
fn unsigned_or_null(row: &Row, column: usize) -> Result<Option<u64>, EngineError> {
    let number: Option<i64> = get(row, column)?;
    number.map(|number| u64::try_from(number).map_err(|_| impossible(column, number))).transpose()
}

/// The owner in five columns from `first` on: character, zone, mail, x, y; `None` when it is nobody.
fn owner(row: &Row, first: usize) -> Result<Option<Owner>, EngineError> {
    let character = unsigned_or_null(row, first)?;
    let zone: Option<String> = get(row, first + 1)?;
    let mail = unsigned_or_null(row, first + 2)?;
    Ok(match (character, zone, mail) {
        (Some(character), _, _) => Some(Owner::Character(CharacterId(character))),
        (None, Some(zone), _) => Some(Owner::Ground {
            zone: ZoneName::new(zone),
            x: get(row, first + 3)?,
            y: get(row, first + 4)?,
        }),
        (None, None, Some(mail)) => Some(Owner::Mail(MailId(mail))),
        (None, None, None) => None,
    })
}

/// An item from the columns of [`select_items`].
pub(super) fn item(row: &Row) -> Result<ItemRecord, EngineError> {
    Ok(ItemRecord {
        id: ItemId(unsigned(row, 0)?),
        owner: owner(row, 1)?.ok_or_else(|| impossible(1, "nobody"))?,
        slot: unsigned(row, 6)?,
        template: get(row, 7)?,
        quantity: unsigned(row, 8)?,
    })
}

/// An entry from the columns of [`ledger_columns`].
pub(super) fn ledger_entry(row: &Row) -> Result<LedgerEntry, EngineError> {
    let kind: &str = get(row, 7)?;
    let found = EntryKind::ALL.into_iter().find(|each| each.name() == kind);
    Ok(LedgerEntry {
        entry: unsigned(row, 0)?,
        op: OpId { epoch: unsigned(row, 1)?, sequence: unsigned(row, 2)? },
        tick: unsigned_or_null(row, 3)?,
        at_ms: unsigned(row, 4)?,
        cause: get(row, 5)?,
        actor: CharacterId(unsigned(row, 6)?),
        kind: found.ok_or_else(|| impossible(7, kind))?,
        item: ItemId(unsigned(row, 8)?),
        from: owner(row, 9)?,
        to: owner(row, 14)?,
        slot: unsigned(row, 19)?,
        template: get(row, 20)?,
        quantity: unsigned(row, 21)?,
        change: get(row, 22)?,
    })
}

/// The place in four columns from `first` on: zone, x, y, heading.
pub(super) fn place(row: &Row, first: usize) -> Result<Option<Place>, EngineError> {
    let zone: Option<String> = get(row, first)?;
    let Some(zone) = zone else { return Ok(None) };
    let heading: i32 = get(row, first + 3)?;
    Ok(Some(Place {
        zone: ZoneName::new(zone),
        x: get(row, first + 1)?,
        y: get(row, first + 2)?,
        heading: u16::try_from(heading).map_err(|_| impossible(first + 3, heading))?,
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
pub(super) fn rank(row: &Row, column: usize) -> Result<Rank, EngineError> {
    let name: &str = get(row, column)?;
    [Rank::Player, Rank::Guide, Rank::Master, Rank::Admin]
        .into_iter()
        .find(|rank| rank_name(*rank) == name)
        .ok_or_else(|| impossible(column, name))
}
