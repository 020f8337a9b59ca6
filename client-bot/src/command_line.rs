//! The flags of `realmbeat-bots`; each wins over the settings file.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use client_bot::report::AssertionError;
use client_bot::settings::{Method, SECRET_KEY, SettingsError};
use client_bot::span::{parse_share, parse_time};
use client_bot::{Assertion, Scenario, Settings};

/// Where the token secret is looked for when no flag names it.
const SECRET_VARIABLE: &str = "REALMBEAT_TOKEN_SECRET";

/// Variable of the server's key for the same secret.
const SERVER_SECRET_VARIABLE: &str = "REALMBEAT__AUTH__TOKEN_SECRET";

/// Sends a swarm of client bots against a Realmbeat server and reports what it took.
///
/// Exit code 0: the run went through and every assertion holds; 99: one doesn't; 64: flags or settings can't be
/// understood; 1: the swarm couldn't run, or nobody got in.
#[derive(Debug, clap::Parser)]
#[command(name = "realmbeat-bots", version)]
pub(crate) struct CommandLine {
    /// Settings file; config/swarm.toml explains every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the server listens, host and port.
    #[arg(long, value_name = "HOST:PORT", value_parser = resolve)]
    server: Option<Addresses>,
    /// How many bots.
    #[arg(long)]
    bots: Option<usize>,
    /// The time over which the first connects are spread, such as 30s.
    #[arg(long, value_parser = parse_time)]
    ramp: Option<Duration>,
    /// How long the run takes, such as 2m; the bots leave afterwards.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    duration: Option<Duration>,
    /// What comes before this time isn't in latencies and figures per second.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    warm_up: Option<Duration>,
    /// What the bots do.
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Decides names and every chance.
    #[arg(long)]
    seed: Option<u64>,
    /// Moves per second of a bot that walks; 0 stands still.
    #[arg(long)]
    inputs: Option<f64>,
    /// The share of the bots that prove what they see, such as 1%.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    oracle: Option<f64>,
    /// The swarm's name in account names.
    #[arg(long)]
    prefix: Option<String>,
    /// Addresses from 127.0.0.1 on to connect from; 0 takes as many as ports need.
    #[arg(long)]
    source_addresses: Option<u32>,
    /// Signs login tokens. Other users of this machine can read it here; better use the file or the environment
    /// (REALMBEAT_TOKEN_SECRET).
    #[arg(long, value_name = "SECRET", conflicts_with = "token_secret_file")]
    token_secret: Option<String>,
    /// File with the secret that signs login tokens; white space around it doesn't count.
    #[arg(long, value_name = "FILE")]
    token_secret_file: Option<PathBuf>,
    /// The audience of login tokens: the server's world.
    #[arg(long)]
    audience: Option<String>,
    /// Log in with a password instead of a token; without a value, the settings' one.
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1, require_equals = true)]
    password: Option<Option<String>>,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// What must hold at the end, such as 'latency.p99<80ms,errors=0,oracle.findings=0,logged_in=100%'.
    #[arg(long = "assert", value_name = "LIST", value_parser = parse_assertions)]
    assertions: Vec<Assertions>,
    /// Append each confirmed change of ownership to this file, on disk before it counts: for crash tests.
    #[arg(long, value_name = "FILE")]
    kill_log: Option<PathBuf>,
    /// No live progress, just the summary.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// The assertions of one `--assert`.
type Assertions = Box<[Assertion]>;

fn parse_assertions(text: &str) -> Result<Assertions, AssertionError> {
    Assertion::parse_list(text).map(Vec::into_boxed_slice)
}

/// The addresses of a host name, at least one.
type Addresses = Box<[SocketAddr]>;

fn resolve(text: &str) -> anyhow::Result<Addresses> {
    let found = text.to_socket_addrs().context("write host:port, such as 127.0.0.1:7777")?;
    let found: Addresses = found.collect();
    ensure!(!found.is_empty(), "the host has no address");
    Ok(found)
}

impl CommandLine {
    /// What must hold at the end.
    pub(crate) fn assertions(&self) -> impl Iterator<Item = &Assertion> {
        self.assertions.iter().flatten()
    }

