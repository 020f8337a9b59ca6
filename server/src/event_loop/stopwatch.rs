//! What a tick's time went into: the game's parts and modules, and what the loop does around them.

use std::fmt;
use std::time::{Duration, Instant};

use game::{Part, Watch};
use rustix::time::ClockId;

use super::meter::cpu_time;

/// A part of a tick, all of it: from the lobby's turn to the last order carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The lobby's deadlines, and what it asks for.
    Lobby,
    /// A part of the game.
    Game(Part),
    /// The commit goes to the store.
    Store,
    /// Letters go to the bus.
    Letters,
    /// Frames and views go to the sessions, and out.
    Send,
    /// What the game asks of the server.
    Orders,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Lobby => "lobby",
            Self::Game(part) => part.name(),
            Self::Store => "store",
            Self::Letters => "letters",
            Self::Send => "send",
            Self::Orders => "orders",
        }
    }

    /// True if a game whose players need not be saved wouldn't have it.
    const fn saves(self) -> bool {
        matches!(self, Self::Game(Part::Saves | Part::Commit) | Self::Store)
    }
}

/// Times the phases of one tick after the other. A phase costs a reading of the clock; nothing is allocated once each
/// has been seen.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    /// Where in `spans` the running phase is, and since when it runs.
    running: Option<(usize, Instant)>,
    /// In the order in which they were first seen.
    spans: Vec<(Phase, Duration)>,
    /// The thread's processor time when the first of the phases that are saving and run began.
    saving_since: Option<Duration>,
    saving_cpu: Duration,
}

/// What saving has added to a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Saving {
    pub(super) took: Duration,
    /// The thread's processor time in it. What it took longer, another thread had the core.
    pub(super) cpu: Duration,
}

impl Stopwatch {
    /// A tick begins.
    pub(super) fn start(&mut self, now: Instant) {
        self.spans.iter_mut().for_each(|(_, took)| *took = Duration::ZERO);
        self.running = None;
        (self.saving_since, self.saving_cpu) = (None, Duration::ZERO);
        self.enter_at(Phase::Lobby, now);
    }

    /// The running phase has ended, and `phase` begins. One that comes again goes on with its time.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.enter_at(phase, Instant::now());
    }

    fn enter_at(&mut self, phase: Phase, now: Instant) {
        self.stop_span(now);
        self.clock_saving(phase.saves());
        let known = self.spans.iter().position(|(known, _)| *known == phase);
        let index = known.unwrap_or_else(|| {
            self.spans.push((phase, Duration::ZERO));
            self.spans.len() - 1
        });
        self.running = Some((index, now));
    }

    /// The tick has ended, and its last phase.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stop_span(now);
        self.clock_saving(false);
    }

    /// Reads the processor's clock where saving begins and ends: that asks the kernel, unlike the other one.
    fn clock_saving(&mut self, saves: bool) {
        if saves != self.saving_since.is_some() {
            let now = cpu_time(ClockId::ThreadCPUTime);
            match self.saving_since.take() {
                Some(since) => self.saving_cpu += now.saturating_sub(since),
                None => self.saving_since = Some(now),
            }
        }
    }

    fn stop_span(&mut self, now: Instant) {
        if let Some((index, since)) = self.running.take() {
            self.spans[index].1 += now.saturating_duration_since(since);
        }
    }

    /// What saving has added to the tick: those due, the commit, and handing it to the store.
    pub(super) fn saving(&self) -> Saving {
        let saving = self.spans.iter().filter(|(phase, _)| phase.saves());
        Saving { took: saving.map(|(_, took)| *took).sum(), cpu: self.saving_cpu }
    }

    /// The phases, longest first, of at least a hundredth of the tick each.
    pub(super) fn longest(&self) -> Longest {
        let whole: Duration = self.spans.iter().map(|(_, took)| *took).sum();
        let mut spans = self.spans.clone();
        spans.retain(|(_, took)| *took * 100 >= whole);
        spans.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        Longest(spans)
    }
}

impl Watch for Stopwatch {
    fn enter(&mut self, part: Part) {
        Self::enter(self, Phase::Game(part));
    }
}

/// Shown as `NAME=MILLISECONDS`, with spaces between.
pub(super) struct Longest(Vec<(Phase, Duration)>);

impl fmt::Display for Longest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (phase, took)) in self.0.iter().enumerate() {
            let gap = if place > 0 { " " } else { "" };
            write!(out, "{gap}{}={:.1}", phase.name(), took.as_secs_f64() * 1000.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Phases, and how long each of them takes, in milliseconds.
    fn tick(watch: &mut Stopwatch, phases: &[(Phase, u64)]) {
        let mut now = Instant::now();
        watch.start(now);
        for (phase, ms) in phases {
            watch.enter_at(*phase, now);
            now += Duration::from_millis(*ms);
        }
        watch.stop(now);
    }

    fn module(name: &'static str) -> Phase {
        Phase::Game(Part::Module(name))
    }

    #[test]
    fn a_module_that_runs_in_several_zones_has_the_sum_of_its_times_and_the_longest_comes_first() {
        let mut watch = Stopwatch::default();
        let phases = [
            (module("combat"), 3),
            (module("chat"), 1),
            (module("combat"), 4),
            (module("chat"), 1),
            (Phase::Send, 90),
        ];
        tick(&mut watch, &phases);
        assert_eq!(watch.longest().to_string(), "send=90.0 combat=7.0 chat=2.0");
    }

    #[test]
    fn what_takes_less_than_a_hundredth_of_the_tick_is_left_out() {
        let mut watch = Stopwatch::default();
        tick(&mut watch, &[(Phase::Lobby, 1), (Phase::Orders, 0), (Phase::Send, 100)]);
        assert_eq!(watch.longest().to_string(), "send=100.0");
        tick(&mut watch, &[(Phase::Lobby, 1), (Phase::Send, 99)]);
        assert_eq!(watch.longest().to_string(), "send=99.0 lobby=1.0", "the tick before is past");
    }

    #[test]
    fn saving_is_the_saves_the_commit_and_handing_it_over_and_nothing_else() {
        let mut watch = Stopwatch::default();
        let saving = [
            (Phase::Game(Part::Inputs), 1),
            (module("saves"), 2),
            (Phase::Game(Part::Saves), 4),
            (Phase::Game(Part::Commit), 8),
            (Phase::Game(Part::Visibility), 16),
            (Phase::Store, 32),
            (Phase::Send, 64),
        ];
        tick(&mut watch, &saving);
        assert_eq!(watch.saving().took, Duration::from_millis(44));
    }

    #[test]
    fn a_pause_of_the_thread_while_it_saves_is_none_of_its_processor_time() {
        let mut watch = Stopwatch::default();
        watch.start(Instant::now());
        watch.enter(Phase::Store);
        let until = cpu_time(ClockId::ThreadCPUTime) + Duration::from_millis(2);
        while cpu_time(ClockId::ThreadCPUTime) < until {}
        let pause = Duration::from_millis(20);
        std::thread::sleep(pause);
        watch.enter(Phase::Send);
        let Saving { took, cpu } = watch.saving();
        assert!(cpu >= Duration::from_millis(2) && took >= cpu + pause / 2, "{took:?}, {cpu:?}");
        let until = cpu_time(ClockId::ThreadCPUTime) + Duration::from_millis(2);
        while cpu_time(ClockId::ThreadCPUTime) < until {}
        watch.stop(Instant::now());
        assert_eq!(watch.saving().cpu, cpu, "sending is not saving");
    }
}
