//! The log: to standard error, as text for people or JSON for collectors, at levels that can change while running.

mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Log, LogFilter, LogFormat};
use queue::LogQueue;

/// How long an end waits for lines of the log that standard error hasn't taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The queue in front of standard error, which this process has one of. Unset where lines are written directly.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Sets the levels of the log while it runs.
#[derive(Clone)]
pub struct LogLevels(reload::Handle<EnvFilter, Registry>);

/// Begins logging, each line written by the thread that logs it. Called once by a binary; tests and embedding programs
/// bring their own subscriber.
#[must_use]
pub fn start(log: &Log) -> LogLevels {
    start_with(log, io::stderr)
}

/// Begins logging as [`start`] does, but through a bounded queue and a thread of its own: a pipe that nobody empties
/// holds up no thread that logs, and no thread that panics.
///
/// # Errors
/// When the system has no thread for it.
pub(crate) fn start_queued(log: &Log) -> io::Result<LogLevels> {
    let queue = LogQueue::start(io::stderr(), |lost| {
        tracing::warn!(lost, "lines of the log were lost, because standard error didn't take them");
    })?;
    let _ = QUEUE.set(queue.clone());
    std::panic::set_hook(Box::new(log_panic));
    Ok(start_with(log, move || queue.clone()))
}

fn start_with<W>(log: &Log, writer: W) -> LogLevels
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    // Colours are for eyes: in a file they are noise that no search gets past.
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(filter);
    // A second subscriber in one process is a test's; the first one stays.
    let _ = match log.format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    LogLevels(handle)
}

/// Prints a line for the operator to standard error, behind all of the log; one that can't be written is given up.
pub(crate) fn print_error(error: impl Display) {
    let line = format!("realmbeat-server: {error}\n");
    match QUEUE.get() {
        Some(queue) => queue.put(line.as_bytes()),
        None => drop(io::stderr().write_all(line.as_bytes())),
    }
    drain();
}

/// Waits a moment for the lines of the log that aren't written yet, before the process ends.
pub(crate) fn drain() {
    if let Some(queue) = QUEUE.get() {
        queue.drain(LAST_LINES);
    }
}

/// In place of Rust's own hook, which writes to standard error directly.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let message = panic.payload_as_str().unwrap_or("it gave no reason");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!("thread {thread} panicked at {place}: {message}\n{backtrace}");
    } else {
        tracing::error!("thread {thread} panicked at {place}: {message}");
    }
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
