//! Compaction: what is older than the retention becomes opening balances and sums, a slice at a time, so that the
//! ledger stays as long as it is wished and conservation stays provable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use game::ItemId;
use game::record::{ItemRecord, Owner};

use crate::store::engine::Transaction;
use crate::store::error::EngineError;

use super::entry::{LedgerEntry, Total};
use super::order::Last;
use super::purses::Purses;
use super::report::Balance;

/// What a slice is to take at most, since confirmations wait for it: slices become smaller or larger accordingly.
const SLICE_TIME: Duration = Duration::from_millis(10);
/// Entries of a slice at most: fewer rows than an ordinary batch may have. An operation that has more is never cut in two:
/// it is a slice by itself.
const LARGEST: u32 = 1_000;
/// Entries of a slice at least: with fewer, folding would do little but begin and end, and fall behind a busy world.
const SMALLEST: u32 = 250;
/// Entries of the longest operation that is folded: some 20 MB of memory.
pub(in crate::store) const LONGEST: u32 = 64_000;
/// Between slices the writer is free for so many times as long as the last one took: folding takes at most a quarter
/// of its time.
const REST: u32 = 3;
/// How long to wait before looking again when nothing was old enough.
const NOTHING_DUE: Duration = Duration::from_secs(1);
/// How long to wait when the oldest entries make no sense: it is said once a minute until somebody looks.
const STUCK: Duration = Duration::from_mins(1);
/// Between two lines of the log about what was folded: in a busy world that is something every second.
const REPORT_EVERY: Duration = Duration::from_hours(1);

/// When the writer folds.
pub(in crate::store) struct Folding {
    /// Entries that are older go; `None` keeps everything.
    retention: Option<Duration>,
    next: Instant,
    /// Entries of the next slice.
    most: u32,
    /// Entries that were folded since that was told the last time, which was then.
    untold: u64,
    told: Option<Instant>,
}

/// What came of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Folded {
    /// So many entries are in the openings and sums now.
    Entries(usize),
    /// None was old enough.
    NothingDue,
    /// The oldest entries can't be folded, for this reason. Nothing may be committed.
    Stuck(String),
}

impl Folding {
    /// A retention of zero keeps everything.
    pub(in crate::store) fn new(retention: Duration, now: Instant) -> Self {
        let retention = (!retention.is_zero()).then_some(retention);
        Self { retention, next: now, most: SMALLEST, untold: 0, told: None }
    }

    /// How old entries must be that are folded now; `None` when it isn't time for a slice. If the slice comes to nothing
    /// because the database is in trouble, the next one is due after a while.
    pub(in crate::store) fn due(&mut self, now: Instant) -> Option<Duration> {
        let retention = self.retention.filter(|_| now >= self.next)?;
        self.next = now + NOTHING_DUE;
        Some(retention)
    }

