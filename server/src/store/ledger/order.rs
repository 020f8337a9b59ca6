//! The order of the ledger: operations of an epoch stand in their order, each once and none beyond its mark, nothing that
//! was folded stands there still, and no operation's splits and merges make anything.

use std::collections::BTreeMap;

use game::record::OpId;

use super::entry::{EntryKind, LedgerEntry};
use super::report::{AuditReport, Finding};

/// Takes the entries in their order.
pub(super) struct OrderCheck {
    /// How many operations each epoch has applied.
    marks: BTreeMap<u64, u64>,
    folded: u64,
    last: OpId,
    /// When that operation was made durable. All its entries are of one moment, so one of another moment is there by a
    /// second time of applying it, however possible it is by itself: a payment that came twice out of a full purse.
    at_ms: u64,
    /// What the splits and merges of that operation come to so far.
    reshaped: BTreeMap<String, i64>,
}

impl OrderCheck {
    pub(super) const fn new(marks: BTreeMap<u64, u64>, folded: u64) -> Self {
        let last = OpId { epoch: 0, sequence: 0 };
        Self { marks, folded, last, at_ms: 0, reshaped: BTreeMap::new() }
    }

    pub(super) fn entry(&mut self, entry: &LedgerEntry, report: &mut AuditReport) {
        if entry.entry <= self.folded {
            report.find(Finding::Folded { entry: entry.entry });
        }
        if entry.op.sequence == 0 {
            return;
        }
        let mark = self.marks.get(&entry.op.epoch).copied().unwrap_or(0);
        let again = entry.op == self.last && entry.at_ms != self.at_ms;
        if again || entry.op < self.last || entry.op.sequence > mark {
            report.find(Finding::OutOfOrder { entry: entry.entry, op: entry.op });
        }
        if entry.op != self.last {
            self.close(report);
            self.last = entry.op;
        }
        self.at_ms = entry.at_ms;
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
        let op = self.last;
        for (template, change) in std::mem::take(&mut self.reshaped) {
            if change != 0 {
                report.find(Finding::Reshaped { op, template, change });
            }
        }
    }
}
