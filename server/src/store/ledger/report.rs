//! What an audit counted and found.

use std::collections::BTreeMap;
use std::fmt;

use game::record::{ItemRecord, OpId, Owner};

use super::entry::{EntryKind, GOLD, LedgerEntry};
use super::text::{Line, Names, Party, Stock};

/// Findings that a report lists in full; the rest are only counted. One bug repeats itself, and a thousand lines
/// show every pattern.
pub const FINDINGS_LISTED: usize = 1_000;

/// Something that an audit found to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The ledger says that an item is there, the items don't.
    Missing(ItemRecord),
    /// An item is there that the ledger knows nothing of, or says is gone.
    Unexplained(ItemRecord),
    /// An item isn't what the ledger says.
    Different {
        /// By the ledger.
        expected: ItemRecord,
        /// Among the items.
        found: ItemRecord,
    },
    /// An entry that doesn't follow from the item's history before it: made twice, moved from somebody who didn't
    /// have it, changed after it was gone.
    Impossible {
        /// The entry.
        entry: LedgerEntry,
        /// What the item was just before; `None` when it wasn't in the world.
        before: Option<ItemRecord>,
    },
    /// Gold that was paid by somebody who hadn't got it, or an entry that is no payment.
    ImpossibleGold {
        /// The entry.
        entry: LedgerEntry,
        /// What the payer had.
        had: u64,
    },
    /// A purse or a letter doesn't hold what the ledger says.
    Purse {
        /// Whose.
        owner: Owner,
        /// By the ledger.
        expected: u64,
        /// In the purse.
        found: u64,
    },
    /// An operation appears in the ledger after a later one of its epoch, or twice.
    OutOfOrder {
        /// The entry.
        entry: u64,
        /// Its operation.
        op: OpId,
    },
    /// An operation's splits and merges made or lost something.
    Reshaped {
        /// The operation.
        op: OpId,
        /// Of what.
        template: String,
        /// How much.
        change: i64,
    },
    /// An entry is there that was folded already.
    Folded {
        /// The entry.
        entry: u64,
    },
    /// The sums of a template don't add up.
    Imbalance {
        /// Which.
        template: String,
        /// What came, went and is there.
        balance: Balance,
    },
    /// What the folded part of the ledger left doesn't fit its sums.
    Openings {
        /// Of which template.
        template: String,
        /// Its folded sums, with what it left as present.
        balance: Balance,
    },
    /// The database engine's own check complains.
    Damage(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Names::new();
        match self {
            Self::Missing(item) => {
                write!(out, "item {} is missing: the ledger says {}", item.id, Stock(item))
            }
            Self::Unexplained(item) => {
                write!(out, "item {} has no history: it is {}", item.id, Stock(item))
            }
            Self::Different { expected, found } => write!(
                out,
                "item {}: the ledger says {}, and it is {}",
                found.id,
                Stock(expected),
                Stock(found)
            ),
            Self::Impossible { entry, before } => {
                write!(out, "ledger entry {} can't be: the item was ", entry.entry)?;
                match before {
                    Some(before) => write!(out, "{}", Stock(before))?,
                    None => write!(out, "not in the world")?,
                }
                let LedgerEntry { slot, change, .. } = entry;
                write!(out, ", then {}, slot {slot}, change {change}", Line(entry, &names))
            }
            Self::ImpossibleGold { entry, had } => {
                let LedgerEntry { entry: number, change, .. } = entry;
                let line = Line(entry, &names);
                write!(
                    out,
                    "ledger entry {number} can't be: out of {had} gold, {line}, change {change}"
                )
            }
            Self::Purse { owner, expected, found } => {
                let owner = Party(Some(owner), &names);
                write!(out, "gold of {owner}: the ledger says {expected}, and it is {found}")
            }
            Self::OutOfOrder { entry, op } => write!(
                out,
                "ledger entry {entry}: operation {}/{} is out of order",
                op.epoch, op.sequence
            ),
            Self::Reshaped { op, template, change } => write!(
                out,
                "operation {}/{} split and merged {template} into {change} more",
                op.epoch, op.sequence
            ),
            Self::Folded { entry } => write!(out, "ledger entry {entry} was folded already"),
            Self::Imbalance { template, balance } => write!(out, "{template}: {balance}"),
            Self::Openings { template, balance } => {
                write!(out, "{template}, folded: {balance}")
            }
            Self::Damage(detail) => write!(out, "damaged: {detail}"),
        }
    }
}

