//! What is wrong in a content file, where, and what belongs there instead.

use std::fmt;

/// One mistake in the content files, for the person who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct ContentError {
    /// Path below the content directory, such as `zones/meadow.toml`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
}

impl fmt::Display for ContentError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, found, expected } = self;
        write!(out, "{file}:{line}:{column}: found {found}, expected {expected}")
    }
}

/// The first names of a list, for an `expected`; the rest is counted so that the line stays readable.
pub(super) fn one_of<'a>(what: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() {
        return format!("one of {what}, of which there are none");
    }
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => format!("one of {what}: {shown}"),
        more => format!("one of {what}: {shown} and {more} more"),
    }
}
