//! The configuration: what an operator may set, where each value came from, and what is wrong with it, said before
//! anything starts.
//!
//! Four layers, the later ones win: the defaults in `config/keys.rs` (THE LIST of all keys), TOML files in the order
//! in which they are named, environment variables (`REALMBEAT__NETWORK__LISTEN`), flags. Every key is optional.

mod keys;
mod layers;
mod print;
mod problem;
mod reload;
mod rules;
mod schema;
mod setting;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use keys::{Auth, Bus, Config, Log, Network, SECTIONS, Server, Shutdown, Store, World};
pub use layers::{DEFAULT_FILE, ENVIRONMENT_PREFIX, Origin, Sources};
pub use print::reference;
pub use problem::{ConfigError, Fault, Problem};
pub use reload::{Change, ReloadReport};
pub use schema::{Applies, Key, Section};
pub use setting::parse_duration;
pub(crate) use values::mask_password;
pub use values::{BusUrl, LogFilter, LogFormat, Names, NatsUrl, Secret, StoreUrl, Subject, Wait};

/// Exit code of a process whose configuration can't be used, as `sysexits.h` has it.
pub const EX_CONFIG: u8 = 78;

/// A configuration that holds together, and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Only keys that aren't defaults.
    origins: BTreeMap<&'static str, Origin>,
    /// Files that were read, in order.
    files: Vec<PathBuf>,
}

impl Loaded {
    /// Reads all layers and checks every value.
    ///
    /// # Errors
    /// Everything that is wrong, not just the first: unreadable files, TOML that isn't, unknown keys, wrong values,
    /// and values that contradict each other.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layers::Layers { given, problems, files } = layers::Layers::collect(sources);
        let mut reader = schema::Reader::new(given, problems);
        let config = Config::read(&mut reader);
        let (origins, mut problems) = reader.finish();
        let loaded = Self { config, origins, files };
        if problems.is_empty() {
            problems = rules::broken(&loaded);
        }
        ConfigError::unless_empty(problems)?;
        Ok(loaded)
    }

    /// That the value of `key` can't be used, as only the part that uses it can tell.
    #[must_use]
    pub fn unusable(&self, key: &'static str, detail: impl std::fmt::Display) -> ConfigError {
        let origin = self.origin(key).clone();
        let fault = Fault::Unusable { key, detail: detail.to_string() };
        ConfigError { problems: vec![Problem::at(origin, fault)] }
    }

    /// The files that were read, in words.
    #[must_use]
    pub fn files(&self) -> String {
        if self.files.is_empty() {
            return format!("no file: {DEFAULT_FILE} isn't there and --config names none");
        }
        let files = self.files.iter().map(|file| file.display().to_string());
        files.collect::<Vec<_>>().join(", ")
    }

    /// Where the value of `key`, such as `network.listen`, came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::read(&mut schema::Reader::new(BTreeMap::new(), Vec::new()))
    }
}

/// All keys, in the order of the list.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}
