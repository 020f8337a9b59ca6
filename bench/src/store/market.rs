//! A market: characters who own things and trade them, as fast as the store takes it. As in the server, a commit also
//! saves each character whose value it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use game::record::{Change, Commit, ItemRecord, OpId, Operation, Owner, Work};
use game::{CharacterId, CommitSeq, ItemId};
use hdrhistogram::Histogram;
use server::store::{Answer, Store, StoreSettings, Write, audit};

use crate::place::{self, Engine, Place};
use crate::population;

/// Who trades. Many, so that rows and pages are spread as in a world.
const TRADERS: usize = 1_000;
/// Things on the market.
const ITEMS: usize = 10_000;
/// What each trader begins with.
const GOLD: u64 = 1_000_000;
/// Changes in an operation that furnishes the market.
const CHANGES: usize = 20;
/// Ticks a second in which operations at a rate arrive.
const TICKS: u64 = 20;
/// Operations in a commit, and commits under way, when as many as go are measured: always more than a batch takes.
const COMMIT: usize = 200;
const UNDER_WAY: usize = 18;
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A market on a database of its own.
pub(super) struct Market {
    store: Store,
    woken: Receiver<()>,
    epoch: u64,
    traders: Vec<CharacterId>,
    /// Each item and the index of who has it.
    items: Vec<(ItemId, usize)>,
    sequence: u64,
    commits: u64,
    /// Who has traded since the last commit: the next one saves them.
    parties: BTreeSet<CharacterId>,
    /// When each commit under way was due.
    under_way: BTreeMap<CommitSeq, Instant>,
    /// A linear congruential generator's state: the same trades in every run.
    draw: u64,
    /// After the store, which uses it.
    place: Place,
}

impl Market {
    /// Settles traders with things and gold.
    pub(super) fn open(engine: Engine) -> anyhow::Result<Self> {
        Self::with_retention(engine, Duration::ZERO)
    }

    /// The same, folding what is older; zero keeps everything.
    pub(super) fn with_retention(engine: Engine, retention: Duration) -> anyhow::Result<Self> {
        let place = Place::new(engine)?;
        let settings = StoreSettings { ledger_retention: retention, ..place.settings()? };
        let (mut store, epoch, woken) = place::open(settings)?;
        let traders = population::characters(&mut store, &woken, TRADERS)?;
        let first = population::item_ids(&mut store, &woken, ITEMS as u64)?;
        let items = (0..ITEMS).map(|index| (ItemId(first.0 + index as u64), index % TRADERS));
        let items = items.collect();
        let mut market = Self {
            store,
            woken,
            epoch,
            traders,
            items,
            sequence: 0,
            commits: 0,
            parties: BTreeSet::new(),
            under_way: BTreeMap::new(),
            draw: 1,
            place,
        };
        market.furnish()?;
        Ok(market)
    }

    fn furnish(&mut self) -> anyhow::Result<()> {
        self.parties.extend(&self.traders);
        let gold = |to: &CharacterId| Change::Gold { from: None, to: Some(*to), amount: GOLD };
        let gold: Vec<Change> = self.traders.iter().map(gold).collect();
        let item = |(id, owner): &(ItemId, usize)| {
            let owner = Owner::Character(self.traders[*owner]);
            let template = "copper_coin".to_owned();
            Change::Create(ItemRecord { id: *id, owner, slot: 0, template, quantity: 1 })
        };
        let items: Vec<Change> = self.items.iter().map(item).collect();
        // None larger than one of a real world: an operation is folded whole.
        let some = gold.chunks(CHANGES).chain(items.chunks(CHANGES));
        let operations = some.map(|changes| self.operation(changes.to_vec())).collect();
        self.submit(operations, Instant::now())?;
        self.settle(0, &mut |_| ())
    }

    /// One operation after the other: milliseconds until it is confirmed, p50 and p99.
    pub(super) fn alone(mut self, time: Duration) -> anyhow::Result<[f64; 2]> {
        let mut latency = histogram()?;
        let end = Instant::now() + time;
        while Instant::now() < end {
            let trade = self.trade();
            self.submit(vec![trade], Instant::now())?;
            self.settle(0, &mut |took| latency.saturating_record(micros(took)))?;
        }
        self.close()?;
        Ok([ms(&latency, 0.5), ms(&latency, 0.99)])
    }

    /// So many operations a second in ticks: milliseconds from the tick until they are confirmed, p50 and p99, and
    /// transactions per 1,000 operations, each of which is one fsync.
    pub(super) fn at_rate(mut self, rate: u64, time: Duration) -> anyhow::Result<[f64; 3]> {
        let before = self.store.stats();
        let latency = self.go_on(rate, time)?;
        let after = self.store.stats();
        let operations = after.done.operations - before.done.operations;
        let batches = after.batches - before.batches;
        self.close()?;
        Ok([ms(&latency, 0.5), ms(&latency, 0.99), per_thousand(batches, operations)])
    }

