//! `cargo xtask bench`: what parts of Realmbeat cost, each figure beside a floor that is measured in the same run, so
//! that it means something on another machine too.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod accept;
mod bots;
mod clock;
mod connected;
mod cores;
mod crowd;
mod echo;
mod field;
mod floor;
mod form;
mod idle;
mod index;
mod load;
mod login;
mod pair;
mod parts;
mod pingpong;
mod place;
mod play;
mod plot;
mod population;
mod process;
mod readiness;
mod report;
mod save;
mod spread;
mod store;
mod tick;
mod wait;
mod world;

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Parser, Subcommand};

use form::Form;
use report::Report;

/// Measure a part of Realmbeat.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct CommandLine {
    /// Also write NAME.json, NAME.md and the curves into this directory
    #[arg(long, value_name = "DIR", global = true)]
    report: Option<PathBuf>,
    /// Some seconds at a small size, to see that it works: the figures mean nothing
    #[arg(long, global = true, conflicts_with = "full")]
    quick: bool,
    /// Also what takes many minutes
    #[arg(long, global = true)]
    full: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every bench in turn, and write a page with all tables
    All,
    #[command(flatten)]
    One(Bench),
    #[command(hide = true)]
    OnCore(process::OnCore),
    #[command(hide = true, subcommand)]
    Part(parts::Part),
}

#[derive(Debug, Subcommand)]
enum Bench {
    Store(store::Settings),
    Save(save::Settings),
    SaveConnected(connected::Settings),
    Floor(floor::Settings),
    Echo(echo::Settings),
    Accept(accept::Settings),
    Pingpong(pingpong::Settings),
    Readiness(readiness::Settings),
    Tick(tick::Settings),
    Spread(spread::Settings),
    Crowd(crowd::Settings),
    Idle(idle::Settings),
    Login(login::Settings),
    Wait(wait::Settings),
}

impl CommandLine {
    const fn form(&self) -> Form {
        match (self.quick, self.full) {
            (true, _) => Form::Quick,
            (_, true) => Form::Full,
            (false, false) => Form::Usual,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let line = CommandLine::parse();
    let form = line.form();
    match line.command {
        Command::All => all(form, line.report.as_deref()),
        Command::One(bench) => {
            let report = bench.run(form)?;
            println!("\n{}", report.to_markdown());
            line.report.map_or(Ok(()), |directory| report.write(&directory))
        }
        Command::OnCore(program) => program.run(),
        Command::Part(part) => part.run(),
    }
}

impl Bench {
    fn run(self, form: Form) -> anyhow::Result<Report> {
        match self {
            Self::Store(settings) => store::run(&settings, form),
            Self::Save(settings) => save::run(&settings, form),
            Self::SaveConnected(settings) => connected::run(&settings, form),
            Self::Floor(settings) => floor::run(&settings, form),
            Self::Echo(settings) => echo::run(&settings, form),
            Self::Accept(settings) => accept::run(&settings, form),
            Self::Pingpong(settings) => pingpong::run(&settings, form),
            Self::Readiness(settings) => readiness::run(&settings, form),
            Self::Tick(settings) => tick::run(&settings, form),
            Self::Spread(settings) => spread::run(&settings, form),
            Self::Crowd(settings) => crowd::run(&settings, form),
            Self::Idle(settings) => idle::run(&settings, form),
            Self::Login(settings) => login::run(&settings, form),
            Self::Wait(settings) => wait::run(&settings, form),
        }
    }
}

/// The benches are those of the command line, in its order, with the settings that they have when none are given.
fn all(form: Form, directory: Option<&Path>) -> anyhow::Result<()> {
    let benches = Bench::augment_subcommands(clap::Command::new("bench"));
    let names: Vec<String> =
        benches.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    index::run(&names, directory, |name| {
        match CommandLine::try_parse_from(["bench", name])?.command {
            Command::One(bench) => bench.run(form),
            Command::All | Command::OnCore(_) | Command::Part(_) => {
                bail!("{name} measures nothing")
            }
        }
    })
}
