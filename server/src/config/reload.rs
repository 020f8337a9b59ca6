//! Changing the configuration while the server runs: what may change does, what may not is named, and a file with a
//! mistake changes nothing.

use std::fmt;

use super::problem::ConfigError;
use super::schema::Applies;
use super::{Config, Loaded, Sources, keys, rules};

/// A value that differs between two configurations. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// With its section.
    pub key: &'static str,
    /// When the new value takes effect.
    pub applies: Applies,
    /// The value before, as TOML.
    pub from: String,
    /// The value after, as TOML.
    pub to: String,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} -> {}", self.key, self.from, self.to)
    }
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// In force now.
    pub applied: Vec<Change>,
    /// In force with the next start.
    pub needs_restart: Vec<Change>,
}

impl Config {
    /// What differs in `new`, in the order of the list of keys.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        let differing = self.differing(new);
        let values = self.shown().into_iter().zip(new.shown());
        keys()
            .zip(values)
            .filter(|(key, _)| differing.contains(&key.path))
            .map(|(key, (from, to))| Change { key: key.path, applies: key.applies, from, to })
            .collect()
    }
}

impl Loaded {
    /// Reads all layers again and takes over what may change while the server runs.
    ///
    /// # Errors
    /// As [`Loaded::load`]; also when the new live values contradict values that need a restart. Nothing has changed
    /// then.
    pub fn reload(&mut self, sources: &Sources) -> Result<ReloadReport, ConfigError> {
        let new = Self::load(sources)?;
        let mut merged = self.clone();
        merged.config.adopt_live(&new.config);
        for key in keys().filter(|key| key.applies == Applies::Live) {
            match new.origins.get(key.path) {
                Some(origin) => merged.origins.insert(key.path, origin.clone()),
                None => merged.origins.remove(key.path),
            };
        }
        ConfigError::unless_empty(rules::broken(&merged))?;
        let (applied, needs_restart) = self
            .config
            .changes(&new.config)
            .into_iter()
            .partition(|change| change.applies == Applies::Live);
        *self = merged;
        Ok(ReloadReport { applied, needs_restart })
    }
}
