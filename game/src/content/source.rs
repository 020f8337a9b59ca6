//! A content file as text, from which values are read and in which mistakes have a line and a column.

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::de::{DeTable, ValueDeserializer};

use super::error::{Mistake, Mistakes};

/// Characters of a name in the content files at most: it is stored with each item and sent with each sight.
pub(super) const NAME_LENGTH: usize = 32;

/// A file and its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

/// One named table of a file. Without a value its mistake has been reported, but its name is known, so that nobody is
/// told that a thing doesn't exist which is merely misspelt inside.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) name: String,
    /// Where its name is, in bytes from the file's start.
    pub(super) at: usize,
    pub(super) value: Option<T>,
}

impl<'a> Source<'a> {
    /// A mistake at a byte offset of the text.
    pub(super) fn error(
        &self,
        at: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Mistake<'a> {
        Mistake { source: *self, at, found: found.into(), expected: expected.into() }
    }

    /// The byte offset of a line and a column, both from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let before = self.text.split_inclusive('\n').take(line.saturating_sub(1));
        let line_start: usize = before.map(str::len).sum();
        let rest = self.text.get(line_start..).unwrap_or_default();
        let column = rest.char_indices().nth(column.saturating_sub(1));
        line_start + column.map_or(0, |(offset, _)| offset)
    }

    /// Where a name first stands in a map as a word of its own: close enough for a person to find it.
    pub(super) fn find(&self, name: &str) -> usize {
        let ends = |found: usize| {
            let quote = |character: char| matches!(character, '"' | ' ' | '=' | '>' | '<');
            let (before, after) = (&self.text[..found], &self.text[found + name.len()..]);
            before.ends_with(quote) && after.starts_with(quote)
        };
        let mut found = self.text.match_indices(name).map(|(found, _)| found);
        found
            .find(|found| ends(*found))
            .map_or(0, |found| found - usize::from(self.text[..found].ends_with('"')))
    }

    /// Adds the file's first mistake in the syntax of TOML, if there is one. Further ones would be echoes of it.
    pub(super) fn check_syntax(&self, errors: &mut Mistakes) {
        if let Err(mistake) = DeTable::parse(self.text) {
            errors.push(self.toml(&mistake));
        }
    }

    /// The whole file as one value.
    pub(super) fn value<T: DeserializeOwned>(&self, errors: &mut Mistakes) -> Option<T> {
        let read =
            DeTable::parse(self.text).and_then(|table| T::deserialize(table.into_deserializer()));
        read.map_err(|mistake| errors.push(self.toml(&mistake))).ok()
    }

    /// The file as tables by name, in the order of their names. Each is read on its own, so that every one with a
    /// mistake is reported.
    pub(super) fn entries<T: DeserializeOwned>(&self, errors: &mut Mistakes) -> Vec<Entry<T>> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(mistake) => {
                errors.push(self.toml(&mistake));
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        for (name, value) in table.into_inner() {
            let at = name.span().start;
            let name = name.into_inner().into_owned();
            if let Err(expected) = check_name(&name) {
                errors.push(self.error(at, format!("the name `{name}`"), expected));
            }
            let value = T::deserialize(ValueDeserializer::from(value));
            let value = value.map_err(|mistake| errors.push(self.toml(&mistake)));
            let value = value.ok();
            entries.push(Entry { name, at, value });
        }
        // Numbers are handed out in this order.
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    /// Splits what the TOML reader says into what it found and what it expected.
    fn toml(&self, mistake: &toml::de::Error) -> Mistake<'a> {
        let at = mistake.span().map_or(0, |span| span.start);
        let message = mistake.message().lines().next().unwrap_or_default();
        let message = message
            .strip_prefix("invalid type: ")
            .or_else(|| message.strip_prefix("invalid value: "))
            .unwrap_or(message);
        if let Some((found, expected)) = message.split_once(", expected ") {
            return self.error(at, found, expected);
        }
        if let Some(field) = message.strip_prefix("missing field ") {
            return self.error(at, format!("no {field}"), format!("the field {field}"));
        }
        self.error(at, message, "valid TOML")
    }
}

/// Names are what files, game masters and databases call a thing: short, plain and the same on every system.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '_');
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_well && name.len() <= NAME_LENGTH && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!("a name of 1 to {NAME_LENGTH} of a-z, 0-9 and _, with a letter first"))
}
