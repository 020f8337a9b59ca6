//! The replay of gold: a balance for each purse and letter that ever held some since the ledger's oldest entry.

use std::collections::BTreeMap;

use game::record::Owner;

use super::entry::{EntryKind, GOLD, LedgerEntry};
use super::report::{AuditReport, Finding};

/// Balances, in memory all at once: some 100 bytes for each purse. Who has nothing has none.
#[derive(Default)]
pub(super) struct Purses(BTreeMap<Owner, u64>);

/// A payment that can't be, and what the payer had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CannotPay(pub(super) u64);

impl Purses {
    /// What somebody has.
    pub(super) fn of(&self, owner: &Owner) -> u64 {
        self.0.get(owner).copied().unwrap_or(0)
    }

    /// Makes it so much.
    pub(super) fn set(&mut self, owner: Owner, gold: u64) {
        match gold {
            0 => self.0.remove(&owner),
            _ => self.0.insert(owner, gold),
        };
    }

    /// Carries out an entry, or nothing of it.
    pub(super) fn pay(&mut self, entry: &LedgerEntry) -> Result<(), CannotPay> {
        let amount = entry.quantity;
        let had = entry.from.as_ref().map_or(amount, |from| self.of(from));
        let left = had.checked_sub(amount).ok_or(CannotPay(had))?;
        let holds_gold = |owner: &Option<Owner>| !matches!(owner, Some(Owner::Ground { .. }));
        let signed = i64::try_from(amount).map_err(|_| CannotPay(had))?;
        let change = match (&entry.from, &entry.to) {
            (None, Some(_)) => signed,
            (Some(_), None) => -signed,
            (Some(_), Some(_)) => 0,
            (None, None) => return Err(CannotPay(had)),
        };
        let is_payment = entry.kind == EntryKind::Gold
            && entry.template == GOLD
            && amount > 0
            && entry.change == change
            && holds_gold(&entry.from)
            && holds_gold(&entry.to);
        if !is_payment {
            return Err(CannotPay(had));
        }
        let paid = entry.to.clone().map(|to| {
            let has = if entry.from.as_ref() == Some(&to) { left } else { self.of(&to) };
            has.checked_add(amount).map(|gold| (to, gold)).ok_or(CannotPay(had))
        });
        let paid = paid.transpose()?;
        if let Some(from) = &entry.from {
            self.set(from.clone(), left);
        }
        if let Some((to, gold)) = paid {
            self.set(to, gold);
        }
        Ok(())
    }

    /// Compares a purse with what it must hold; each is asked for once.
    pub(super) fn found(&mut self, owner: Owner, found: u64, report: &mut AuditReport) {
        report.purses += 1;
        let present = &mut report.balance(GOLD).present;
        *present = present.saturating_add(found);
        let expected = self.0.remove(&owner).unwrap_or(0);
        if expected != found {
            report.find(Finding::Purse { owner, expected, found });
        }
    }

    /// After the last purse: what wasn't found isn't there.
    pub(super) fn finish(self, report: &mut AuditReport) {
        for (owner, expected) in self.0 {
            report.find(Finding::Purse { owner, expected, found: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use game::record::OpId;
    use game::{CharacterId, ItemId};

    use super::*;

    fn payment(from: u64, to: u64) -> LedgerEntry {
        LedgerEntry {
            entry: 1,
            op: OpId { epoch: 1, sequence: 1 },
            tick: None,
            at_ms: 0,
            cause: "test".to_owned(),
            actor: CharacterId(from),
            kind: EntryKind::Gold,
            item: ItemId(0),
            from: Some(Owner::Character(CharacterId(from))),
            to: Some(Owner::Character(CharacterId(to))),
            slot: 0,
            template: GOLD.to_owned(),
            quantity: 10,
            change: 0,
        }
    }

    #[test]
    fn a_payment_that_the_payee_has_no_room_for_takes_nothing_from_the_payer() {
        let [payer, payee] = [1, 2].map(|id| Owner::Character(CharacterId(id)));
        let mut purses = Purses::default();
        purses.set(payer.clone(), 30);
        purses.set(payee.clone(), u64::MAX);
        assert_eq!(purses.pay(&payment(1, 2)), Err(CannotPay(30)));
        assert_eq!((purses.of(&payer), purses.of(&payee)), (30, u64::MAX));
    }

    #[test]
    fn a_payment_to_oneself_changes_nothing() {
        let payer = Owner::Character(CharacterId(1));
        let mut purses = Purses::default();
        purses.set(payer.clone(), 30);
        assert_eq!(purses.pay(&payment(1, 1)), Ok(()));
        assert_eq!(purses.of(&payer), 30);
    }
}
