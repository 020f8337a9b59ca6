//! `cargo xtask crash` runs this: kills a server so many times, and prints a table.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use tests::crash::{Broken, Crash, Outcome};
use tests::database::Engine;

/// The exit code when something was lost or doubled.
const VIOLATED: u8 = 99;
/// Where nobody watches, one line for so many kills.
const LINE_EVERY: u32 = 10;

/// Kill a server under load again and again, and hold what it has on disk against what its players were told.
///
/// Exit code 0: nothing was lost or doubled; 99: something was; 1: it couldn't be tried.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask crash", bin_name = "cargo xtask crash", max_term_width = 100)]
struct CommandLine {
    /// How often
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Decides when, and what the players do
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What keeps the world; PostgreSQL is started for this alone
    #[arg(long, default_value = "sqlite")]
    store: Store,
    /// Break a rule on purpose, which must be found out
    #[arg(long)]
    broken: Option<Broken>,
    /// Write the outcome to this file too, for programs
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
}

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(VIOLATED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl CommandLine {
    /// True if nothing was violated.
    fn run(self) -> Result<bool> {
        let store = match self.store {
            Store::Sqlite => Engine::Sqlite,
            Store::Postgres => Engine::Postgres,
        };
        let Self { kills, seed, broken, .. } = self;
        let crash = Crash { kills, seed, store, broken };
        let outcome = crash.run(&mut |outcome| show(outcome, kills))?;
        print!("\n{outcome}");
        match (broken, outcome.found) {
            (Some(broken), Some(round)) => {
                println!("{} is caught after {} kills", broken.name(), round + 1);
            }
            (Some(broken), None) => println!("{} isn't caught", broken.name()),
            (None, _) => {}
        }
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&outcome.to_json())?;
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
        Ok(outcome.violations.is_empty())
    }
}

fn show(outcome: &Outcome, kills: u32) {
    let Outcome { kills: done, confirmations, unheard, .. } = outcome;
    let (seconds, violations) = (outcome.took.as_secs(), outcome.violations.len());
    let line = format!(
        "kill {done} of {kills}, {seconds} s, {confirmations} confirmations, {unheard} unheard, \
         {violations} violations"
    );
    if std::io::stdout().is_terminal() {
        print!("\r{line}");
        // A line that doesn't appear hurts nobody.
        let _ = std::io::stdout().flush();
    } else if done % LINE_EVERY == 0 || *done == kills {
        println!("{line}");
    }
}
