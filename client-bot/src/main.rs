//! `realmbeat-bots`: sends a swarm of client bots against a server and reports what it took.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::Parser as _;
use client_bot::{Counts, Report, Swarm};
use command_line::CommandLine;
use display::Display;
use protocol::v1::{Farewell, Refusal};

mod command_line;
mod display;

/// The run went through, but an assertion doesn't hold.
const EXIT_BREACH: u8 = 99;
/// Flags or settings can't be understood (`EX_USAGE`).
const EXIT_USAGE: u8 = 64;
/// The swarm couldn't run, nobody got in, or the report couldn't be written.
const EXIT_FAILED: u8 = 1;

#[expect(clippy::print_stderr, reason = "the program's way to tell a person what went wrong")]
fn main() -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and version are no mistakes.
            let code = if error.use_stderr() { EXIT_USAGE } else { 0 };
            let _ = error.print();
            return code.into();
        }
    };
    let settings = match command_line.settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error:#}");
            return EXIT_USAGE.into();
        }
    };
    match run(&command_line, settings) {
        Ok(report) => judge(&report, &command_line),
        Err(error) => {
            eprintln!("error: {error:#}");
            EXIT_FAILED.into()
        }
    }
}

#[expect(clippy::print_stdout, reason = "the summary is what the program is for")]
fn run(command_line: &CommandLine, settings: client_bot::Settings) -> anyhow::Result<Report> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the process at once, without a report.
        signal_hook::flag::register_conditional_default(signal, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    // Before the run: nobody wants to hear of it after an hour.
    let mut file = command_line.report.as_deref().map(open_report).transpose()?;
    let mut display = Display::new(command_line.quiet);
    let swarm = Swarm::new(settings)?;
    let report = swarm.run_watched(&stop, &mut |progress| display.show(progress))?;
    display.finish();
    print!("{}", report.to_table());
    if let Some((file, path)) = &mut file {
        file.write_all((report.to_json()? + "\n").as_bytes())
            .with_context(|| format!("can't write the report to {}", path.display()))?;
        println!("report: {}", path.display());
    }
    Ok(report)
}

/// Makes the file of the report. One of an earlier run is emptied, so that it doesn't pass for this run's.
fn open_report(path: &Path) -> anyhow::Result<(File, &Path)> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("can't make {}", folder.display()))?;
    }
    let file = File::create(path)
        .with_context(|| format!("can't write the report to {}", path.display()))?;
    Ok((file, path))
}

#[expect(clippy::print_stderr, reason = "each breach is told to the person who asked for it")]
fn judge(report: &Report, command_line: &CommandLine) -> ExitCode {
    // Whatever was asserted: a run without a server shows nothing.
    if nobody_got_in(report) {
        let hint = why_nobody(report.settings.server, &report.counts);
        eprintln!("error: nobody got in. {hint}");
        return EXIT_FAILED.into();
    }
    let mut code = ExitCode::SUCCESS;
    for breach in command_line.assertions().filter_map(|assertion| assertion.check(report).err()) {
        eprintln!("assertion {breach}");
        code = EXIT_BREACH.into();
    }
    code
}

/// What to look at. What the server said itself is the best hint there is.
fn why_nobody(server: SocketAddr, counts: &Counts) -> String {
    let said = counts.refusals.iter().chain(&counts.goodbyes);
    let said = said.filter(|(reason, _)| **reason != Farewell::ClientLeft.as_str_name());
    match (said.max_by_key(|(_, count)| **count), counts.first_errors.first()) {
        (Some((reason, count)), _) if *reason == Refusal::TokenInvalid.as_str_name() => {
            format!("The server refused {count} tokens: is the token secret its auth.token_secret?")
        }
        (Some((reason, count)), _) => {
            format!("The server said {reason} {count} times; its log says more.")
        }
        (None, Some(error)) if counts.connected > 0 => format!("The first error: {error}"),
        (None, _) => format!("Does a server listen on {server}?"),
    }
}

/// True for a run that showed nothing, whatever its figures say.
fn nobody_got_in(report: &Report) -> bool {
    let got_in = match report.settings.scenario.logs_in() {
        true => report.counts.logged_in,
        false => report.counts.connected,
    };
    got_in == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_said_most_often_is_the_hint_for_a_swarm_that_stayed_out() {
        let told = |refusals: &[(&'static str, u64)]| {
            let refusals = refusals.iter().copied().collect();
            let server = SocketAddr::from(([127, 0, 0, 1], 7777));
            why_nobody(server, &Counts { refusals, ..Counts::default() })
        };
        assert!(told(&[]).contains("listen on 127.0.0.1:7777"));
        assert!(told(&[("REFUSAL_TOKEN_INVALID", 3)]).contains("auth.token_secret"));
        let behind = told(&[("REFUSAL_TOKEN_INVALID", 1), ("REFUSAL_STORE_BEHIND", 7)]);
        assert!(behind.contains("REFUSAL_STORE_BEHIND 7 times"), "{behind}");
    }
}
