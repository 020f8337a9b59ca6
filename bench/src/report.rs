//! What a bench found: figures with their floors and targets, as a table for people, as JSON for programs and as curves
//! where a curve says more.

mod machine;
mod markdown;
mod target;

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::form::Form;
use crate::plot::Plot;
use machine::Machine;
use target::{Bound, Target};

/// All figures of one bench.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: &'static str,
    form: Form,
    machine: Machine,
    figures: Vec<Figure>,
    /// What a reader of the figures must know to judge them.
    notes: Vec<String>,
    #[serde(skip)]
    plots: Vec<Plot>,
}

/// One figure: the median of its runs, beside what bare work takes and what it should be.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    what: String,
    unit: &'static str,
    median: f64,
    min: f64,
    max: f64,
    /// Every run, in the order in which they were taken.
    runs: Vec<f64>,
    /// What the same amount of bare work takes, in the same unit.
    floor: Option<f64>,
    /// `median / floor`.
    ratio: Option<f64>,
    target: Option<Target>,
}

impl Figure {
    /// The figure of one or more runs, of which there must be one at least.
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, runs: Vec<f64>) -> Self {
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let (median, min) = (at(sorted.len() / 2), at(0));
        let max = at(sorted.len().saturating_sub(1));
        let what = what.into();
        Self { what, unit, median, min, max, runs, floor: None, ratio: None, target: None }
    }

    /// The median of its runs.
    pub(crate) const fn median(&self) -> f64 {
        self.median
    }

    /// The same beside its floor, in the same unit. Comes before a target that is a ratio.
    pub(crate) fn over(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self.ratio = Some(self.median / floor);
        self
    }

    /// It should be at most so many times its floor.
    pub(crate) fn ratio_at_most(self, most: f64) -> Self {
        self.with_target(Bound::RatioAtMost, most)
    }

    /// It should be at least so many times its floor.
    pub(crate) fn ratio_at_least(self, least: f64) -> Self {
        self.with_target(Bound::RatioAtLeast, least)
    }

    /// It should be at most so much, in its own unit.
    pub(crate) fn at_most(self, most: f64) -> Self {
        self.with_target(Bound::AtMost, most)
    }

    /// It should be at least so much, in its own unit.
    pub(crate) fn at_least(self, least: f64) -> Self {
        self.with_target(Bound::AtLeast, least)
    }

    /// What it would be at its best; says more about the target that was set before.
    pub(crate) fn stretch(mut self, value: f64) -> Self {
        let judged = self.judged();
        self.target = self.target.map(|target| target.stretch(value, judged));
        self
    }

    fn with_target(mut self, bound: Bound, value: f64) -> Self {
        let judged = if bound.is_ratio() { self.ratio } else { Some(self.median) };
        self.target = Some(Target::new(bound, value, judged));
        self
    }

    /// What the target speaks about.
    fn judged(&self) -> Option<f64> {
        let is_ratio = self.target.as_ref().is_some_and(|target| target.bound.is_ratio());
        if is_ratio { self.ratio } else { Some(self.median) }
    }
}

impl Report {
    pub(crate) fn new(name: &'static str, form: Form) -> Self {
        let machine = Machine::this();
        Self { name, form, machine, figures: Vec::new(), notes: Vec::new(), plots: Vec::new() }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Adds a figure; they are shown in the order in which they come.
    pub(crate) fn push(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Adds a curve, which is written beside the table.
    pub(crate) fn plot(&mut self, plot: Plot) {
        self.plots.push(plot);
    }

    /// Adds a sentence below the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Writes NAME.json, NAME.md and an SVG for each curve.
    ///
    /// # Errors
    /// When the directory can't be written, or a curve can't be drawn.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("can't make {}", directory.display()))?;
        let file = |extension: &str| directory.join(self.name).with_extension(extension);
        std::fs::write(file("json"), serde_json::to_string_pretty(self)?)?;
        std::fs::write(file("md"), self.to_markdown())?;
        for plot in &self.plots {
            std::fs::write(directory.join(self.plot_file(plot)), plot.to_svg()?)?;
        }
        Ok(())
    }

    fn plot_file(&self, plot: &Plot) -> String {
        format!("{}-{}.svg", self.name, plot.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> Figure {
        Figure::new("x", "us", vec![3.0, 1.0, 2.0])
    }

    #[test]
    fn a_figure_is_the_median_and_keeps_its_runs_in_order() {
        let figure = figure();
        assert_eq!((figure.median, figure.min, figure.max), (2.0, 1.0, 3.0));
        assert_eq!(figure.runs, [3.0, 1.0, 2.0]);
    }

    #[test]
    fn a_target_is_held_against_the_ratio_or_against_the_figure_itself() {
        let json = |figure: &Figure| serde_json::to_value(figure).unwrap()["target"].clone();
        let missed = json(&figure().over(1.0).ratio_at_most(1.5));
        assert_eq!(missed["met"], false);
        let met = json(&figure().over(1.0).ratio_at_most(2.0).stretch(1.9));
        assert_eq!((&met["met"], &met["stretch_met"]), (&true.into(), &false.into()));
        assert_eq!(json(&figure().over(0.1).ratio_at_least(19.0))["met"], true);
        assert_eq!(json(&figure().at_most(1.9))["met"], false);
        assert_eq!(json(&figure().at_least(1.9).stretch(2.0))["stretch_met"], true);
    }

    #[test]
    fn a_ratio_without_a_floor_is_not_met() {
        let figure = figure().ratio_at_most(1e9);
        assert_eq!(serde_json::to_value(&figure).unwrap()["target"]["met"], false);
    }

    #[test]
    fn the_table_shows_floor_ratio_and_target() {
        let markdown = |form| {
            let mut report = Report::new("trial", form);
            report.push(figure().over(1.0).ratio_at_most(1.5).stretch(1.1));
            report.note("Nothing else ran.");
            report.to_markdown()
        };
        let row = "| x | 2.0 | 1.0 | 3.0 | us | 1.0 | 2.00 x | <= 1.50 x (1.10 x) |";
        let quick = markdown(Form::Quick);
        assert!(quick.contains(&format!("{row}  |\n")), "the quick form judges nothing: {quick}");
        let markdown = markdown(Form::Usual);
        assert!(markdown.contains(&format!("{row} missed |\n")), "{markdown}");
        assert!(markdown.ends_with("\nNothing else ran.\n"), "{markdown}");
    }
}
