//! `cargo xtask test`: everything that must be green before a change goes in, the quick looks first.

pub(crate) mod needs;
mod results;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::cargo::cargo;
use results::Results;

/// Check everything that must be green; what the tests need is installed if it is missing.
///
/// The last line of the output is the number of tests that passed and failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Take only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Run only the tests with this in their names; what starts with a dash goes to the test programs
    #[arg(last = true, value_name = "FILTER")]
    filter: Vec<String>,
}

/// One of the looks at the repository, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The sources are formatted as rustfmt does it
    Format,
    /// No lint speaks up, in any target
    Lint,
    /// The server builds without what can be left out
    Lean,
    /// Licences, layers and sources of the dependencies, where cargo-deny is installed
    Deny,
    /// Programs and examples, which the tests start
    Build,
    /// All tests: of each crate, of the documentation, and of the whole system
    Test,
    /// The whole system alone
    System,
}

/// What a step came to.
enum Outcome {
    Green,
    Skipped,
    Tested(Results),
}

impl Test {
    /// Takes the steps, up to the first that isn't green.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let mut tested = None;
        for step in self.steps() {
            println!("\n== {}", step.title());
            let started = Instant::now();
            match step.take(&self.filter)? {
                Outcome::Green => println!("-- green after {} s", started.elapsed().as_secs()),
                Outcome::Skipped => {}
                Outcome::Tested(results) => tested = Some(results),
            }
        }
        println!("\n== Took {} s", began.elapsed().as_secs());
        let Some(results) = tested else {
            return Ok(ExitCode::SUCCESS);
        };
        print!("{results}");
        Ok(ExitCode::from(u8::from(!results.is_green())))
    }

    fn steps(&self) -> Vec<Step> {
        if self.only.is_empty() {
            // The tests of the whole system are among all tests.
            let all = Step::value_variants().iter().copied();
            return all.filter(|step| *step != Step::System).collect();
        }
        let mut steps = self.only.clone();
        if steps.iter().any(|step| step.needs_programs()) && !steps.contains(&Step::Build) {
            steps.push(Step::Build);
        }
        steps.sort_by_key(|step| *step as u8);
        steps.dedup();
        steps
    }
}

impl Step {
    const fn title(self) -> &'static str {
        match self {
            Self::Format => "Formatting",
            Self::Lint => "Lints",
            Self::Lean => "The lean build",
            Self::Deny => "Dependencies",
            Self::Build => "Programs and examples",
            Self::Test => "Tests",
            Self::System => "Tests of the whole system",
        }
    }

    const fn needs_programs(self) -> bool {
        matches!(self, Self::Test | Self::System)
    }

    /// Release everywhere: tests, lints and the programs then share what is built for them.
    fn take(self, filter: &[String]) -> anyhow::Result<Outcome> {
        match self {
            Self::Format => green(&["fmt", "--all", "--check"]),
            Self::Lint => {
                let mut clippy = cargo(&["clippy", "--release", "--workspace", "--all-targets"]);
                clippy.args(["--quiet", "--", "--deny", "warnings"]);
                run(&mut clippy)
            }
            Self::Lean => green(&["check", "--release", "-p", "server", "--no-default-features"]),
            Self::Deny => deny(),
            Self::Build => green(&["build", "--release", "--workspace", "--bins", "--examples"]),
            Self::Test => test(&["--workspace"], filter),
            Self::System => test(&["-p", "tests"], filter),
        }
    }
}

fn green(arguments: &[&str]) -> anyhow::Result<Outcome> {
    run(&mut cargo(arguments))
}

fn run(command: &mut Command) -> anyhow::Result<Outcome> {
    let status = command.status().context("can't run cargo")?;
    ensure!(status.success(), "this step isn't green, see above");
    Ok(Outcome::Green)
}

/// Building cargo-deny takes minutes, too long to install it just for this.
fn deny() -> anyhow::Result<Outcome> {
    let there = cargo(&["deny", "--version"]).output().context("can't run cargo")?;
    if !there.status.success() {
        println!("-- skipped: cargo-deny isn't installed (`cargo install --locked cargo-deny`)");
        return Ok(Outcome::Skipped);
    }
    green(&["deny", "--workspace", "check", "bans", "licenses", "sources"])
}

fn test(packages: &[&str], filter: &[String]) -> anyhow::Result<Outcome> {
    needs::install()?;
    let mut test = cargo(&["test", "--release", "--no-fail-fast"]);
    test.args(packages).env("PATH", needs::path());
    // Names select tests, flags are for the test programs; `cargo test` takes both behind the dashes.
    if !filter.is_empty() {
        test.arg("--").args(filter);
    }
    results::watch(&mut test).map(Outcome::Tested)
}
