//! A world that is measured from outside: a server as a process of its own on a core of its own, started with a
//! configuration file, watched by the lines of its log, ended as an operator would.

mod stats;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::bots::NotAllIn;
use crate::cores::Cores;
use crate::field::Field;
use crate::place::target;
use crate::process::{Child, Spent};
pub(crate) use stats::Stats;

/// Signs login tokens here; as good as any other.
pub(crate) const TOKEN_SECRET: &str = "a secret of the benches, 32 bytes or more";
/// Sessions beyond one for each bot: connections of which only one end knows yet that they are over.
const SPARE_SESSIONS: usize = 500;
/// How often the server tells how it is, until it is asked for a longer stretch.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a line may be late: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of its log that are shown when something goes wrong.
const LAST_WORDS: usize = 12;
/// How often its log is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Where the players are.
    pub(crate) field: Field,
    /// How many there will be.
    pub(crate) players: usize,
    /// Threads of the server that read and write; with more than one it runs on the load's core too.
    pub(crate) io_threads: u32,
    /// Other keys of the configuration than those that every measured server has, with their values in TOML.
    pub(crate) keys: Vec<(&'static str, String)>,
}

/// A running server.
pub(crate) struct World {
    child: Child,
    cores: Cores,
    setup: Setup,
    directory: TempDir,
    pub(crate) address: SocketAddr,
}

/// What the server did in a stretch of time.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    /// As its log tells it.
    pub(crate) stats: Stats,
    /// As the system counts it.
    pub(crate) spent: Spent,
}

impl World {
    /// Starts a server with a new world on its core, and waits until it is ready.
    ///
    /// # Errors
    /// When it doesn't start; its log says why.
    pub(crate) fn start(cores: Cores, setup: Setup) -> anyhow::Result<Self> {
        // Beside what is built, so that it lies on the disk and not in memory.
        let directory = tempfile::tempdir_in(target())?;
        setup.field.write(&directory.path().join("content"))?;
        Self::start_in(cores, setup, directory, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn start_in(
        cores: Cores,
        setup: Setup,
        directory: TempDir,
        address: SocketAddr,
    ) -> anyhow::Result<Self> {
        let (config, log) = (directory.path().join("config.toml"), directory.path().join("log"));
        std::fs::write(&config, setup.configuration(directory.path(), address, HEARTBEAT))?;
        let on = cores.of_server(usize::try_from(setup.io_threads)?);
        let program = target().join("release/realmbeat-server");
        let arguments = ["--config".into(), config.into_os_string()];
        let mut child = Child::start_logging(on, &program, arguments, &log)?;
        let ready = child.hear_after("realmbeat-server ready on ");
        let address = ready.with_context(|| format!("the log says:\n{}", last_words(&log)))?;
        let address = address.parse()?;
        Ok(Self { child, cores, setup, directory, address })
    }

    /// Waits until so many players are in the world. The answer is how long that took.
    ///
    /// # Errors
    /// When they aren't there in time.
    pub(crate) fn wait_for(&self, players: usize, patience: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let inside = self.lines()?.last().map_or(0, |stats| stats.players);
            if inside >= players as u64 {
                return Ok(began.elapsed());
            }
            if began.elapsed() >= patience {
                println!("the log ends with\n{}", last_words(&self.log()));
                bail!(NotAllIn { inside, players, patience });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Watches it for a while.
    ///
    /// # Errors
    /// When it ends meanwhile, or doesn't tell how it was.
    pub(crate) fn watch(&self, time: Duration) -> anyhow::Result<Stretch> {
        // Its log has one line for the whole stretch when that is the interval of its lines.
        self.tell_every(time)?;
        let before = self.lines()?.len();
        let (stats, spent) = self.child.measure(|| self.long_line(before, time))?;
        self.tell_every(HEARTBEAT)?;
        Ok(Stretch { stats, spent })
    }

    /// The first line from `after` on that tells of at least so long a time.
    fn long_line(&self, after: usize, time: Duration) -> anyhow::Result<Stats> {
        let deadline = Instant::now() + time + PATIENCE;
        while Instant::now() < deadline {
            let lines = self.lines()?;
            if let Some(line) =
                lines.get(after..).unwrap_or_default().iter().find(|line| line.covers(time))
            {
                return Ok(line.clone());
            }
            std::thread::sleep(LOOK);
        }
        bail!("no line about {time:?}; the log ends with\n{}", last_words(&self.log()))
    }

    fn tell_every(&self, interval: Duration) -> anyhow::Result<()> {
        let directory = self.directory.path();
        let config = self.setup.configuration(directory, self.address, interval);
        std::fs::write(directory.join("config.toml"), config)?;
        self.child.signal(Signal::HUP)
    }

    /// Kills it as a crash does, and starts it again on the same address with what it had saved.
    ///
    /// # Errors
    /// When it doesn't start again.
    pub(crate) fn crash(self) -> anyhow::Result<Self> {
        let Self { child, cores, setup, directory, address } = self;
        drop(child);
        std::fs::remove_file(directory.path().join("log"))?;
        Self::start_in(cores, setup, directory, address)
    }

    /// Lets it end in order.
    ///
    /// # Errors
    /// When it doesn't, or couldn't save everything.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        let log = last_words(&self.log());
        self.child.signal(Signal::TERM)?;
        self.child.finish().with_context(|| format!("the log ends with\n{log}"))
    }

    /// Bytes of memory that are the server's own.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.child.memory()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn lines(&self) -> anyhow::Result<Vec<Stats>> {
        let text = std::fs::read_to_string(self.log())?;
        Ok(text.lines().filter_map(Stats::of_line).collect())
    }
}

impl Setup {
    /// The whole configuration.
    fn configuration(&self, directory: &Path, address: SocketAddr, stats: Duration) -> String {
        let mut text = format!(
            "server.data_dir = {:?}\nworld.content = {:?}\nnetwork.listen = \"{address}\"\n\
             network.max_sessions = {}\nauth.token_secret = {TOKEN_SECRET:?}\n\
             log.format = \"json\"\nlog.stats_interval = \"{}ms\"\n\
             # What is measured is all of the work, however late it comes.\noverload.steps = 0\n",
            directory.join("data"),
            directory.join("content"),
            self.players + SPARE_SESSIONS,
            stats.as_millis(),
        );
        for (key, value) in &self.keys {
            // Writing to a String doesn't fail.
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }
}

/// The end of a log, for whoever must find out what went wrong.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}
