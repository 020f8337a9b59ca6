//! The overload ladder: while ticks run late, the server gives up what players miss least, one step after the other,
//! and takes it back once there is room again. Tick times go in and a level comes out; it reads no clock.

use std::time::Duration;

use game::LoadLevel;

/// Above this share of its length, in hundredths, a tick is heavy. Something must be left for what the loop does
/// between ticks, which is reading packets.
const HEAVY: u32 = 90;
/// Below this share a tick is light. Far enough from [`HEAVY`] that what a step saves doesn't undo the step.
const LIGHT: u32 = 60;
/// How many times longer than usual a step is kept at most when taking it back was a mistake again and again.
const MOST_PATIENCE: u32 = 8;

/// When a step is taken, and when it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Steps that may be taken; with 0 nothing is ever given up.
    pub(crate) steps: usize,
    /// So much more time in heavy ticks than in others takes the next step.
    pub(crate) climb_after: Duration,
    /// So much time in light ticks, without any other between, takes back the last one.
    pub(crate) descend_after: Duration,
}

/// Where on the ladder the server stands.
#[derive(Debug)]
pub(crate) struct Ladder {
    rules: Rules,
    /// Length of a tick.
    period: Duration,
    level: LoadLevel,
    /// Heavy ticks less the others since the last change, and light ones without a break.
    heavy: u32,
    light: u32,
    /// Ticks since the last step down; `None` before the first.
    since_descent: Option<u32>,
    /// How many times `descend_after` must pass.
    patience: u32,
}

impl Ladder {
    pub(crate) const fn new(rules: Rules, period: Duration) -> Self {
        Self {
            rules,
            period,
            level: LoadLevel::Normal,
            heavy: 0,
            light: 0,
            since_descent: None,
            patience: 1,
        }
    }

    /// From now on these rules count.
    pub(crate) const fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    pub(crate) const fn level(&self) -> LoadLevel {
        self.level
    }

    /// A tick has ended that began so `late` and `took` so long. Gives the new level when it changes.
    pub(crate) fn tick(&mut self, took: Duration, late: Duration) -> Option<LoadLevel> {
        let share = |hundredths: u32| self.period * hundredths / 100;
        // Who is late by a whole tick can't keep up, whatever it is that takes the time.
        let missed = late >= self.period;
        let heavy = missed || took > share(HEAVY);
        let light = !missed && took < share(LIGHT);
        self.heavy = if heavy { self.heavy + 1 } else { self.heavy.saturating_sub(1) };
        self.light = if light { self.light + 1 } else { 0 };
        self.since_descent = self.since_descent.map(|ticks| ticks.saturating_add(1));
        let stands = self.level.steps();
        if stands > self.rules.steps {
            return Some(self.stand_on(self.rules.steps));
        }
        if stands < self.rules.steps && self.ticks(self.heavy) >= self.rules.climb_after {
            let relapse = self.since_descent.is_some_and(|ticks| {
                self.ticks(ticks) < self.rules.descend_after.saturating_mul(2)
            });
            self.patience = if relapse { (self.patience * 2).min(MOST_PATIENCE) } else { 1 };
            return Some(self.stand_on(stands + 1));
        }
        let patience = self.rules.descend_after.saturating_mul(self.patience);
        if stands > 0 && self.ticks(self.light) >= patience {
            self.since_descent = Some(0);
            return Some(self.stand_on(stands - 1));
        }
        None
    }

    fn stand_on(&mut self, steps: usize) -> LoadLevel {
        self.level = LoadLevel::ALL[steps.min(LoadLevel::ALL.len() - 1)];
        (self.heavy, self.light) = (0, 0);
        self.level
    }

    fn ticks(&self, count: u32) -> Duration {
        self.period.saturating_mul(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const RULES: Rules = Rules { steps: 2, climb_after: ms(1_000), descend_after: ms(5_000) };

    fn ladder() -> Ladder {
        Ladder::new(RULES, ms(100))
    }

    /// Ticks that each take so many milliseconds; the changes that come of them, each with its tick and the step on which
    /// the ladder stands then.
    fn run(ladder: &mut Ladder, count: u32, took: u64) -> Vec<(u32, usize)> {
        let change = |tick| Some((tick, ladder.tick(ms(took), ms(0))?.steps()));
        (1..=count).filter_map(change).collect()
    }

    #[test]
    fn heavy_ticks_take_one_step_after_the_other_and_light_ones_take_them_back() {
        let mut ladder = ladder();
        assert_eq!(run(&mut ladder, 100, 95), [(10, 1), (20, 2)]);
        assert_eq!(run(&mut ladder, 200, 50), [(50, 1), (100, 0)]);
    }

    #[test]
    fn between_heavy_and_light_all_stays_as_it_is() {
        let mut ladder = ladder();
        assert_eq!(run(&mut ladder, 1_000, 75), []);
        assert_eq!(run(&mut ladder, 10, 95), [(10, 1)]);
        assert_eq!(run(&mut ladder, 1_000, 75), []);
    }

    #[test]
    fn a_single_long_tick_is_no_overload_but_being_late_all_the_time_is() {
        let mut ladder = ladder();
        for _ in 0..100 {
            assert_eq!(ladder.tick(ms(900), ms(400)), None, "after a pause of the whole machine");
            assert_eq!(run(&mut ladder, 9, 50), []);
        }
        for _ in 0..9 {
            assert_eq!(ladder.tick(ms(80), ms(100)), None);
        }
        let level = ladder.tick(ms(80), ms(100));
        assert_eq!(level.map(LoadLevel::steps), Some(1), "80 ms each, and still late");
    }

    #[test]
    fn one_tick_that_is_not_light_puts_off_the_way_back() {
        let mut ladder = ladder();
        run(&mut ladder, 10, 95);
        assert_eq!(run(&mut ladder, 49, 50), []);
        assert_eq!(run(&mut ladder, 1, 70), []);
        assert_eq!(run(&mut ladder, 50, 50), [(50, 0)]);
    }

    #[test]
    fn a_step_that_was_taken_back_too_soon_is_kept_longer_and_longer_to_a_limit() {
        let mut ladder = ladder();
        let mut kept = Vec::new();
        for _ in 0..6 {
            run(&mut ladder, 10, 95);
            let until_normal = (1..).find(|_| ladder.tick(ms(50), ms(0)).is_some());
            kept.extend(until_normal);
        }
        assert_eq!(kept, [50, 100, 200, 400, 400, 400]);
        run(&mut ladder, 200, 50);
        run(&mut ladder, 10, 95);
        assert_eq!(run(&mut ladder, 60, 50), [(50, 0)], "after a long quiet time as at first");
    }

    #[test]
    fn switched_off_it_gives_up_nothing_and_takes_back_what_it_has() {
        let mut ladder = ladder();
        run(&mut ladder, 20, 95);
        ladder.set_rules(Rules { steps: 0, ..RULES });
        assert_eq!(run(&mut ladder, 1_000, 500), [(1, 0)]);
    }
}
