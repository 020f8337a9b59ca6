//! One moment of a database, for those who only look: the audit, histories, exports. Their SQL is written once, in
//! what both engines understand.

use game::record::{ItemRecord, OpId, Owner};
use game::{CharacterId, ItemId, MailId, ZoneName};

use super::error::EngineError;
use super::ledger::{EntryKind, LedgerEntry};

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Takes one row after the other; an error ends the query.
pub(super) type EachRow<'a> = dyn FnMut(&[Value]) -> Result<(), EngineError> + 'a;

/// A database as it was when this was begun, whatever is written meanwhile.
pub(super) trait Snapshot {
    /// Gives `each` row of a query, in order, without ever holding more than some of them. Arguments are `$1`, `$2`
    /// and so on, first used in that order: SQLite numbers them so.
    fn rows(
        &mut self,
        sql: &str,
        arguments: &[Value],
        each: &mut EachRow<'_>,
    ) -> Result<(), EngineError>;

    /// What the engine's own check of its pages, indices and references complains about, at most so much.
    fn damage(&mut self, most: usize) -> Result<Vec<String>, EngineError>;
}

/// Columns of [`item_at`], after the item's id.
pub(super) const ITEM_COLUMNS: &str =
    "owner_character, owner_zone, owner_mail, x, y, slot, template, quantity";

/// Columns of [`entry_at`].
pub(super) const ENTRY_COLUMNS: &str = "entry, epoch, sequence, tick, at_ms, cause, actor, kind, item, \
     from_character, from_zone, from_mail, from_x, from_y, to_character, to_zone, to_mail, to_x, to_y, \
     slot, template, quantity, change";

/// A column that isn't what the schema says.
fn unexpected(row: &[Value], column: usize) -> EngineError {
    EngineError::Impossible(format!("column {column} holds {:?}", row.get(column)))
}

/// A whole number.
pub(super) fn integer(row: &[Value], column: usize) -> Result<i64, EngineError> {
    match row.get(column) {
        Some(Value::Integer(number)) => Ok(*number),
        _ => Err(unexpected(row, column)),
    }
}

/// A number of a type that holds fewer, such as one that is never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &[Value], column: usize) -> Result<T, EngineError> {
    T::try_from(integer(row, column)?).map_err(|_| unexpected(row, column))
}

/// The same, or nothing.
fn optional<T: TryFrom<i64>>(row: &[Value], column: usize) -> Result<Option<T>, EngineError> {
    match row.get(column) {
        Some(Value::Null) => Ok(None),
        _ => number(row, column).map(Some),
    }
}

/// A text.
pub(super) fn text(row: &[Value], column: usize) -> Result<&str, EngineError> {
    match row.get(column) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(unexpected(row, column)),
    }
}

/// The owner in five columns from `first` on: character, zone, letter, x, y; `None` when it is nobody.
fn owner(row: &[Value], first: usize) -> Result<Option<Owner>, EngineError> {
    if let Some(character) = optional(row, first)? {
        return Ok(Some(Owner::Character(CharacterId(character))));
    }
    if let Some(mail) = optional(row, first + 2)? {
        return Ok(Some(Owner::Mail(MailId(mail))));
    }
    if row.get(first + 1) == Some(&Value::Null) {
        return Ok(None);
    }
    let zone = ZoneName::new(text(row, first + 1)?);
    Ok(Some(Owner::Ground { zone, x: number(row, first + 3)?, y: number(row, first + 4)? }))
}

/// The item in the columns `id` and, from `first` on, [`ITEM_COLUMNS`].
pub(super) fn item_at(row: &[Value], id: usize, first: usize) -> Result<ItemRecord, EngineError> {
    Ok(ItemRecord {
        id: ItemId(number(row, id)?),
        owner: owner(row, first)?.ok_or_else(|| unexpected(row, first))?,
        slot: number(row, first + 5)?,
        template: text(row, first + 6)?.to_owned(),
        quantity: number(row, first + 7)?,
    })
}

/// The entry in [`ENTRY_COLUMNS`] from `first` on.
pub(super) fn entry_at(row: &[Value], first: usize) -> Result<LedgerEntry, EngineError> {
    let kind = text(row, first + 7)?;
    let kind = EntryKind::ALL.into_iter().find(|known| known.name() == kind);
    Ok(LedgerEntry {
        entry: number(row, first)?,
        op: OpId { epoch: number(row, first + 1)?, sequence: number(row, first + 2)? },
        tick: optional(row, first + 3)?,
        at_ms: number(row, first + 4)?,
        cause: text(row, first + 5)?.to_owned(),
        actor: CharacterId(number(row, first + 6)?),
        kind: kind.ok_or_else(|| unexpected(row, first + 7))?,
        item: ItemId(number(row, first + 8)?),
        from: owner(row, first + 9)?,
        to: owner(row, first + 14)?,
        slot: number(row, first + 19)?,
        template: text(row, first + 20)?.to_owned(),
        quantity: number(row, first + 21)?,
        change: integer(row, first + 22)?,
    })
}

/// An id as an argument. One that no row can have finds nothing.
pub(super) fn id_argument(id: u64) -> Value {
    Value::Integer(i64::try_from(id).unwrap_or(-1))
}
