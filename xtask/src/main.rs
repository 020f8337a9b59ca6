//! `cargo xtask`: what people do with this repository in one command, show it (`demo`), prove it (`test`), try to break
//! it (`crash`), see what it costs (`bench`, `gates`) and generate its messages (`proto`).

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

mod bench;
mod cargo;
mod child;
mod crash;
mod demo;
mod gates;
mod proto;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// The commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
enum CommandLine {
    Bench(bench::Bench),
    Crash(crash::Crash),
    Demo(demo::Demo),
    Gates(gates::Gates),
    Proto(proto::Proto),
    Test(test::Test),
    #[command(hide = true)]
    Until(child::UntilParentEnds),
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    if !matches!(command_line, CommandLine::Until(_))
        && let Err(error) = std::env::set_current_dir(repository())
    {
        eprintln!("error: {}: {error}", repository().display());
        return ExitCode::FAILURE;
    }
    let done = match command_line {
        CommandLine::Bench(bench) => bench.run(),
        CommandLine::Crash(crash) => crash.run(),
        CommandLine::Demo(demo) => demo.run(),
        CommandLine::Gates(gates) => gates.run(),
        CommandLine::Proto(proto) => proto.run(),
        CommandLine::Test(test) => test.run(),
        CommandLine::Until(program) => program.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The root of the repository: every command runs there, wherever it was called from.
fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
