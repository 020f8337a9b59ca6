//! The players of a measured world: a swarm of bots as a process of its own on another core, and what it reports.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustix::process::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use crate::cores::Core;
use crate::place::target;
use crate::process::Child;
use crate::world::{TOKEN_SECRET, World};

/// Where the swarm writes what it found.
const REPORT: &str = "report.json";
/// How long bots may take to leave at the end.
const LEAVE_PATIENCE: Duration = Duration::from_secs(60);

/// More players than this machine lets in while they play.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{inside} of {players} were in the world after {} s", patience.as_secs())]
pub(crate) struct NotAllIn {
    pub(crate) inside: u64,
    pub(crate) players: usize,
    pub(crate) patience: Duration,
}

/// What a swarm is to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) bots: usize,
    /// As `realmbeat-bots` names it.
    pub(crate) scenario: &'static str,
    /// Moves a second and bot.
    pub(crate) inputs: f64,
    /// How many of them prove what they see: each costs the server a digest of its cells in each tick.
    pub(crate) oracles: usize,
    /// The time over which they arrive.
    pub(crate) ramp: Duration,
    /// Until they have found their pace.
    pub(crate) warm_up: Duration,
    /// All of it, ramp and warm-up included.
    pub(crate) time: Duration,
}

/// A running swarm.
pub(crate) struct Bots {
    child: Child,
    directory: TempDir,
    plan: Plan,
    began: Instant,
}

/// What the swarm tells at its end. Latencies are those after the warm-up.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BotReport {
    pub(crate) counts: Counts,
    pub(crate) oracle: Oracle,
    /// In milliseconds, counted from when each action was due.
    pub(crate) latency: BTreeMap<String, Percentiles>,
    pub(crate) rates: Rates,
    pub(crate) swarm: Spent,
    pub(crate) unfinished: usize,
}

/// Counts of the whole run.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Counts {
    pub(crate) logged_in: u64,
    pub(crate) connections_lost: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) first_errors: Vec<String>,
    pub(crate) first_findings: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Oracle {
    /// Entities in sight of a bot, itself among them, on average.
    pub(crate) in_sight: f64,
    pub(crate) findings: u64,
}

/// Per second.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Rates {
    /// Bytes to the bot that got the most, of those that don't prove what they see.
    pub(crate) most_bytes_in: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Spent {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
}

impl Plan {
    /// They walk at `inputs` moves a second and bot, and are watched for `time` after they have arrived.
    pub(crate) fn walk(bots: usize, inputs: f64, time: Duration) -> Self {
        // 250 a second: at twice as many a server on one core isn't done with the last ones when 10,000 play.
        let ramp = Duration::from_millis(4 * bots as u64);
        // The last ones come while nearly all play already: at 10,000 it takes them some seconds.
        let pace = Duration::from_secs(1 + bots as u64 / 1_000);
        let warm_up = ramp + pace;
        let time = warm_up + time;
        Self { bots, scenario: "wander", inputs, oracles: bots.div_ceil(500), ramp, warm_up, time }
    }
}

impl Bots {
    /// Sends them into `world`, from `core`.
    ///
    /// # Errors
    /// When the program isn't there.
    pub(crate) fn send(core: Core, plan: Plan, world: &World) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(target())?;
        let secret = directory.path().join("secret");
        std::fs::write(&secret, TOKEN_SECRET)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let oracle = format!("{}%", plan.oracles as f64 * 100.0 / plan.bots as f64);
        let time = |time: Duration| format!("{}ms", time.as_millis());
        let flags = [
            ("--server", world.address.to_string()),
            ("--bots", plan.bots.to_string()),
            ("--scenario", plan.scenario.to_owned()),
            ("--inputs", plan.inputs.to_string()),
            ("--oracle", oracle),
            ("--ramp", time(plan.ramp)),
            ("--warm-up", time(plan.warm_up)),
            ("--for", time(plan.time)),
        ];
        let files = [("--token-secret-file", secret), ("--report", directory.path().join(REPORT))];
        let flags = flags.map(|(flag, value)| (flag, OsString::from(value)));
        let files = files.map(|(flag, file)| (flag, file.into_os_string()));
        let arguments =
            flags.into_iter().chain(files).flat_map(|(flag, value)| [flag.into(), value]);
        let program = target().join("release/realmbeat-bots");
        let child = Child::start(core, &program, arguments.chain(["--quiet".into()]))?;
        Ok(Self { child, directory, plan, began: Instant::now() })
    }

    /// Waits until all are in the world and their warm-up is over.
    ///
    /// # Errors
    /// When they aren't there by then.
    pub(crate) fn arrive(&self, world: &World) -> anyhow::Result<()> {
        let left = || self.plan.warm_up.saturating_sub(self.began.elapsed());
        world.wait_for(self.plan.bots, left())?;
        std::thread::sleep(left());
        Ok(())
    }

    /// Waits until they have left by themselves.
    ///
    /// # Errors
    /// When they don't, or when one of them saw something that can't be.
    pub(crate) fn finish(self) -> anyhow::Result<BotReport> {
        let left = self.plan.time.saturating_sub(self.began.elapsed());
        self.end(left + LEAVE_PATIENCE)
    }

    /// Lets them leave before their time.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(crate) fn leave(self) -> anyhow::Result<BotReport> {
        self.child.signal(Signal::TERM)?;
        self.end(LEAVE_PATIENCE)
    }

    fn end(self, patience: Duration) -> anyhow::Result<BotReport> {
        self.child.finish_within(patience)?;
        let file = self.directory.path().join(REPORT);
        let text = std::fs::read_to_string(&file).context("the swarm wrote no report")?;
        let report: BotReport = serde_json::from_str(&text)?;
        let findings = &report.counts.first_findings;
        ensure!(report.oracle.findings == 0, "a bot saw what can't be: {findings:?}");
        Ok(report)
    }
}

impl BotReport {
    /// Milliseconds of a metric.
    pub(crate) fn latency(&self, metric: &str) -> Percentiles {
        self.latency.get(metric).copied().unwrap_or_default()
    }

    /// How much of its core the swarm used: near 1 it measured itself.
    pub(crate) fn load(&self) -> f64 {
        self.swarm.cpu_s / self.swarm.wall_s.max(f64::EPSILON)
    }

    /// That everything went as it should.
    ///
    /// # Errors
    /// When a bot didn't get in, or lost its connection, or met an error.
    pub(crate) fn ensure_unharmed(&self, bots: usize) -> anyhow::Result<()> {
        let Counts { logged_in, connections_lost, errors, first_errors, .. } = &self.counts;
        ensure!(
            *logged_in == bots as u64
                && *connections_lost == 0
                && errors.is_empty()
                && self.unfinished == 0,
            "{logged_in} of {bots} bots logged in, {connections_lost} lost their connection; {errors:?}: \
             {first_errors:?}"
        );
        Ok(())
    }
}
