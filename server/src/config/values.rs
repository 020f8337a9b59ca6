//! The values that only this server has: how to wait, where to log, which database and bus, and secrets that no log
//! may show.

use std::fmt;
use std::path::{Path, PathBuf};

use protocol::PublicAddress;
use toml::Value;

use super::setting::{Setting, Text};
use crate::store::{Location, PostgresUrl};

macro_rules! choices {
    ($(#[$about:meta])* $name:ident, expected $expected:literal {
        $($(#[$doc:meta])* $choice:ident = $text:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $choice,)+
        }

        impl Text for $name {
            const EXPECTED: &'static str = $expected;

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$choice),)+
                    _ => None,
                }
            }

            fn write(&self) -> String {
                match self {
                    $(Self::$choice => $text.to_owned(),)+
                }
            }
        }
    };
}

choices! {
    /// How the loop waits for the next thing to do.
    Wait, expected "\"tick\" or \"busy\"" {
        /// It sleeps until a socket is ready or the next tick is due.
        Tick = "tick",
        /// It never sleeps and takes the core for the lowest latency.
        Busy = "busy",
    }
}

choices! {
    /// How log lines look.
    LogFormat, expected "\"text\" or \"json\"" {
        /// For people.
        Text = "text",
        /// One JSON object per line, for log collectors.
        Json = "json",
    }
}

/// What is shown in a secret's place.
const MASK: &str = "********";

/// A text that is never shown: its `Debug` is masked and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Least length in bytes. A key of HS256 should have no fewer than its hash (RFC 7518, section 3.2).
    pub const MIN_BYTES: usize = 32;

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

impl Text for Secret {
    const SECRET: bool = true;
    const EXPECTED: &'static str = "a secret of at least 32 bytes without quotes around it; white space around it doesn't count";

    /// As the bots read theirs.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!is_quoted(text) && text.len() >= Self::MIN_BYTES).then(|| Self(text.to_owned()))
    }

    fn write(&self) -> String {
        MASK.to_owned()
    }
}

impl Text for PublicAddress {
    const EXPECTED: &'static str =
        "a host and a port that clients can connect to, such as \"play.example.org:7777\"";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = !host.is_empty()
        && !host.contains(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c));
    (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Names that nobody may take, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// Longest of a name, in letters: as long as one of a character or account may be.
    const LENGTH_MAX: usize = 24;

    /// The names.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let is_name = |name: &str| {
            (1..=Self::LENGTH_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let names = names.into_iter().map(|name| is_name(name).then(|| name.to_owned()));
        names.collect::<Option<Vec<_>>>().map(Self)
    }
}

impl From<&[&str]> for Names {
    fn from(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }
}

/// Variables and flags may also write them as `admin,server`.
impl Setting for Names {
    fn expected() -> String {
        "a list of names of letters a to z, such as [\"admin\", \"server\"]".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let names: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
        Self::parse(names?)
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.starts_with('[') {
            return Self::from_toml(&text.parse().ok()?);
        }
        Self::parse(text.split(',').map(str::trim).filter(|_| !text.is_empty()))
    }

    fn shown(&self) -> Value {
        Value::Array(self.0.iter().cloned().map(Value::String).collect())
    }
}

/// True for what a shell or a file of variables has left in quotes: they were meant to be taken off.
pub(super) fn is_quoted(text: &str) -> bool {
    let quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    quoted('"') || quoted('\'')
}

/// Which database, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// An embedded SQLite database in this file.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(PostgresUrl),
}

impl StoreUrl {
    /// Where that is; a relative file lies in `data_dir`.
    #[must_use]
    pub fn place(&self, data_dir: &Path) -> Location {
        match self {
            Self::Sqlite(file) => Location::File(data_dir.join(file)),
            Self::Postgres(url) => Location::Postgres(url.clone()),
        }
    }
}

impl Text for StoreUrl {
    const EXPECTED: &'static str = "\"sqlite:\" and a file name, such as \"sqlite:realmbeat.sqlite3\", or \"postgres://user:password@host/database\"";

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("sqlite:") {
            Some(file) => PathBuf::parse(file).map(Self::Sqlite),
            None => PostgresUrl::new(text).map(Self::Postgres),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.display()),
            Self::Postgres(url) => url.to_string(),
        }
    }
}

/// How servers of one world speak with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// There is only this one.
    Local,
    /// Over NATS.
    Nats(NatsUrl),
}

impl Text for BusUrl {
    const EXPECTED: &'static str = "\"local\" or \"nats://host:port\"";

    fn parse(text: &str) -> Option<Self> {
        if text == "local" {
            return Some(Self::Local);
        }
        let address = text.strip_prefix("nats://")?;
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
        is_host_port(host).then(|| Self::Nats(NatsUrl(text.to_owned())))
    }

    fn write(&self) -> String {
        match self {
            Self::Local => "local".to_owned(),
            Self::Nats(url) => mask_password(url.as_str()),
        }
    }
}

/// A NATS server's address. A user and password in it aren't shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(String);

impl NatsUrl {
    /// With the user and password that it may hold: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&mask_password(&self.0))
    }
}

/// Hides what stands between `//` and `@` in a URL, or anything that may have been meant as one, and what it calls a
/// password.
pub(crate) fn mask_password(text: &str) -> String {
    let text = match text.rsplit_once('@') {
        None => text.to_owned(),
        Some((before, host)) => {
            let scheme = before.find("//").map_or(0, |slashes| slashes + 2);
            format!("{}{MASK}@{host}", &before[..scheme])
        }
    };
    let Some((address, settings)) = text.split_once('?') else {
        return text;
    };
    let settings = settings.split('&').map(|setting| match setting.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}={MASK}"),
        _ => setting.to_owned(),
    });
    format!("{address}?{}", settings.collect::<Vec<_>>().join("&"))
}

/// One part of a NATS subject: it can't hold dots, blanks or wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// As it goes into subjects.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Subject {
    const EXPECTED: &'static str = "1 to 64 letters, digits, `-` or `_`";

    fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (fits && plain).then(|| Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

/// What is logged: a level, or levels by target such as `info,server::net=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// As `tracing_subscriber` parses it.
    #[must_use]
    pub fn directives(&self) -> &str {
        &self.0
    }
}

impl Text for LogFilter {
    const EXPECTED: &'static str = "a level (error, warn, info, debug, trace or off), or levels by target such as \"info,server::net=debug\"";

    fn parse(text: &str) -> Option<Self> {
        // tracing_subscriber takes a bare misspelt level for a target and then logs nothing, hence this check.
        let is_level =
            |level: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&level);
        let is_target = |target: &str| {
            !target.is_empty()
                && target.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
        };
        let is_directive = |directive: &str| match directive.split_once('=') {
            Some((target, level)) => is_target(target) && is_level(level),
            None => is_level(directive),
        };
        text.split(',').all(is_directive).then(|| Self(text.to_owned()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}
