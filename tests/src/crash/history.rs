//! What the ledger says that each character had of each thing, change by change.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::database::{Database, Row};

/// The item number that stands for gold, in the ledger as here.
pub(super) const GOLD: u64 = 0;
/// The ledger's word for what a shop pays.
const SOLD: &str = "sell";
/// The number that stands for no operation: what the store does by itself.
const OWN_DOING: u64 = 0;
/// What is read of an entry.
const ENTRIES: &str = "SELECT entry, epoch, sequence, cause, item, from_character, to_character, from_mail, to_mail, \
     quantity, change FROM ledger WHERE entry >";

/// A character and what it has: an item, or [`GOLD`].
pub(super) type Holding = (u64, u64);

/// The epoch and the number of an operation.
pub(super) type OpId = (u64, u64);

/// The world as the ledger has it.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The last entry that was read.
    read: i64,
    /// The last operation that was read, in this look or an earlier one.
    last: Option<OpId>,
    /// Pieces in each stack that is there.
    pieces: BTreeMap<u64, u64>,
    holdings: BTreeMap<Holding, u64>,
    earned: BTreeMap<u64, u64>,
}

/// What has been added since the last look.
#[derive(Debug, Default)]
pub(super) struct Chapter {
    /// How what a character has of a thing has changed.
    pub(super) courses: BTreeMap<Holding, Course>,
    /// Operations that gave a character something or took something from it.
    pub(super) operations: BTreeMap<u64, BTreeSet<OpId>>,
    /// Letters that something was put into, and by whom.
    pub(super) letters: BTreeSet<(u64, u64)>,
    /// What can't be in any ledger.
    pub(super) violations: Vec<String>,
    /// The operation that is being read, and its entries so far.
    under_way: Option<(OpId, BTreeSet<Entry>)>,
}

/// What a character had of a thing, from one look to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    /// At the last look.
    pub(super) before: u64,
    /// After each operation that changed it.
    pub(super) steps: Vec<(OpId, u64)>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    op: OpId,
    cause: String,
    item: u64,
    from: Option<u64>,
    to: Option<u64>,
    from_mail: Option<u64>,
    to_mail: Option<u64>,
    quantity: u64,
    change: i64,
}

impl History {
    /// Reads what has been added.
    pub(super) fn read_on(&mut self, database: &mut Database) -> Result<Chapter> {
        let mut chapter = Chapter::default();
        for row in database.rows(&format!("{ENTRIES} {} ORDER BY entry", self.read))? {
            self.read = row.number(0)?;
            let entry = Entry::read(&row)?;
            if entry.op.1 != OWN_DOING {
                self.check(&entry, &mut chapter);
            }
            self.apply(&entry, &mut chapter);
        }
        Ok(chapter)
    }

    /// An operation is written once, in one piece, after all that came before it.
    fn check(&mut self, entry: &Entry, chapter: &mut Chapter) {
        let goes_on = chapter.under_way.as_ref().is_some_and(|(op, _)| *op == entry.op);
        if !goes_on {
            if self.last.is_some_and(|last| entry.op <= last) {
                chapter.violations.push(format!("applied again or too late: {entry:?}"));
            }
            chapter.under_way = None;
            self.last = Some(entry.op);
        }
        let (_, entries) = chapter.under_way.get_or_insert_with(|| (entry.op, BTreeSet::new()));
        if !entries.insert(entry.clone()) {
            chapter.violations.push(format!("applied twice: {entry:?}"));
        }
    }

    fn apply(&mut self, entry: &Entry, chapter: &mut Chapter) {
        let Entry { op, item, from, to, .. } = *entry;
        if let (Some(from), Some(mail)) = (from, entry.to_mail) {
            chapter.letters.insert((from, mail));
        }
        if item == GOLD {
            if from.is_none() && entry.from_mail.is_none() && entry.cause == SOLD {
                *self.earned.entry(to.unwrap_or_default()).or_default() += entry.quantity;
            }
            if let Some(from) = from {
                let had = self.holding((from, GOLD));
                if had < entry.quantity {
                    chapter.violations.push(format!("gold was paid that wasn't there: {entry:?}"));
                }
                self.set(chapter, op, (from, GOLD), had.saturating_sub(entry.quantity));
            }
            if let Some(to) = to {
                let had = self.holding((to, GOLD));
                self.set(chapter, op, (to, GOLD), had + entry.quantity);
            }
            return;
        }
        let pieces = self.pieces.entry(item).or_default();
        *pieces = pieces.saturating_add_signed(entry.change);
        let pieces = *pieces;
        if pieces == 0 {
            self.pieces.remove(&item);
        }
        if let Some(from) = from.filter(|_| from != to) {
            self.set(chapter, op, (from, item), 0);
        }
        if let Some(to) = to {
            self.set(chapter, op, (to, item), pieces);
        }
    }

