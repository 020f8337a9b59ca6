//! Kills a server again and again under load, and holds what it has on disk against what its players were told.
//!
//! A round starts the server on the same data, lets traders, hunters and a swarm of fighters play, kills it with
//! SIGKILL at some moment, audits the database, and compares.

mod broken;
mod deed;
mod history;
mod hunter;
mod log_watch;
mod mix;
mod outcome;
mod progress;
mod promises;
mod round;
mod trader;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use rand::SeedableRng as _;
use rand_pcg::Pcg32;

use crate::database::{Database, Engine};
use crate::failpoints::Failpoints;
use crate::server::{ServerSetup, copy_directory};

pub use broken::Broken;
pub use deed::Deed;
use mix::Mix;
pub use outcome::Outcome;
use progress::{Diary, Records};
use promises::{Promises, Told};
use round::{Moment, Plan, Remains};
use trader::Trader;

/// Clients that do nothing but move value, as fast as answers come. They go in twos.
const TRADERS: usize = 12;
/// Ticks per second: more than usual, so that there are more commits to be killed in.
const TICK_RATE: u32 = 20;
/// Ticks between two saves of a position: one second.
const SAVE_INTERVAL_TICKS: u64 = TICK_RATE as u64;
/// Between two saves of a position in a lull: longer than the lull, so that nothing but the bound for progress saves it.
const LULL_SAVE_INTERVAL: &str = "10s";
/// The same in ticks.
const LULL_SAVE_INTERVAL_TICKS: u64 = 10 * TICK_RATE as u64;
/// From progress to its save at the latest: a second, which the server promises.
const PROGRESS_TICKS: u64 = TICK_RATE as u64;
/// What saves may be older than that: commits that were on their way to a busy disk, and the pause of a standstill.
const COMMIT_SLACK_TICKS: u64 = 2 * TICK_RATE as u64;

/// Boars all over the place where players start: one every nine metres.
const PASTURE: &str = "spawns = [{ monster = \"boar\", at = [180, 160], radius_cm = 12000, count = 600, respawn_s = 5 },";

/// The way to the village in the middle of them is elsewhere here: a hunter who is through it by chance is at no place that
/// its trail could be held against.
const GATE: &str = "area = [180, 150, 2, 2]";

/// How often to kill what, and the seed of when.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// Rounds, unless one before finds a violation.
    pub kills: u32,
    /// The same seed takes the same decisions; what they meet differs from run to run.
    pub seed: u64,
    /// What keeps the world.
    pub store: Engine,
    /// A rule that the server breaks, which must be found out.
    pub broken: Option<Broken>,
}

/// What players tell the one who kills.
enum Heard {
    /// It is in the world.
    Ready,
    /// The server told it something that must be durable.
    Told(Told),
}

/// What the rounds of a run share.
struct Stage {
    setup: ServerSetup,
    data: tempfile::TempDir,
    postgres: Option<private_postgres::Server>,
    failpoints: Option<Failpoints>,
}

impl Crash {
    /// Runs all rounds on one fresh world, up to the first that finds a violation; its data are kept. `watch` sees
    /// the outcome so far after each round.
    ///
    /// # Errors
    /// When the database can't be read or the players can't play. Violations are in the outcome.
    pub fn run(&self, watch: &mut dyn FnMut(&Outcome)) -> Result<Outcome> {
        let stage = self.stage()?;
        settle(&stage.setup)?;
        let lull = stage.setup.clone().set("store.save_interval", LULL_SAVE_INTERVAL);
        let location = stage.setup.location();
        let (mut outcome, mut promises) = (Outcome::new(self.seed, TICK_RATE), Promises::default());
        promises.begin(&mut location.open()?)?;
        if let (Some(broken), Some(failpoints)) = (self.broken, &stage.failpoints) {
            failpoints.arm(broken.failpoints());
        }
        let mix = self.broken.map_or(Mix::Everything, Broken::mix);
        let mut rng = Pcg32::seed_from_u64(self.seed);
        let started = Instant::now();
        for round in 0..self.kills {
            let plan = Plan::draw(&mut rng, round, mix);
            let setup = if plan.mix == Mix::Lull { &lull } else { &stage.setup };
            let mut remains = round::play(setup, &mut rng, plan, &mut promises)?;
            outcome.kills += 1;
            outcome.recoveries.extend(remains.recovery);
            outcome.violations.append(&mut remains.violations);
            // Nothing was promised by a server that didn't start.
            if remains.recovery.is_some() {
                judge(&stage.setup, plan, &remains, &mut outcome, &mut promises)?;
            }
            outcome.took = started.elapsed();
            watch(&outcome);
            if !outcome.violations.is_empty() {
                outcome.found = Some(round);
                // What a broken server has made of its data teaches nobody anything.
                outcome.kept = self.broken.is_none().then(|| stage.keep()).transpose()?;
                break;
            }
        }
        Ok(outcome)
    }

