//! The replay of items: each from its opening through its entries to what is there.

use game::ItemId;
use game::record::ItemRecord;

use super::entry::LedgerEntry;
use super::report::{AuditReport, Finding};

/// Replays the items one after the other, each in the order opening, entries, item, so that any number of them fits
/// in memory.
#[derive(Default)]
pub(super) struct ItemReplay {
    current: Option<Current>,
}

/// The item whose history is being replayed.
struct Current {
    id: ItemId,
    /// What it is so far.
    item: Option<ItemRecord>,
    /// Nothing is known of it yet.
    fresh: bool,
}

impl ItemReplay {
    /// What the folded part of the ledger left of an item.
    pub(super) fn opening(&mut self, opening: ItemRecord, report: &mut AuditReport) {
        let current = self.turn_to(opening.id, report);
        current.fresh = false;
        current.item = Some(opening);
    }

    /// The next entry of an item.
    pub(super) fn entry(&mut self, entry: LedgerEntry, report: &mut AuditReport) {
        let current = self.turn_to(entry.item, report);
        let after = entry.after();
        let follows = entry.follows(current.item.as_ref(), current.fresh);
        let before = std::mem::replace(&mut current.item, after);
        current.fresh = false;
        report.balance(&entry.template).count(&entry);
        if !follows {
            report.find(Finding::Impossible { entry, before });
        }
    }

    /// The item itself, after its entries.
    pub(super) fn found(&mut self, found: ItemRecord, report: &mut AuditReport) {
        report.items += 1;
        let present = &mut report.balance(&found.template).present;
        *present = present.saturating_add(u64::from(found.quantity));
        match self.turn_to(found.id, report).item.take() {
            None => report.find(Finding::Unexplained(found)),
            Some(expected) if expected != found => {
                report.find(Finding::Different { expected, found });
            }
            Some(_) => {}
        }
    }

    /// After the last item.
    pub(super) fn finish(mut self, report: &mut AuditReport) {
        self.close(report);
    }

    fn turn_to(&mut self, id: ItemId, report: &mut AuditReport) -> &mut Current {
        if self.current.as_ref().is_none_or(|current| current.id != id) {
            self.close(report);
            report.histories += 1;
        }
        self.current.get_or_insert(Current { id, item: None, fresh: true })
    }

    /// What wasn't taken by [`Self::found`] isn't there.
    fn close(&mut self, report: &mut AuditReport) {
        if let Some(item) = self.current.take().and_then(|current| current.item) {
            report.find(Finding::Missing(item));
        }
    }
}
