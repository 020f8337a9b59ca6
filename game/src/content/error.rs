//! Mistakes in the content files: the place of each, what stands there and what belongs there instead.

use std::fmt;
use std::ops::Deref;

use super::source::Source;

/// Errors, and warnings, that are kept at most: one slip in a generated file is repeated in each of its thousands of
/// entries, and nobody reads further than this before mending it. The others are counted.
pub const ERRORS_SHOWN: usize = 50;
/// Characters of a text from a file that an error repeats at most.
const QUOTED: usize = 200;
/// Names that an error lists at most.
const NAMES_LISTED: usize = 12;

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

/// The first [`ERRORS_SHOWN`] mistakes, ordered by file and line, and how many there are beyond them. One per line when
/// printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentErrors {
    shown: Vec<ContentError>,
    more: usize,
}

impl ContentErrors {
    /// All mistakes that were found, those that aren't kept included.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.shown.len() + self.more
    }

    const fn is_full(&self) -> bool {
        self.shown.len() >= ERRORS_SHOWN
    }

    fn push(&mut self, mistake: &Mistake<'_>) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.shown.push(mistake.placed());
        }
    }
}

impl Deref for ContentErrors {
    type Target = [ContentError];

    fn deref(&self) -> &[ContentError] {
        &self.shown
    }
}

impl fmt::Display for ContentErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.shown.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(out, "{end}{error}")?;
        }
        if self.more > 0 {
            write!(out, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ContentErrors {}

/// A mistake at a byte offset. Its line and column are counted only if it is kept.
#[derive(Debug)]
pub(super) struct Mistake<'a> {
    pub(super) source: Source<'a>,
    /// In bytes from the file's start.
    pub(super) at: usize,
    pub(super) found: String,
    pub(super) expected: String,
}

impl Mistake<'_> {
    fn placed(&self) -> ContentError {
        let before = self.source.text.get(..self.at).unwrap_or(self.source.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ContentError {
            file: self.source.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            found: clipped(&self.found),
            expected: self.expected.clone(),
        }
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

/// All that is found while the files are read.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    errors: ContentErrors,
    warnings: ContentErrors,
}

impl Mistakes {
    /// Something that has to be mended before the world can start.
    pub(super) fn push(&mut self, mistake: Mistake<'_>) {
        self.errors.push(&mistake);
    }

    /// Something that may be meant otherwise than it is read.
    pub(super) fn warn(&mut self, mistake: Mistake<'_>) {
        self.warnings.push(&mistake);
    }

    /// A name at `at` that none of `names` is.
    pub(super) fn unknown<'a>(
        &mut self,
        (source, at): (Source<'_>, usize),
        found: String,
        (what, wanted): (&str, &str),
        names: impl IntoIterator<Item = &'a str>,
    ) {
        // The search for a similar name takes as long as there are names, so it is made for those that are kept only.
        let kept = !self.errors.is_full();
        let expected = if kept { one_of(what, wanted, names) } else { String::new() };
        self.push(source.error(at, found, expected));
    }

    /// Errors so far.
    pub(super) const fn count(&self) -> usize {
        self.errors.total()
    }

    /// Errors and warnings, each ordered by file and line.
    pub(super) fn into_parts(mut self) -> (ContentErrors, ContentErrors) {
        self.errors.shown.sort();
        self.warnings.shown.sort();
        (self.errors, self.warnings)
    }
}

/// The first names of a list, for an `expected`, with the one that was probably meant. The rest is counted so that the
/// line stays readable.
fn one_of<'a>(what: &str, wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() {
        return format!("one of {what}, of which there are none");
    }
    let mut text = format!("one of {what}: {}", names[..names.len().min(NAMES_LISTED)].join(", "));
    let more = names.len().saturating_sub(NAMES_LISTED);
    if more > 0 {
        text += &format!(" and {more} more");
    }
    if let Some(name) = nearest(wanted, &names) {
        text += &format!("; did you mean `{name}`?");
    }
    text
}

/// The name that was probably meant: another case, the same file in another folder, or a slip of a letter in three.
fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let file = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    let wanted_file = file(wanted);
    if let Some(same) = names.iter().find(|name| file(name) == wanted_file) {
        return Some(same);
    }
    let wanted = wanted.to_lowercase();
    let letters = wanted.chars().count();
    let slips = (letters / 3).clamp(1, 4).min(letters.saturating_sub(1));
    let near = names.iter().filter(|name| name.len().abs_diff(wanted.len()) <= slips);
    let near = near.map(|name| (strsim::osa_distance(&wanted, &name.to_lowercase()), *name));
    near.min().filter(|(distance, _)| *distance <= slips).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_probably_meant_is_suggested_among_thousands() {
        let names: Vec<String> = (0..32_000).map(|number| format!("item_{number}")).collect();
        let names = || names.iter().map(String::as_str).chain(["wolf_pelt"]);
        let text = one_of("the items", "wolf_pelts", names());
        assert!(text.ends_with("item_11 and 31989 more; did you mean `wolf_pelt`?"), "{text}");
        let text = one_of("the items", "completely_different", names());
        assert!(text.ends_with("and 31989 more"), "{text}");
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_and_a_long_text_is_clipped() {
        let source = Source { file: "items.toml", text: "a\nb" };
        let mut mistakes = Mistakes::default();
        for _ in 0..ERRORS_SHOWN + 7 {
            mistakes.push(source.error(2, "x".repeat(100_000), "y"));
        }
        let (errors, _) = mistakes.into_parts();
        assert_eq!((errors.len(), errors.total()), (ERRORS_SHOWN, ERRORS_SHOWN + 7));
        let text = errors.to_string();
        assert!(text.starts_with("items.toml:2:1: found xxx"), "{text}");
        assert!(text.ends_with("\nand 7 more") && text.len() < 20_000);
    }
}
