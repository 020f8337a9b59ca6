//! Proof that no item was lost, doubled or made out of nothing: the ledger, replayed, must end in exactly the items
//! that are there.

use std::collections::BTreeMap;
use std::fmt;

use game::record::{ItemRecord, OpId, Owner};
use game::{CharacterId, ItemId};

pub use game::record::GOLD;

/// Findings that a report lists in full; the rest are only counted. One bug repeats itself, and a thousand lines
/// show every pattern.
pub const FINDINGS_LISTED: usize = 1_000;

/// What happened to an item, or to gold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// It came into the world.
    Create,
    /// It changed owner or slot.
    Move,
    /// It left the world.
    Destroy,
    /// A stack became smaller, or is new and came out of one.
    Split,
    /// A stack became larger, or went into one.
    Merge,
    /// Gold changed hands, came or went.
    Gold,
}

impl EntryKind {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Create, Self::Move, Self::Destroy, Self::Split, Self::Merge, Self::Gold];

    /// Its name in the column `kind`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Move => "move",
            Self::Destroy => "destroy",
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Gold => "gold",
        }
    }
}

/// One change to one item or to gold, as history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place in the order of all entries; 0 before it has one.
    pub entry: u64,
    /// The operation it was part of. Sequence 0 is the store's own doing, such as a deleted character.
    pub op: OpId,
    /// In which tick; `None` for the store's own doing.
    pub tick: Option<u64>,
    /// When it was made durable, in Unix milliseconds by the server's clock.
    pub at_ms: u64,
    /// Why, in a word.
    pub cause: String,
    /// Whose deed it was.
    pub actor: CharacterId,
    /// What happened.
    pub kind: EntryKind,
    /// Which item; 0 for gold.
    pub item: ItemId,
    /// Whose it was; `None` when it comes into the world, or out of a stack.
    pub from: Option<Owner>,
    /// Whose it is then; `None` when it leaves the world, or goes into a stack.
    pub to: Option<Owner>,
    /// Its slot there.
    pub slot: u32,
    /// What it is; [`GOLD`] for gold.
    pub template: String,
    /// Pieces of it: afterwards, or when it went. For gold, how much.
    pub quantity: u64,
    /// By how much there is more of it, in this item or, for gold, in the world.
    pub change: i64,
}

impl fmt::Display for LedgerEntry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = |owner: &Option<Owner>| match owner {
            None => "nowhere".to_owned(),
            Some(Owner::Character(character)) => format!("character {character}"),
            Some(Owner::Ground { zone, x, y }) => format!("the ground of {zone} at {x},{y}"),
            Some(Owner::Mail(mail)) => format!("letter {mail}"),
        };
        let (from, to) = (owner(&self.from), owner(&self.to));
        let Self { entry, at_ms, cause, item, quantity, template, op, .. } = self;
        write!(
            out,
            "{entry}: at {at_ms} ms, {cause}: item {item}, {quantity} {template}, from {from} to {to} (operation {}/{})",
            op.epoch, op.sequence
        )
    }
}

/// Sums over the folded part of the ledger, of one template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Total {
    pub(super) template: String,
    pub(super) created: u64,
    pub(super) destroyed: u64,
    pub(super) reshaped: i64,
}

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
    /// An operation appears in the ledger after a later one of its epoch, or twice.
    OutOfOrder {
        /// The entry.
        entry: u64,
        /// Its operation.
        op: OpId,
    },
    /// The sums of a template don't add up.
    Imbalance {
        /// Which.
        template: String,
        /// What came, went and is there.
        balance: Balance,
    },
    /// The database engine's own check complains.
    Damage(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(item) => write!(out, "item {} is missing: {item:?}", item.id),
            Self::Unexplained(item) => write!(out, "item {} has no history: {item:?}", item.id),
            Self::Different { expected, found } => {
                write!(out, "item {}: expected {expected:?}, found {found:?}", found.id)
            }
            Self::Impossible { entry, before } => {
                write!(out, "ledger entry {} can't be: {entry:?} after {before:?}", entry.entry)
            }
            Self::OutOfOrder { entry, op } => write!(
                out,
                "ledger entry {entry}: operation {}/{} is out of order",
                op.epoch, op.sequence
            ),
            Self::Imbalance { template, balance } => write!(out, "{template}: {balance:?}"),
            Self::Damage(detail) => write!(out, "damaged: {detail}"),
        }
    }
}

/// Quantities of one template over all history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Came into the world, by the ledger.
    pub created: u64,
    /// Left it, by the ledger.
    pub destroyed: u64,
    /// Are there, by the items.
    pub present: u64,
}

impl Balance {
    /// Whether what came and didn't go is what is there.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.created.checked_sub(self.destroyed).is_some()
            && self.created - self.destroyed == self.present
    }
}