    fn stage(&self) -> Result<Stage> {
        let data = tempfile::Builder::new().prefix("realmbeat-crash-").tempdir()?;
        let setup = self.players(ServerSetup::new().data_at(data.path()));
        // As in production: what is confirmed is on disk.
        let start = || private_postgres::Server::start(private_postgres::Durability::Full);
        let postgres = (self.store == Engine::Postgres).then(start).transpose()?;
        let setup = match &postgres {
            Some(server) => setup.postgres(server),
            None => setup,
        };
        let (setup, failpoints) = match self.broken {
            Some(_) => {
                let (setup, failpoints) = setup.breakable();
                (setup, Some(failpoints))
            }
            None => (setup, None),
        };
        Ok(Stage { setup, data, postgres, failpoints })
    }

    /// Players who strike hard and often and start close together among many boars meet more in short rounds.
    fn players(&self, setup: ServerSetup) -> ServerSetup {
        setup
            .edit_content("player.toml", "damage = 14 ", "damage = 500 ")
            .edit_content("player.toml", "hp = 120 ", "hp = 5000 ")
            .edit_content(
                "zones/meadow.toml",
                "start = [2, 2, 356, 316]",
                "start = [150, 130, 60, 60]",
            )
            .edit_content("zones/meadow.toml", "spawns = [", PASTURE)
            .edit_content("zones/meadow.toml", GATE, "area = [4, 4, 2, 2]")
            .edit_content("player.toml", "attack_cooldown_ms = 1000", "attack_cooldown_ms = 200")
            .set("world.tick_rate", TICK_RATE)
            .set("store.save_interval", "1s")
            .set("world.seed", self.seed)
    }
}

impl Stage {
    /// Leaves the data where they are, and says where.
    fn keep(mut self) -> Result<PathBuf> {
        let place = self.data.keep();
        if let Some(server) = &mut self.postgres {
            let files =
                self.setup.location().open()?.rows("SELECT current_setting('data_directory')")?;
            server.stop_immediately();
            copy_directory(Path::new(files[0].text(0)?), &place.join("postgres"));
        }
        Ok(place)
    }
}

/// Makes the traders' characters, gives them their rank, and brings them to the market, where no monsters are.
fn settle(setup: &ServerSetup) -> Result<()> {
    visit(setup, |_| Some(()))?;
    for number in 0..TRADERS {
        let rank = setup.run(&["rank", &trader::name(number), "master"]);
        ensure!(rank.status.success(), "{}", String::from_utf8_lossy(&rank.stderr));
    }
    visit(setup, |trader| {
        trader.go_to_market()?;
        trader.go_to_shopkeeper()
    })
}

/// Each trader enters, does something and leaves.
fn visit(setup: &ServerSetup, act: impl Fn(&mut Trader<'_>) -> Option<()>) -> Result<()> {
    let mut server = setup.try_start().map_err(anyhow::Error::msg)?;
    let (say, _heard) = std::sync::mpsc::channel();
    for number in 0..TRADERS {
        let mut trader = Trader::enter(server.address, number, &say);
        let done = act(&mut trader).and_then(|()| trader.leave());
        ensure!(done.is_some(), "a trader was disconnected\n{}", server.log.text());
    }
    ensure!(server.stop().success(), "{}", server.log.text());
    Ok(())
}

/// Compares the database of a dead server with what was told and seen while it lived.
fn judge(
    setup: &ServerSetup,
    plan: Plan,
    remains: &Remains,
    outcome: &mut Outcome,
    promises: &mut Promises,
) -> Result<()> {
    let lull = plan.mix == Mix::Lull;
    let mut database = setup.location().open_after_death()?;
    let audit = setup.run(&["audit"]);
    if !audit.status.success() {
        let said = [audit.stdout, audit.stderr].concat();
        outcome.violations.push(format!("audit: {}", String::from_utf8_lossy(&said)));
    }
    let compared = promises.compare(&mut database)?;
    outcome.add(compared);
    let records = Records::read(&mut database)?;
    let apart = records.apart(promises.history());
    outcome.apart += apart.len() as u64;
    outcome.violations.extend(apart);
    outcome.progress_told += remains.diaries.iter().map(Diary::pages).sum::<u64>();
    let (progress, too_old) = records.ages(&remains.diaries, PROGRESS_TICKS + COMMIT_SLACK_TICKS);
    outcome.violations.extend(too_old);
    let interval = if lull { LULL_SAVE_INTERVAL_TICKS } else { SAVE_INTERVAL_TICKS };
    let (positions, misplaced) = positions(&mut database, remains, interval + COMMIT_SLACK_TICKS)?;
    outcome.violations.extend(misplaced);
    if lull {
        outcome.lull_ages.extend(progress);
    } else if !matches!(plan.moment, Moment::Standstill) {
        // What stands still on purpose says nothing about how old saves are.
        outcome.progress_ages.extend(progress);
        outcome.position_ages.extend(positions);
    }
    Ok(())
}

fn positions(
    database: &mut Database,
    remains: &Remains,
    limit: u64,
) -> Result<(Vec<u64>, Vec<String>)> {
    let (mut ages, mut violations) = (Vec::new(), Vec::new());
    for trail in &remains.trails {
        match trail.age(database)? {
            Ok(age) => {
                if age > limit {
                    violations.push(format!("the place of {} is {age} ticks old", trail.name));
                }
                ages.push(age);
            }
            Err(violation) => violations.push(violation),
        }
    }
    Ok((ages, violations))
}