    /// The file's settings with the flags over them, checked.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = match &self.config {
            Some(path) => Settings::load(path)?,
            None => Settings::default(),
        };
        fn set<T: Clone>(setting: &mut T, flag: &Option<T>) {
            if let Some(value) = flag {
                setting.clone_from(value);
            }
        }
        if let Some([first, others @ ..]) = self.server.as_deref() {
            settings.server = *first;
            settings.other_addresses = others.to_vec();
        }
        set(&mut settings.bots, &self.bots);
        set(&mut settings.ramp, &self.ramp);
        set(&mut settings.duration, &self.duration);
        set(&mut settings.warm_up, &self.warm_up);
        set(&mut settings.scenario, &self.scenario);
        set(&mut settings.seed, &self.seed);
        set(&mut settings.script.walk.inputs, &self.inputs);
        set(&mut settings.oracle, &self.oracle);
        set(&mut settings.prefix, &self.prefix);
        set(&mut settings.source_addresses, &self.source_addresses);
        set(&mut settings.login.audience, &self.audience);
        settings.kill_log.clone_from(&self.kill_log);
        if let Some(password) = &self.password {
            settings.login.method = Method::Password;
            set(&mut settings.login.password, password);
        }
        if let Some(secret) = self.secret()? {
            settings.login.token_secret = secret;
        }
        // As the server reads its own: white space around it, such as the end of a line, isn't part of it.
        settings.login.token_secret = settings.login.token_secret.trim().to_owned();
        if let Err(mistake) = settings.check() {
            let is_secret = matches!(mistake, SettingsError::Value { key: SECRET_KEY, .. });
            let is_set = std::env::var_os(SERVER_SECRET_VARIABLE).is_some();
            let mistake = anyhow::Error::from(mistake);
            return Err(match is_secret && is_set && std::env::var_os(SECRET_VARIABLE).is_none() {
                true => mistake.context(format!(
                    "{SERVER_SECRET_VARIABLE} is set, which is the server's variable; the bots read {SECRET_VARIABLE}"
                )),
                false => mistake,
            });
        }
        Ok(settings)
    }

    fn secret(&self) -> anyhow::Result<Option<String>> {
        if let Some(path) = &self.token_secret_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("can't read the token secret from {}", path.display()))?;
            return Ok(Some(text));
        }
        Ok(self.token_secret.clone().or_else(|| std::env::var(SECRET_VARIABLE).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn flags_win_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "bots = 5\nseed = 9\n[login]\nmethod = \"password\"\n")
            .unwrap();
        let line = [
            "bots",
            "--config",
            file.path().to_str().unwrap(),
            "--bots",
            "6",
            "--for",
            "2m",
            "--oracle",
            "1%",
        ];
        let settings = CommandLine::parse_from(line).settings().unwrap();
        assert_eq!((settings.bots, settings.seed), (6, 9));
        assert_eq!(settings.duration, Duration::from_secs(120));
    }

    #[test]
    fn every_address_of_the_named_host_is_there_to_be_tried() {
        let found: Vec<SocketAddr> = "localhost:7777".to_socket_addrs().unwrap().collect();
        let line = ["bots", "--server", "localhost:7777", "--password"];
        let settings = CommandLine::parse_from(line).settings().unwrap();
        assert_eq!(settings.servers(), found);
    }

    #[test]
    fn a_bad_assertion_is_a_mistake_of_usage_before_anything_runs() {
        assert!(CommandLine::try_parse_from(["bots", "--assert", "erors=0"]).is_err());
        let line = CommandLine::parse_from([
            "bots",
            "--assert",
            "errors=0,findings=0",
            "--assert",
            "lost=0",
        ]);
        assert_eq!(line.assertions().count(), 3);
    }

    #[test]
    fn the_secret_comes_from_its_file_or_flag_without_the_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "  hush hush hush hush hush hush hush\n").unwrap();
        let file = ["bots", "--token-secret-file", file.path().to_str().unwrap()];
        let flag = ["bots", "--token-secret", "hush hush hush hush hush hush hush\r"];
        for line in [file, flag] {
            let settings = CommandLine::parse_from(line).settings().unwrap();
            assert_eq!(settings.login.token_secret, "hush hush hush hush hush hush hush");
        }
    }
}