    /// Entries that were folded since this was asked the last time, when it is time to tell.
    pub(in crate::store) fn report(&mut self, now: Instant) -> Option<u64> {
        let is_time = self.told.is_none_or(|told| now - told >= REPORT_EVERY);
        if self.untold == 0 || !is_time {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }

    /// Entries of the next slice, at most.
    pub(in crate::store) const fn most(&self) -> u32 {
        self.most
    }

    /// A slice that was begun at `started` came to this; the next one is due after a rest.
    pub(in crate::store) fn done(&mut self, folded: &Folded, started: Instant, now: Instant) {
        let took = now.saturating_duration_since(started);
        self.next = now
            + match folded {
                Folded::Entries(_) => took * REST,
                Folded::NothingDue => NOTHING_DUE,
                Folded::Stuck(_) => STUCK,
            };
        if let Folded::Entries(count) = folded {
            self.untold += *count as u64;
            self.most = match took {
                long if long > SLICE_TIME => (self.most / 2).max(SMALLEST),
                short if short < SLICE_TIME / 2 => (self.most * 2).min(LARGEST),
                _ => self.most,
            };
        }
    }
}

/// Folds one slice of at most so many entries made durable before `before_ms`. The caller commits.
pub(in crate::store) fn fold(
    transaction: &mut impl Transaction,
    before_ms: u64,
    most: u32,
) -> Result<Folded, EngineError> {
    let Some(entries) = oldest_operations(transaction, before_ms, most)? else {
        return Ok(Folded::Stuck("one operation has too many entries for a slice".to_owned()));
    };
    let Some(last) = entries.last().map(|entry| entry.entry) else {
        return Ok(Folded::NothingDue);
    };
    let mut sums: BTreeMap<&str, Balance> = BTreeMap::new();
    let mut slice = Slice::read(transaction, &entries)?;
    let mut operation = Last::folded(transaction.folded_operation()?);
    for entry in &entries {
        if !operation.is_followed_by(entry) || !slice.apply(entry) {
            let reason = format!("entry {} doesn't follow from those before it", entry.entry);
            return Ok(Folded::Stuck(reason));
        }
        sums.entry(&entry.template).or_default().count(entry);
    }
    slice.write(transaction)?;
    let totals: Vec<Total> = sums.into_iter().map(total).collect();
    transaction.add_totals(&totals)?;
    transaction.forget_entries(last, operation.op())?;
    Ok(Folded::Entries(entries.len()))
}

/// The oldest entries, of whole operations: at most `most`, or more if the first operation alone has more. `None` if it
/// has more than a slice can ever be.
fn oldest_operations(
    transaction: &mut impl Transaction,
    before_ms: u64,
    most: u32,
) -> Result<Option<Vec<LedgerEntry>>, EngineError> {
    let sizes = std::iter::successors(Some(most), |size| {
        (*size < LONGEST).then(|| size.saturating_mul(2).min(LONGEST))
    });
    for most in sizes {
        let mut entries = transaction.oldest_entries(before_ms, most.saturating_add(1))?;
        if entries.len() <= most as usize {
            return Ok(Some(entries));
        }
        cut(&mut entries);
        if !entries.is_empty() {
            return Ok(Some(entries));
        }
    }
    Ok(None)
}

/// Takes the last entry away, and those of its operation: what is left are whole operations, whose splits and merges
/// are proved together. All entries of an operation are of the same moment, so that age never cuts one in two.
fn cut(entries: &mut Vec<LedgerEntry>) {
    let Some(stays) = entries.pop() else { return };
    while entries.last().is_some_and(|entry| entry.op == stays.op && entry.op.sequence > 0) {
        entries.pop();
    }
}

fn total((template, balance): (&str, Balance)) -> Total {
    Total {
        template: template.to_owned(),
        created: balance.created,
        destroyed: balance.destroyed,
        reshaped: balance.reshaped,
    }
}

/// The items and purses that some entries are about, from their openings on.
struct Slice {
    items: BTreeMap<ItemId, Option<ItemRecord>>,
    /// Those that had an opening.
    known: BTreeSet<ItemId>,
    purses: Purses,
    owners: BTreeSet<Owner>,
}

impl Slice {
    fn read(
        transaction: &mut impl Transaction,
        entries: &[LedgerEntry],
    ) -> Result<Self, EngineError> {
        let items = entries.iter().map(|entry| entry.item).filter(|item| item.0 > 0);
        let items: BTreeSet<ItemId> = items.collect();
        let gold = entries.iter().filter(|entry| entry.item.0 == 0);
        let owners: BTreeSet<Owner> =
            gold.flat_map(|entry| entry.from.iter().chain(&entry.to)).cloned().collect();
        let ids: Vec<ItemId> = items.into_iter().collect();
        let openings = transaction.item_openings(&ids)?;
        let mut purses = Purses::default();
        let of: Vec<Owner> = owners.iter().cloned().collect();
        for (owner, gold) in transaction.purse_openings(&of)? {
            purses.set(owner, gold);
        }
        Ok(Self {
            known: openings.iter().map(|item| item.id).collect(),
            items: openings.into_iter().map(|item| (item.id, Some(item))).collect(),
            purses,
            owners,
        })
    }

    /// False if it doesn't follow.
    fn apply(&mut self, entry: &LedgerEntry) -> bool {
        if entry.item.0 == 0 {
            return self.purses.pay(entry).is_ok();
        }
        let fresh = !self.items.contains_key(&entry.item);
        let before = self.items.get(&entry.item).and_then(Option::as_ref);
        let follows = entry.follows(before, fresh);
        self.items.insert(entry.item, entry.after());
        follows
    }

    fn write(self, transaction: &mut impl Transaction) -> Result<(), EngineError> {
        let mut there: Vec<ItemRecord> = Vec::new();
        let mut gone: Vec<ItemId> = Vec::new();
        for (id, item) in self.items {
            match item {
                Some(item) => there.push(item),
                None if self.known.contains(&id) => gone.push(id),
                None => {}
            }
        }
        transaction.put_item_openings(&there)?;
        transaction.remove_item_openings(&gone)?;
        let mut full: Vec<(Owner, u64)> = Vec::new();
        let mut empty: Vec<Owner> = Vec::new();
        for owner in self.owners {
            match self.purses.of(&owner) {
                0 => empty.push(owner),
                gold => full.push((owner, gold)),
            }
        }
        transaction.put_purse_openings(&full)?;
        transaction.remove_purse_openings(&empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_as_large_as_confirmations_can_wait_for() {
        let now = Instant::now();
        let mut folding = Folding::new(Duration::from_secs(1), now);
        let mut after = |took_ms: u64| {
            folding.done(&Folded::Entries(250), now, now + Duration::from_millis(took_ms));
            folding.most()
        };
        assert_eq!(
            [1, 1, 1, 7, 11, 7, 40, 40].map(&mut after),
            [500, 1_000, 1_000, 1_000, 500, 500, 250, 250]
        );
    }
}
