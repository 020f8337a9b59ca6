//! The order of the ledger: operations of an epoch stand in their order, each once and none beyond its mark, nothing that
//! was folded stands there still, and no operation's splits and merges make anything.

use std::collections::BTreeMap;

use game::record::OpId;

use super::entry::{EntryKind, LedgerEntry};
use super::report::{AuditReport, Finding};

/// The operation of the entries so far.
pub(super) struct Last {
    op: OpId,
    /// When it was made durable; `None` if none of its entries may follow. All entries of an operation are of one moment
    /// and no two batches are of the same, so one of another moment is there by a second time of applying it, however
    /// possible it is by itself: a payment that came twice out of a full purse.
    at_ms: Option<u64>,
}

impl Last {
    /// All of this operation and of those before it is folded.
    pub(super) const fn folded(op: OpId) -> Self {
        Self { op, at_ms: None }
    }

    pub(super) const fn op(&self) -> OpId {
        self.op
    }

    /// Goes on to the next entry. False if its operation was applied before.
    pub(super) fn is_followed_by(&mut self, entry: &LedgerEntry) -> bool {
        // The store's own doing has no number.
        if entry.op.sequence == 0 {
            return true;
        }
        let same = entry.op == self.op && self.at_ms == Some(entry.at_ms);
        let follows = same || entry.op > self.op;
        *self = Self { op: entry.op, at_ms: Some(entry.at_ms) };
        follows
    }
}

/// Takes the entries in their order.
pub(super) struct OrderCheck {
    /// How many operations each epoch has applied.
    marks: BTreeMap<u64, u64>,
    folded: u64,
    last: Last,
    /// What the splits and merges of that operation come to so far.
    reshaped: BTreeMap<String, i64>,
}

impl OrderCheck {
    /// Of the entries after `folded`, the last of which is of the operation `last`.
    pub(super) const fn new(marks: BTreeMap<u64, u64>, folded: u64, last: OpId) -> Self {
        Self { marks, folded, last: Last::folded(last), reshaped: BTreeMap::new() }
    }

    pub(super) fn entry(&mut self, entry: &LedgerEntry, report: &mut AuditReport) {
        if entry.entry <= self.folded {
            report.find(Finding::Folded { entry: entry.entry });
        }
        if entry.op.sequence == 0 {
            return;
        }
        let mark = self.marks.get(&entry.op.epoch).copied().unwrap_or(0);
        if entry.op != self.last.op {
            self.close(report);
        }
        if !self.last.is_followed_by(entry) || entry.op.sequence > mark {
            report.find(Finding::OutOfOrder { entry: entry.entry, op: entry.op });
        }
        if matches!(entry.kind, EntryKind::Split | EntryKind::Merge) {
            let sum = self.reshaped.entry(entry.template.clone()).or_default();
            *sum = sum.saturating_add(entry.change);
        }
    }

    /// After the last entry.
    pub(super) fn finish(mut self, report: &mut AuditReport) {
        self.close(report);
    }

    fn close(&mut self, report: &mut AuditReport) {
        let op = self.last.op;
        for (template, change) in std::mem::take(&mut self.reshaped) {
            if change != 0 {
                report.find(Finding::Reshaped { op, template, change });
            }
        }
    }
}
