//! Kills a server again and again under load, and holds what it has on disk against what its players were told.
//!
//! A round starts the server on the same data directory, lets traders, walkers and a swarm of fighters play, kills it
//! with SIGKILL after a random number of confirmations and a random while, audits the database, and compares.

mod promises;
mod trader;

use std::fmt;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use client_bot::bot::event::Confirmation;
use client_bot::{Scenario, Settings, Swarm};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;
use rusqlite::{Connection, OpenFlags};

use crate::server::{PATIENCE, ServerSetup, TOKEN_SECRET};
use crate::walker::{self, Trail};
use promises::Promises;

/// Clients that do nothing but give, drop and pick up, as fast as answers come.
const TRADERS: usize = 8;
/// Clients that walk and remember where they were when.
const WALKERS: usize = 8;
/// Bots that fight, loot and drop.
const FIGHTERS: usize = 40;
/// Ticks per second: more than usual, so that there are more commits to be killed in.
const TICK_RATE: u32 = 20;
/// Ticks between two saves of a position: one second.
const SAVE_INTERVAL_TICKS: u64 = TICK_RATE as u64;
/// What a position may be older than the save interval: commits that were on their way to a busy disk.
const COMMIT_SLACK_TICKS: u64 = 2 * TICK_RATE as u64;
/// Confirmations that the traders wait for before a kill, at most.
const MOST_CONFIRMATIONS: u64 = 150;
/// From then to the kill at most, so that it meets every moment of a tick and of a save interval.
const LONGEST_PAUSE: Duration = Duration::from_millis(900);

/// One round in so many is killed while the database stands still. The moment between a change in memory and its
/// commit is so short otherwise that 50 kills seldom meet it.
const STALL_EVERY: u32 = 3;

/// How often to kill, and the seed of when.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// Rounds.
    pub kills: u32,
    /// The same seed takes the same decisions; what they meet differs from run to run.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How often the server was killed.
    pub kills: u32,
    /// Confirmations that were held against the database.
    pub confirmations: u64,
    /// Operations that were on disk when the kill came before their confirmation.
    pub unheard: u64,
    /// Ticks between the newest position that a walker saw of itself and the saved one, for each walker and each kill
    /// while the database took writes.
    pub position_ages: Vec<u64>,
    /// From the start of the process to its ready line.
    pub recoveries: Vec<Duration>,
    /// What must not be.
    pub violations: Vec<String>,
}

/// When a round ends.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// So many confirmations of the traders after the start,
    kill_after: u64,
    /// and so long after that.
    pause: Duration,
    /// Meanwhile the database takes no writes, so that many operations are under way when the kill comes.
    stall: bool,
}

/// What players tell the one who kills.
enum Heard {
    /// It is in the world.
    Ready,
    /// The server told it that an item is, or isn't, its.
    Confirmed(Confirmation),
}

impl Crash {
    /// Runs all rounds on one fresh data directory.
    ///
    /// # Errors
    /// When the database can't be read, the swarm can't run, or an audit isn't clean. Violations are in the outcome.
    pub fn run(&self) -> Result<Outcome> {
        let setup = self.setup();
        trader::settle(&setup, TRADERS);
        let (mut outcome, mut promises) = (Outcome::default(), Promises::default());
        let mut rng = Pcg32::seed_from_u64(self.seed);
        for round in 0..self.kills {
            let kill_after = rng.random_range(1..=MOST_CONFIRMATIONS);
            let pause = LONGEST_PAUSE.mul_f64(rng.random_range(0.0..1.0));
            let plan = Plan { kill_after, pause, stall: round % STALL_EVERY == 1 };
            let before = outcome.violations.len();
            let trails = play(&setup, &mut rng, plan, &mut outcome, &mut promises)?;
            judge(&setup, plan, &trails, &mut outcome, &mut promises)?;
            for violation in &mut outcome.violations[before..] {
                *violation = format!("seed {}, round {round}: {violation}", self.seed);
            }
            outcome.kills += 1;
        }
        Ok(outcome)
    }

    /// Players who strike hard and start close together meet more loot in short rounds.
    fn setup(&self) -> ServerSetup {
        ServerSetup::new()
            .edit_content("player.toml", "damage = 14 ", "damage = 500 ")
            .edit_content("player.toml", "hp = 120 ", "hp = 5000 ")
            .edit_content(
                "zones/meadow.toml",
                "start = [2, 2, 356, 316]",
                "start = [150, 130, 60, 60]",
            )
            .set("world.tick_rate", TICK_RATE)
            .set("store.save_interval", "1s")
            .set("world.seed", self.seed)
    }
}

/// One life of the server, from its start to its kill. Returns the walkers' trails.
fn play(
    setup: &ServerSetup,
    rng: &mut Pcg32,
    plan: Plan,
    outcome: &mut Outcome,
    promises: &mut Promises,
) -> Result<Vec<Trail>> {
    let starting = Instant::now();
    let mut server = setup.start();
    outcome.recoveries.push(starting.elapsed());
    let list = setup.data_dir().join("confirmations");
    let told_before = std::fs::metadata(&list).map_or(0, |file| file.len());
    let stop = Arc::new(AtomicBool::new(false));
    let swarm = start_swarm(server.address, &list, Arc::clone(&stop))?;
    let (say, heard) = channel();
    let traders = start_traders(server.address, rng, &say);
    let walkers = start_walkers(server.address, rng, &say);
    drop(say);

    let mut ready = 0;
    let mut confirmed = 0;
    while ready < TRADERS + WALKERS || confirmed < plan.kill_after {
        match heard.recv_timeout(PATIENCE).context("the players are quiet")? {
            Heard::Ready => ready += 1,
            Heard::Confirmed(confirmation) => {
                confirmed += 1;
                promises.told(confirmation);
            }
        }
    }
    let standstill = plan.stall.then(|| stand_still(&setup.database())).transpose()?;
    thread::sleep(plan.pause);
    server.kill();
    drop(standstill);
    stop.store(true, Ordering::Relaxed);
    for trader in traders {
        join(trader);
    }
    let trails = walkers.into_iter().map(join).collect();
    take_rest(&heard, promises);
    join(swarm)?;
    promises.read(&added_to(&list, told_before)?)?;
    Ok(trails)
}

