//! A watch with a clock: how much time of the processor each part of each tick took. What else runs on the machine
//! takes none of it.

use std::collections::BTreeMap;

use game::{Part, Watch};

use crate::clock::processor_time;

/// Parts of one tick at most, of all zones together, so that a lap never waits for memory.
const PARTS: usize = 128;

/// Laps of a tick, and what those of earlier ticks came to.
pub(super) struct Laps {
    /// With the time at which each began.
    laps: Vec<(Part, f64)>,
    /// By part: nanoseconds in each tick.
    ticks: BTreeMap<&'static str, Vec<f64>>,
}

impl Laps {
    pub(super) fn new() -> Self {
        Self { laps: Vec::with_capacity(PARTS), ticks: BTreeMap::new() }
    }

    /// The tick has ended.
    pub(super) fn end(&mut self) {
        let end = processor_time();
        let mut parts = BTreeMap::<_, f64>::new();
        let ends = self.laps.iter().skip(1).map(|(_, began)| *began).chain([end]);
        for (&(part, began), end) in self.laps.iter().zip(ends) {
            *parts.entry(part.name()).or_default() += end - began;
        }
        for (part, took) in parts {
            self.ticks.entry(part).or_default().push(took);
        }
        self.laps.clear();
    }

    /// Something beside the watched parts, with what it took.
    pub(super) fn add(&mut self, part: &'static str, took: f64) {
        self.ticks.entry(part).or_default().push(took);
    }

    /// By part: nanoseconds of the median tick.
    pub(super) fn medians(self) -> BTreeMap<&'static str, f64> {
        self.ticks.into_iter().map(|(part, ticks)| (part, super::median(ticks))).collect()
    }
}

impl Watch for Laps {
    fn enter(&mut self, part: Part) {
        self.laps.push((part, processor_time()));
    }
}
