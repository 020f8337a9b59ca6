//! One life of a server: players come, do what moves value, and at some moment it is killed.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use client_bot::{Scenario, Settings, Swarm};
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;
use rustix::process::Signal;

use super::log_watch::LogWatch;
use super::mix::Mix;
use super::progress::Diary;
use super::promises::Promises;
use super::trader::{Trader, trade};
use super::{Heard, TRADERS, hunter};
use crate::server::{PATIENCE, ServerProcess, ServerSetup, TOKEN_SECRET};
use crate::walker::Trail;

/// Clients that walk, strike monsters, and remember where they were when and how far they had come.
const HUNTERS: usize = 8;
/// Hunters in a lull. They are made one after the other, so that their turns to be saved are too: most of a second is
/// left in which none of them takes the others' progress along.
const LONERS: usize = 3;
/// Bots that fight, loot and drop.
const FIGHTERS: usize = 40;
/// One in so many deeds of two traders is a trade.
const TRADE_EVERY: u32 = 4;
/// Confirmations that the traders wait for before a kill, at most.
const MOST_CONFIRMATIONS: u64 = 150;
/// From then to the kill at most, so that it meets every moment of a tick and of a save interval.
const LONGEST_PAUSE: Duration = Duration::from_millis(900);
/// How long a lull is before its kill: so long that progress of several seconds would be lost if nothing but the bound of
/// a second saved it.
const LULL: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(6)];
/// One round in so many is a lull: it takes longer than the others, and tells nothing of value.
const LULL_EVERY: u32 = 7;
/// Writes to the database's log that are let pass before a kill at a write, at most: about three commits.
const MOST_WRITES: u32 = 60;

/// How the server's log marks what it can't go on with.
const ERROR: &str = " ERROR ";
/// A finding about a server that lives and does nothing.
const SILENCE: &str = "no player was told anything for a minute";

/// When a server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// At any time.
    Any,
    /// While the database takes no writes, so that many operations are under way.
    Standstill,
    /// Just when the database writes something down. That is between an operation and its confirmation: sometimes
    /// the operation is durable then and nobody has heard of it, sometimes it is written by half.
    Write,
}

/// When a round ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// So many confirmations of the traders after the start,
    kill_after: u64,
    /// and so long after that,
    pause: Duration,
    /// at this moment,
    pub(super) moment: Moment,
    /// after so many writes, when it is one.
    writes: u32,
    /// What is played until then.
    pub(super) mix: Mix,
}

impl Plan {
    /// The moments take turns, so that a few rounds meet all of them. Where everything is played there are lulls too.
    pub(super) fn draw(rng: &mut Pcg32, round: u32, mix: Mix) -> Self {
        let plan = Self {
            kill_after: rng.random_range(1..=MOST_CONFIRMATIONS),
            pause: LONGEST_PAUSE.mul_f64(rng.random_range(0.0..1.0)),
            moment: [Moment::Any, Moment::Standstill, Moment::Write][round as usize % 3],
            writes: rng.random_range(0..MOST_WRITES),
            mix,
        };
        if mix == Mix::Everything && round % LULL_EVERY == LULL_EVERY - 1 {
            let pause = rng.random_range(LULL[0]..LULL[1]);
            return Self { kill_after: 0, pause, moment: Moment::Any, mix: Mix::Lull, ..plan };
        }
        plan
    }
}

/// What a round left behind besides promises and a database.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// From its start to its ready line.
    pub(super) recovery: Option<Duration>,
    pub(super) trails: Vec<Trail>,
    pub(super) diaries: Vec<Diary>,
    /// What went wrong while the server lived.
    pub(super) violations: Vec<String>,
}

impl Remains {
    /// Of a server that didn't start again on what the one before it left.
    fn of_no_life(problem: String) -> Self {
        Self { violations: vec![problem], ..Self::default() }
    }
}

/// From the start of a server to its kill.
pub(super) fn play(
    setup: &ServerSetup,
    rng: &mut Pcg32,
    plan: Plan,
    promises: &mut Promises,
) -> Result<Remains> {
    let starting = Instant::now();
    let mut server = match setup.try_start() {
        Ok(server) => server,
        Err(problem) => return Ok(Remains::of_no_life(problem)),
    };
    let mut remains = Remains { recovery: Some(starting.elapsed()), ..Remains::default() };
    let list = setup.data_dir().join("confirmations");
    // That of the round before.
    drop(std::fs::remove_file(&list));
    let (say, heard) = channel();
    let crowd = Crowd::start(server.address, &list, plan.mix, rng, &say)?;
    drop(say);
    match listen(&heard, crowd.clients(), plan.kill_after, promises) {
        Ok(()) => plan.strike(setup, &mut server)?,
        Err(RecvTimeoutError::Timeout) => remains.violations.push(SILENCE.into()),
        // All of them were disconnected, and what the server has to say of that comes now.
        Err(RecvTimeoutError::Disconnected) => {}
    }
    server.kill();
    remains.violations.extend(own_end(&mut server));
    crowd.disperse(&mut remains)?;
    heard.try_iter().for_each(|said| promises.hear(said));
    if plan.mix == Mix::Everything {
        promises.read(&std::fs::read_to_string(&list)?)?;
    }
    Ok(remains)
}

