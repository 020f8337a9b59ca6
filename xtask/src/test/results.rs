//! What the test programs say, counted while it passes by.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// How a test program begins to sum itself up.
const RESULT: &str = "test result: ";

/// The sums of all test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Results {
    lines: Vec<String>,
    passed: u64,
    failed: u64,
    ignored: u64,
    /// Cargo itself wasn't content: a test failed, or a test program didn't build or died.
    broken: bool,
}

/// Runs a `cargo test`, shows its output and counts.
///
/// # Errors
/// When cargo can't be started.
pub(super) fn watch(test: &mut Command) -> anyhow::Result<Results> {
    let mut child = test.stdout(Stdio::piped()).spawn().context("can't run cargo")?;
    let mut output = BufReader::new(child.stdout.take().context("cargo has no output")?);
    let mut results = Results::default();
    let mut line = Vec::new();
    // Bytes: a test may print anything.
    while output.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        results.line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    results.broken = !child.wait()?.success();
    Ok(results)
}

impl Results {
    /// True if every test passed, and there was one.
    pub(super) const fn is_green(&self) -> bool {
        self.failed == 0 && self.passed > 0 && !self.broken
    }

    /// Adds those of other test programs.
    pub(super) fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.broken |= other.broken;
    }

    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s`
    fn line(&mut self, line: &str) {
        // A test that writes without a line end stands before it.
        let Some(start) = line.find(RESULT) else {
            return;
        };
        let line = line[start..].trim_end();
        for part in line.split([';', '.']) {
            if let Some((count, what)) = part.trim().split_once(' ')
                && let Ok(count) = count.parse::<u64>()
            {
                match what {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        }
        self.lines.push(line.to_owned());
    }
}

impl fmt::Display for Results {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        if self.ignored > 0 {
            writeln!(out, "{} ignored", self.ignored)?;
        }
        if self.broken && self.failed == 0 {
            writeln!(out, "a test program didn't build or didn't end by itself, see above")?;
        }
        writeln!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(output: &str) -> Results {
        let mut results = Results::default();
        output.lines().for_each(|line| results.line(line));
        results
    }

    #[test]
    fn the_results_of_all_test_programs_are_summed() {
        let results = of("running 2 tests\n\
             test a ... ok\n\
             test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s\n\
             half a linetest result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s\n");
        assert_eq!((results.passed, results.failed, results.ignored), (15, 2, 1));
        assert!(!results.is_green());
        assert!(results.to_string().ends_with("\n15 passed, 2 failed\n"), "{results}");
    }

    #[test]
    fn no_test_at_all_is_not_green() {
        assert!(!of("running 0 tests\n").is_green());
    }

    #[test]
    fn a_test_program_that_died_is_not_green() {
        let mut results = of("test result: ok. 1 passed; 0 failed; 0 ignored\n");
        assert!(results.is_green());
        results.broken = true;
        assert!(!results.is_green());
    }
}
