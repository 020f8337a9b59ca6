//! Whether the system's clock can be believed. A clock that is wrong for a moment (an empty battery at boot, a machine from
//! an image, a time server's mistake) would make the whole ledger look old, and folding can't be taken back. So a clock far
//! ahead of the newest entry, or of the time that has passed since it was believed the last time, is doubted until the
//! server has run with it for a day. The doubt is kept in the database: entries under the wrong clock don't end it.

use std::time::{Duration, Instant};

use crate::store::engine::Transaction;
use crate::store::error::EngineError;

/// How far a clock may be ahead: entries are folded so much too early at most. A world that stood still for longer folds
/// nothing for as long as it takes to believe the clock.
const TOLERANCE: Duration = Duration::from_hours(24);
/// How long a server runs with a clock before it is believed: longer than a wrong one stays unnoticed.
const TRIAL: Duration = Duration::from_hours(24);
/// How often it is noted how much of the trial is over: a restart repeats no more of it.
const NOTE_EVERY: Duration = Duration::from_hours(1);
/// A clock that moves by so much against the time that passes has jumped; what a time server corrects is less.
const JUMP: Duration = Duration::from_secs(60);

/// Key in the table `meta`: Unix milliseconds that were believed last, while there is a doubt; else 0.
const BELIEVED: &str = "clock_believed_ms";
/// Key in the table `meta`: milliseconds of the trial that are over.
const TRIED: &str = "clock_tried_ms";

/// What is known of the system's clock.
#[derive(Debug)]
pub(super) struct ClockTrial {
    /// Unix milliseconds that were believed, and when that was.
    believed_ms: u64,
    at: Instant,
    doubt: Option<Doubt>,
}

/// A clock on trial.
#[derive(Debug)]
struct Doubt {
    /// What was over of the trial at `since`.
    tried: Duration,
    since: Instant,
    /// Of the trial, as far as the database knows; `None` when it knows of no doubt.
    noted: Option<Duration>,
}

/// What is to be said of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Sound,
    /// It isn't doubted any more.
    Cleared,
    Doubted,
    /// The same, for the first time in this run: by how much it is ahead.
    NewlyDoubted(Duration),
}

impl ClockTrial {
    /// What the database knows before anything is written by this start.
    pub(super) fn read(
        transaction: &mut impl Transaction,
        now: Instant,
        clock_ms: u64,
    ) -> Result<Self, EngineError> {
        let trial = match transaction.noted(BELIEVED)? {
            Some(believed_ms) if believed_ms > 0 => {
                let tried = Duration::from_millis(transaction.noted(TRIED)?.unwrap_or(0));
                let doubt = Some(Doubt { tried, since: now, noted: Some(tried) });
                Self { believed_ms, at: now, doubt }
            }
            _ => {
                let newest = transaction.newest_entry_ms()?;
                Self { believed_ms: newest.unwrap_or(clock_ms), at: now, doubt: None }
            }
        };
        Ok(trial)
    }

    /// True for a clock on trial, and for one that the next look will put on trial.
    pub(super) fn doubts(&self, now: Instant, clock_ms: u64) -> bool {
        let ahead = Duration::from_millis(clock_ms.saturating_sub(self.expected(now)));
        self.doubt.is_some() || ahead > TOLERANCE
    }

    /// Unix milliseconds by what was believed last and the time that has passed since.
    fn expected(&self, now: Instant) -> u64 {
        self.believed_ms.saturating_add(millis(now - self.at))
    }

    /// Looks at the clock.
    pub(super) fn judge(&mut self, now: Instant, clock_ms: u64) -> Verdict {
        let expected = self.expected(now);
        let ahead = Duration::from_millis(clock_ms.saturating_sub(expected));
        if ahead > TOLERANCE {
            let Some(doubt) = &self.doubt else {
                self.doubt = Some(Doubt { tried: Duration::ZERO, since: now, noted: None });
                return Verdict::NewlyDoubted(ahead);
            };
            if doubt.tried(now) < TRIAL {
                return Verdict::Doubted;
            }
        }
        // A clock that was set back takes no belief with it.
        self.believed_ms = clock_ms.max(expected);
        self.at = now;
        match self.doubt.take() {
            Some(_) => Verdict::Cleared,
            None => Verdict::Sound,
        }
    }

