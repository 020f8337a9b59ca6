//! What players were told they own, against what the database says: nothing that was told may be missing, and nothing
//! may be there twice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use client_bot::bot::event::Confirmation;
use rusqlite::{Connection, Row};

/// A character and an item.
type Pair = (u64, u64);

/// Changes that a character may have on disk without having heard of them: every player here asks for one item at a
/// time, and has at most one request on its way when the server dies.
const UNHEARD_PER_CHARACTER: usize = 1;

/// All that was told so far.
#[derive(Debug, Default)]
pub(super) struct Promises {
    told: BTreeMap<Pair, Told>,
    confirmations: u64,
}

/// What a character was told about an item.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// How often it became the character's.
    gains: u64,
    /// How often it ceased to be.
    losses: u64,
    owned: bool,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) confirmations: u64,
    pub(super) unheard: u64,
    pub(super) violations: Vec<String>,
}

/// What the ledger says of a character and an item.
#[derive(Debug, Clone, Copy, Default)]
struct Recorded {
    gains: u64,
    losses: u64,
}

impl Promises {
    /// Takes a confirmation; those of one character in the order in which it heard them.
    pub(super) fn told(&mut self, confirmation: Confirmation) {
        let Confirmation { character, item, quantity } = confirmation;
        let told = self.told.entry((character, item)).or_default();
        let owns = quantity > 0;
        told.gains += u64::from(owns && !told.owned);
        told.losses += u64::from(!owns);
        told.owned = owns;
        self.confirmations += 1;
    }

    /// Takes the lines that a swarm wrote; see [`client_bot::confirmations::Confirmations`].
    pub(super) fn read(&mut self, lines: &str) -> Result<()> {
        for line in lines.lines() {
            let mut words = line.split(' ');
            let (character, item) = (words.next(), words.next());
            if item == Some("gold") {
                continue;
            }
            let quantity = words.nth(1);
            let number = |word: Option<&str>| {
                word.context("a word is missing")?.parse::<u64>().context("no number")
            };
            self.told(Confirmation {
                character: number(character)?,
                item: number(item)?,
                quantity: number(quantity)?.try_into()?,
            });
        }
        Ok(())
    }

    /// Holds everything against the database. What a character owns there is taken as known from here on: the next
    /// inventory tells it.
    pub(super) fn compare(&mut self, database: &Connection) -> Result<Compared> {
        let owned = owned(database)?;
        let recorded = recorded(database)?;
        let mut compared = Compared {
            confirmations: std::mem::take(&mut self.confirmations),
            ..Compared::default()
        };
        let mut unheard: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let pairs: BTreeSet<Pair> = self.told.keys().chain(&owned).copied().collect();
        for pair in pairs {
            let told = self.told.entry(pair).or_default();
            let disk = recorded.get(&pair).copied().unwrap_or_default();
            let is_owned = owned.contains(&pair);
            if disk.gains < told.gains || disk.losses < told.losses {
                let (character, item) = pair;
                compared.violations.push(format!(
                    "character {character} was told {told:?} about item {item}, on disk is {disk:?}, owned: {is_owned}"
                ));
                // Said once is enough.
                (told.gains, told.losses) = (disk.gains, disk.losses);
            } else if is_owned != told.owned {
                unheard.entry(pair.0).or_default().push(pair.1);
            }
            told.owned = is_owned;
        }
        for (character, items) in unheard {
            compared.unheard += items.len() as u64;
            if items.len() > UNHEARD_PER_CHARACTER {
                compared.violations.push(format!("character {character} never heard of {items:?}"));
            }
        }
        Ok(compared)
    }
}

fn owned(database: &Connection) -> Result<BTreeSet<Pair>> {
    let mut query = database
        .prepare("SELECT owner_character, id FROM items WHERE owner_character IS NOT NULL")?;
    let rows = query.query_map([], |row| Ok((id(row, 0)?, id(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn recorded(database: &Connection) -> Result<BTreeMap<Pair, Recorded>> {
    let mut all: BTreeMap<Pair, Recorded> = BTreeMap::new();
    let mut query = database.prepare(
        "SELECT from_character, to_character, item FROM ledger WHERE from_character IS NOT to_character",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (from, to): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
        let item = id(row, 2)?;
        if let Some(from) = from {
            all.entry((from.cast_unsigned(), item)).or_default().losses += 1;
        }
        if let Some(to) = to {
            all.entry((to.cast_unsigned(), item)).or_default().gains += 1;
        }
    }
    Ok(all)
}

/// An id; those of a database fit 63 bits.
fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
