//! A report as people read it.

use std::fmt::Write as _;

use super::{Figure, Report};
use crate::form::Form;

const HEAD: &str = "| figure | median | min | max | unit | floor | ratio | target | |\n|---|---|---|---|---|---|---|---|---|\n";

impl Report {
    /// Where and when, the table, the curves, the notes.
    pub(crate) fn to_markdown(&self) -> String {
        let mut out = format!("{}\n", self.machine);
        if self.form == Form::Quick {
            out +=
                "\nThe quick form, which shows that the bench works: its figures mean nothing.\n";
        }
        out += "\n";
        out += HEAD;
        for figure in &self.figures {
            out += &row(figure, self.form);
        }
        for plot in &self.plots {
            // Writing to a String doesn't fail.
            let _ = write!(out, "\n![{}]({})\n", plot.title, self.plot_file(plot));
        }
        for note in &self.notes {
            out += "\n";
            out += note;
            out += "\n";
        }
        out
    }
}

/// What means nothing isn't judged.
fn row(figure: &Figure, form: Form) -> String {
    let Figure { what, unit, median, min, max, runs: _, floor, ratio, target } = figure;
    let floor = floor.map(number).unwrap_or_default();
    let ratio = ratio.map(|ratio| format!("{ratio:.2} x")).unwrap_or_default();
    let (median, min, max) = (number(*median), number(*min), number(*max));
    let (target, verdict) = match target {
        Some(target) if form == Form::Quick => (target.to_string(), ""),
        Some(target) => (target.to_string(), target.verdict()),
        None => (String::new(), ""),
    };
    format!(
        "| {what} | {median} | {min} | {max} | {unit} | {floor} | {ratio} | {target} | {verdict} |\n"
    )
}

/// As many digits as say something.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
