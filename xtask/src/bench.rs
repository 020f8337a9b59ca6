//! `cargo xtask bench`: measures parts of Realmbeat, with programs built as for a release.

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cargo::cargo;
use crate::test::needs;

/// Measure what parts of Realmbeat cost, beside floors measured in the same run.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// What to measure, and how; `cargo xtask bench -- --help` lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "BENCH")]
    arguments: Vec<String>,
}

impl Bench {
    /// Builds the server that is measured and the bots that play in it, then the bench, and runs it.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        needs::install()?;
        let programs = ["-p", "server", "-p", "client-bot", "--bins"];
        let mut build = cargo(&[&["build", "--release", "--quiet"][..], &programs].concat());
        anyhow::ensure!(build.status().context("can't run cargo")?.success(), "see above");
        let mut bench = cargo(&["run", "--release", "--quiet", "-p", "bench", "--"]);
        let status = bench.args(self.arguments).env("PATH", needs::path()).status()?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