fn take_rest(heard: &Receiver<Heard>, promises: &mut Promises) {
    for said in heard.try_iter() {
        if let Heard::Confirmed(confirmation) = said {
            promises.told(confirmation);
        }
    }
}

/// Compares the database of a dead server with what was told and seen while it lived.
fn judge(
    setup: &ServerSetup,
    plan: Plan,
    trails: &[Trail],
    outcome: &mut Outcome,
    promises: &mut Promises,
) -> Result<()> {
    let audit = setup.run(&["audit"]);
    ensure!(
        audit.status.success(),
        "the audit isn't clean: {}{}",
        String::from_utf8_lossy(&audit.stdout),
        String::from_utf8_lossy(&audit.stderr)
    );
    let database = open(&setup.database())?;
    let compared = promises.compare(&database)?;
    outcome.confirmations += compared.confirmations;
    outcome.unheard += compared.unheard;
    outcome.violations.extend(compared.violations);
    for trail in trails {
        match trail.age(&database)? {
            Ok(age) => {
                if age > SAVE_INTERVAL_TICKS + COMMIT_SLACK_TICKS {
                    let name = &trail.name;
                    outcome.violations.push(format!("the place of {name} is {age} ticks old"));
                }
                if !plan.stall {
                    outcome.position_ages.push(age);
                }
            }
            Err(violation) => outcome.violations.push(violation),
        }
    }
    Ok(())
}

/// The database of a server that isn't running, to look at.
///
/// # Errors
/// When there is none.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Nobody else writes to the database until this is dropped.
///
/// # Errors
/// When there is no database.
pub fn stand_still(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    Ok(connection)
}

fn start_swarm(
    server: SocketAddr,
    list: &Path,
    stop: Arc<AtomicBool>,
) -> Result<JoinHandle<Result<()>>> {
    let mut settings = Settings {
        server,
        bots: FIGHTERS,
        ramp: Duration::from_millis(300),
        duration: PATIENCE,
        scenario: Scenario::Fight,
        oracle: 0.0,
        prefix: "crash".into(),
        kill_log: Some(list.to_owned()),
        ..Settings::default()
    };
    settings.login.token_secret = TOKEN_SECRET.into();
    settings.script.fight.drop = 0.05;
    settings.script.fight.reach = 300;
    let swarm = Swarm::new(settings)?;
    // Its errors are those of bots whose server was killed.
    Ok(thread::spawn(move || Ok(swarm.run(&stop).map(drop)?)))
}

fn start_traders(server: SocketAddr, rng: &mut Pcg32, say: &Sender<Heard>) -> Vec<JoinHandle<()>> {
    let start = |number| {
        let (say, mut rng) = (say.clone(), Pcg32::seed_from_u64(rng.random()));
        thread::spawn(move || trader::trade(server, number, &mut rng, &say))
    };
    (0..TRADERS).map(start).collect()
}

fn start_walkers(
    server: SocketAddr,
    rng: &mut Pcg32,
    say: &Sender<Heard>,
) -> Vec<JoinHandle<Trail>> {
    let start = |number| {
        let (say, mut rng) = (say.clone(), Pcg32::seed_from_u64(rng.random()));
        thread::spawn(move || walker::walk(server, number, &mut rng, || ready(&say)))
    };
    (0..WALKERS).map(start).collect()
}

fn join<T>(thread: JoinHandle<T>) -> T {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What was appended to a file since it had this length.
fn added_to(path: &Path, length: u64) -> Result<String> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(length))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ages = self.position_ages.clone();
        ages.sort_unstable();
        let mut recoveries = self.recoveries.clone();
        recoveries.sort_unstable();
        let tick_ms = u64::from(1000 / TICK_RATE);
        let Self { kills, confirmations, unheard, .. } = self;
        writeln!(f, "kills {kills}, confirmations {confirmations}, durable but unheard {unheard}")?;
        writeln!(f, "violations {}", self.violations.len())?;
        writeln!(
            f,
            "{:<28}{:>10}{:>10}{:>10}",
            "age of the newest lost state", "p50 ms", "p99 ms", "max ms"
        )?;
        writeln!(f, "{:<28}{:>10}{:>10}{:>10}", "value (confirmed)", 0, 0, 0)?;
        let age = |percent| at(&ages, percent).copied().unwrap_or_default() * tick_ms;
        writeln!(
            f,
            "{:<28}{:>10}{:>10}{:>10}",
            "position (interval 1 s)",
            age(50),
            age(99),
            age(100)
        )?;
        let took = |percent| at(&recoveries, percent).map_or(0, Duration::as_millis);
        writeln!(
            f,
            "{:<28}{:>10}{:>10}{:>10}",
            "start to ready line",
            took(50),
            took(99),
            took(100)
        )
    }
}

/// The element of a sorted list below which so many per cent of it lie.
fn at<T>(sorted: &[T], percent: usize) -> Option<&T> {
    sorted.get(sorted.len().checked_sub(1)? * percent / 100)
}

fn ready(say: &Sender<Heard>) {
    // Nobody hears it only when the test has failed already.
    let _ = say.send(Heard::Ready);
}
