//! The overload ladder: while ticks run late, the server gives up what players miss least, one step after the other,
//! and takes it back once there is room again. Tick times go in and a level comes out; it reads no clock.

use std::time::Duration;

use game::LoadLevel;

use crate::tick_clock::Due;

/// A tick that ends later than after this share of its length, in hundredths, is heavy. Something must be left for what
/// the loop does between ticks, which is reading packets.
const HEAVY: u32 = 90;
/// A tick that ends before this share is light. Far enough from [`HEAVY`] that what a step saves doesn't undo the step.
const LIGHT: u32 = 60;
/// A tick that begins later than this share is heavy too, however short it is: the loop had no time to sleep before it.
/// More than a busy machine takes to wake a thread. Less would not do: where there is a little too much to do between
/// ticks, they are late by 0 to 100 in turn, since the clock skips what can't be made up for.
const LATE: u32 = 25;
/// Periods that one tick stands for at most. With one tick, however late, the whole machine may have paused.
const MOST_PERIODS: u32 = 5;
/// Periods of light ticks that one of a tick that isn't light takes away. A pause now and then keeps no step for ever,
/// but where one tick in five isn't light there is no room to take it back.
const HICCUP: u32 = 4;
/// How many times longer than usual a step is kept at most when taking it back was a mistake again and again.
const MOST_PATIENCE: u32 = 8;

/// When a step is taken, and when it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Steps that may be taken; with 0 nothing is ever given up.
    pub(crate) steps: usize,
    /// So much more time in heavy ticks than in others takes the next step.
    pub(crate) climb_after: Duration,
    /// So much more time in light ticks than [`HICCUP`] times that in others takes back the last one.
    pub(crate) descend_after: Duration,
}

/// Where on the ladder the server stands.
#[derive(Debug)]
pub(crate) struct Ladder {
    rules: Rules,
    /// Length of a tick.
    period: Duration,
    level: LoadLevel,
    /// Periods of heavy ticks less those of others since the last change, no more than it takes to climb.
    heavy: u32,
    /// Periods of light ticks since the last change, less [`HICCUP`] times those of others.
    light: u32,
    /// Periods since the last step down; `None` before the first and after a step up.
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

    /// Heavy ticks prevail: there is no room for anybody else.
    pub(crate) const fn is_pressed(&self) -> bool {
        self.heavy > 0
    }

    /// A tick has ended that was `due` and `took` so long. Gives the new level when it changes.
    pub(crate) fn tick(&mut self, took: Duration, due: Due) -> Option<LoadLevel> {
        self.weigh(took, due);
        let stands = self.level.steps();
        if stands > self.rules.steps {
            return Some(self.stand_on(self.rules.steps));
        }
        if stands < self.rules.steps && self.time(self.heavy) >= self.rules.climb_after {
            // Only the first step up can be a relapse; those after it are the same one.
            if let Some(periods) = self.since_descent.take() {
                let relapse = self.time(periods) < self.rules.descend_after.saturating_mul(2);
                self.patience = if relapse { (self.patience * 2).min(MOST_PATIENCE) } else { 1 };
            }
            return Some(self.stand_on(stands + 1));
        }
        let patience = self.rules.descend_after.saturating_mul(self.patience);
        if stands > 0 && self.time(self.light) >= patience {
            self.since_descent = Some(0);
            return Some(self.stand_on(stands - 1));
        }
        None
    }

    /// Counts periods and not ticks, or the ladder would be the slower the slower the ticks are.
    fn weigh(&mut self, took: Duration, Due { periods, late, .. }: Due) {
        let share = |hundredths: u32| self.period * hundredths / 100;
        let ended = late + took;
        let heavy = ended > share(HEAVY) || late > share(LATE);
        let light = !heavy && ended < share(LIGHT);
        self.since_descent = self.since_descent.map(|since| since.saturating_add(periods));
        let periods = periods.min(MOST_PERIODS);
        self.heavy = if heavy && self.time(self.heavy) < self.rules.climb_after {
            self.heavy + periods
        } else if heavy {
            self.heavy
        } else {
            self.heavy.saturating_sub(periods)
        };
        self.light = if light {
            self.light.saturating_add(periods)
        } else {
            self.light.saturating_sub(periods * HICCUP)
        };
    }

    fn stand_on(&mut self, steps: usize) -> LoadLevel {
        self.level = LoadLevel::ALL[steps.min(LoadLevel::ALL.len() - 1)];
        (self.heavy, self.light) = (0, 0);
        self.level
    }