    /// The same for a while: milliseconds until they are confirmed, p99; entries that the ledger has then; bytes that
    /// the database grew by, per operation. The audit must be clean.
    pub(super) fn grow(mut self, rate: u64, time: Duration) -> anyhow::Result<[f64; 3]> {
        let (before, done) = (self.place.bytes()?, self.sequence);
        let latency = self.go_on(rate, time)?;
        let operations = self.sequence - done;
        let Self { store, place, .. } = self;
        store.close()?;
        let grown = place.bytes()?.saturating_sub(before);
        let report = audit(&place.location()?)?;
        ensure!(report.is_clean(), "{report}");
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let (entries, grown) = (report.entries as f64, grown as f64 / operations as f64);
        Ok([ms(&latency, 0.99), entries, grown])
    }

    fn go_on(&mut self, rate: u64, time: Duration) -> anyhow::Result<Histogram<u64>> {
        let mut latency = histogram()?;
        let period = Duration::from_secs(1) / u32::try_from(TICKS)?;
        let ticks = time.as_millis() / period.as_millis();
        let mut due = Instant::now();
        for _ in 0..ticks {
            due += period;
            let operations = (0..rate / TICKS).map(|_| self.trade()).collect();
            self.wait_until(due, &mut |took| latency.saturating_record(micros(took)))?;
            self.submit(operations, due)?;
        }
        self.settle(0, &mut |took| latency.saturating_record(micros(took)))?;
        Ok(latency)
    }

    /// As many operations as the store takes: a second, and transactions per 1,000 of them.
    pub(super) fn flat_out(mut self, time: Duration) -> anyhow::Result<[f64; 2]> {
        let before = self.store.stats();
        let began = Instant::now();
        while began.elapsed() < time {
            let operations = (0..COMMIT).map(|_| self.trade()).collect();
            self.submit(operations, Instant::now())?;
            self.settle(UNDER_WAY - 1, &mut |_| ())?;
        }
        self.settle(0, &mut |_| ())?;
        let took = began.elapsed().as_secs_f64();
        let after = self.store.stats();
        let operations = after.done.operations - before.done.operations;
        let batches = after.batches - before.batches;
        self.close()?;
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
        Ok([operations as f64 / took, per_thousand(batches, operations)])
    }

    /// An item changes hands for a piece of gold.
    fn trade(&mut self) -> Operation {
        let (index, offset) = (self.random(ITEMS), self.random(TRADERS - 1));
        let (item, seller) = self.items[index];
        let buyer = (seller + 1 + offset) % TRADERS;
        self.items[index].1 = buyer;
        let (seller, buyer) = (self.traders[seller], self.traders[buyer]);
        self.parties.extend([seller, buyer]);
        let (from, to) = (Owner::Character(seller), Owner::Character(buyer));
        self.operation(vec![
            Change::Move { item, from, to, slot: 0 },
            Change::Gold { from: Some(buyer), to: Some(seller), amount: 1 },
        ])
    }

    fn operation(&mut self, changes: Vec<Change>) -> Operation {
        self.sequence += 1;
        Operation {
            id: OpId { epoch: self.epoch, sequence: self.sequence },
            cause: "trade".to_owned(),
            actor: self.traders[0],
            work: Work::Done(changes),
        }
    }

    fn submit(&mut self, operations: Vec<Operation>, due: Instant) -> anyhow::Result<()> {
        self.commits += 1;
        let seq = CommitSeq(self.commits);
        let parties = std::mem::take(&mut self.parties);
        let characters = parties.into_iter().map(population::save).collect();
        let tick = self.commits;
        let commit = Commit { seq, tick, operations, characters, gm_log: Vec::new() };
        self.store.submit(Write::Commit(Box::new(commit)))?;
        self.under_way.insert(seq, due);
        Ok(())
    }

    /// Until at most so many commits are under way.
    fn settle(&mut self, most: usize, hear: &mut dyn FnMut(Duration)) -> anyhow::Result<()> {
        self.listen(hear)?;
        while self.under_way.len() > most {
            self.woken.recv_timeout(PATIENCE).context("the store is silent")?;
            self.listen(hear)?;
        }
        Ok(())
    }

    fn wait_until(&mut self, due: Instant, hear: &mut dyn FnMut(Duration)) -> anyhow::Result<()> {
        loop {
            self.listen(hear)?;
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            // A time-out is what is waited for.
            let _ = self.woken.recv_timeout(left);
        }
    }

    fn listen(&mut self, hear: &mut dyn FnMut(Duration)) -> anyhow::Result<()> {
        while let Some(answer) = self.store.poll() {
            if let Answer::Broken(reason) = answer {
                bail!("the store broke: {reason}");
            }
            if let Answer::Durable(durable) = answer {
                let later = self.under_way.split_off(&CommitSeq(durable.0 + 1));
                for (_, due) in std::mem::replace(&mut self.under_way, later) {
                    hear(due.elapsed());
                }
            }
        }
        Ok(())
    }

    fn close(self) -> anyhow::Result<()> {
        let expected = self.sequence;
        ensure!(self.store.stats().done.operations as u64 >= expected, "operations are missing");
        self.store.close()?;
        drop(self.place);
        Ok(())
    }

    fn random(&mut self, below: usize) -> usize {
        self.draw = self.draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The high bits of such a generator are the good ones.
        usize::try_from(self.draw >> 33).unwrap_or_default() % below
    }
}

/// Microseconds up to a minute, to three digits.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds up to a minute")]
fn ms(latency: &Histogram<u64>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn per_thousand(batches: u64, operations: usize) -> f64 {
    batches as f64 * 1_000.0 / operations as f64
}
