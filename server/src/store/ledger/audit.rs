//! The audit: what must come out of the ledger, held against what is there, in one moment of the database.

use std::collections::BTreeMap;

use game::record::{OpId, Owner};
use game::{CharacterId, MailId};

use crate::store::error::EngineError;
use crate::store::snapshot::{
    ENTRY_COLUMNS, ITEM_COLUMNS, Snapshot, entry_at, integer, item_at, number, text,
};

use super::entry::{FOLDED_OPERATION, GOLD};
use super::items::ItemReplay;
use super::order::OrderCheck;
use super::purses::{CannotPay, Purses};
use super::report::{AuditReport, Balance, Finding};

/// Lines that the engine's own check may write before it stops.
const DAMAGE_LISTED: usize = 100;
/// Rows between two words about how far it is.
const ROWS_PER_WORD: u64 = 10_000;

/// Hears what is being done and how many rows of it are done.
pub type Watch<'a> = dyn FnMut(&'static str, u64) + 'a;

/// Replays the ledger and looks at everything it must lead to.
pub(in crate::store) fn audit(
    snapshot: &mut dyn Snapshot,
    watch: &mut Watch<'_>,
) -> Result<AuditReport, EngineError> {
    let mut report = AuditReport::default();
    let openings = folded(snapshot, &mut report)?;
    let mut audit = Audit { snapshot, watch, report, openings };
    audit.items()?;
    audit.gold_and_order()?;
    (audit.watch)("pages", 0);
    for complaint in audit.snapshot.damage(DAMAGE_LISTED)? {
        audit.report.find(Finding::Damage(complaint));
    }
    Ok(audit.finish())
}

struct Audit<'a, 'b> {
    snapshot: &'a mut dyn Snapshot,
    watch: &'a mut Watch<'b>,
    report: AuditReport,
    /// The folded sums, with what the openings hold as present.
    openings: BTreeMap<String, Balance>,
}

/// Sums of the folded part, which the report's balances begin with.
fn folded(
    snapshot: &mut dyn Snapshot,
    report: &mut AuditReport,
) -> Result<BTreeMap<String, Balance>, EngineError> {
    snapshot.rows("SELECT value FROM meta WHERE key = 'folded_entry'", &[], &mut |row| {
        report.folded = number(row, 0)?;
        Ok(())
    })?;
    let totals = "SELECT template, created, destroyed, reshaped FROM ledger_totals";
    snapshot.rows(totals, &[], &mut |row| {
        *report.balance(text(row, 0)?) = Balance {
            created: number(row, 1)?,
            destroyed: number(row, 2)?,
            reshaped: integer(row, 3)?,
            present: 0,
        };
        Ok(())
    })?;
    Ok(report.balances.clone())
}

impl Audit<'_, '_> {
    /// Openings, entries and items of each item, in this order, come as one stream.
    fn items(&mut self) -> Result<(), EngineError> {
        const OPENING: i64 = 0;
        const ENTRY: i64 = 1;
        // As many columns as an entry has between its kind and its new owner.
        let nothing = "0, 0, 0, NULL, 0, '', 0, ''";
        let sql = format!(
            "SELECT item AS subject, {ENTRY} AS part, entry AS place, {ENTRY_COLUMNS} FROM ledger WHERE item > 0 \
             UNION ALL SELECT item, {OPENING}, 0, {nothing}, item, NULL, NULL, NULL, NULL, NULL, {ITEM_COLUMNS}, 0 \
             FROM item_openings \
             UNION ALL SELECT id, 2, 0, {nothing}, id, NULL, NULL, NULL, NULL, NULL, {ITEM_COLUMNS}, 0 \
             FROM items ORDER BY subject, part, place"
        );
        let Self { snapshot, watch, report, openings } = self;
        let mut replay = ItemReplay::default();
        let mut rows = 0;
        snapshot.rows(&sql, &[], &mut |row| {
            rows += 1;
            if rows % ROWS_PER_WORD == 0 {
                watch("items and their history", rows);
            }
            match integer(row, 1)? {
                ENTRY => replay.entry(entry_at(row, 3)?, report),
                OPENING => {
                    let item = item_at(row, 0, ITEM_IN_ENTRY)?;
                    open(openings, &item.template, u64::from(item.quantity));
                    replay.opening(item, report);
                }
                _ => replay.found(item_at(row, 0, ITEM_IN_ENTRY)?, report),
            }
            Ok(())
        })?;
        replay.finish(report);
        Ok(())
    }

