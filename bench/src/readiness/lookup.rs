//! From an event to its session: by an index that the kernel hands back, or by looking through all of them.

use std::fmt;

use clap::ValueEnum;

/// How a session is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lookup {
    /// The key is its index
    Slot,
    /// Records of 56 bytes are searched for the descriptor: one cache line each
    Search56,
    /// Records of 1,088 bytes, which have their buffers in them, are searched for the descriptor
    Search1088,
}

impl Lookup {
    /// The slow ways.
    pub(super) const SEARCHES: [Self; 2] = [Self::Search56, Self::Search1088];
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slot => "slot",
            Self::Search56 => "search56",
            Self::Search1088 => "search1088",
        })
    }
}

/// What is searched: a descriptor, and beside it everything else that a session has.
#[derive(Debug)]
pub(super) struct Record<const REST: usize> {
    descriptor: u64,
    _rest: [u8; REST],
}

/// The sessions' records.
#[derive(Debug)]
pub(super) enum Records {
    None,
    Thin(Vec<Record<48>>),
    Fat(Vec<Record<1_080>>),
}

impl Records {
    pub(super) const fn new(lookup: Lookup) -> Self {
        match lookup {
            Lookup::Slot => Self::None,
            Lookup::Search56 => Self::Thin(Vec::new()),
            Lookup::Search1088 => Self::Fat(Vec::new()),
        }
    }

    /// Notes the next session, which has this descriptor and this index; the answer is the key to watch it by.
    pub(super) fn note(&mut self, descriptor: u64, index: usize) -> u64 {
        match self {
            Self::None => return index as u64,
            Self::Thin(records) => records.push(Record { descriptor, _rest: [0; _] }),
            Self::Fat(records) => records.push(Record { descriptor, _rest: [0; _] }),
        }
        descriptor
    }

    /// The index of the session with this key.
    pub(super) fn find(&self, key: u64) -> Option<usize> {
        match self {
            Self::None => usize::try_from(key).ok(),
            Self::Thin(records) => records.iter().position(|record| record.descriptor == key),
            Self::Fat(records) => records.iter().position(|record| record.descriptor == key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_sizes_that_they_are_named_after() {
        assert_eq!((size_of::<Record<48>>(), size_of::<Record<1_080>>()), (56, 1_088));
    }

    #[test]
    fn each_way_finds_the_same_sessions() {
        for lookup in [Lookup::Slot, Lookup::Search56, Lookup::Search1088] {
            let mut records = Records::new(lookup);
            let keys: Vec<u64> =
                (0..100).map(|index| records.note(7_000 - index as u64, index)).collect();
            for (index, key) in keys.into_iter().enumerate() {
                assert_eq!(records.find(key), Some(index), "{lookup}");
            }
        }
    }
}
