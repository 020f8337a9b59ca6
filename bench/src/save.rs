//! What saving adds to a tick: two games with the same seed and the same inputs, tick by tick, of which one saves its
//! characters into a database and the other saves none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Content, Game, Input, Rank, SessionId};
use prost::Message as _;
use protocol::ClientMessage as _;
use protocol::v1::Move;
use server::store::{Answer, Store, Write};

use crate::place::{Engine, Place, open};
use crate::population;
use crate::report::{Figure, Report};

/// Ticks a second.
const TICK_RATE: u64 = 10;
/// A player steers so often: every so many ticks.
const STEER_EVERY: u64 = 2;
/// An interval that never comes.
const NEVER: u64 = u64::MAX / 2;

/// Measure what saving adds to a tick.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Players who walk about
    #[arg(long, default_value_t = 10_000)]
    players: usize,
    /// How long
    #[arg(long, value_name = "SECONDS", default_value_t = 100)]
    seconds: u64,
    /// Seconds between two saves of the same character
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    interval: u64,
    /// Where they are saved
    #[arg(long, default_value = "sqlite")]
    store: Engine,
}

/// Times of one kind, in milliseconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn push(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1_000.0);
    }

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

/// Runs three games side by side: one that saves, and two that don't, whose difference is the noise.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Report> {
    let place = Place::new(settings.store)?;
    let (mut store, epoch, woken) = open(place.settings()?)?;
    let characters = population::characters(&mut store, &woken, settings.players)?;
    let content = Arc::new(content()?);
    let game = |interval| -> anyhow::Result<Game> {
        let zones = content.zones().iter().map(|zone| zone.key.clone()).collect();
        let settings =
            game::Settings { zones, epoch, save_interval: interval, ..game::Settings::default() };
        let table = Arc::new(game::modules::all().check()?);
        Ok(Game::new(settings, Arc::clone(&content), table)?)
    };
    let mut games = [game(settings.interval * TICK_RATE)?, game(NEVER)?, game(NEVER)?];
    let mut times = [Times::default(), Times::default(), Times::default()];
    let (mut added, mut noise) = (Times::default(), Times::default());
    let mut saved = 0_usize;
    let mut due = Instant::now();
    let mut inputs = enter(&characters);
    for tick in 0..settings.seconds * TICK_RATE + 1 {
        let mut took = [Duration::ZERO; 3];
        // Another one is first each time, so that none always finds the caches warm.
        for turn in 0..games.len() {
            let which = (turn + usize::try_from(tick)?) % games.len();
            let began = Instant::now();
            let mut publication = games[which].tick(inputs.clone(), 1);
            let commit = publication.commit.take();
            if which == 0
                && let Some(commit) = commit
            {
                saved += commit.characters.len();
                store.submit(Write::Commit(Box::new(commit)))?;
            }
            took[which] = began.elapsed();
            games[which].recycle(publication);
        }
        // The first tick lets everybody in.
        if tick > 0 {
            times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
            let ms = |of: Duration| of.as_secs_f64() * 1_000.0;
            added.0.push(ms(took[0]) - ms(took[1]));
            noise.0.push(ms(took[2]) - ms(took[1]));
        }
        inputs = steer(&characters, tick);
        due += Duration::from_millis(1_000 / TICK_RATE);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        listen(&mut store)?;
    }
    drain(&mut store, &woken)?;
    ensure!(saved > 0, "nothing was saved");
    store.close()?;

    let mut report = Report::new("save");
    let ticks = times[0].0.len();
    report.push(Figure::new(
        format!("{} players, {ticks} ticks, characters saved", settings.players),
        "",
        vec![count(saved)],
    ));
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.99", 0.9999)] {
        let [with, without, _] = times.each_mut().map(|times| times.at(quantile));
        report.push(
            Figure::new(format!("a tick with saving, {name}"), "ms", vec![with]).over(without),
        );
        let (added, noise) = (added.at(quantile), noise.at(quantile));
        report.push(Figure::new(
            format!("added by saving to the same tick, {name}"),
            "ms",
            vec![added],
        ));
        report.push(Figure::new(
            format!("the same between two games without, {name}"),
            "ms",
            vec![noise],
        ));
    }
    Ok(report)
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
    let turns = (0..characters.len() as u64).filter(|index| (index + tick) % STEER_EVERY == 0);
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
