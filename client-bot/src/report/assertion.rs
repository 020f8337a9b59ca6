//! What a run must have shown: `latency.p99<80ms,errors=0,oracle.findings=0,logged_in=100%`.

use std::str::FromStr;

use super::Report;
use protocol::v1::{Farewell, Refusal};

use crate::bot::event::{BotError, Metric};
use crate::latency::Percentiles;
use crate::span;

/// One comparison of a figure of the report with a value.
#[derive(Debug, Clone)]
pub struct Assertion {
    text: String,
    figure: Figure,
    relation: Relation,
    value: Value,
}

/// An assertion that a run didn't keep.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{assertion} doesn't hold: {seen}")]
pub struct Breach {
    /// The assertion as it was given.
    pub assertion: String,
    /// What the run showed.
    pub seen: String,
}

/// A text that is no assertion.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AssertionError {
    /// A list without an assertion would always hold.
    #[error("the list is empty: write what must hold, such as \"errors=0\"")]
    Empty,
    /// No comparison in it.
    #[error(
        "{0:?} compares nothing: write a figure, one of < <= = != >= > and a value, such as \"errors=0\""
    )]
    NoRelation(String),
    /// No such figure.
    #[error(
        "{0:?} is no figure of a report: there are errors, errors.<kind>, findings, oracle.findings, oracle.digests, \
         connected, logged_in, online_peak, disconnects, lost, refusals, refusals.<REASON>, goodbyes, \
         goodbyes.<REASON>, confirmations, turns_skipped, unfinished, frames_in, frames_out, cpu, and <metric>.<p> \
         with ping (or latency), move, connect, login, enter, confirm and mean, p50, p90, p99, p99.9, max, count"
    )]
    Figure(String),
    /// A figure that counts something that can't happen, so that it would always be 0.
    #[error("{figure} always is 0, because there is no such name: there are {known}")]
    Name {
        /// The figure.
        figure: String,
        /// The names that exist.
        known: String,
    },
    /// A value that the figure can't be compared with.
    #[error("{figure} can't be compared with {value:?}: {expected}")]
    Value {
        /// The figure.
        figure: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

#[derive(Debug, Clone)]
enum Figure {
    /// Milliseconds; `None` if nothing was sampled.
    Latency(Metric, fn(&Percentiles) -> f64),
    Samples(Metric),
    /// A number of bots, which can also be told as a share.
    Bots(fn(&Report) -> u64),
    Number(fn(&Report) -> f64),
    /// What the oracle found wrong; nothing if it compared nothing.
    Findings,
    /// How often an error kind, a refusal or a goodbye has come; 0 if never.
    Entry(fn(&Report) -> &std::collections::BTreeMap<&'static str, u64>, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Equal,
    Unequal,
    GreaterOrEqual,
    Greater,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Number(f64),
    /// Of all bots, from 0 to 1.
    Share(f64),
}

impl Assertion {
    /// Reads assertions separated by commas.
    ///
    /// # Errors
    /// At the first that can't be read, and when there is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AssertionError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let assertions: Vec<Self> = parts.map(str::parse).collect::<Result<_, _>>()?;
        if assertions.is_empty() { Err(AssertionError::Empty) } else { Ok(assertions) }
    }

    /// Compares with what a run showed.
    ///
    /// # Errors
    /// When the assertion doesn't hold, or when nothing was measured to compare with.
    pub fn check(&self, report: &Report) -> Result<(), Breach> {
        let breach = |seen: String| Breach { assertion: self.text.clone(), seen };
        let (seen, text) = match (&self.figure, self.value) {
            (Figure::Latency(metric, figure), _) => {
                let percentiles = report.latency.get(metric.name()).copied().unwrap_or_default();
                if percentiles.count == 0 {
                    return Err(breach("nothing was measured".to_owned()));
                }
                let millis = figure(&percentiles);
                (millis, format!("{millis} ms"))
            }
            (Figure::Samples(metric), _) => {
                let count =
                    report.latency.get(metric.name()).map_or(0, |percentiles| percentiles.count);
                (count as f64, count.to_string())
            }
            (Figure::Bots(figure), Value::Share(_)) => {
                let (bots, all) = (figure(report), report.settings.bots);
                (bots as f64 / all as f64, format!("{bots} of {all}"))
            }
            (Figure::Bots(figure), Value::Number(_)) => {
                let bots = figure(report);
                (bots as f64, bots.to_string())
            }
            (Figure::Number(figure), _) => {
                let number = figure(report);
                (number, number.to_string())
            }
            (Figure::Findings, _) => {
                let counts = &report.counts;
                if counts.findings == 0 && counts.digests == 0 {
                    let hint = "the oracle compared nothing: give it bots (--oracle) and a scenario that logs in";
                    return Err(breach(hint.to_owned()));
                }
                (counts.findings as f64, counts.findings.to_string())
            }
            (Figure::Entry(map, name), _) => {
                let count = map(report).get(name.as_str()).copied().unwrap_or(0);
                (count as f64, count.to_string())
            }
        };
        let (Value::Number(value) | Value::Share(value)) = self.value;
        if self.relation.holds(seen, value) { Ok(()) } else { Err(breach(text)) }
    }
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, AssertionError> {
        let none = || AssertionError::NoRelation(text.to_owned());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(none)?;
        let (name, rest) = text.split_at(at);
        let (relation, value) = Relation::parse(rest).ok_or_else(none)?;
        let (name, value) = (name.trim(), value.trim());
        let figure = Figure::parse(name)?;
        let value = figure.value(value).map_err(|expected| AssertionError::Value {
            figure: name.to_owned(),
            value: value.to_owned(),
            expected,
        })?;
        Ok(Self { text: text.to_owned(), figure, relation, value })
    }
}

impl Figure {
    fn parse(name: &str) -> Result<Self, AssertionError> {
        Ok(match name {
            "errors" => Self::Number(|report| report.counts.errors_total() as f64),
            "findings" | "oracle.findings" => Self::Findings,
            "oracle.digests" => Self::Number(|report| report.counts.digests as f64),
            "connected" => Self::Bots(|report| report.counts.connected),
            "logged_in" => Self::Bots(|report| report.counts.logged_in),
            "online_peak" => Self::Bots(|report| report.counts.online_peak),
            "unfinished" => Self::Bots(|report| report.unfinished as u64),
            "disconnects" => Self::Number(|report| report.counts.disconnects as f64),
            "lost" => Self::Number(|report| report.counts.connections_lost as f64),
            "refusals" => {
                Self::Number(|report| report.counts.refusals.values().sum::<u64>() as f64)
            }
            "goodbyes" => {
                Self::Number(|report| report.counts.goodbyes.values().sum::<u64>() as f64)
            }
            "confirmations" => Self::Number(|report| report.counts.confirmations as f64),
            "turns_skipped" => Self::Number(|report| report.counts.turns_skipped as f64),
            "frames_in" => Self::Number(|report| report.rates.frames_in),
            "frames_out" => Self::Number(|report| report.rates.frames_out),
            "cpu" => {
                Self::Number(|report| report.swarm.cpu_s / report.swarm.wall_s.max(f64::EPSILON))
            }
            _ => return Self::parse_pair(name),
        })
    }

    fn parse_pair(name: &str) -> Result<Self, AssertionError> {
        let unknown = || AssertionError::Figure(name.to_owned());
        let (group, key) = name.split_once('.').ok_or_else(unknown)?;
        match group {
            "errors" => {
                check_name(name, key, BotError::KINDS.into_iter())?;
                return Ok(Self::Entry(|report| &report.counts.errors, key.to_owned()));
            }
            "refusals" => {
                let key = key.trim_start_matches(REFUSAL);
                check_name(name, key, names(REFUSAL, Refusal::as_str_name))?;
                let reason = format!("{REFUSAL}{key}");
                return Ok(Self::Entry(|report| &report.counts.refusals, reason));
            }
            "goodbyes" => {
                let key = key.trim_start_matches(FAREWELL);
                check_name(name, key, names(FAREWELL, Farewell::as_str_name))?;
                let reason = format!("{FAREWELL}{key}");
                return Ok(Self::Entry(|report| &report.counts.goodbyes, reason));
            }
            _ => {}
        }
        Self::parse_latency(group, key).ok_or_else(unknown)
    }

    fn parse_latency(group: &str, key: &str) -> Option<Self> {
        let metric = match group {
            "latency" => Metric::Ping,
            _ => Metric::ALL.into_iter().find(|metric| metric.name() == group)?,
        };
        Some(match key {
            "mean" => Self::Latency(metric, |p| p.mean),
            "p50" => Self::Latency(metric, |p| p.p50),
            "p90" => Self::Latency(metric, |p| p.p90),
            "p99" => Self::Latency(metric, |p| p.p99),
            "p99.9" | "p999" => Self::Latency(metric, |p| p.p999),
            "max" => Self::Latency(metric, |p| p.max),
            "count" => Self::Samples(metric),
            _ => return None,
        })
    }

    /// Reads a value that this figure can be compared with.
    fn value(&self, text: &str) -> Result<Value, &'static str> {
        let number = || text.parse().ok().filter(|number: &f64| number.is_finite());
        match self {
            Self::Latency(..) => span::parse_time(text)
                .map(|time| Value::Number(time.as_secs_f64() * 1000.0))
                .map_err(|_| "write a time such as 80ms"),
            Self::Bots(_) => match span::parse_share(text) {
                Ok(share) => Ok(Value::Share(share)),
                Err(_) => number()
                    .map(Value::Number)
                    .ok_or("write a number of bots or a share such as 100%"),
            },
            Self::Samples(_) | Self::Number(_) | Self::Findings | Self::Entry(..) => {
                number().map(Value::Number).ok_or("write a number")
            }
        }
    }
}

