//! What is to happen at a certain tick.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Things by the tick at which they are due; in the order in which they were added within a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calendar<T>(BTreeMap<u64, Vec<T>>);

impl<T> Calendar<T> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn add(&mut self, tick: u64, thing: T) {
        self.0.entry(tick).or_default().push(thing);
    }

    /// Takes out what is due at `tick`. Asked in every tick.
    pub(super) fn due(&mut self, tick: u64) -> Vec<T> {
        match self.0.first_entry() {
            Some(first) if *first.key() <= tick => first.remove(),
            _ => Vec::new(),
        }
    }
}