/// What ended a server or was about to, other than its kill.
fn own_end(server: &mut ServerProcess) -> Option<String> {
    let log = server.log.text();
    let error = log.lines().find(|line| line.contains(ERROR));
    if let Some(error) = error {
        return Some(format!("the server stopped by itself: {error}"));
    }
    let status = server.ended()?;
    let killed = status.signal() == Some(Signal::KILL.as_raw());
    (!killed).then(|| format!("the server stopped by itself: {status}\n{log}"))
}

/// Listens until all clients are in the world and so much was confirmed.
fn listen(
    heard: &Receiver<Heard>,
    clients: usize,
    confirmations: u64,
    promises: &mut Promises,
) -> Result<(), RecvTimeoutError> {
    let (mut ready, mut confirmed) = (0, 0);
    while ready < clients || confirmed < confirmations {
        match heard.recv_timeout(PATIENCE)? {
            Heard::Ready => ready += 1,
            Heard::Told(told) => {
                confirmed += 1;
                promises.told(told);
            }
        }
    }
    Ok(())
}

impl Plan {
    /// Waits for the moment, and kills the server in it.
    fn strike(self, setup: &ServerSetup, server: &mut ServerProcess) -> Result<()> {
        let database = setup.location();
        match self.moment {
            Moment::Any => thread::sleep(self.pause),
            Moment::Standstill => {
                let standstill = database.stand_still()?;
                thread::sleep(self.pause);
                server.kill();
                drop(standstill);
            }
            Moment::Write => {
                thread::sleep(self.pause);
                let over = || server.ended().is_some();
                LogWatch::new(&database.log()?)?.wait(self.writes, over)?;
            }
        }
        server.kill();
        Ok(())
    }
}

/// All who play.
struct Crowd {
    stop: Arc<AtomicBool>,
    swarm: Option<JoinHandle<Result<()>>>,
    traders: Vec<JoinHandle<[Diary; 2]>>,
    hunters: Vec<JoinHandle<(Trail, Diary)>>,
}

impl Crowd {
    fn start(
        server: SocketAddr,
        list: &Path,
        mix: Mix,
        rng: &mut Pcg32,
        say: &Sender<Heard>,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let fighting = mix == Mix::Everything;
        let swarm = fighting.then(|| start_swarm(server, list, Arc::clone(&stop))).transpose()?;
        let mut own = || (say.clone(), Pcg32::seed_from_u64(rng.random()));
        let traders = (0..if mix == Mix::Lull { 0 } else { TRADERS }).step_by(2).map(|number| {
            let (say, mut rng) = own();
            thread::spawn(move || deal(server, number, mix, &mut rng, &say))
        });
        let traders = traders.collect();
        let hunters = match mix {
            Mix::Everything => 0..HUNTERS,
            Mix::Lull => HUNTERS..HUNTERS + LONERS,
            Mix::Gold => 0..0,
        };
        let hunters = hunters.map(|number| {
            let (say, mut rng) = own();
            thread::spawn(move || hunter::hunt(server, number, &mut rng, || ready(&say)))
        });
        Ok(Self { stop, swarm, traders, hunters: hunters.collect() })
    }

    /// Those who say when they are ready.
    fn clients(&self) -> usize {
        2 * self.traders.len() + self.hunters.len()
    }

    /// Waits until all have noticed that the server is gone, and takes what they know.
    fn disperse(self, remains: &mut Remains) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for trader in self.traders {
            let diaries = join(trader, &mut remains.violations);
            remains.diaries.extend(diaries.into_iter().flatten());
        }
        for hunter in self.hunters {
            let (trails, diaries): (Vec<_>, Vec<_>) =
                join(hunter, &mut remains.violations).into_iter().unzip();
            remains.trails.extend(trails);
            remains.diaries.extend(diaries);
        }
        let swarm = self.swarm.and_then(|swarm| join(swarm, &mut remains.violations));
        swarm.unwrap_or(Ok(()))
    }
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

/// Two traders, each for itself and with each other, until the connection ends.
fn deal(
    server: SocketAddr,
    number: usize,
    mix: Mix,
    rng: &mut Pcg32,
    say: &Sender<Heard>,
) -> [Diary; 2] {
    let mut two = [number, number + 1].map(|number| Trader::enter(server, number, say));
    ready(say);
    ready(say);
    while deal_once(&mut two, mix, rng).is_some() {}
    two.map(Trader::into_diary)
}

fn deal_once(two: &mut [Trader<'_>; 2], mix: Mix, rng: &mut Pcg32) -> Option<()> {
    for trader in &mut *two {
        trader.settle_in()?;
    }
    two.shuffle(rng);
    let [one, other] = two;
    if mix == Mix::Gold {
        one.make_gold(rng)?;
        return other.make_gold(rng);
    }
    if rng.random_ratio(1, TRADE_EVERY) {
        return trade(one, other, rng);
    }
    one.act(rng)?;
    other.act(rng)
}

/// What a thread found, or a violation when it met what it can't go on with.
fn join<T>(thread: JoinHandle<T>, violations: &mut Vec<String>) -> Option<T> {
    let panic = match thread.join() {
        Ok(found) => return Some(found),
        Err(panic) => panic,
    };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    violations.push(format!("a player gave up: {}", text.unwrap_or("it didn't say why")));
    None
}

fn ready(say: &Sender<Heard>) {
    // Nobody hears it only when the test has failed already.
    let _ = say.send(Heard::Ready);
}
