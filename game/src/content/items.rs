//! The items of the world: `items.toml`, one table each.

use serde::{Deserialize, Serialize};

use super::error::Mistakes;
use super::name::Name;
use super::source::{Entry, Source};
use super::whole::Whole;
use crate::record::GOLD;

/// Pieces in one slot of an inventory at most: what a player can read, and far from where quantities overflow.
pub(super) const STACK_MAX: u32 = 10_000;

/// What a piece can be worth at most: a full stack of it still fits a purse a hundred times.
const VALUE_MAX: u32 = 1_000_000_000;

/// A kind of item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemKind {
    /// What files, game masters and the database call it, such as `wolf_pelt`.
    pub key: String,
    /// What players read.
    pub name: String,
    /// Pieces in one slot at most; 1 if each takes a slot of its own.
    pub stack: u32,
    /// What a piece is worth in gold; shops pay a share of it. 0 if no shop buys it.
    pub value: u32,
}

/// An item as it is written in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Name,
    stack: Whole<1, STACK_MAX>,
    value: Option<Whole<0, VALUE_MAX>>,
}

/// Every item of the file by name; `None` for those whose mistakes were added to `errors`.
pub(super) fn read(source: Source<'_>, errors: &mut Mistakes) -> Vec<(String, Option<ItemKind>)> {
    let entries: Vec<Entry<Written>> = source.entries(errors);
    for entry in entries.iter().filter(|entry| entry.name == GOLD) {
        let expected = "another name: gold is money and lies in no slot";
        errors.push(source.error(entry.at, format!("an item called `{GOLD}`"), expected));
    }
    entries.into_iter().map(kind).collect()
}

fn kind(entry: Entry<Written>) -> (String, Option<ItemKind>) {
    let kind = entry.value.map(|written| ItemKind {
        key: entry.name.clone(),
        name: written.name.0,
        stack: written.stack.0,
        value: written.value.map_or(0, |value| value.0),
    });
    (entry.name, kind)
}