    fn gold_and_order(&mut self) -> Result<(), EngineError> {
        let mut purses = self.opening_purses()?;
        let last = self.folded_operation()?;
        let mut order = OrderCheck::new(self.marks()?, self.report.folded, last);
        let Self { snapshot, watch, report, .. } = self;
        let sql = format!("SELECT {ENTRY_COLUMNS} FROM ledger ORDER BY entry");
        snapshot.rows(&sql, &[], &mut |row| {
            report.entries += 1;
            if report.entries % ROWS_PER_WORD == 0 {
                watch("ledger", report.entries);
            }
            let entry = entry_at(row, 0)?;
            order.entry(&entry, report);
            if entry.item.0 == 0 {
                report.balance(GOLD).count(&entry);
                if let Err(CannotPay(had)) = purses.pay(&entry) {
                    report.find(Finding::ImpossibleGold { entry, had });
                }
            }
            Ok(())
        })?;
        order.finish(report);
        for (sql, owner) in PURSES {
            snapshot.rows(sql, &[], &mut |row| {
                purses.found(owner(number(row, 0)?), number(row, 1)?, report);
                Ok(())
            })?;
        }
        purses.finish(report);
        Ok(())
    }

    fn opening_purses(&mut self) -> Result<Purses, EngineError> {
        let mut purses = Purses::default();
        let openings = &mut self.openings;
        let sql = "SELECT owner_kind, owner, gold FROM purse_openings";
        self.snapshot.rows(sql, &[], &mut |row| {
            let owner = match text(row, 0)? {
                "mail" => Owner::Mail(MailId(number(row, 1)?)),
                _ => Owner::Character(CharacterId(number(row, 1)?)),
            };
            let gold = number(row, 2)?;
            open(openings, GOLD, gold);
            purses.set(owner, gold);
            Ok(())
        })?;
        Ok(purses)
    }

    fn folded_operation(&mut self) -> Result<OpId, EngineError> {
        let mut last = OpId { epoch: 0, sequence: 0 };
        self.snapshot.rows(FOLDED_OPERATION, &[], &mut |row| {
            last = OpId { epoch: number(row, 0)?, sequence: number(row, 1)? };
            Ok(())
        })?;
        Ok(last)
    }

    fn marks(&mut self) -> Result<BTreeMap<u64, u64>, EngineError> {
        let mut marks = BTreeMap::new();
        self.snapshot.rows("SELECT epoch, operations FROM epochs", &[], &mut |row| {
            marks.insert(number(row, 0)?, number(row, 1)?);
            Ok(())
        })?;
        Ok(marks)
    }

    fn finish(mut self) -> AuditReport {
        for (template, balance) in std::mem::take(&mut self.openings) {
            if !balance.holds() {
                self.report.find(Finding::Openings { template, balance });
            }
        }
        let balances = self.report.balances.iter();
        let wrong: Vec<Finding> = balances
            .filter(|(_, balance)| !balance.holds())
            .map(|(template, balance)| Finding::Imbalance {
                template: template.clone(),
                balance: *balance,
            })
            .collect();
        wrong.into_iter().for_each(|finding| self.report.find(finding));
        self.report
    }
}

/// The column of an entry's new owner, after the three that order the stream: items stand there.
const ITEM_IN_ENTRY: usize = 3 + 14;

/// Who has the gold of a row, by its id.
type OwnerOf = fn(u64) -> Owner;

/// Where gold is, and whose.
const PURSES: [(&str, OwnerOf); 2] = [
    ("SELECT id, gold FROM characters WHERE gold > 0", |id| Owner::Character(CharacterId(id))),
    ("SELECT id, gold FROM mail WHERE gold > 0", |id| Owner::Mail(MailId(id))),
];

/// Counts what the folded part left.
fn open(openings: &mut BTreeMap<String, Balance>, template: &str, quantity: u64) {
    let balance = openings.entry(template.to_owned()).or_default();
    balance.present = balance.present.saturating_add(quantity);
}
