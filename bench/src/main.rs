//! `cargo xtask bench`: what parts of Realmbeat cost, each figure beside a floor that is measured in the same run, so
//! that it means something on another machine too.

#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]

mod place;
mod population;
mod report;
mod save;
mod store;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measure a part of Realmbeat.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct CommandLine {
    /// Also write NAME.json and NAME.md into this directory
    #[arg(long, value_name = "DIR", global = true)]
    report: Option<PathBuf>,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    Store(store::Settings),
    Save(save::Settings),
}

fn main() -> anyhow::Result<()> {
    let CommandLine { report: directory, bench } = CommandLine::parse();
    let report = match bench {
        Bench::Store(settings) => store::run(&settings)?,
        Bench::Save(settings) => save::run(&settings)?,
    };
    println!("\n{}", report.to_markdown());
    if let Some(directory) = directory {
        report.write(&directory)?;
    }
    Ok(())
}
