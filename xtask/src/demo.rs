//! `cargo xtask demo`: a world, and a thousand players in it, from nothing to a report in two minutes.

mod report;
mod server;
mod swarm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cargo::{cargo, target_directory};
use report::{Audit, Story, SwarmReport};
use server::{Server, ServerBinary};
use swarm::Swarm;

/// Bytes of the secret that login tokens of a demo are signed with.
const SECRET_BYTES: usize = 32;
/// How long a pass of the watch may take before it looks at the keyboard and at both processes again.
const LOOK: Duration = Duration::from_millis(50);

/// A build that took less was none.
const WORTH_TELLING: Duration = Duration::from_secs(5);
/// What bots know to do.
const SCENARIOS: [&str; 9] =
    ["mixed", "wander", "chat", "fight", "crowd", "shop", "mail", "connect", "reconnect"];

/// Start a server with a new world, send a swarm of bots into it, and tell what happened.
///
/// Exit code 0: no bot met an error, the oracle found nothing, the server ended in order, and every item is accounted
/// for.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Demo {
    /// How many bots
    #[arg(long, default_value_t = 1000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    bots: u32,
    /// What they do
    #[arg(long, default_value = "mixed", value_parser = SCENARIOS)]
    scenario: String,
    /// How long they play, the ramp included
    #[arg(long = "for", default_value = "60s", value_name = "TIME", value_parser = time)]
    duration: String,
    /// The time over which they arrive
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = time)]
    ramp: String,
    /// Decides their names and every chance; the same seed makes the same bots
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Where a demo keeps what it writes.
#[derive(Debug)]
struct Places {
    log: PathBuf,
    report: PathBuf,
    world: PathBuf,
}

impl Demo {
    /// Builds, shows, tells.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let target = build()?;
        let places = Places::fresh(&target)?;
        // Taken over before anything runs that would have to be stopped.
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let secret = secret()?;
        let binary = ServerBinary::new(target.join("release/realmbeat-server"), &places, &secret);
        let mut server = binary.start(self.bots, &places.log)?;
        println!(
            "The server listens on {} and keeps its new world in {}.",
            server.address,
            places.world.display()
        );
        println!(
            "{} bots arrive within {} and play for {}. Ctrl-C ends it early, in order.\n",
            self.bots, self.ramp, self.duration
        );
        let mut swarm = Swarm::start(
            &target.join("release/realmbeat-bots"),
            &self,
            server.address,
            &secret,
            &places.report,
        )?;
        let watched = watch(&mut signals, &mut server, &mut swarm)?;
        println!("\nStopping the server: it saves everybody and says goodbye.");
        let server_end = server.stop()?;
        let story = Story {
            bots: self.bots,
            interrupted: watched.interrupted,
            swarm: SwarmReport::read(&places.report).ok(),
            swarm_end: watched.swarm_end,
            server_end,
            total: report::Total::find(&places.log),
            audit: Audit::of(binary.audit()?),
        };
        story.tell(&places.log, &places.report, &places.world);
        Ok(story.verdict())
    }
}

/// What became of a run.
struct Watched {
    swarm_end: std::process::ExitStatus,
    interrupted: bool,
}

/// Until the swarm has ended: by itself, because somebody pressed Ctrl-C, or because the server is gone.
fn watch(signals: &mut Signals, server: &mut Server, swarm: &mut Swarm) -> anyhow::Result<Watched> {
    let mut interrupted = false;
    loop {
        if let Some(swarm_end) = swarm.wait(LOOK)? {
            return Ok(Watched { swarm_end, interrupted });
        }
        for _ in signals.pending() {
            // The second time the swarm ends at once.
            swarm.terminate();
            interrupted = true;
        }
        if let Some(status) = server.ended()? {
            swarm.terminate();
            bail!("the server ended while the bots played ({status}){}", server.last_words());
        }
    }
}

/// Builds what a demo needs; the answer is the target directory.
fn build() -> anyhow::Result<PathBuf> {
    println!("Building the server and the swarm. The first time takes some minutes.");
    let began = Instant::now();
    let status = cargo(&["build", "--release", "-p", "server", "-p", "client-bot", "--bins"])
        .status()
        .context("can't run cargo")?;
    ensure!(status.success(), "the build failed, see above");
    if began.elapsed() > WORTH_TELLING {
        println!("Built in {} s.", began.elapsed().as_secs());
    }
    target_directory()
}

impl Places {
    /// A folder that no other demo has used: `target/demo/1`, `2` and so on.
    fn fresh(target: &Path) -> anyhow::Result<Self> {
        let demos = target.join("demo");
        std::fs::create_dir_all(&demos)
            .with_context(|| format!("can't make {}", demos.display()))?;
        for number in 1_u32.. {
            let folder = demos.join(number.to_string());
            match std::fs::create_dir(&folder) {
                Ok(()) => {
                    // Short to read; everything runs at the root of the repository.
                    let folder = folder
                        .strip_prefix(crate::repository())
                        .map_or_else(|_| folder.clone(), Path::to_owned);
                    return Ok(Self {
                        log: folder.join("server.log"),
                        report: folder.join("report.json"),
                        world: folder.join("world"),
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("can't make {}", folder.display()));
                }
            }
        }
        bail!("{} is full of demos; remove some", demos.display())
    }
}

/// The bots read it themselves; here a mistake is told before anything has been built and started.
fn time(text: &str) -> Result<String, &'static str> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = &text[number.len()..];
    let is_time = number.parse::<f64>().is_ok() && ["ms", "s", "m", "h"].contains(&unit);
    is_time.then(|| text.to_owned()).ok_or("write a time such as 30s or 2m")
}

/// A new secret. It reaches both processes by their environment: neither their command lines nor any file has it.
fn secret() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; SECRET_BYTES];
    let mut source = std::fs::File::open("/dev/urandom").context("/dev/urandom")?;
    source.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
