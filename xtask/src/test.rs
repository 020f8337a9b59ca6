//! `cargo xtask test`: everything that must be green before a change goes in, the quick looks first.

pub(crate) mod needs;
mod results;

use std::ffi::OsStr;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use crate::cargo::cargo;
use crate::gates;
use results::Results;

/// The server that tests make fail on purpose. Its feature is for it alone, so it is built by itself.
pub(crate) const BREAKABLE: &str = "realmbeat-server-failpoints";

/// Check everything that must be green; what the tests need is installed if it is missing.
///
/// The last line of the output is the number of tests that passed and failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Take only this step; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Let the servers of the tests have so many I/O threads; with `--only system` the whole system runs on them
    #[arg(long, value_name = "N")]
    io_threads: Option<u8>,
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
    /// Programs and examples, which the tests start, and the server that they break
    Build,
    /// Hot paths that cost no more instructions than the counts in the repository say
    Gates,
    /// All tests: of each crate, of the documentation, and of the whole system
    Test,
    /// Topics that touch sockets, with one I/O thread and with two
    IoThreads,
    /// The whole system alone
    System,
}

/// Topics of the whole system in which it matters which thread a socket is on.
const IO_TOPICS: [&str; 5] = ["logins::", "bad_input::", "storms::", "world::", "saves::"];
/// How the environment sets `network.io_threads`.
const IO_THREADS: &str = "REALMBEAT__NETWORK__IO_THREADS";

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
        let mut tested: Option<Results> = None;
        for step in self.steps() {
            println!("\n== {}", step.title());
            let started = Instant::now();
            match step.take(&self)? {
                Outcome::Green => println!("-- green after {} s", started.elapsed().as_secs()),
                Outcome::Skipped => {}
                Outcome::Tested(results) => tested.get_or_insert_default().add(results),
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
            Self::Gates => "Instructions of the hot paths",
            Self::Test => "Tests",
            Self::IoThreads => "Topics on I/O threads",
            Self::System => "Tests of the whole system",
        }
    }

    const fn needs_programs(self) -> bool {
        matches!(self, Self::Test | Self::IoThreads | Self::System)
    }

    /// Release everywhere: tests, lints and the programs then share what is built for them.
    fn take(self, options: &Test) -> anyhow::Result<Outcome> {
        let Test { filter, io_threads, .. } = options;
        match self {
            Self::Format => green(&["fmt", "--all", "--check"]),
            Self::Lint => {
                lint(&["--workspace"])?;
                lint(&["-p", "server", "--features", "failpoints"])
            }
            Self::Lean => green(&["check", "--release", "-p", "server", "--no-default-features"]),
            Self::Deny => deny(),
            Self::Build => {
                green(&["build", "--release", "--workspace", "--bins", "--examples"])?;
                green(&[
                    "build",
                    "--release",
                    "-p",
                    "server",
                    "--features",
                    "failpoints",
                    "--bin",
                    BREAKABLE,
                ])
            }
            Self::Gates => gates(),
            Self::Test => test(&["--workspace"], filter, *io_threads).map(Outcome::Tested),
            Self::IoThreads => on_io_threads(filter).map(Outcome::Tested),
            Self::System => test(&["-p", "tests"], filter, *io_threads).map(Outcome::Tested),
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

fn lint(what: &[&str]) -> anyhow::Result<Outcome> {
    let mut clippy = cargo(&["clippy", "--release", "--all-targets", "--quiet"]);
    run(clippy.args(what).args(["--", "--deny", "warnings"]))
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

fn gates() -> anyhow::Result<Outcome> {
    needs::install()?;
    ensure!(gates::is_green()?, "this step isn't green, see above");
    Ok(Outcome::Green)
}

fn test(
    packages: &[&str],
    filter: &[impl AsRef<OsStr>],
    io_threads: Option<u8>,
) -> anyhow::Result<Results> {
    needs::install()?;
    let mut test = cargo(&["test", "--release", "--no-fail-fast"]);
    test.args(packages).env("PATH", needs::path());
    if let Some(io_threads) = io_threads {
        test.env(IO_THREADS, io_threads.to_string());
    }
    // Names select tests, flags are for the test programs; `cargo test` takes both behind the dashes.
    if !filter.is_empty() {
        test.arg("--").args(filter);
    }
    results::watch(&mut test)
}

/// The topics, or those tests among them that the filter names.
fn on_io_threads(filter: &[String]) -> anyhow::Result<Results> {
    let topics: Vec<&str> = if filter.is_empty() {
        IO_TOPICS.to_vec()
    } else {
        filter.iter().map(String::as_str).collect()
    };
    let system = ["-p", "tests", "--test", "system"];
    let mut results = test(&system, &topics, Some(1))?;
    results.add(test(&system, &topics, Some(2))?);
    Ok(results)
}
