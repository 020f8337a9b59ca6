//! What the file of a test asks for, read line by line. A name that isn't there is a mistake, or a test would wait for
//! something that never happens.

use std::time::Duration;

use super::{ALL, Kind, Point};
use crate::store::EngineError;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The process ends at once, as by a bug.
    Abort,
    /// The thread sleeps.
    Delay(Duration),
    /// A fault is reported.
    Fail(Fault),
    /// It is switched on.
    On,
}

/// How a database fails, as [`EngineError`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Transient,
    Unknown,
    Fatal,
}

impl Fault {
    pub(super) fn into_error(self, point: &str) -> EngineError {
        let reason = format!("failpoint {point}");
        match self {
            Self::Transient => EngineError::Transient(reason),
            Self::Unknown => EngineError::Unknown(reason),
            Self::Fatal => EngineError::Fatal(reason),
        }
    }
}

/// What one line asks for, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) point: &'static str,
    pub(super) action: Action,
    /// The line's own words for it, for the list of hits.
    pub(super) words: String,
    /// It happens at each hit whose number divides by this.
    every: u64,
    /// Hits count only once this point was met.
    after: Option<&'static str>,
    hits: u64,
}

impl Plan {
    /// Notes that the server has come to `point`. True if now is the time.
    pub(super) fn is_due(&mut self, point: &str) -> bool {
        if self.after == Some(point) {
            self.after = None;
        }
        if self.after.is_some() || self.point != point {
            return false;
        }
        self.hits += 1;
        self.hits.is_multiple_of(self.every)
    }

    /// True if this time is to be told: a switch is looked at thousands of times.
    pub(super) fn is_news(&self) -> bool {
        self.action != Action::On || self.hits == self.every
    }
}

/// The plans in a file.
///
/// # Errors
/// The first line that is none.
pub(super) fn read(text: &str) -> Result<Vec<Plan>, String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| plan(line).map_err(|problem| format!("{line:?}: {problem}"))).collect()
}

fn plan(line: &str) -> Result<Plan, String> {
    let (name, words) = line.split_once('=').ok_or("not POINT = ACTION")?;
    let (point, words) = (find(name)?, words.trim());
    let (counted, after) = match words.split_once(" after ") {
        Some((counted, after)) => (counted, Some(find(after)?.name)),
        None => (words, None),
    };
    let (every, action) = match counted.split_once('*') {
        Some((count, action)) => (number(count)?.max(1), action),
        None => (1, counted),
    };
    let action = action_named(action.trim())?;
    let possible = match action {
        Action::Abort | Action::Delay(_) => point.kind != Kind::Switch,
        Action::Fail(_) => point.kind == Kind::Fallible,
        Action::On => point.kind == Kind::Switch,
    };
    if !possible {
        return Err(format!("this can't happen at a point that is a {:?}", point.kind));
    }
    Ok(Plan { point: point.name, action, words: words.to_owned(), every, after, hits: 0 })
}

fn find(name: &str) -> Result<&'static Point, String> {
    let found = ALL.iter().find(|point| point.name == name.trim());
    found.ok_or_else(|| format!("there is no point {:?}", name.trim()))
}

fn action_named(text: &str) -> Result<Action, String> {
    let (name, argument) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, argument)) => (name, Some(argument)),
        None => (text, None),
    };
    match (name, argument) {
        ("abort", None) => Ok(Action::Abort),
        ("on", None) => Ok(Action::On),
        ("delay", Some(milliseconds)) => {
            Ok(Action::Delay(Duration::from_millis(number(milliseconds)?)))
        }
        ("error", Some("transient")) => Ok(Action::Fail(Fault::Transient)),
        ("error", Some("unknown")) => Ok(Action::Fail(Fault::Unknown)),
        ("error", Some("fatal")) => Ok(Action::Fail(Fault::Fatal)),
        _ => Err("not abort, delay(MS), error(transient|unknown|fatal) or on".to_owned()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Plan {
        read(line).unwrap().remove(0)
    }

    #[test]
    fn a_plan_happens_at_each_hit_whose_number_divides() {
        let mut plan = one("writer.taken = 3*delay(20)");
        assert_eq!(plan.action, Action::Delay(Duration::from_millis(20)));
        let due: Vec<bool> = (0..7).map(|_| plan.is_due("writer.taken")).collect();
        assert_eq!(due, [false, false, true, false, false, true, false]);
        assert!(!plan.is_due("loop.ticked"));
    }

    #[test]
    fn hits_before_another_point_do_not_count() {
        let mut plan = one("session.written = abort after lane.buffered");
        assert!(!plan.is_due("session.written"));
        assert!(!plan.is_due("lane.buffered"));
        assert!(plan.is_due("session.written"));
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_with_the_line() {
        for line in [
            "store.nowhere = abort",
            "loop.ticked = error(fatal)",
            "loop.ticked = on",
            "broken.confirm-first = abort",
            "loop.ticked = delay(soon)",
            "loop.ticked",
            "loop.ticked = abort after nothing",
        ] {
            let refused = read(&format!("# a comment\n\n{line}\n")).unwrap_err();
            assert!(refused.contains(line), "{refused}");
        }
    }

    #[test]
    fn faults_are_those_of_a_database() {
        let at = |fault: &str| one(&format!("reader.asked = error({fault})")).action;
        assert_eq!(at("transient"), Action::Fail(Fault::Transient));
        assert_eq!(at("unknown"), Action::Fail(Fault::Unknown));
        assert_eq!(at("fatal"), Action::Fail(Fault::Fatal));
        let reason = "failpoint here".to_owned();
        assert_eq!(Fault::Unknown.into_error("here"), EngineError::Unknown(reason));
    }
}
