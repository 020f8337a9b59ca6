//! The layers above the defaults: files, environment, flags. Each value keeps the place where it was written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{Fault, Problem, nearest};
use super::schema::Key;
use super::setting::Setting;
use super::values::mask_password;
use super::{SECTIONS, keys};

/// Read when no file is named, if it is there.
pub const DEFAULT_FILE: &str = "config/server.toml";

/// Environment variables that begin so are configuration: `REALMBEAT__NETWORK__LISTEN` is `network.listen`.
pub const ENVIRONMENT_PREFIX: &str = "REALMBEAT__";

/// What variables of Realmbeat begin with, whatever they are for.
const WORLD_PREFIX: &str = "REALMBEAT_";

/// Where a value was written. The order is that of the layers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere: it is built in.
    Default,
    /// In a file.
    File {
        /// Position among the files that are read, from 0.
        layer: usize,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// As it was named.
        path: PathBuf,
    },
    /// In this environment variable.
    Environment(String),
    /// In this flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line, column, .. } => {
                write!(out, "{}:{line}:{column}", path.display())
            }
            Self::Environment(variable) => write!(out, "environment {variable}"),
            Self::Flag(flag) => write!(out, "flag {flag}"),
        }
    }
}

/// Where to read the configuration from, at the start and again on each reload.
#[derive(Clone, Default)]
pub struct Sources {
    files: Vec<PathBuf>,
    environment: Vec<(String, OsString)>,
    /// Variables that are no configuration for want of an underscore, and the keys that they were meant for.
    misspelt: Vec<(String, &'static Key)>,
    flags: Vec<Flag>,
}

#[derive(Clone)]
struct Flag {
    name: String,
    key: String,
    value: String,
}

/// Variables and flags may hold secrets, so only their names are shown.
impl fmt::Debug for Sources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        let flags: Vec<_> = self.flags.iter().map(|flag| &flag.name).collect();
        out.debug_struct("Sources")
            .field("files", &self.files)
            .field("environment", &variables)
            .field("flags", &flags)
            .finish()
    }
}

impl Sources {
    /// Adds a file, which must exist; it wins over those before it.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Takes those of the variables that begin with [`ENVIRONMENT_PREFIX`], and notes those that nearly do.
    #[must_use]
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        for (name, value) in variables {
            let Ok(name) = name.into_string() else {
                continue;
            };
            if name.starts_with(ENVIRONMENT_PREFIX) {
                self.environment.push((name, value));
            } else if let Some(key) = meant_by(&name) {
                self.misspelt.push((name, key));
            }
        }
        self
    }

    /// Adds the value that the flag `name` gives to `key`; it wins over those before it.
    #[must_use]
    pub fn flag(
        mut self,
        name: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.flags.push(Flag { name: name.into(), key: key.into(), value: value.into() });
        self
    }
}

/// A value before it is known whether it fits its key.
pub(super) struct Given {
    pub(super) origin: Origin,
    /// As written.
    text: String,
    written: Written,
}

enum Written {
    /// In a file; `None` when TOML's own types can't hold it.
    Toml(Option<Value>),
    /// In a variable or flag, where quotes may be left out.
    Bare,
}

/// Most characters of a wrong value that a message repeats.
const MAX_SHOWN_CHARS: usize = 60;

impl Given {
    pub(super) fn read<T: Setting>(&self) -> Option<T> {
        match &self.written {
            Written::Toml(value) => T::from_toml(value.as_ref()?),
            // The end of a line of a file of variables isn't part of the value.
            Written::Bare => T::from_text(self.text.trim()),
        }
    }

    /// As written, short enough for a message and without what must not be shown.
    pub(super) fn shown(&self, secret: bool) -> String {
        if secret {
            return "not shown".to_owned();
        }
        let text = mask_password(&self.text);
        let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
        if shown.len() < text.len() {
            shown.push_str("...");
        }
        // A terminal must not obey what a file holds.
        shown.replace(|character| !game::text::is_printable(character), "?")
    }
}

/// All that was given, the last layer's value for each key, and what can't be a value of any key.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) given: BTreeMap<&'static str, Given>,
    pub(super) problems: Vec<Problem>,
    /// Files that were read, in order.
    pub(super) files: Vec<PathBuf>,
}

impl Layers {
    pub(super) fn collect(sources: &Sources) -> Self {
        let mut layers = Self::default();
        if sources.files.is_empty() && is_there(Path::new(DEFAULT_FILE)) {
            layers.file(0, Path::new(DEFAULT_FILE));
        }
        for (layer, path) in sources.files.iter().enumerate() {
            layers.file(layer, path);
        }
        for (variable, key) in &sources.misspelt {
            let origin = Origin::Environment(variable.clone());
            let fault = Fault::Misspelt { variable: variable_of(key), key: key.path };
            layers.problems.push(Problem::at(origin, fault));
        }
        for (variable, value) in &sources.environment {
            let path = variable[ENVIRONMENT_PREFIX.len()..].to_lowercase().replace("__", ".");
            let origin = Origin::Environment(variable.clone());
            match value.to_str() {
                Some(value) => layers.bare(origin, &path, value),
                None => layers.problems.push(Problem::at(origin, Fault::NotText)),
            }
        }
        for flag in &sources.flags {
            layers.bare(Origin::Flag(flag.name.clone()), &flag.key, &flag.value);
        }
        layers
    }