/// What the names of refusals and goodbyes begin with in the .proto files.
const REFUSAL: &str = "REFUSAL_";
const FAREWELL: &str = "FAREWELL_";

/// The names of an enum of the protocol, whose values count from 0, without what all begin with.
fn names<E: TryFrom<i32>>(
    prefix: &'static str,
    name: fn(&E) -> &'static str,
) -> impl Iterator<Item = &'static str> {
    (0..).map_while(|value| E::try_from(value).ok()).map(move |reason| {
        let name = name(&reason);
        name.strip_prefix(prefix).unwrap_or(name)
    })
}

fn check_name(
    figure: &str,
    key: &str,
    known: impl Iterator<Item = &'static str>,
) -> Result<(), AssertionError> {
    let known: Vec<&str> = known.collect();
    if known.contains(&key) {
        return Ok(());
    }
    Err(AssertionError::Name { figure: figure.to_owned(), known: known.join(", ") })
}

impl Relation {
    /// The relation at the front of `text`, and what follows it.
    fn parse(text: &str) -> Option<(Self, &str)> {
        // Longer ones first.
        let signs = [
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("!=", Self::Unequal),
            ("==", Self::Equal),
            ("<", Self::Less),
            (">", Self::Greater),
            ("=", Self::Equal),
        ];
        signs.into_iter().find_map(|(sign, relation)| Some((relation, text.strip_prefix(sign)?)))
    }

