//! What happened in a demo, in words for somebody who sees Realmbeat for the first time.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Output};

use anyhow::Context as _;
use serde_json::Value;

/// Everything that is known when the dust has settled.
pub(super) struct Story {
    /// How many bots were sent.
    pub(super) bots: u32,
    /// Somebody pressed Ctrl-C.
    pub(super) interrupted: bool,
    /// What the bots say, unless they died before they could.
    pub(super) swarm: Option<SwarmReport>,
    /// How the bots ended.
    pub(super) swarm_end: ExitStatus,
    /// How the server ended.
    pub(super) server_end: ExitStatus,
    /// What the server says about the whole run.
    pub(super) total: Option<Total>,
    /// What became of the items.
    pub(super) audit: Audit,
}

/// The parts of the bots' report that a newcomer wants to know.
pub(super) struct SwarmReport(Value);

/// The figures of the server's last line.
pub(super) struct Total(BTreeMap<String, f64>);

/// What `realmbeat-server audit` says.
pub(super) struct Audit {
    text: String,
    clean: bool,
}

impl SwarmReport {
    /// # Errors
    /// When there is none.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    fn count(&self, pointer: &str) -> u64 {
        self.0.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
    }

    fn figure(&self, pointer: &str) -> f64 {
        self.0.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
    }

    fn errors(&self) -> u64 {
        let errors = self.0.pointer("/counts/errors").and_then(Value::as_object);
        errors.map_or(0, |errors| errors.values().filter_map(Value::as_u64).sum())
    }
}

impl Total {
    /// The line in which the server sums up the run, in its log. `None` when it didn't get that far.
    pub(super) fn find(log: &Path) -> Option<Self> {
        let log = std::fs::read_to_string(log).ok()?;
        log.lines().rev().find_map(Self::parse)
    }

    fn parse(line: &str) -> Option<Self> {
        let (_, fields) = line.split_once(" total ")?;
        let field = |field: &str| {
            let (name, value) = field.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Some(Self(fields.split(' ').filter_map(field).collect()))
    }

    fn figure(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }
}

impl Audit {
    pub(super) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        Self { text: said, clean: output.status.success() }
    }
}

impl Story {
    /// What isn't as it should be, a line each; empty when all is well.
    fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        match &self.swarm {
            None => troubles.push(format!("the bots left no report ({})", self.swarm_end)),
            Some(swarm) => {
                let (errors, findings) = (swarm.errors(), swarm.count("/counts/findings"));
                if errors > 0 {
                    troubles.push(format!("the bots met {errors} errors, listed above"));
                }
                if findings > 0 {
                    troubles
                        .push(format!("the oracle found {findings} things wrong, listed above"));
                }
                let logged_in = swarm.count("/counts/logged_in");
                if swarm.count("/counts/digests") == 0 && !self.interrupted {
                    troubles.push("the oracle compared nothing".to_owned());
                }
                if logged_in < u64::from(self.bots) && !self.interrupted {
                    troubles.push(format!("only {logged_in} of {} bots got in", self.bots));
                }
                if !self.swarm_end.success() {
                    troubles.push(format!("the bots ended with {}", self.swarm_end));
                }
            }
        }
        if !self.server_end.success() {
            troubles.push(format!("the server ended with {}", self.server_end));
        }
        if !self.audit.clean {
            troubles.push("the audit found items that aren't accounted for".to_owned());
        }
        troubles
    }

    /// 0 only when all is well.
    pub(super) fn verdict(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.troubles().is_empty()))
    }

    /// Prints it.
    pub(super) fn tell(&self, log: &Path, report: &Path, world: &Path) {
        println!("\nWhat happened");
        if let Some(swarm) = &self.swarm {
            println!("{}", players(swarm, self.bots));
        }
        if let Some(total) = &self.total {
            println!("{}", server(total));
        }
        println!("  audit     {}", self.audit.text.replace('\n', "\n          "));
        println!("\nWhere to look");
        println!("  log       {}", log.display());
        println!("  report    {}", report.display());
        println!("  world     {}", world.display());
        let troubles = self.troubles();
        println!();
        for trouble in &troubles {
            println!("Not well: {trouble}.");
        }
        if troubles.is_empty() {
            println!(
                "All well: no errors, no findings, everybody saved, every item accounted for."
            );
        }
    }
}