    fn set(&mut self, chapter: &mut Chapter, op: OpId, holding: Holding, quantity: u64) {
        let before = self.holding(holding);
        let unchanged = || Course { before, steps: Vec::new() };
        chapter.courses.entry(holding).or_insert_with(unchanged).step(op, quantity);
        chapter.operations.entry(holding.0).or_default().insert(op);
        if quantity == 0 {
            self.holdings.remove(&holding);
        } else {
            self.holdings.insert(holding, quantity);
        }
    }

    /// What a character has of a thing now.
    pub(super) fn holding(&self, holding: Holding) -> u64 {
        self.holdings.get(&holding).copied().unwrap_or_default()
    }

    /// All the gold that shops ever paid a character.
    pub(super) fn earned(&self, character: u64) -> u64 {
        self.earned.get(&character).copied().unwrap_or_default()
    }

    /// Who was ever paid by a shop.
    pub(super) fn paid(&self) -> impl Iterator<Item = u64> + '_ {
        self.earned.keys().copied()
    }

    /// Where what is there isn't what the ledger says.
    pub(super) fn differences(&self, database: &mut Database) -> Result<Vec<String>> {
        let items =
            "SELECT owner_character, id, quantity FROM items WHERE owner_character IS NOT NULL";
        let purses = "SELECT id, 0, gold FROM characters WHERE gold > 0";
        let mut there = BTreeMap::new();
        for row in database.rows(items)?.into_iter().chain(database.rows(purses)?) {
            there.insert((row.id(0)?, row.id(1)?), row.id(2)?);
        }
        let all: BTreeSet<Holding> = self.holdings.keys().chain(there.keys()).copied().collect();
        let differing = all.into_iter().filter_map(|holding| {
            let (character, thing) = holding;
            let (said, is) = (self.holding(holding), there.get(&holding).copied().unwrap_or(0));
            (said != is).then(|| {
                format!("character {character} has {is} of {thing}, by the ledger it is {said}")
            })
        });
        Ok(differing.collect())
    }
}

impl Course {
    /// One step for each operation, and none for one that takes and gives as much: nobody is told of that.
    fn step(&mut self, op: OpId, quantity: u64) {
        self.steps.pop_if(|(last, _)| *last == op);
        let before = self.steps.last().map_or(self.before, |(_, quantity)| *quantity);
        if quantity != before {
            self.steps.push((op, quantity));
        }
    }
}

impl Entry {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            op: (row.id(1)?, row.id(2)?),
            cause: row.text(3)?.to_owned(),
            item: row.id(4)?,
            from: row.optional_id(5)?,
            to: row.optional_id(6)?,
            from_mail: row.optional_id(7)?,
            to_mail: row.optional_id(8)?,
            quantity: row.id(9)?,
            change: row.number(10)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(op: OpId, item: u64) -> Entry {
        let (cause, quantity, change) = ("loot".to_owned(), 1, 1);
        let (from, to, from_mail, to_mail) = (None, Some(1), None, None);
        Entry { op, cause, item, from, to, from_mail, to_mail, quantity, change }
    }

    /// Violations in each chapter.
    fn violations(chapters: &[&[Entry]]) -> Vec<usize> {
        let mut history = History::default();
        let read = |entries: &&[Entry]| {
            let mut chapter = Chapter::default();
            entries.iter().for_each(|entry| history.check(entry, &mut chapter));
            chapter.violations.len()
        };
        chapters.iter().map(read).collect()
    }

    #[test]
    fn operations_in_order_are_in_order_also_from_one_chapter_to_the_next() {
        let (two, again) = ([entry((1, 1), 5), entry((1, 1), 6)], [entry((1, 2), 5)]);
        assert_eq!(violations(&[&two, &again, &[entry((2, 1), 5)]]), [0, 0, 0]);
    }

    #[test]
    fn an_operation_that_is_applied_again_is_found_also_as_the_first_of_a_chapter() {
        let (one, other) = (entry((1, 1), 5), entry((1, 2), 6));
        assert_eq!(violations(&[&[one.clone(), one.clone()]]), [1]);
        assert_eq!(violations(&[&[one.clone(), other.clone(), one.clone()]]), [1]);
        let alone = std::slice::from_ref(&one);
        assert_eq!(violations(&[alone, alone]), [0, 1]);
        assert_eq!(violations(&[&[one.clone(), other], &[one]]), [0, 1]);
    }
}