    fn time(&self, periods: u32) -> Duration {
        self.period.saturating_mul(periods)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::tick_clock::TickClock;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const RULES: Rules = Rules { steps: 2, climb_after: ms(1_000), descend_after: ms(5_000) };

    fn ladder() -> Ladder {
        Ladder::new(RULES, ms(100))
    }

    /// A tick that is due so late, in milliseconds.
    fn late(late: u64) -> Due {
        let periods = 1 + u32::try_from(late / 100).unwrap();
        Due { steps: 1, periods, late: ms(late) }
    }

    /// Ticks that each take so many milliseconds; the changes that come of them, each with its tick and the step on which
    /// the ladder stands then.
    fn run(ladder: &mut Ladder, count: u32, took: u64) -> Vec<(u32, usize)> {
        let change = |tick| Some((tick, ladder.tick(ms(took), late(0))?.steps()));
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
            assert_eq!(ladder.tick(ms(900), late(60_000)), None, "after a pause of the machine");
            assert_eq!(run(&mut ladder, 9, 50), []);
        }
        for _ in 0..9 {
            assert_eq!(ladder.tick(ms(10), late(30)), None);
        }
        let level = ladder.tick(ms(10), late(30));
        assert_eq!(level.map(LoadLevel::steps), Some(1), "10 ms each, and still late");
    }

    /// Seconds after which each step is taken by a loop that works so many milliseconds in each tick and so many
    /// between two of them, with ticks of 100 ms and the clock of the world.
    fn climbs(in_tick: u64, between: u64) -> Vec<u64> {
        let (start, mut ladder) = (Instant::now(), ladder());
        let mut clock = TickClock::new(start, ms(100), 5);
        let (mut now, mut climbs) = (start, Vec::new());
        while now < start + ms(60_000) {
            now += clock.until_next(now);
            let due = clock.take_due(now).unwrap();
            now += ms(in_tick);
            let change = ladder.tick(ms(in_tick), due);
            climbs.extend(change.map(|_| (now - start).as_secs()));
            now += ms(between);
        }
        assert_eq!(ladder.level().steps(), climbs.len(), "no step was taken back");
        climbs
    }

    #[test]
    fn too_much_to_do_is_an_overload_wherever_the_time_goes() {
        assert_eq!(climbs(120, 0), [1, 2]);
        assert_eq!(climbs(80, 40), [1, 2]);
        assert_eq!(climbs(60, 60), [1, 3]);
        assert_eq!(climbs(10, 110), [1, 3]);
        assert_eq!(climbs(150, 0), [1, 2]);
        assert_eq!(climbs(75, 75), [1, 2]);
        assert_eq!(climbs(10, 140), [1, 2]);
    }

    #[test]
    fn a_loop_that_comes_to_rest_before_each_tick_is_not_overloaded() {
        assert!(climbs(80, 19).is_empty());
        assert!(climbs(10, 89).is_empty());
    }

    #[test]
    fn ticks_of_four_periods_take_the_steps_as_soon_as_shorter_ones() {
        assert_eq!(climbs(400, 0), [1, 2]);
    }

    #[test]
    fn a_hiccup_puts_off_the_way_back_a_little_and_one_tick_in_five_for_ever() {
        let mut ladder = ladder();
        run(&mut ladder, 10, 95);
        assert_eq!(run(&mut ladder, 49, 50), []);
        assert_eq!(run(&mut ladder, 1, 150), []);
        assert_eq!(run(&mut ladder, 10, 50), [(5, 0)]);
        run(&mut ladder, 10, 95);
        for _ in 0..1_000 {
            assert_eq!(run(&mut ladder, 4, 50), []);
            assert_eq!(run(&mut ladder, 1, 70), []);
        }
    }

    #[test]
    fn it_is_pressed_while_heavy_ticks_prevail_and_soon_no_more() {
        let mut ladder = ladder();
        run(&mut ladder, 20, 95);
        assert!(!ladder.is_pressed(), "the last step may be enough");
        run(&mut ladder, 5_000, 95);
        assert!(ladder.is_pressed());
        run(&mut ladder, 9, 75);
        assert!(ladder.is_pressed());
        run(&mut ladder, 1, 75);
        assert!(!ladder.is_pressed());
    }

    #[test]
    fn a_step_that_was_taken_back_too_soon_is_kept_longer_and_longer_to_a_limit() {
        let mut ladder = ladder();
        let mut kept = Vec::new();
        for _ in 0..6 {
            run(&mut ladder, 10, 95);
            let until_normal = (1..).find(|_| ladder.tick(ms(50), late(0)).is_some());
            kept.extend(until_normal);
        }
        assert_eq!(kept, [50, 100, 200, 400, 400, 400]);
        run(&mut ladder, 200, 50);
        run(&mut ladder, 10, 95);
        assert_eq!(run(&mut ladder, 60, 50), [(50, 0)], "after a long quiet time as at first");
    }

    #[test]
    fn a_relapse_of_two_steps_is_one_relapse() {
        let mut ladder = ladder();
        run(&mut ladder, 10, 95);
        run(&mut ladder, 50, 50);
        assert_eq!(run(&mut ladder, 20, 95), [(10, 1), (20, 2)]);
        assert_eq!(run(&mut ladder, 200, 50), [(100, 1), (200, 0)]);
    }

    #[test]
    fn switched_off_it_gives_up_nothing_and_takes_back_what_it_has() {
        let mut ladder = ladder();
        run(&mut ladder, 20, 95);
        ladder.set_rules(Rules { steps: 0, ..RULES });
        assert_eq!(run(&mut ladder, 1_000, 500), [(1, 0)]);
    }
}
