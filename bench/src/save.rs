//! What timed saves add to a tick: games with the same seed and the same inputs, tick by tick, of which one saves its
//! characters into a database and the others save none. Players walk and do nothing else, so all saves are timed ones.
//! A watch on the first game times what it does to save; the other games show what the difference of two ticks is worth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use game::record::{CharacterRecord, Commit};
use game::{AccountId, CharacterId, Content, Game, Input, Part, Rank, SessionId, Watch};
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;
use server::store::{Answer, Store, Write};

use crate::clock::processor_time;
use crate::form::Form;
use crate::place::{Engine, Place, open};
use crate::population;
use crate::report::{Figure, Report};

/// Ticks a second.
const TICK_RATE: u64 = 10;
/// A player steers so often: every so many ticks.
const STEER_EVERY: u64 = 2;
/// What saving may add to a tick at most, at the p99.99 of ticks, in milliseconds.
const ADDED_MS: f64 = 1.0;
/// An interval that never comes.
const NEVER: u64 = u64::MAX / 2;

/// Measure what timed saves add to a tick.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Players who walk about [default: 10,000; quick: 100]
    #[arg(long)]
    players: Option<usize>,
    /// How long [default: 100; quick: 3]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Seconds between two saves of the same character [default: 5; quick: 1]
    #[arg(long, value_name = "SECONDS")]
    interval: Option<u64>,
    /// Where they are saved
    #[arg(long, default_value = "sqlite")]
    store: Engine,
}