    /// A value of a variable or flag.
    fn bare(&mut self, origin: Origin, path: &str, text: &str) {
        match find(path) {
            Some(key) => {
                let given = Given { origin, text: text.to_owned(), written: Written::Bare };
                self.given.insert(key.path, given);
            }
            None => self.problems.push(Problem::at(origin, unknown_key(path))),
        }
    }

    fn file(&mut self, layer: usize, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let path = path.display().to_string();
                let fault = if error.kind() == ErrorKind::InvalidData {
                    Fault::FileNotText(path)
                } else {
                    Fault::Unreadable { path, reason: error.to_string() }
                };
                return self.problems.push(Problem::overall(fault));
            }
        };
        self.files.push(path.to_owned());
        let file = File { layer, path, text: &text };
        let (table, errors) = DeTable::parse_recoverable(&text);
        // What recovery makes of the rest would only add problems that aren't there.
        if errors.is_empty() {
            self.sections(&file, table.into_inner());
        }
        for error in errors {
            let fault = Fault::Syntax(error.message().replace('\n', ", "));
            self.problems.push(Problem::at(file.origin(&error.span().unwrap_or_default()), fault));
        }
    }

    fn sections(&mut self, file: &File<'_>, table: DeTable<'_>) {
        for (name, value) in table {
            let origin = file.origin(&name.span());
            let name = name.into_inner();
            if SECTIONS.iter().all(|section| section.name != name) {
                self.problems.push(Problem::at(origin, unknown_section(&name)));
                continue;
            }
            let DeValue::Table(keys) = value.into_inner() else {
                let fault = Fault::NotASection(name.into_owned());
                self.problems.push(Problem::at(origin, fault));
                continue;
            };
            for (key, value) in keys {
                self.key(file, &format!("{name}.{}", key.get_ref()), &key.span(), value);
            }
        }
    }

    fn key(
        &mut self,
        file: &File<'_>,
        path: &str,
        key_span: &Range<usize>,
        value: Spanned<DeValue<'_>>,
    ) {
        let Some(key) = find(path) else {
            self.problems.push(Problem::at(file.origin(key_span), unknown_key(path)));
            return;
        };
        let span = value.span();
        let given = Given {
            origin: file.origin(&span),
            text: file.text[span].to_owned(),
            written: Written::Toml(Value::deserialize(ValueDeserializer::from(value)).ok()),
        };
        self.given.insert(key.path, given);
    }
}

struct File<'a> {
    layer: usize,
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn origin(&self, span: &Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            layer: self.layer,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            path: self.path.to_owned(),
        }
    }
}

/// True also for what can't be looked at: a link to nowhere, a folder that may not be entered. Then reading it says what
/// is wrong, and nobody runs on defaults without knowing.
fn is_there(path: &Path) -> bool {
    let look = path.symlink_metadata();
    !matches!(look, Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// The key that a variable names but for its underscores: `REALMBEAT_SERVER__NAME` or `REALMBEAT__SERVER_NAME`.
fn meant_by(variable: &str) -> Option<&'static Key> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(['_', '.']).filter(|word| !word.is_empty());
        words.map(str::to_ascii_lowercase).collect()
    };
    let named = words(variable.strip_prefix(WORLD_PREFIX)?);
    keys().find(|key| words(key.path) == named)
}

/// The variable of a key.
fn variable_of(key: &Key) -> String {
    ENVIRONMENT_PREFIX.to_owned() + &key.path.to_uppercase().replace('.', "__")
}

fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// A key in the wrong section is as likely as a slip of the pen.
fn unknown_key(path: &str) -> Fault {
    let name = path.rsplit('.').next().unwrap_or(path);
    let elsewhere = || keys().find(|key| key.name() == name).map(|key| key.path.to_owned());
    Fault::Unknown {
        what: "key",
        name: path.to_owned(),
        suggestion: nearest(path, keys().map(|key| key.path)).or_else(elsewhere),
    }
}

/// A key that stands above the first section is as likely as a slip of the pen.
fn unknown_section(name: &str) -> Fault {
    let as_key = || keys().find(|key| key.name() == name).map(|key| key.path.to_owned());
    Fault::Unknown {
        what: "section",
        name: name.to_owned(),
        suggestion: nearest(name, SECTIONS.iter().map(|section| section.name)).or_else(as_key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nowhere_is_there_and_must_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        assert!(!is_there(&path) && !is_there(&folder.path().join("config/server.toml")));
        std::os::unix::fs::symlink("/nowhere/server.toml", &path).unwrap();
        assert!(is_there(&path));
        let mut layers = Layers::default();
        layers.file(0, &path);
        assert!(matches!(layers.problems[0].fault, Fault::Unreadable { .. }));
        assert!(layers.files.is_empty());
    }
}
