//! The same players on two servers that differ in one key: what that key brings, and what it costs.

use std::time::Duration;

use clap::Args;

use crate::bots::Plan;
use crate::cores::Cores;
use crate::field::Field;
use crate::form::Form;
use crate::play::{Played, play};
use crate::report::Figure;
use crate::world::Setup;

/// Inputs a second of each player.
const INPUTS: f64 = 5.0;

/// How many play, and for how long they are watched.
#[derive(Debug, Args)]
pub(crate) struct Size {
    /// Other than the usual number of players, or that of the quick form
    #[arg(long)]
    players: Option<usize>,
    /// Watch each run for another time
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

impl Size {
    /// Players, 50 of them in the quick form, and the time, which is 2 s there.
    pub(crate) fn or(&self, form: Form, players: usize, seconds: u64) -> (usize, Duration) {
        let seconds = form.asked_or(self.seconds, 2, seconds);
        (form.asked_or(self.players, 50, players), Duration::from_secs(seconds))
    }
}

/// What both servers showed.
pub(crate) struct Pair {
    /// What the first one is, for the names of figures.
    what: String,
    first: Vec<Played>,
    other: Vec<Played>,
}

impl Pair {
    /// Lets them play on a server with the first value of `key`, and then on one with the other. The same seed makes them
    /// the same players on the same ways.
    ///
    /// # Errors
    /// As [`play`].
    pub(crate) fn play(
        what: &str,
        (players, time): (usize, Duration),
        form: Form,
        key: &'static str,
        [first, other]: [&str; 2],
    ) -> anyhow::Result<Self> {
        let cores = Cores::choose()?;
        let runs = |value: &str| {
            let run = |number| {
                println!("{players} players, {key} = {value}, run {number} of {}", form.runs());
                let keys = vec![(key, format!("\"{value}\""))];
                let setup = Setup { field: Field::wide(players), players, io_threads: 0, keys };
                play(cores, setup, Plan::walk(players, INPUTS, time), time)
            };
            (1..=form.runs()).map(run).collect::<anyhow::Result<Vec<Played>>>()
        };
        Ok(Self { what: format!("{players} {what}"), first: runs(first)?, other: runs(other)? })
    }

    /// A figure of the first server.
    pub(crate) fn figure(&self, what: &str, unit: &'static str, of: fn(&Played) -> f64) -> Figure {
        let what = format!("{}: {what}", self.what);
        Figure::new(what, unit, self.first.iter().map(of).collect())
    }

    /// The same, with the other server's as its floor.
    pub(crate) fn beside(&self, what: &str, unit: &'static str, of: fn(&Played) -> f64) -> Figure {
        let floor = Figure::new("", unit, self.other.iter().map(of).collect()).median();
        self.figure(what, unit, of).over(floor)
    }
}
