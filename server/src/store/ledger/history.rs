//! Histories as a person reads them: of one item, and of all that a character had and has.

use std::fmt;

use game::record::{ItemRecord, Owner};
use game::{CharacterId, ItemId};

use crate::store::error::EngineError;
use crate::store::snapshot::{
    ENTRY_COLUMNS, ITEM_COLUMNS, Snapshot, Value, entry_at, id_argument, item_at, number, text,
};

use super::entry::{EntryKind, LedgerEntry};
use super::text::{Line, Names, Party};

/// Entries that a history shows: the newest. More than any eye reads.
const LISTED: i64 = 10_000;

/// What happened to one item, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// What the folded part of the ledger left of it; `None` when it wasn't in the world then, or nothing is folded.
    pub opening: Option<ItemRecord>,
    /// The newest of its entries.
    pub entries: Vec<LedgerEntry>,
    /// Names of the characters in it that are still there.
    names: Names,
}

/// What a character has, and how it came to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharacterHistory {
    /// Who.
    pub id: CharacterId,
    /// What it has now, by slot.
    pub items: Vec<ItemRecord>,
    /// And how much gold.
    pub gold: u64,
    /// The newest entries that it had a part in, oldest first, each with the purse after it where gold moved.
    pub entries: Vec<(LedgerEntry, Option<u64>)>,
    /// Names of the characters in it that are still there.
    names: Names,
}

impl History {
    /// Whether there never was such an item, as far as the ledger goes back.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.opening.is_none() && self.entries.is_empty()
    }
}

/// The history of an item; empty when there never was such an item. Item 0 is all gold.
pub(in crate::store) fn item_history(
    snapshot: &mut dyn Snapshot,
    item: ItemId,
) -> Result<History, EngineError> {
    let mut history = History::default();
    let opening = format!("SELECT item, {ITEM_COLUMNS} FROM item_openings WHERE item = $1");
    snapshot.rows(&opening, &[id_argument(item.0)], &mut |row| {
        history.opening = Some(item_at(row, 0, 1)?);
        Ok(())
    })?;
    // Each way an index of its own: there is far more gold that moves than any one item.
    let index = if item.0 == 0 { "item = 0" } else { "item > 0" };
    let newest = format!(
        "SELECT {ENTRY_COLUMNS} FROM ledger WHERE item = $1 AND {index} ORDER BY entry DESC LIMIT $2"
    );
    history.entries = entries(snapshot, &newest, &[id_argument(item.0), Value::Integer(LISTED)])?;
    let opening = history.opening.iter().map(|item| &item.owner);
    history.names = names(snapshot, opening, history.entries.iter())?;
    Ok(history)
}

/// What a character has and had, by its folded name; `None` when nobody has it.
pub(in crate::store) fn character_history(
    snapshot: &mut dyn Snapshot,
    folded: &str,
) -> Result<Option<CharacterHistory>, EngineError> {
    let mut found = None;
    let who = "SELECT id, gold FROM characters WHERE folded_name = $1";
    snapshot.rows(who, &[Value::Text(folded.to_owned())], &mut |row| {
        found = Some((CharacterId(number(row, 0)?), number(row, 1)?));
        Ok(())
    })?;
    let Some((id, gold)) = found else { return Ok(None) };
    let mut items = Vec::new();
    let owned = format!(
        "SELECT id, {ITEM_COLUMNS} FROM items WHERE owner_character = $1 ORDER BY slot, id"
    );
    snapshot.rows(&owned, &[id_argument(id.0)], &mut |row| {
        items.push(item_at(row, 0, 1)?);
        Ok(())
    })?;
    // What moved within the inventory is found once, as given.
    let newest = format!(
        "SELECT {ENTRY_COLUMNS} FROM ledger WHERE from_character = $1 \
         UNION ALL SELECT {ENTRY_COLUMNS} FROM ledger \
         WHERE to_character = $1 AND (from_character IS NULL OR from_character <> $1) \
         ORDER BY entry DESC LIMIT $2"
    );
    let entries = entries(snapshot, &newest, &[id_argument(id.0), Value::Integer(LISTED)])?;
    let names = names(snapshot, [].into_iter(), entries.iter())?;
    Ok(Some(CharacterHistory { id, items, gold, entries: with_purse(id, gold, entries), names }))
}

/// The purse after each payment, reckoned back from what is in it now.
fn with_purse(
    id: CharacterId,
    now: u64,
    entries: Vec<LedgerEntry>,
) -> Vec<(LedgerEntry, Option<u64>)> {
    let mut gold = i128::from(now);
    let mut purses: Vec<Option<u64>> = Vec::with_capacity(entries.len());
    for entry in entries.iter().rev() {
        let is_gold = entry.kind == EntryKind::Gold;
        purses.push(is_gold.then(|| u64::try_from(gold).unwrap_or(0)));
        if is_gold {
            let amount = i128::from(entry.quantity);
            let mine = |owner: &Option<Owner>| i128::from(*owner == Some(Owner::Character(id)));
            gold += amount * (mine(&entry.from) - mine(&entry.to));
        }
    }
    entries.into_iter().zip(purses.into_iter().rev()).collect()
}

/// The entries of a query that gives the newest first, oldest first.
fn entries(
    snapshot: &mut dyn Snapshot,
    sql: &str,
    arguments: &[Value],
) -> Result<Vec<LedgerEntry>, EngineError> {
    let mut entries = Vec::new();
    snapshot.rows(sql, arguments, &mut |row| {
        entries.push(entry_at(row, 0)?);
        Ok(())
    })?;
    entries.reverse();
    Ok(entries)
}

/// The names of those who have a part in it and are still there.
fn names<'a>(
    snapshot: &mut dyn Snapshot,
    owners: impl Iterator<Item = &'a Owner>,
    entries: impl Iterator<Item = &'a LedgerEntry>,
) -> Result<Names, EngineError> {
    let mut names = Names::new();
    let mut meet = |owner: &Owner| {
        if let Owner::Character(character) = owner {
            names.insert(*character, String::new());
        }
    };
    owners.for_each(&mut meet);
    for entry in entries {
        entry.from.iter().chain(&entry.to).for_each(&mut meet);
        meet(&Owner::Character(entry.actor));
    }
    for (character, name) in &mut names {
        let sql = "SELECT name FROM characters WHERE id = $1";
        snapshot.rows(sql, &[id_argument(character.0)], &mut |row| {
            text(row, 0)?.clone_into(name);
            Ok(())
        })?;
    }
    names.retain(|_, name| !name.is_empty());
    Ok(names)
}

impl fmt::Display for History {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ItemRecord { quantity, template, owner, .. }) = &self.opening {
            let owner = Party(Some(owner), &self.names);
            writeln!(out, "folded history: {quantity} {template} with {owner}")?;
        }
        for entry in &self.entries {
            writeln!(out, "{}", Line(entry, &self.names))?;
        }
        Ok(())
    }
}

impl fmt::Display for CharacterHistory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "character {}: {} gold, {} items", self.id, self.gold, self.items.len())?;
        for ItemRecord { id, slot, template, quantity, .. } in &self.items {
            writeln!(out, "  slot {slot}: item {id}, {quantity} {template}")?;
        }
        for (entry, purse) in &self.entries {
            write!(out, "{}", Line(entry, &self.names))?;
            match purse {
                Some(gold) => writeln!(out, "; purse {gold}")?,
                None => writeln!(out)?,
            }
        }
        Ok(())
    }
}
