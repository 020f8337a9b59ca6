//! Plays random sequences of operations on what players own, and shows that nothing is lost or doubled.
//!
//! `cargo run --release -p game --example conservation -- --sequences 1000000 --seed 1`, and `--first N` to begin with
//! a certain one, such as one that has failed.

use std::io::Write as _;
use std::process::ExitCode;

use game::testing::Conservation;

/// Lines of progress that a run writes.
const PROGRESS_LINES: u64 = 100;

struct Arguments {
    sequences: u64,
    seed: u64,
    first: u64,
}

fn main() -> ExitCode {
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            say(&format!("{problem}\nusage: conservation [--sequences N] [--seed N] [--first N]"));
            return ExitCode::from(2);
        }
    };
    let Arguments { sequences, seed, first } = arguments;
    let mut conservation = Conservation::new(seed);
    let every = (sequences / PROGRESS_LINES).max(1);
    for number in 0..sequences {
        conservation.play(first + number);
        if (number + 1).is_multiple_of(every) {
            say(&format!("{} of {sequences} sequences of seed {seed}", number + 1));
        }
    }
    for (kind, count) in conservation.tally() {
        say(&format!("{count:>12}  {kind}"));
    }
    let missing = conservation.missing();
    if missing.is_empty() {
        say(&format!("{sequences} sequences: memory, model and clients agree; all is conserved"));
        return ExitCode::SUCCESS;
    }
    say(&format!("this proves too little, because these never happened: {}", missing.join(", ")));
    ExitCode::FAILURE
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { sequences: 10_000, seed: 1, first: 0 };
    while let Some(word) = words.next() {
        let target = match word.as_str() {
            "--sequences" => &mut arguments.sequences,
            "--seed" => &mut arguments.seed,
            "--first" => &mut arguments.first,
            _ => return Err(format!("{word:?} is no option")),
        };
        let value = words.next().and_then(|value| value.parse().ok());
        *target = value.ok_or_else(|| format!("{word} needs a number"))?;
    }
    Ok(arguments)
}

/// A line for the person at the terminal. Who has closed it isn't told.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
