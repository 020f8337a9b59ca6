//! Live progress: one line that moves on a terminal, a plain line every few seconds elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use client_bot::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain line is written.
const PLAIN_PERIOD: Duration = Duration::from_secs(5);

/// Shows how a run is going.
pub(crate) struct Display {
    way: Way,
    /// Time and frames at the last look, for the rate.
    last: (Duration, u64),
}

enum Way {
    Silent,
    Terminal(ProgressBar),
    Plain { next: Duration },
}

impl Display {
    /// On standard error, so that the summary can be redirected.
    pub(crate) fn new(quiet: bool) -> Self {
        let way = if quiet {
            Way::Silent
        } else if std::io::stderr().is_terminal() {
            Way::Terminal(bar())
        } else {
            Way::Plain { next: PLAIN_PERIOD }
        };
        Self { way, last: (Duration::ZERO, 0) }
    }

    /// Shows the state of a run; called twice a second.
    #[expect(clippy::print_stderr, reason = "progress is for whoever watches")]
    pub(crate) fn show(&mut self, progress: &Progress) {
        match &mut self.way {
            Way::Silent => {}
            Way::Terminal(bar) => {
                bar.set_length(progress.duration.as_secs().max(1));
                bar.set_position(progress.elapsed.min(progress.duration).as_secs());
                bar.set_message(line(progress, self.last));
                self.last = (progress.elapsed, progress.counts.frames_in);
            }
            Way::Plain { next } if progress.elapsed >= *next => {
                *next += PLAIN_PERIOD;
                eprintln!(
                    "{:>5.0} s  {}",
                    progress.elapsed.as_secs_f64(),
                    line(progress, self.last)
                );
                self.last = (progress.elapsed, progress.counts.frames_in);
            }
            Way::Plain { .. } => {}
        }
    }

    /// Clears the moving line.
    pub(crate) fn finish(&self) {
        if let Way::Terminal(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:12.cyan/dim} {pos}/{len} s  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(1).with_style(style)
}

fn line(progress: &Progress, (since, frames_before): (Duration, u64)) -> String {
    let (counts, ping, moves) = (&progress.counts, &progress.ping, &progress.moves);
    let seconds = progress.elapsed.saturating_sub(since).as_secs_f64().max(0.001);
    let frames = (counts.frames_in - frames_before) as f64 / seconds;
    let leaving = if progress.leaving { "leaving, " } else { "" };
    let wrong = counts.errors_total() + counts.findings;
    format!(
        "{leaving}{}/{} online, {frames:.0} frames/s, ping {:.1}/{:.1} ms, move {:.0}/{:.0} ms (p50/p99), wrong {wrong}",
        counts.online, progress.bots, ping.p50, ping.p99, moves.p50, moves.p99,
    )
}