/// Times of one kind, in milliseconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn at(&mut self, quantile: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index below the length"
        )]
        let index = (self.0.len() as f64 * quantile) as usize;
        self.0.get(index.min(self.0.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Times what a game does to save: those who are due, the commit, and what its caller does to hand it over.
#[derive(Default)]
struct SaveClock {
    /// On the clock, and of the processor.
    since: Option<(Instant, f64)>,
    took: Duration,
    /// Nanoseconds.
    cpu: f64,
}

impl SaveClock {
    fn start(&mut self) {
        self.stop();
        let cpu = processor_time();
        self.since = Some((Instant::now(), cpu));
    }

    fn stop(&mut self) {
        if let Some((began, cpu)) = self.since.take() {
            self.took += began.elapsed();
            self.cpu += processor_time() - cpu;
        }
    }
}

impl Watch for SaveClock {
    fn enter(&mut self, part: Part) {
        if matches!(part, Part::Saves | Part::Commit) { self.start() } else { self.stop() }
    }
}

/// Three games side by side: one that saves, and two that don't, whose difference is the noise.
struct Race {
    games: [Game; 3],
    store: Store,
    characters: Vec<CharacterId>,
    seen: Seen,
}

/// What was seen of the race.
#[derive(Default)]
struct Seen {
    players: usize,
    /// Of each game's ticks.
    times: [Times; 3],
    /// What the first game's tick took longer than the second one's, and the third one's than the second one's.
    added: Times,
    noise: Times,
    /// What saving itself took of each of the first game's ticks, and that per saved character.
    saving: Times,
    saving_cpu: Times,
    per_character: Times,
    saved: usize,
}

/// Runs the race some times and reports it.
pub(crate) fn run(settings: &Settings, form: Form) -> anyhow::Result<Report> {
    let run = |number| {
        println!("run {number} of {}", form.runs());
        race(settings, form)
    };
    Ok(report((1..=form.runs()).map(run).collect::<anyhow::Result<_>>()?, form))
}

fn race(settings: &Settings, form: Form) -> anyhow::Result<Seen> {
    let seconds = form.asked_or(settings.seconds, 3, 100);
    let interval = form.asked_or(settings.interval, 1, 5);
    let place = Place::new(settings.store)?;
    let (mut store, epoch, woken) = open(place.settings()?)?;
    let characters = form.asked_or(settings.players, 100, 10_000);
    let characters = population::characters(&mut store, &woken, characters)?;
    let content = Arc::new(content()?);
    let game = |interval| game(&content, epoch, interval);
    let games = [game(interval * TICK_RATE)?, game(NEVER)?, game(NEVER)?];
    let mut race = Race { games, store, characters, seen: Seen::default() };
    race.run(seconds * TICK_RATE)?;
    drain(&mut race.store, &woken)?;
    ensure!(race.seen.saved > 0, "nothing was saved");
    race.store.close()?;
    Ok(race.seen)
}

fn game(content: &Arc<Content>, epoch: u64, save_interval: u64) -> anyhow::Result<Game> {
    let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
    let settings = game::Settings { zones, epoch, save_interval, ..game::Settings::default() };
    let table = Arc::new(game::modules::all().check()?);
    Ok(Game::new(settings, Arc::clone(content), table)?)
}

impl Race {
    fn run(&mut self, ticks: u64) -> anyhow::Result<()> {
        let mut due = Instant::now();
        let entering = enter(&self.characters);
        self.tick(0, &entering)?;
        // The tick that lets everybody in is no measure.
        self.seen = Seen { players: self.characters.len(), ..Seen::default() };
        for tick in 1..=ticks {
            let took = self.tick(tick, &steer(&self.characters, tick))?.map(ms);
            self.seen.ticks(took);
            due = due.max(Instant::now()) + Duration::from_millis(1_000 / TICK_RATE);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            listen(&mut self.store)?;
        }
        Ok(())
    }

    /// The same tick of each game; another one is first each time, so that none always finds the caches warm.
    fn tick(&mut self, tick: u64, inputs: &[Input]) -> anyhow::Result<[Duration; 3]> {
        let mut took = [Duration::ZERO; 3];
        let mut clock = SaveClock::default();
        for turn in 0..self.games.len() {
            let which = (turn + usize::try_from(tick)?) % self.games.len();
            let inputs = inputs.to_vec();
            let began = Instant::now();
            let game = &mut self.games[which];
            let mut publication = if which == 0 {
                game.tick_watched(inputs, 1, &mut clock)
            } else {
                game.tick(inputs, 1)
            };
            if which == 0 {
                self.hand_over(publication.commit.take(), &mut clock)?;
            }
            took[which] = began.elapsed();
            self.games[which].recycle(publication);
        }
        Ok(took)
    }

    /// Gives the commit to the store, as the server does, and notes what all of saving took in this tick.
    fn hand_over(&mut self, commit: Option<Commit>, clock: &mut SaveClock) -> anyhow::Result<()> {
        let characters = commit.as_ref().map_or(0, |commit| commit.characters.len());
        if let Some(commit) = commit {
            clock.start();
            self.store.submit(Write::Commit(Box::new(commit)))?;
            clock.stop();
        }
        self.seen.saving(clock, characters);
        Ok(())
    }
}

fn report(mut races: Vec<Seen>, form: Form) -> Report {
    let mut report = Report::new("save", form);
    let players = races.first().map_or(0, |seen| seen.players);
    let mut figure = |what: &str, unit, of: &dyn Fn(&mut Seen) -> f64| {
        let what = format!("{players} players: {what}");
        Figure::new(what, unit, races.iter_mut().map(of).collect())
    };
    report.push(figure("ticks", "", &|seen| count(seen.times[0].0.len())));
    report.push(figure("timed saves", "", &|seen| count(seen.saved)));
    let what = "saving a character, in the tick that was disturbed least";
    report.push(figure(what, "us", &|seen| seen.per_character.at(0.0)));
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.99", 0.9999)] {
        let judged = |saving: Figure| {
            if quantile > 0.99 { saving.at_most(ADDED_MS) } else { saving }
        };
        let without = figure("", "ms", &|seen| seen.times[1].at(quantile)).median();
        let what = format!("a tick with timed saves, {name}");
        report.push(figure(&what, "ms", &|seen| seen.times[0].at(quantile)).over(without));
        let what = format!("saving itself in a tick, {name}");
        report.push(judged(figure(&what, "ms", &|seen| seen.saving.at(quantile))));
        let what = format!("the same in processor time, {name}");
        report.push(judged(figure(&what, "ms", &|seen| seen.saving_cpu.at(quantile))));
        let what = format!("the same on the clock per character, {name}");
        report.push(figure(&what, "us", &|seen| seen.per_character.at(quantile)));
        let what = format!("added by timed saves to the same tick, {name}");
        report.push(figure(&what, "ms", &|seen| seen.added.at(quantile)));
        let what = format!("the same between two games without saves, {name}");
        report.push(figure(&what, "ms", &|seen| seen.noise.at(quantile)));
    }
    report.note("What is longer on the clock than in processor time, another thread or the kernel had its core.");
    report
}

impl Seen {
    /// The same tick of the three games, in milliseconds.
    fn ticks(&mut self, took: [f64; 3]) {
        self.times.iter_mut().zip(took).for_each(|(times, took)| times.0.push(took));
        self.added.0.push(took[0] - took[1]);
        self.noise.0.push(took[2] - took[1]);
    }

    fn saving(&mut self, clock: &SaveClock, characters: usize) {
        self.saved += characters;
        let took = clock.took;
        self.saving.0.push(ms(took));
        self.saving_cpu.0.push(clock.cpu / 1e6);
        if characters > 0 {
            self.per_character.0.push(ms(took) * 1_000.0 / count(characters));
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

fn content() -> anyhow::Result<Content> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/content");
    let files = server::content_files::read_content_files(directory.as_ref())?;
    match Content::parse(&files) {
        Ok(content) => Ok(content),
        Err(errors) => bail!("{errors:?}"),
    }
}

fn enter(characters: &[CharacterId]) -> Vec<Input> {
    let enter = |(index, &id): (usize, &CharacterId)| Input::Enter {
        session: SessionId(index as u64 + 1),
        character: Box::new(CharacterRecord {
            id,
            account: AccountId(1),
            name: format!("Bench{index}"),
            rank: Rank::Player,
            place: None,
            modules: BTreeMap::new(),
            items: Vec::new(),
            gold: 0,
        }),
    };
    characters.iter().enumerate().map(enter).collect()
}

/// Half of the players turn somewhere in each tick.
fn steer(characters: &[CharacterId], tick: u64) -> Vec<Input> {
    let turns =
        (0..characters.len() as u64).filter(|index| (index + tick).is_multiple_of(STEER_EVERY));
    let packet = |index: u64| {
        let heading = (index.wrapping_mul(7_919) + tick.wrapping_mul(104_729)) % 65_536;
        let wish = Move {
            heading: u32::try_from(heading).unwrap_or_default(),
            walking: true,
            sequence: u32::try_from(tick).unwrap_or_default(),
        };
        let (session, id) = (SessionId(index + 1), Move::INFO.id);
        Input::Packet { session, request: 0, id, payload: wish.encode_to_vec().into() }
    };
    turns.map(packet).collect()
}

fn listen(store: &mut Store) -> anyhow::Result<()> {
    while let Some(answer) = store.poll() {
        if let Answer::Broken(reason) = answer {
            bail!("the store broke: {reason}");
        }
    }
    Ok(())
}

fn drain(store: &mut Store, woken: &Receiver<()>) -> anyhow::Result<()> {
    listen(store)?;
    while store.stats().waiting.commits > 0 {
        woken.recv_timeout(Duration::from_secs(60)).context("the store is silent")?;
        listen(store)?;
    }
    Ok(())
}
