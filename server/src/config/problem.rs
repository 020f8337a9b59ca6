//! What is wrong with a configuration, in words that say where, what was found and what belongs there.

use std::fmt;

use super::layers::Origin;

/// The configuration can't be used. Its text is one line per problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    /// At least one, ordered by layer, file and line.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// # Errors
    /// If there are any problems.
    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` when it isn't at one place.
    pub origin: Option<Origin>,
    /// What.
    pub fault: Fault,
}

impl Problem {
    pub(super) const fn at(origin: Origin, fault: Fault) -> Self {
        Self { origin: Some(origin), fault }
    }

    pub(super) const fn overall(fault: Fault) -> Self {
        Self { origin: None, fault }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(out, "{origin}: ")?;
        }
        self.fault.fmt(out)
    }
}

/// A kind of problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file that was asked for isn't there, or may not be read.
    #[error("can't read the configuration file {path}: {reason}")]
    Unreadable {
        /// As it was asked for.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A file isn't text.
    #[error("the configuration file {0} isn't UTF-8 text; save it as UTF-8")]
    FileNotText(String),
    /// A file isn't TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A section or key that doesn't exist; most often a slip of the pen.
    #[error("unknown {what} `{name}`{}", hint(.suggestion.as_deref()))]
    Unknown {
        /// "key" or "section".
        what: &'static str,
        /// As written.
        name: String,
        /// The nearest one that exists, if any is near.
        suggestion: Option<String>,
    },
    /// A section's name with a single value.
    #[error("`{0}` is a section; expected `[{0}]` and its keys below it")]
    NotASection(String),
    /// A value of the wrong type or out of range.
    #[error("`{key}` is {found}; expected {expected}")]
    WrongValue {
        /// With its section.
        key: &'static str,
        /// As written, unless it is secret.
        found: String,
        /// What belongs there.
        expected: String,
    },
    /// A variable with too few underscores.
    #[error(
        "this variable isn't read; for `{key}` it must be {variable}, with two underscores each"
    )]
    Misspelt {
        /// As it must be.
        variable: String,
        /// With its section.
        key: &'static str,
    },
    /// A variable's value isn't UTF-8.
    #[error("the value isn't UTF-8 text")]
    NotText,
    /// A value that is fine in itself, and yet can't be used.
    #[error("`{key}`: {detail}")]
    Unusable {
        /// With its section.
        key: &'static str,
        /// Why, and what to do.
        detail: String,
    },
    /// Values that are fine alone contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(
        || "; --print-config lists all keys".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}

/// Most edits between a name and the one that was probably meant: one slip in three letters, and never more than this.
const MAX_EDITS: usize = 3;

/// The candidate that is nearest to `name`, if it is near enough to have been meant.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let near_enough = MAX_EDITS.min(name.chars().count().div_ceil(3));
    candidates
        .into_iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= near_enough)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions and replacements of one character that turn `from` into `to` (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_single_slips() {
        assert_eq!(edits("listen", "listen"), 0);
        assert_eq!(edits("lisen", "listen"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["listen", "backlog", "wait"];
        assert_eq!(nearest("lissten", names), Some("listen".to_owned()));
        assert_eq!(nearest("colour", names), None);
    }
}
