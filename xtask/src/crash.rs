//! `cargo xtask crash`: kills a server under load again and again. The work is done by a program of the tests, which
//! knows the server; it is built here, with what it starts.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};

use crate::cargo::cargo;
use crate::test::BREAKABLE;

/// Kill a server under load again and again, and hold what it has on disk against what its players were told.
///
/// Exit code 0: nothing was lost or doubled; 99: something was; 1: it couldn't be tried.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Crash {
    /// --kills COUNT, --seed NUMBER, --store sqlite|postgres, --broken RULE, --json FILE
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Crash {
    /// Builds what is killed, and what kills it, and lets that run.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        build(&["-p", "server", "--bins"])?;
        if self
            .arguments
            .iter()
            .any(|argument| argument.as_encoded_bytes().starts_with(b"--broken"))
        {
            build(&["-p", "server", "--features", "failpoints", "--bin", BREAKABLE])?;
        }
        let mut crash =
            cargo(&["run", "--release", "--quiet", "-p", "tests", "--bin", "crash", "--"]);
        let status = crash.args(self.arguments).status().context("can't run cargo")?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

fn build(what: &[&str]) -> anyhow::Result<()> {
    let mut build = cargo(&["build", "--release"]);
    let status = build.args(what).status().context("can't run cargo")?;
    ensure!(status.success(), "the build failed, see above");
    Ok(())
}
