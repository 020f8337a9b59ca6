//! The hot paths, each prepared and then run once, so that `cargo xtask gates` can count the processor's instructions
//! of it. Nothing here measures time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever counts")]

mod cells;
mod walkers;
mod wire;

use std::process::ExitCode;

/// What is counted, when it is called.
type Work = Box<dyn FnMut()>;

/// A path and what prepares it.
type Gate = (&'static str, fn() -> anyhow::Result<Work>);

/// The gates, and how each is prepared. What a gate counts is written at its function.
const GATES: [Gate; 7] = [
    ("frames", wire::frames),
    ("dispatch", walkers::dispatch),
    ("cells", cells::changes),
    ("snapshots", cells::snapshots),
    ("gather", walkers::gather),
    ("tick", walkers::tick),
    ("standing", walkers::standing),
];

/// Without an argument the names of all gates, with one that gate.
fn main() -> ExitCode {
    let Some(wanted) = std::env::args().nth(1) else {
        GATES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, prepare)) = GATES.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("there is no gate {wanted}");
        return ExitCode::FAILURE;
    };
    match prepare() {
        Ok(mut work) => realmbeat_counted(&mut work),
        Err(error) => {
            eprintln!("{wanted} can't be prepared: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The counting begins and ends with this function; `cargo xtask gates` knows it by its name.
#[inline(never)]
fn realmbeat_counted(work: &mut Work) {
    work();
}