    fn holds(self, seen: f64, value: f64) -> bool {
        match self {
            Self::Less => seen < value,
            Self::LessOrEqual => seen <= value,
            Self::Equal => (seen - value).abs() < 1e-9,
            Self::Unequal => (seen - value).abs() >= 1e-9,
            Self::GreaterOrEqual => seen >= value,
            Self::Greater => seen > value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Played, Rates, Spent};
    use crate::settings::Settings;
    use crate::tally::Tally;
    use std::time::Duration;

    /// 50 bots of 100 logged in, one error, pings of 1 to 100 ms.
    fn report() -> Report {
        let mut tally = Tally::default();
        tally.counts.logged_in = 50;
        tally.counts.digests = 9;
        tally.counts.errors.insert("lost", 1);
        tally.counts.refusals.insert("REFUSAL_COOLDOWN", 3);
        for millis in 1..=100 {
            tally.latencies.record(Metric::Ping, Duration::from_millis(millis));
        }
        let settings = Settings { bots: 100, ..Settings::default() };
        let swarm = Spent { wall_s: 1.0, cpu_s: 0.5 };
        Report::new(&settings, tally, Played { rates: Rates::default(), swarm }, 0)
    }

    fn breaches(text: &str) -> Vec<String> {
        let assertions = Assertion::parse_list(text).unwrap();
        let checks = assertions.iter().map(|assertion| assertion.check(&report()));
        checks.filter_map(|check| check.err().map(|breach| breach.assertion)).collect()
    }

    #[test]
    fn what_holds_is_silent_and_each_breach_is_told() {
        let holds = "latency.p99<100ms, ping.p50>=49ms,logged_in=50%,logged_in=50,errors=1,refusals.COOLDOWN=3,\
                     refusals.DEAD=0,errors.lost=1,cpu<=0.5,oracle.findings=0,ping.count=100";
        assert_eq!(breaches(holds), [""; 0]);
        let broken = ["latency.p99<80ms", "logged_in=100%", "errors=0", "refusals.COOLDOWN!=3"];
        assert_eq!(breaches(&broken.join(",")), broken);
    }

    #[test]
    fn a_latency_that_was_never_measured_is_a_breach() {
        assert_eq!(breaches("move.p99<80ms"), ["move.p99<80ms"]);
    }

    #[test]
    fn no_findings_mean_nothing_where_nothing_was_compared() {
        let check = |text: &str, change: &dyn Fn(&mut Report)| {
            let mut report = report();
            change(&mut report);
            text.parse::<Assertion>().unwrap().check(&report)
        };
        for text in ["findings=0", "oracle.findings=0", "findings<1"] {
            assert_eq!(check(text, &|_| {}), Ok(()));
            let breach = check(text, &|report| report.counts.digests = 0).unwrap_err();
            assert!(breach.seen.contains("compared nothing"), "{breach}");
        }
    }

    #[test]
    fn a_name_that_can_never_be_counted_is_refused_with_those_that_can() {
        let error = |text: &str| text.parse::<Assertion>().unwrap_err().to_string();
        assert!(error("errors.lots=0").contains("connect, lost, protocol"));
        assert!(error("refusals.TO_FAST=0").contains("TOO_FAST"));
        assert!(error("goodbyes.SHUTDWON=0").contains("SHUTDOWN"));
        for text in ["refusals.REFUSAL_TOO_FAST=0", "goodbyes.SHUTDOWN=0", "errors.silent=0"] {
            assert!(text.parse::<Assertion>().is_ok(), "{text}");
        }
        assert!(Assertion::parse_list(" , ").is_err(), "nothing always holds");
    }

    #[test]
    fn a_text_that_is_no_assertion_says_what_would_be_one() {
        let error = |text: &str| Assertion::parse_list(text).unwrap_err().to_string();
        assert!(error("errors").contains("compares nothing"));
        assert!(error("erors=0").contains("no figure"));
        assert!(error("latency.p98<5ms").contains("p99.9"));
        assert!(error("latency.p99<80").contains("80ms"));
        assert!(error("errors=none").contains("a number"));
    }
}
