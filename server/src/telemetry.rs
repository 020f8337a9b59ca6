//! The log: to standard error, as text for people or JSON for collectors, at levels that can change while running.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Log, LogFilter, LogFormat};

/// Sets the levels of the log while it runs.
#[derive(Clone)]
pub struct LogLevels(reload::Handle<EnvFilter, Registry>);

/// Begins logging. Called once by a binary; tests and embedding programs bring their own subscriber.
#[must_use]
pub fn start(log: &Log) -> LogLevels {
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    // Colours are for eyes: in a file they are noise that no search gets past.
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(filter);
    // A second subscriber in one process is a test's; the first one stays.
    let _ = match log.format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    LogLevels(handle)
}

impl LogLevels {
    /// From now on these levels.
    pub fn set(&self, level: &LogFilter) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!("the log levels stay as they are: {error}");
        }
    }
}

/// The client library of NATS logs each attempt to connect; the bus says what matters in a line of its own.
fn filter(level: &LogFilter) -> EnvFilter {
    EnvFilter::new(format!("async_nats=warn,refinery_core=warn,{}", level.directives()))
}
