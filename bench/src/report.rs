//! What a bench found: figures with their floors, as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// All figures of one bench.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: &'static str,
    figures: Vec<Figure>,
}

/// One figure: the median of its runs.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    what: String,
    unit: &'static str,
    median: f64,
    min: f64,
    max: f64,
    /// What the same amount of bare work takes, in the same unit.
    floor: Option<f64>,
    /// `median / floor`.
    ratio: Option<f64>,
}

impl Figure {
    /// The figure of one or more runs, of which there must be one at least.
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, mut runs: Vec<f64>) -> Self {
        runs.sort_by(f64::total_cmp);
        let at = |index: usize| runs.get(index).copied().unwrap_or(f64::NAN);
        let (median, min, max) = (at(runs.len() / 2), at(0), at(runs.len().saturating_sub(1)));
        Self { what: what.into(), unit, median, min, max, floor: None, ratio: None }
    }

    /// The same beside its floor.
    pub(crate) fn over(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self.ratio = Some(self.median / floor);
        self
    }
}

impl Report {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, figures: Vec::new() }
    }

    pub(crate) fn push(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut out = String::from(
            "| figure | median | min | max | unit | floor | ratio |\n|---|---|---|---|---|---|---|\n",
        );
        for figure in &self.figures {
            let Figure { what, unit, median, min, max, floor, ratio } = figure;
            let floor = floor.map(number).unwrap_or_default();
            let ratio = ratio.map(|ratio| format!("{ratio:.2} x")).unwrap_or_default();
            let (median, min, max) = (number(*median), number(*min), number(*max));
            // Writing to a String doesn't fail.
            let _ =
                writeln!(out, "| {what} | {median} | {min} | {max} | {unit} | {floor} | {ratio} |");
        }
        out
    }

    /// Writes `NAME.json` and `NAME.md`.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("can't make {}", directory.display()))?;
        let file = |extension: &str| directory.join(self.name).with_extension(extension);
        std::fs::write(file("json"), serde_json::to_string_pretty(self)?)?;
        std::fs::write(file("md"), self.to_markdown())?;
        Ok(())
    }
}

/// As many digits as say something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