fn players(swarm: &SwarmReport, bots: u32) -> String {
    format!(
        "  players   {} of {bots} logged in, at most {} at once; {} items changed hands\n  \
           seen      {} bots compared what they saw with what the server says, {} times\n  \
           traffic   {:.0} frames/s and {:.1} MB/s to the bots; a ping took {:.1} ms (p50), {:.1} ms (p99)",
        swarm.count("/counts/logged_in"),
        swarm.count("/counts/online_peak"),
        swarm.count("/counts/confirmations"),
        swarm.count("/oracle/bots"),
        swarm.count("/oracle/digests"),
        swarm.figure("/rates/frames_in"),
        swarm.figure("/rates/bytes_in") / 1e6,
        swarm.figure("/latency/ping/p50"),
        swarm.figure("/latency/ping/p99"),
    )
}

fn server(total: &Total) -> String {
    format!(
        "  ticks     {:.0}; one took {:.2} ms (p50), {:.2} ms (p99), {:.2} ms (longest); {:.0} were dropped\n  \
           server    {:.0} % of a core, {:.0} MiB of memory",
        total.figure("ticks"),
        total.figure("tick_p50_ms"),
        total.figure("tick_p99_ms"),
        total.figure("tick_max_ms"),
        total.figure("dropped_ticks"),
        total.figure("cpu") * 100.0,
        total.figure("rss_mib"),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn story(report: &str) -> Story {
        Story {
            bots: 10,
            interrupted: false,
            swarm: Some(SwarmReport(serde_json::from_str(report).unwrap())),
            swarm_end: ExitStatus::from_raw(0),
            server_end: ExitStatus::from_raw(0),
            total: None,
            audit: Audit { text: String::new(), clean: true },
        }
    }

    const WELL: &str =
        r#"{"counts": {"logged_in": 10, "digests": 9, "findings": 0, "errors": {}}}"#;

    #[test]
    fn all_is_well_only_if_everything_is() {
        assert!(story(WELL).troubles().is_empty());
        let error =
            r#"{"counts": {"logged_in": 10, "digests": 9, "errors": {"lost": 2, "login": 1}}}"#;
        assert!(story(error).troubles()[0].contains("3 errors"));
        let finding = r#"{"counts": {"logged_in": 10, "digests": 9, "findings": 1}}"#;
        assert_eq!(story(finding).troubles().len(), 1);
        let missing = r#"{"counts": {"logged_in": 9, "digests": 9}}"#;
        assert!(story(missing).troubles()[0].contains("9 of 10"));
        let blind = r#"{"counts": {"logged_in": 10, "digests": 0}}"#;
        assert_eq!(story(blind).troubles(), ["the oracle compared nothing"]);
        let mut unclean = story(WELL);
        unclean.audit.clean = false;
        assert_eq!(unclean.troubles().len(), 1);
        let mut unsaved = story(WELL);
        unsaved.server_end = ExitStatus::from_raw(1 << 8);
        assert_eq!(unsaved.troubles().len(), 1);
        let mut died = story(WELL);
        (died.swarm, died.swarm_end) = (None, ExitStatus::from_raw(9));
        assert_eq!(died.troubles().len(), 1);
    }

    #[test]
    fn who_ends_a_demo_early_need_not_see_everybody_arrive() {
        let mut early = story(r#"{"counts": {"logged_in": 3}}"#);
        early.interrupted = true;
        assert!(early.troubles().is_empty());
    }

    #[test]
    fn the_servers_last_line_is_found_in_its_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines = "2026-01-01T00:00:00Z  INFO stats ticks=9 cpu=0.9\n\
                     2026-01-01T00:00:01Z  INFO total sessions=0 ticks=601 tick_p50_ms=8.48 cpu=0.11\n\
                     2026-01-01T00:00:01Z  INFO all saved\n";
        std::fs::write(log.path(), lines).unwrap();
        let total = Total::find(log.path()).unwrap();
        let figures = ["ticks", "tick_p50_ms", "cpu", "not there"].map(|name| total.figure(name));
        assert_eq!(figures, [601.0, 8.48, 0.11, 0.0]);
    }
}