/// What an audit looked at and found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// Items that are there.
    pub items: u64,
    /// Items that ever were.
    pub histories: u64,
    /// Ledger entries replayed.
    pub entries: u64,
    /// By template.
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

    fn balance(&mut self, template: &str) -> &mut Balance {
        self.balances.entry(template.to_owned()).or_default()
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.findings.len() as u64 + self.unlisted;
        write!(
            out,
            "{} items of {} that ever were, {} ledger entries, {} templates: {count} findings",
            self.items,
            self.histories,
            self.entries,
            self.balances.len()
        )?;
        for finding in &self.findings {
            write!(out, "\n  {finding}")?;
        }
        if self.unlisted > 0 {
            write!(out, "\n  and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

/// Replays a ledger against the items. Both come ordered by item, and entries of one item by their place in the
/// ledger, so that any number of them fits in memory.
pub(super) struct Replay<I> {
    report: AuditReport,
    items: I,
    /// The next item that is there and wasn't compared yet.
    head: Option<ItemRecord>,
    /// The item whose history is being replayed, and what it is so far.
    current: Option<(ItemId, Option<ItemRecord>)>,
}

impl<E, I: Iterator<Item = Result<ItemRecord, E>>> Replay<I> {
    pub(super) fn new(mut items: I) -> Result<Self, E> {
        let head = items.next().transpose()?;
        Ok(Self { report: AuditReport::default(), items, head, current: None })
    }

    /// Takes the next entry.
    pub(super) fn entry(&mut self, entry: LedgerEntry) -> Result<(), E> {
        self.report.entries += 1;
        let quantity = entry.quantity;
        match (&entry.from, &entry.to) {
            (None, _) => self.report.balance(&entry.template).created += quantity,
            (Some(_), None) => self.report.balance(&entry.template).destroyed += quantity,
            (Some(_), Some(_)) => {}
        }
        match self.current.take() {
            Some((item, before)) if item == entry.item => self.step(entry, before, false),
            other => {
                self.compare(other)?;
                self.report.histories += 1;
                self.step(entry, None, true);
            }
        }
        Ok(())
    }

    /// Applies an entry to what the item was before. The first one of an item finds nothing before it.
    fn step(&mut self, entry: LedgerEntry, before: Option<ItemRecord>, first: bool) {
        let after = entry.to.clone().map(|owner| ItemRecord {
            id: entry.item,
            owner,
            slot: entry.slot,
            template: entry.template.clone(),
            quantity: u32::try_from(entry.quantity).unwrap_or(u32::MAX),
        });
        let follows = match (&before, &entry.from) {
            // An id that was in the world once never comes again.
            (None, None) => first,
            (Some(before), Some(from)) => {
                before.owner == *from
                    && before.template == entry.template
                    && u64::from(before.quantity) == entry.quantity
            }
            (None, Some(_)) | (Some(_), None) => false,
        };
        self.current = Some((entry.item, after));
        if !follows {
            self.report.find(Finding::Impossible { entry, before });
        }
    }

    /// Compares an item's end by the ledger with the items, and reports those in between, which have no history.
    fn compare(&mut self, end: Option<(ItemId, Option<ItemRecord>)>) -> Result<(), E> {
        let Some((id, expected)) = end else {
            return Ok(());
        };
        while let Some(found) = self.head.take_if(|found| found.id < id) {
            self.unexplained(found)?;
        }
        let found = self.head.take_if(|found| found.id == id);
        match (expected, found) {
            (None, None) => {}
            (Some(expected), None) => self.report.find(Finding::Missing(expected)),
            (None, Some(found)) => self.unexplained(found)?,
            (Some(expected), Some(found)) => {
                self.next(&found)?;
                if expected != found {
                    self.report.find(Finding::Different { expected, found });
                }
            }
        }
        Ok(())
    }

    fn unexplained(&mut self, found: ItemRecord) -> Result<(), E> {
        self.next(&found)?;
        self.report.find(Finding::Unexplained(found));
        Ok(())
    }

    /// Counts an item that is there and goes on to the next one.
    fn next(&mut self, found: &ItemRecord) -> Result<(), E> {
        self.report.items += 1;
        self.report.balance(&found.template).present += u64::from(found.quantity);
        self.head = self.items.next().transpose()?;
        Ok(())
    }

    /// The report, after the last entry.
    pub(super) fn finish(mut self) -> Result<AuditReport, E> {
        let last = self.current.take();
        self.compare(last)?;
        while let Some(found) = self.head.take() {
            self.unexplained(found)?;
        }
        let wrong: Vec<Finding> = self
            .report
            .balances
            .iter()
            .filter(|(_, balance)| !balance.holds())
            .map(|(template, balance)| Finding::Imbalance {
                template: template.clone(),
                balance: *balance,
            })
            .collect();
        for finding in wrong {
            self.report.find(finding);
        }
        Ok(self.report)
    }
}