/// Quantities of one template, or of gold, over all history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Came into the world, by the ledger.
    pub created: u64,
    /// Left it, by the ledger.
    pub destroyed: u64,
    /// Came of splits and merges, by the ledger.
    pub reshaped: i64,
    /// Are there, by the items.
    pub present: u64,
}

impl fmt::Display for Balance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, destroyed, reshaped, present } = self;
        write!(
            out,
            "{created} came into the world and {destroyed} left it, splits and merges made {reshaped}, and {present} are there"
        )
    }
}

impl Balance {
    /// Whether what came and didn't go is what is there.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.reshaped == 0
            && self.created.checked_sub(self.destroyed).is_some()
            && self.created - self.destroyed == self.present
    }

    /// Counts what an entry says.
    pub(super) const fn count(&mut self, entry: &LedgerEntry) {
        match entry.kind {
            EntryKind::Create => self.created = self.created.saturating_add(entry.quantity),
            EntryKind::Destroy => self.destroyed = self.destroyed.saturating_add(entry.quantity),
            EntryKind::Split | EntryKind::Merge => {
                self.reshaped = self.reshaped.saturating_add(entry.change);
            }
            EntryKind::Gold if entry.change > 0 => {
                self.created = self.created.saturating_add(entry.quantity);
            }
            EntryKind::Gold if entry.change < 0 => {
                self.destroyed = self.destroyed.saturating_add(entry.quantity);
            }
            EntryKind::Gold | EntryKind::Move => {}
        }
    }
}

/// What an audit looked at and found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// Items that are there.
    pub items: u64,
    /// Items that were there since the ledger's oldest entry.
    pub histories: u64,
    /// Purses and letters that hold gold.
    pub purses: u64,
    /// Ledger entries replayed.
    pub entries: u64,
    /// The last entry that is folded: history before it is sums and opening balances. 0: nothing is folded.
    pub folded: u64,
    /// By template, gold among them.
    pub balances: BTreeMap<String, Balance>,
    /// What is wrong, at most [`FINDINGS_LISTED`].
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub unlisted: u64,
}

impl AuditReport {
    /// Whether everything is as it must be.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unlisted == 0
    }

    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_LISTED {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }

    pub(super) fn balance(&mut self, template: &str) -> &mut Balance {
        if !self.balances.contains_key(template) {
            self.balances.insert(template.to_owned(), Balance::default());
        }
        self.balances.get_mut(template).expect("it was just put there")
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.findings.len() as u64 + self.unlisted;
        let gold = self.balances.get(GOLD).map_or(0, |gold| gold.present);
        write!(
            out,
            "{} items, {} histories, {gold} gold in {} purses and letters, {} ledger entries, {} templates: {count} findings",
            self.items,
            self.histories,
            self.purses,
            self.entries,
            self.balances.keys().filter(|template| *template != GOLD).count()
        )?;
        if self.folded > 0 {
            write!(out, "\n  entries up to {} are folded into openings and sums", self.folded)?;
        }
        for finding in &self.findings {
            write!(out, "\n  {finding}")?;
        }
        if self.unlisted > 0 {
            write!(out, "\n  and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use game::{CharacterId, ItemId, ZoneName};

    use super::*;

    #[test]
    fn findings_are_told_in_words() {
        let item = |owner| ItemRecord {
            id: ItemId(7),
            owner,
            slot: 2,
            template: "herb".to_owned(),
            quantity: 5,
        };
        let anna = item(Owner::Character(CharacterId(3)));
        let ground = item(Owner::Ground { zone: ZoneName::new("field"), x: 10, y: 20 });
        let both = "item 7: the ledger says 5 herb with character 3 in slot 2, \
                    and it is 5 herb with the ground of field at 10,20 in slot 2";
        for (finding, told) in [
            (
                Finding::Missing(anna.clone()),
                "item 7 is missing: the ledger says 5 herb with character 3 in slot 2",
            ),
            (Finding::Different { expected: anna, found: ground }, both),
            (
                Finding::Purse { owner: Owner::Character(CharacterId(3)), expected: 9, found: 8 },
                "gold of character 3: the ledger says 9, and it is 8",
            ),
        ] {
            assert_eq!(finding.to_string(), told);
        }
    }
}
