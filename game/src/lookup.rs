//! A table that is only looked up in: who belongs to this id, in the same time however many there are.

use std::hash::Hash;

use rustc_hash::FxBuildHasher;

/// Values by id. There is no way to walk over them: their order depends on who came and went before, which a restored
/// game doesn't know, and so it must not get into the world. The ids are the server's own, so a hash that anybody can
/// compute is good enough.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "a HashMap that nobody can walk over has no order in which two runs could differ"
)]
pub(crate) struct Lookup<K, V>(std::collections::HashMap<K, V, FxBuildHasher>);

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<K: Eq + Hash, V> Lookup<K, V> {
    pub(crate) fn insert(&mut self, id: K, value: V) {
        self.0.insert(id, value);
    }

    pub(crate) fn remove(&mut self, id: K) {
        self.0.remove(&id);
    }

    pub(crate) fn get(&self, id: K) -> Option<&V> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: K) -> Option<&mut V> {
        self.0.get_mut(&id)
    }

    pub(crate) fn contains(&self, id: K) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K: Eq + Hash, V> Extend<(K, V)> for Lookup<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        self.0.extend(entries);
    }
}
