//! Why and when something changes: what every entry in the ledger says.

use std::fmt;

use game::CharacterId;
use game::record::{Commit, ItemRecord, OpId, Operation, Owner};

use crate::store::LedgerEntry;
use crate::store::ledger::{EntryKind, GOLD};

/// An operation, or something that the store does by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed<'a> {
    pub(super) op: OpId,
    /// The commit it is part of and its tick; `None` for the store's own doing.
    pub(super) commit: Option<&'a Commit>,
    pub(super) cause: &'a str,
    pub(super) actor: CharacterId,
    /// Unix milliseconds, one moment for the whole batch.
    pub(super) at_ms: u64,
}

impl<'a> Deed<'a> {
    pub(super) fn of(operation: &'a Operation, commit: &'a Commit, at_ms: u64) -> Self {
        let Operation { id, cause, actor, .. } = operation;
        Self { op: *id, commit: Some(commit), cause, actor: *actor, at_ms }
    }

    /// The entry about an item. With `change` it becomes more; `item` is as it is then, or was when it goes.
    pub(super) fn on_item(
        &self,
        kind: EntryKind,
        item: &ItemRecord,
        (from, to): (Option<&Owner>, Option<&Owner>),
        change: i64,
    ) -> LedgerEntry {
        LedgerEntry {
            entry: 0,
            op: self.op,
            tick: self.commit.map(|commit| commit.tick),
            at_ms: self.at_ms,
            cause: self.cause.to_owned(),
            actor: self.actor,
            kind,
            item: item.id,
            from: from.cloned(),
            to: to.cloned(),
            slot: item.slot,
            template: item.template.clone(),
            quantity: u64::from(item.quantity),
            change,
        }
    }

    /// The entry about gold.
    pub(super) fn on_gold(
        &self,
        from: Option<Owner>,
        to: Option<Owner>,
        amount: u64,
    ) -> LedgerEntry {
        let size = i64::try_from(amount).unwrap_or(i64::MAX);
        let change = match (&from, &to) {
            (None, _) => size,
            (Some(_), None) => -size,
            (Some(_), Some(_)) => 0,
        };
        LedgerEntry {
            entry: 0,
            op: self.op,
            tick: self.commit.map(|commit| commit.tick),
            at_ms: self.at_ms,
            cause: self.cause.to_owned(),
            actor: self.actor,
            kind: EntryKind::Gold,
            item: game::ItemId(0),
            from,
            to,
            slot: 0,
            template: GOLD.to_owned(),
            quantity: amount,
            change,
        }
    }
}

/// Where it happened, for the reason with which the store stops.
impl fmt::Display for Deed<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(commit) = self.commit {
            write!(out, "commit {} of tick {}: ", commit.seq, commit.tick)?;
        }
        write!(out, "operation {}/{} ({})", self.op.epoch, self.op.sequence, self.cause)
    }
}
