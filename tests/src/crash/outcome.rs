//! What came of killing a server: how old what was lost is, for each class of state, and what was done meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::deed::Deed;
use super::promises::Compared;

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The decisions that were taken.
    pub seed: u64,
    /// How often the server was killed.
    pub kills: u32,
    /// What clients were told and was held against the database.
    pub confirmations: u64,
    /// What clients asked for and had confirmed, by kind.
    pub deeds: BTreeMap<Deed, u64>,
    /// Operations that were on disk when the kill came before their confirmation.
    pub unheard: u64,
    /// Confirmations of what isn't on disk.
    pub lost: u64,
    /// Changes that the ledger has twice, or out of order.
    pub doubled: u64,
    /// Characters whose progress wasn't that of the value that earned it.
    pub apart: u64,
    /// How often clients were told how far their characters have come.
    pub progress_told: u64,
    /// Ticks of progress that were told and not saved, for each client and each kill while the database took writes.
    pub progress_ages: Vec<u64>,
    /// The same in lulls, where no value takes progress along to the disk.
    pub lull_ages: Vec<u64>,
    /// Ticks between the newest position that a hunter saw of itself and the saved one, for each as above.
    pub position_ages: Vec<u64>,
    /// From the start of the process to its ready line.
    pub recoveries: Vec<Duration>,
    /// What must not be.
    pub violations: Vec<String>,
    /// The round of the violations, from 0.
    pub found: Option<u32>,
    /// Where the data of that round lie.
    pub kept: Option<PathBuf>,
    /// All rounds so far.
    pub took: Duration,
    tick_ms: u64,
}

/// The middle of something measured, what it seldom is beyond, and what it never was beyond; milliseconds.
struct Spread {
    p50: u64,
    p99: u64,
    max: u64,
}

impl Outcome {
    pub(super) fn new(seed: u64, tick_rate: u32) -> Self {
        Self { seed, tick_ms: u64::from(1000 / tick_rate), ..Self::default() }
    }

    pub(super) fn add(&mut self, compared: Compared) {
        self.confirmations += compared.confirmations;
        self.unheard += compared.unheard;
        self.lost += compared.lost;
        self.doubled += compared.doubled;
        self.violations.extend(compared.violations);
        for (deed, count) in compared.deeds {
            *self.deeds.entry(deed).or_default() += count;
        }
    }

    /// Operations that clients asked for and had confirmed.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.deeds.iter().filter(|(deed, _)| deed.is_value()).map(|(_, count)| count).sum()
    }

    /// What has an age or takes time. A value that was lost has none: that it was is a violation.
    fn rows(&self) -> [(&'static str, Option<Spread>); 4] {
        let ticks = |ages: &[u64]| Spread::of(ages.iter().map(|age| age * self.tick_ms));
        let recoveries =
            self.recoveries.iter().map(|took| took.as_millis().try_into().unwrap_or(u64::MAX));
        [
            ("progress lost", ticks(&self.progress_ages)),
            ("progress in a lull", ticks(&self.lull_ages)),
            ("position lost", ticks(&self.position_ages)),
            ("start to ready", Spread::of(recoveries)),
        ]
    }

    /// The same for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let deeds = self.deeds.iter().map(|(deed, count)| (deed.name().to_owned(), json!(count)));
        let spread = |it: Spread| json!({ "p50": it.p50, "p99": it.p99, "max": it.max });
        let rows = self.rows().map(|(name, it)| (format!("{} ms", name), json!(it.map(spread))));
        json!({
            "seed": self.seed,
            "kills": self.kills,
            "seconds": self.took.as_secs_f64(),
            "value": {
                "operations": self.operations(),
                "confirmations": self.confirmations,
                "lost": self.lost,
                "doubled": self.doubled,
                "apart": self.apart,
                "unheard": self.unheard,
            },
            "progress told": self.progress_told,
            "violations": self.violations,
            "found in round": self.found,
            "kept": self.kept,
            "deeds": deeds.collect::<serde_json::Map<_, _>>(),
            "times": rows.into_iter().collect::<serde_json::Map<_, _>>(),
        })
    }
}

impl Spread {
    fn of(values: impl Iterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = values.collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |percent: usize| sorted[last * percent / 100];
        Some(Self { p50: at(50), p99: at(99), max: at(100) })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, kills, confirmations, lost, doubled, unheard, apart, .. } = self;
        let (seconds, operations) = (self.took.as_secs_f64(), self.operations());
        let each = seconds / f64::from((*kills).max(1));
        writeln!(f, "seed {seed}: {kills} kills in {seconds:.0} s, {each:.2} s each")?;
        writeln!(
            f,
            "value: {operations} operations confirmed, {confirmations} confirmations compared"
        )?;
        writeln!(f, "       {lost} lost, {doubled} doubled, {unheard} durable and never heard of")?;
        writeln!(f, "progress: told {} times, {apart} apart from value", self.progress_told)?;
        writeln!(f, "violations: {}", self.violations.len())?;
        writeln!(f, "{:<20}{:>10}{:>10}{:>10}", "", "p50 ms", "p99 ms", "max ms")?;
        for (name, spread) in self.rows() {
            match spread {
                Some(Spread { p50, p99, max }) => {
                    writeln!(f, "{name:<20}{p50:>10}{p99:>10}{max:>10}")?;
                }
                None => writeln!(f, "{name:<20}{:>10}{:>10}{:>10}", "-", "-", "-")?,
            }
        }
        let deeds = self.deeds.iter().map(|(deed, count)| format!("{} {count}", deed.name()));
        writeln!(f, "confirmed: {}", deeds.collect::<Vec<_>>().join(", "))?;
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation}")?;
        }
        if let Some(round) = self.found {
            writeln!(f, "found in round {round}, from 0, of seed {}", self.seed)?;
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "the data of that round are kept in {}", kept.display())?;
        }
        Ok(())
    }
}
