//! What a swarm is told to do: built-in defaults, then a TOML file, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::scenario::{Scenario, Script};
use crate::span;

/// The shortest secret that signs tokens: RFC 7518 wants as many bytes as the hash of HS256 has.
pub const MIN_SECRET_BYTES: usize = 32;

/// Key of the secret that signs tokens.
pub const SECRET_KEY: &str = "login.token_secret";

/// True for what a shell or a file of variables has left in quotes.
fn is_quoted(text: &str) -> bool {
    let quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    quoted('"') || quoted('\'')
}

/// The settings of a run. `config/swarm.toml` holds every key with its default and explains it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the server listens.
    pub server: SocketAddr,
    /// Further addresses of the same server, tried in turn where a connection can't be opened.
    #[serde(skip)]
    pub other_addresses: Vec<SocketAddr>,
    /// How many bots.
    pub bots: usize,
    /// The time over which their first connects are spread evenly.
    #[serde(with = "span::time")]
    pub ramp: Duration,
    /// How long the run takes, ramp included, leaving not.
    #[serde(rename = "for", with = "span::time")]
    pub duration: Duration,
    /// What comes before this time of the run isn't in latencies and figures per second.
    #[serde(with = "span::time")]
    pub warm_up: Duration,
    /// What they do.
    pub scenario: Scenario,
    /// Decides names and every chance.
    pub seed: u64,
    /// The share of the bots that prove what they see; at least one bot if it is above zero.
    #[serde(with = "span::share")]
    pub oracle: f64,
    /// The swarm's name in account names (`bot-<prefix>-<n>`).
    pub prefix: String,
    /// How many addresses from 127.0.0.1 on to connect from; 0 takes as many as ports need.
    pub source_addresses: u32,
    /// How to log in.
    pub login: LoginSettings,
    /// The scenarios.
    #[serde(rename = "scenarios")]
    pub script: Script,
    /// Where the list of confirmations goes, if anywhere.
    #[serde(skip)]
    pub kill_log: Option<PathBuf>,
}

/// How bots log in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSettings {
    /// `token` or `password`.
    pub method: Method,
    /// The audience of login tokens: the server's world.
    pub audience: String,
    /// Signs login tokens; the server must trust it.
    #[serde(skip_serializing)]
    pub token_secret: String,
    /// The password of every bot.
    #[serde(skip_serializing)]
    pub password: String,
}

/// What bots show who they are with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A signed login token.
    Token,
    /// A password; the account is registered on its first login.
    Password,
}

/// Why a run can't start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("can't read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file isn't what it should be; the message has line and column.
    #[error("{path}: {error}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What is wrong and where.
        error: Box<toml::de::Error>,
    },
    /// A value makes no sense.
    #[error("{key} = {value}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: SocketAddr::from(([127, 0, 0, 1], 7777)),
            other_addresses: Vec::new(),
            bots: 100,
            ramp: Duration::from_secs(5),
            duration: Duration::from_secs(60),
            warm_up: Duration::ZERO,
            scenario: Scenario::Mixed,
            seed: 7,
            oracle: 0.01,
            prefix: "swarm".to_owned(),
            source_addresses: 0,
            login: LoginSettings::default(),
            script: Script::default(),
            kill_log: None,
        }
    }
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            method: Method::Token,
            audience: "realmbeat".to_owned(),
            token_secret: String::new(),
            password: "swarm-password".to_owned(),
        }
    }
}

impl std::fmt::Debug for LoginSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginSettings")
            .field("method", &self.method)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads a TOML file; keys that it leaves out have their defaults.
    ///
    /// # Errors
    /// When the file can't be read or has a key or value that isn't known.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SettingsError::Read { path: path.to_owned(), error })?;
        toml::from_str(&text)
            .map_err(|error| SettingsError::Parse { path: path.to_owned(), error: Box::new(error) })
    }

    /// Checks what the types can't.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub fn check(&self) -> Result<(), SettingsError> {
        let inputs = self.script.walk.inputs;
        let prefix_ok = (1..=12).contains(&self.prefix.len())
            && self.prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let needs_secret = self.scenario.logs_in() && self.login.method == Method::Token;
        let wrong =
            |key, value: String, expected| Err(SettingsError::Value { key, value, expected });
        if !(1..=1_000_000).contains(&self.bots) {
            return wrong("bots", self.bots.to_string(), "1 to 1000000");
        }
        if self.warm_up >= self.duration && !self.warm_up.is_zero() {
            return wrong("warm_up", format!("{:?}", self.warm_up), "less than `for`");
        }
        if !(0.0..=100.0).contains(&inputs) {
            return wrong("walk.inputs", inputs.to_string(), "0 to 100 a second");
        }
        if !prefix_ok {
            return wrong("prefix", format!("{:?}", self.prefix), "1 to 12 of a-z and 0-9");
        }
        if self.source_addresses > 250 {
            return wrong("source_addresses", self.source_addresses.to_string(), "0 to 250");
        }
        let secret = self.login.token_secret.trim();
        if needs_secret && (secret.len() < MIN_SECRET_BYTES || is_quoted(secret)) {
            let expected = "the secret of at least 32 bytes that the server checks login tokens with: give \
                            --token-secret-file FILE, or REALMBEAT_TOKEN_SECRET in the environment, or log in \
                            with --password";
            let quotes =
                if is_quoted(secret) { " in quotes, which don't belong to it" } else { "" };
            return wrong(SECRET_KEY, format!("({} bytes{quotes})", secret.len()), expected);
        }
        Ok(())
    }

    /// All addresses of the server, [`server`](Self::server) first.
    #[must_use]
    pub fn servers(&self) -> Vec<SocketAddr> {
        std::iter::once(self.server).chain(self.other_addresses.iter().copied()).collect()
    }

    /// Whether bot `number` proves what it sees: evenly spread over the swarm.
    #[must_use]
    pub fn is_oracle(&self, number: usize) -> bool {
        if self.oracle <= 0.0 {
            return false;
        }
        let before = (number as f64 * self.oracle).ceil();
        let after = ((number + 1) as f64 * self.oracle).ceil();
        after > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_with_every_key_says_what_is_built_in() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/swarm.toml"));
        assert_eq!(Settings::load(path).unwrap(), Settings::default());
    }

    #[test]
    fn unknown_keys_and_values_are_named_with_their_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            Settings::load(file.path()).unwrap_err().to_string()
        };
        let bad_key = error("bots = 5\nbotz = 6\n");
        assert!(bad_key.contains("botz"), "{bad_key}");
        let bad_time = error("bots = 5\nramp = \"soon\"\n");
        assert!(bad_time.contains("line 2") && bad_time.contains("soon"), "{bad_time}");
    }

    #[test]
    fn a_share_of_the_bots_is_the_oracle_and_the_first_one_always() {
        let oracles = |oracle| {
            let settings = Settings { oracle, ..Settings::default() };
            (0..1000).filter(|number| settings.is_oracle(*number)).count()
        };
        assert_eq!([0.0, 0.000_1, 0.01, 1.0].map(oracles), [0, 1, 10, 1000]);
    }

    #[test]
    fn a_swarm_that_cant_log_in_says_what_to_give() {
        let error = Settings::default().check().unwrap_err().to_string();
        assert!(error.contains("--token-secret-file"), "{error}");
    }
}
