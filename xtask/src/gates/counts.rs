//! Counts of instructions by gate, as they stand in a file, and what two sets of them have to say to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::Context as _;

/// A gate may cost so much more than its count, in thousandths, before it counts as dearer. The same sources counted
/// on other machines, with another C library, differ by less.
const TOLERANCE: u64 = 30;

/// What stands above the counts in their file.
const HEAD: &str = "\
# Instructions of the hot paths, by gate; gates/src/ says what each one does. `cargo xtask gates` compares with them,
# `cargo xtask gates --accept` writes them anew. Say in the commit why they changed.
";

/// Instructions by gate.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(super) fn set(&mut self, gate: &str, count: u64) {
        self.0.insert(gate.to_owned(), count);
    }

    /// # Errors
    /// When the file can't be read or a line isn't a gate and its count.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = format!("{HEAD}{self}");
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let count = |line: &str| {
            let (gate, count) = line.split_once(' ')?;
            Some((gate.to_owned(), count.trim().parse().ok()?))
        };
        let counts = lines
            .map(|line| count(line).with_context(|| format!("{line:?} is no gate with its count")));
        counts.collect::<anyhow::Result<_>>().map(Self)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(gate, count)| writeln!(out, "{gate} {count}"))
    }
}

/// What became of the gates since their counts were written down.
#[derive(Debug)]
pub(super) struct Verdict {
    /// By gate: the count in the repository and the count now. One of them is missing for a gate that is new or gone.
    gates: BTreeMap<String, (Option<u64>, Option<u64>)>,
}

impl Verdict {
    pub(super) fn of(before: &Counts, now: &Counts) -> Self {
        let names: BTreeSet<&String> = before.0.keys().chain(now.0.keys()).collect();
        let pair = |name: &String| (before.0.get(name).copied(), now.0.get(name).copied());
        Self { gates: names.into_iter().map(|name| (name.clone(), pair(name))).collect() }
    }

    /// True if every gate is known and none costs more than before.
    pub(super) fn is_green(&self) -> bool {
        self.shut().next().is_none()
    }

    fn shut(&self) -> impl Iterator<Item = &str> {
        let shut = |before: Option<u64>, now: Option<u64>| match (before, now) {
            (Some(before), Some(now)) => is_more(now, before),
            _ => true,
        };
        let gates = self.gates.iter().filter(move |(_, (before, now))| shut(*before, *now));
        gates.map(|(gate, _)| gate.as_str())
    }

    fn cheaper(&self) -> impl Iterator<Item = &str> {
        let gates = self.gates.iter().filter(|(_, (before, now))| {
            before.zip(*now).is_some_and(|(before, now)| is_more(before, now))
        });
        gates.map(|(gate, _)| gate.as_str())
    }
}

/// Whether `count` is above `other` by more than the tolerance.
fn is_more(count: u64, other: u64) -> bool {
    count.saturating_mul(1000) > other.saturating_mul(1000 + TOLERANCE)
}

/// The change from one count to another, in tenths of a percent.
fn change(before: u64, now: u64) -> i64 {
    let tenths = (i128::from(now) - i128::from(before)) * 1000 / i128::from(before.max(1));
    i64::try_from(tenths).unwrap_or(i64::MAX)
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<12}{:>14}{:>14}{:>9}", "gate", "before", "now", "change")?;
        let shown = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |it| it.to_string());
        for (gate, (before, now)) in &self.gates {
            let change = before.zip(*now).map_or_else(String::new, |(before, now)| {
                let tenths = change(before, now);
                let sign = if tenths < 0 { '-' } else { '+' };
                format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
            });
            writeln!(out, "{gate:<12}{:>14}{:>14}{change:>9}", shown(*before), shown(*now))?;
        }
        let shut: Vec<&str> = self.shut().collect();
        if !shut.is_empty() {
            let (shut, percent) = (shut.join(", "), TOLERANCE / 10);
            writeln!(
                out,
                "\nshut: {shut}. A gate is shut when it costs over {percent} % more instructions than its count in the \
                 repository, or has none.\n`callgrind_annotate target/gates/NAME.out` shows where they are. If the \
                 change is worth them, or the compiler is another one:\n`cargo xtask gates --accept`, and say in the \
                 commit why."
            )?;
        }
        let cheaper: Vec<&str> = self.cheaper().collect();
        if !cheaper.is_empty() {
            let cheaper = cheaper.join(", ");
            writeln!(out, "\ncheaper: {cheaper}. `cargo xtask gates --accept` keeps it that way.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        Counts(pairs.iter().map(|(gate, count)| ((*gate).to_owned(), *count)).collect())
    }

    #[test]
    fn counts_are_read_as_they_were_written() {
        let written = counts(&[("tick", 123_456), ("cells", 7)]);
        assert_eq!(Counts::parse(&format!("{HEAD}{written}")).unwrap(), written);
        assert!(Counts::parse("tick many").is_err());
    }

    #[test]
    fn a_gate_is_shut_by_what_is_beyond_the_tolerance_and_by_nothing_else() {
        let before = counts(&[("tick", 100_000)]);
        for (now, green) in [(50_000, true), (100_000, true), (103_000, true), (103_001, false)] {
            let verdict = Verdict::of(&before, &counts(&[("tick", now)]));
            assert_eq!(verdict.is_green(), green, "{verdict}");
        }
    }

    #[test]
    fn a_gate_that_is_new_or_gone_is_shut_until_its_count_is_accepted() {
        let (one, two) = (counts(&[("tick", 1)]), counts(&[("tick", 1), ("cells", 1)]));
        assert!(!Verdict::of(&one, &two).is_green());
        assert!(!Verdict::of(&two, &one).is_green());
    }

    #[test]
    fn the_verdict_says_by_how_much_and_what_to_do() {
        let before = counts(&[("cells", 1000), ("tick", 1000)]);
        let said = Verdict::of(&before, &counts(&[("cells", 899), ("tick", 1045)])).to_string();
        assert!(said.contains("+4.5 %") && said.contains("-10.1 %"), "{said}");
        assert!(said.contains("shut: tick.") && said.contains("cheaper: cells."), "{said}");
        assert!(said.contains("cargo xtask gates --accept"), "{said}");
    }
}