    /// Whether the database should hear how the trial goes, and when the clock was believed last.
    pub(super) fn must_note(&self, now: Instant) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| {
            doubt.noted.is_none_or(|noted| doubt.tried(now) >= noted + NOTE_EVERY)
        })
    }

    /// Tells the database.
    pub(super) fn note(
        &mut self,
        transaction: &mut impl Transaction,
        now: Instant,
    ) -> Result<(), EngineError> {
        let Some(doubt) = &mut self.doubt else {
            return transaction.note(BELIEVED, 0);
        };
        let tried = doubt.tried(now);
        doubt.noted = Some(tried);
        transaction.note(BELIEVED, self.believed_ms)?;
        transaction.note(TRIED, millis(tried))
    }
}

impl Doubt {
    fn tried(&self, now: Instant) -> Duration {
        self.tried + now.saturating_duration_since(self.since)
    }
}

/// Notices when the clock moves against the time that passes.
#[derive(Debug, Default)]
pub(super) struct JumpWatch(Option<(Instant, u64)>);

impl JumpWatch {
    /// By how many milliseconds the clock has jumped since it was looked at the last time, if it has.
    pub(super) fn look(&mut self, now: Instant, clock_ms: u64) -> Option<i64> {
        let (then, before_ms) = self.0.replace((now, clock_ms))?;
        let expected = before_ms.saturating_add(millis(now.saturating_duration_since(then)));
        let jump = i64::try_from(clock_ms).ok()? - i64::try_from(expected).ok()?;
        (jump.unsigned_abs() >= millis(JUMP)).then_some(jump)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 3_600_000;
    const EPOCH_MS: u64 = 20_000 * DAY_MS;

    fn trial(now: Instant) -> ClockTrial {
        ClockTrial { believed_ms: EPOCH_MS, at: now, doubt: None }
    }

    #[test]
    fn a_clock_that_jumped_ahead_is_believed_after_a_day_and_one_that_jumped_back_at_once() {
        let start = Instant::now();
        let hours = Duration::from_hours;
        let mut clock = trial(start);
        assert_eq!(clock.judge(start + hours(1), EPOCH_MS + 3_600_000), Verdict::Sound);
        let jumped = EPOCH_MS + 200 * DAY_MS;
        let ahead = hours(200 * 24 - 2);
        assert_eq!(clock.judge(start + hours(2), jumped), Verdict::NewlyDoubted(ahead));
        assert_eq!(clock.judge(start + hours(25), jumped), Verdict::Doubted);
        assert_eq!(clock.judge(start + hours(26), jumped), Verdict::Cleared);
        assert_eq!(clock.judge(start + hours(27), jumped), Verdict::Sound);
        assert_eq!(clock.judge(start + hours(28), EPOCH_MS), Verdict::Sound);
        assert_eq!(clock.judge(start + hours(29), jumped + DAY_MS / 12), Verdict::Sound);
    }

    #[test]
    fn a_clock_is_doubted_from_its_jump_on_until_it_is_believed() {
        let start = Instant::now();
        let hours = Duration::from_hours;
        let mut clock = trial(start);
        assert!(!clock.doubts(start + hours(1), EPOCH_MS + DAY_MS));
        let jumped = EPOCH_MS + 200 * DAY_MS;
        assert!(clock.doubts(start + hours(1), jumped), "before anything has judged it");
        clock.judge(start + hours(1), jumped);
        assert!(clock.doubts(start + hours(1), EPOCH_MS), "until it is looked at again");
        clock.judge(start + hours(25), jumped);
        assert!(!clock.doubts(start + hours(25), jumped));
    }

    #[test]
    fn a_clock_that_is_set_right_is_believed_at_once() {
        let start = Instant::now();
        let mut clock = trial(start);
        let wrong = clock.judge(start, EPOCH_MS + 3 * DAY_MS);
        assert!(matches!(wrong, Verdict::NewlyDoubted(_)));
        assert_eq!(clock.judge(start, EPOCH_MS + DAY_MS / 2), Verdict::Cleared);
    }

    #[test]
    fn a_jump_of_the_clock_is_told_from_time_that_has_passed() {
        let start = Instant::now();
        let mut watch = JumpWatch::default();
        let mut look = |s: u64, clock_s: u64| {
            watch.look(start + Duration::from_secs(s), EPOCH_MS + clock_s * 1_000)
        };
        assert_eq!(look(0, 0), None);
        assert_eq!(look(7_200, 7_230), None);
        assert_eq!(look(7_201, 8_000), Some(769_000));
        assert_eq!(look(7_202, 8_001), None);
        assert_eq!(look(7_203, 6_002), Some(-2_000_000));
    }
}
