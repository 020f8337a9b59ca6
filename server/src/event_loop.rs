//! THE LOOP: sleep until a socket, a finished job or the next tick; packets in, ticks, outcomes out. Everything that
//! the server does happens in one of these phases, on this thread.

mod ending;
mod entrance;
mod hand_out;
mod meter;
mod overruns;
mod reasons;
mod stopwatch;
mod tick_waits;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use game::{Game, Input, LoadLevel};

use crate::auth::AuthPool;
use crate::bus::Bus;
use crate::config::{Loaded, Sources, Wait};
use crate::lobby::{Action, Lobby};
use crate::net::Clients;
use crate::overload::Ladder;
use crate::server::{Parts, overload_rules};
use crate::service_clock::ServiceClock;
use crate::signals::{Signals, Wish};
use crate::store::{Answer, Store, Write};
use crate::suspects::Suspects;
use crate::telemetry::LogLevels;
use crate::tick_clock::{Due, TickClock};
use crate::value_lane::ValueLane;
use entrance::Entrance;
use hand_out::CommitQueue;
use meter::{Meter, Now};
use overruns::{Overruns, Ticked};
use stopwatch::{Phase, Stopwatch};
use tick_waits::{LONG_WAIT, TickWaits};

pub use ending::RunError;
pub(crate) use entrance::ByPhase;

/// Letters that one tick is told of, so that a flood of them doesn't make it long: four times what a full house
/// writes in a second. More wait in the bus's own queue, which has a bound.
const LETTERS_PER_TICK: usize = 4096;
/// Item ids that are reserved at a time: a write for every so many new items.
const ITEM_IDS: u64 = 100_000;

/// The server's parts, and the thread that runs them.
pub(crate) struct EventLoop {
    clients: Clients,
    lobby: Lobby,
    auth: AuthPool,
    store: Store,
    bus: Box<dyn Bus>,
    game: Game,
    clock: TickClock,
    /// What the lobby's deadlines are measured by.
    service: ServiceClock,
    signals: Option<Signals>,
    loaded: Loaded,
    sources: Sources,
    levels: Option<LogLevels>,
    /// What the next tick will be told.
    inputs: Vec<Input>,
    /// How many of the inputs are letters.
    letters: usize,
    value_lane: ValueLane,
    commits: CommitQueue,
    meter: Meter,
    stopwatch: Stopwatch,
    overruns: Overruns,
    tick_waits: TickWaits,
    ladder: Ladder,
    /// The game has asked for item ids and the store had no room for the question.
    owes_item_ids: bool,
    ending: Option<Wish>,
    /// Why it ends, if nobody has wished that.
    lost_thread: Option<RunError>,
    /// Why it must stop at once.
    broken: Option<RunError>,
}

impl EventLoop {
    /// Takes over what was opened. `first` is what the first tick is told.
    pub(crate) fn new(
        parts: Parts,
        loaded: Loaded,
        sources: Sources,
        levels: Option<LogLevels>,
        clock: TickClock,
        first: Input,
    ) -> Self {
        let Parts { clients, lobby, auth, store, bus, game, signals } = parts;
        let format = loaded.config.log.format;
        let overruns = Overruns::new(Instant::now(), clock.period());
        let ladder = Ladder::new(overload_rules(&loaded.config), clock.period());
        Self {
            clients,
            lobby,
            auth,
            store,
            bus,
            game,
            clock,
            service: ServiceClock::new(Instant::now()),
            signals,
            loaded,
            sources,
            levels,
            inputs: vec![first],
            letters: 0,
            value_lane: ValueLane::default(),
            commits: CommitQueue::default(),
            meter: Meter::new(Instant::now(), format),
            stopwatch: Stopwatch::default(),
            overruns,
            tick_waits: TickWaits::default(),
            ladder,
            owes_item_ids: false,
            ending: None,
            lost_thread: None,
            broken: None,
        }
    }

    /// Runs until it is told to end, then ends in order.
    ///
    /// # Errors
    /// When the store breaks, polling fails, or the end comes before everything is saved.
    pub(crate) fn run(mut self) -> Result<(), RunError> {
        match self.serve() {
            Ok(()) => self.end(),
            Err(why) => {
                let deadline = self.end_deadline();
                Err(self.break_off(why, deadline))
            }
        }
    }

    fn serve(&mut self) -> Result<(), RunError> {
        // Before the first tick asks for them, so that whoever enters in it can be given something in the second.
        self.reserve_item_ids();
        while self.ending.is_none() {
            self.sleep()?;
            self.receive();
            self.collect();
            self.run_ticks();
            self.clients.flush();
            self.check_broken()?;
        }
        Ok(())
    }

    /// Until a socket is ready, a helper wakes us, or the next tick is due.
    fn sleep(&mut self) -> Result<(), RunError> {
        let timeout = match self.loaded.config.network.wait {
            // The tick waits too, and is due at once when the I/O threads have caught up. They wake us.
            Wait::Tick if self.clients.is_behind() => Some(LONG_WAIT),
            Wait::Tick => Some(self.clock.until_next(Instant::now())),
            Wait::Busy => Some(Duration::ZERO),
        };
        self.clients.wait(timeout).map_err(RunError::Poll)
    }

    /// Sockets to packets, packets to the lobby, and what the lobby makes of them.
    fn receive(&mut self) {
        let now = Instant::now();
        let absence = self.service.begin_pass(now);
        if !absence.is_zero() {
            tracing::warn!(
                ?absence,
                "the server stood still; no client's deadline counts that time"
            );
        }
        let served = self.service.now();
        let mut entrance =
            Entrance { lobby: &mut self.lobby, inputs: &mut self.inputs, now: served };
        self.clients.receive(now, &mut entrance);
        while let Some((number, why)) = self.clients.take_failure() {
            tracing::error!("I/O thread {number} ended, and so does the server: {why}");
            self.ending.get_or_insert(Wish::End);
            self.lost_thread.get_or_insert(RunError::IoThread { number, why });
        }
        self.act();
    }

    /// What store, auth pool, bus and operator have said since the last pass.
    fn collect(&mut self) {
        let served = self.service.now();
        while let Some(answer) = self.store.poll() {
            self.store_said(answer, served);
        }
        while let Some(answer) = self.auth.poll() {
            self.lobby.auth_answer(answer, served);
        }
        while self.letters < LETTERS_PER_TICK
            && let Some(arrival) = self.bus.poll()
        {
            self.letters += 1;
            self.inputs.push(if arrival.own {
                Input::OwnLetter(arrival.letter)
            } else {
                Input::Letter(arrival.letter)
            });
        }
        while let Some(wish) = self.signals.as_mut().and_then(Signals::next_wish) {
            self.operator_wishes(wish);
        }
        self.act();
    }

    fn store_said(&mut self, answer: Answer, served: Instant) {
        match &answer {
            Answer::Durable(durable) => {
                let clients = &mut self.clients;
                self.value_lane.release(*durable, |session, frame| clients.send(session, frame));
            }
            Answer::ItemIds { first, count } => {
                self.inputs.push(Input::ItemIds { first: *first, count: *count });
            }
            Answer::ValueOpen(open) => {
                // A store that catches up during the end doesn't open what was closed for good.
                let open = *open && self.ending.is_none();
                self.inputs.push(Input::ValueOpen { open });
            }
            Answer::Decided(decision) => self.inputs.push(Input::Decided(decision.clone())),
            Answer::SaveFailed(character) => {
                self.inputs.push(Input::SaveFailed { character: *character });
            }
            Answer::Mailbox { character, request, mails } => {
                let (character, request, mails) = (*character, *request, Some(mails.clone()));
                self.inputs.push(Input::Mailbox { character, request, mails });
            }
            Answer::Broken(why) => self.broken = Some(RunError::StoreBroken(why.clone())),
            Answer::Registered { .. }
            | Answer::TokenAdmitted { .. }
            | Answer::CharacterCreated { .. }
            | Answer::CharacterDeleted { .. }
            | Answer::Account { .. }
            | Answer::Characters { .. }
            | Answer::Character { .. } => {}
        }
        self.lobby.store_answer(answer, served);
    }

    /// Runs the ticks that are due and hands out what they say.
    fn run_ticks(&mut self) {
        let now = Instant::now();
        if self.clients.is_behind() {
            if let Some(waited) = self.tick_waits.go_on(now) {
                tracing::warn!(?waited, "ticks wait for an I/O thread, which hands nothing out");
            }
            return;
        }
        self.tick_waits.end();
        let Some(due) = self.clock.take_due(now) else {
            return;
        };
        self.stopwatch.start(now);
        self.lobby.tick(self.service.now());
        self.tell_dropped_ticks(due);
        self.act();
        self.tick(due.steps);
        let done = Instant::now();
        self.stopwatch.stop(done);
        self.note_tick(now, done, due);
        let every = self.loaded.config.log.stats_interval;
        if self.meter.is_due(done, every) {
            let state = self.now();
            self.meter.log_interval(done, &state, &self.clients.stats());
        }
    }

    /// Clients go on sending through ticks that never run, and their rates must not be the smaller for it. In front of
    /// the packets of that time.
    fn tell_dropped_ticks(&mut self, due: Due) {
        if due.periods > due.steps {
            self.inputs.insert(0, Input::TicksDropped { ticks: due.periods - due.steps });
        }
    }

    fn note_tick(&mut self, began: Instant, done: Instant, due: Due) {
        let (tick, Due { steps, late, .. }) = (self.game.tick_count(), due);
        let ticked = Ticked { tick, steps, late, took: done - began };
        let over = self.overruns.note(done, ticked, &self.stopwatch);
        self.meter.tick(ticked, self.stopwatch.saving(), over, self.ladder.level());
        let before = self.ladder.level();
        if let Some(level) = self.ladder.tick(ticked.took, due) {
            self.hold_back(before, level);
        }
        let restricted = self.ladder.level() >= LoadLevel::Admission;
        self.lobby.restrict_entry(restricted, self.ladder.is_pressed());
    }

    /// The game hears of it with the next tick's inputs, so that a replay gives up the same.
    fn hold_back(&mut self, before: LoadLevel, level: LoadLevel) {
        let step = level.steps();
        if level > before {
            tracing::warn!(step, "overload: {level}");
        } else {
            tracing::info!(step, "overload: {level}");
        }
        self.inputs.push(Input::LoadLevel { level });
    }

    /// A panic in game code is a bug of ours and leaves a half-applied tick, which nobody may see: what it was serving is
    /// written down, and the process ends with everything before it saved.
    fn tick(&mut self, steps: u32) {
        self.letters = 0;
        while let Some(spent) = self.clients.take_back() {
            self.game.recycle(spent);
        }
        let (game, watch) = (&mut self.game, &mut self.stopwatch);
        let inputs = self.inputs.drain(..);
        match catch_unwind(AssertUnwindSafe(|| game.tick_watched(inputs, steps, watch))) {
            Ok(publication) => {
                self.lobby.packets_applied();
                self.hand_out(publication);
            }
            Err(_) => self.panicked(),
        }
    }

    fn panicked(&mut self) {
        let serving = self.game.serving();
        if let Some(serving) = serving {
            let suspects = Suspects::of(&self.loaded.config.server.data_dir);
            if let Err(error) = suspects.add(serving) {
                tracing::error!("{error}");
            }
        }
        self.broken = Some(RunError::GamePanicked(serving));
    }

    /// Does what the lobby asks for.
    fn act(&mut self) {
        while let Some(action) = self.lobby.next_action() {
            match action {
                Action::Send { session, frame } => self.clients.send(session, &frame),
                Action::SendValue { session, frame, after } => {
                    self.send_value(session, &frame, after);
                }
                Action::Close { session, last } => self.clients.close(session, &last),
                Action::LoggedIn(session) => self.clients.mark_logged_in(session),
                Action::Write { ticket, write } => {
                    if self.store.submit(write).is_err() {
                        self.lobby.overloaded(ticket);
                    }
                }
                Action::Read { ticket, read } => {
                    if self.store.ask(read).is_err() {
                        self.lobby.overloaded(ticket);
                    }
                }
                Action::Auth(job) => {
                    if let Err(busy) = self.auth.submit(job) {
                        self.lobby.overloaded(busy.0);
                    }
                }
                Action::CancelAuth(ticket) => self.auth.cancel(ticket),
                Action::Game(input) => self.inputs.push(input),
            }
        }
    }

    fn operator_wishes(&mut self, wish: Wish) {
        match wish {
            // Who has asked for the end at once isn't served better by a second, slower one.
            Wish::End => _ = self.ending.get_or_insert(wish),
            Wish::EndAtOnce => self.ending = Some(wish),
            Wish::Reload => self.reload(),
        }
    }

    /// A configuration with a mistake changes nothing.
    fn reload(&mut self) {
        let report = match self.loaded.reload(&self.sources) {
            Ok(report) => report,
            Err(error) => {
                tracing::error!("the configuration stays as it is:\n{error}");
                return;
            }
        };
        let config = &self.loaded.config;
        self.clients.set_limits(crate::server::limits(config));
        self.lobby.set_settings(crate::server::lobby_settings(config, self.clients.local_addr()));
        self.ladder.set_rules(overload_rules(config));
        if let Some(signals) = &self.signals {
            signals.set_patience(config.shutdown.deadline);
        }
        if let Err(error) = self.auth.set_login_deadline(config.network.login_deadline) {
            tracing::error!("{error}");
        }
        if let Some(levels) = &self.levels {
            levels.set(&config.log.level);
        }
        for change in &report.applied {
            tracing::info!("configuration: {change}");
        }
        for change in &report.needs_restart {
            tracing::warn!("configuration: {change} needs a restart");
        }
        if report.applied.is_empty() && report.needs_restart.is_empty() {
            tracing::info!("configuration: nothing has changed");
        }
        tracing::info!("content is read at a start alone: changed content files need a restart");
    }

    /// When memory can't be trusted, or is ahead of a broken store, nothing more may be said: the restart recovers from
    /// disk.
    fn check_broken(&mut self) -> Result<(), RunError> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// The game asks once. When the store has no room, each tick tries again.
    fn reserve_item_ids(&mut self) {
        let write = Write::ReserveItemIds { count: ITEM_IDS };
        let behind = self.store.submit(write).is_err();
        if behind && !self.owes_item_ids {
            tracing::warn!(
                "the store is too far behind to reserve item ids; new items are refused until it isn't"
            );
        }
        self.owes_item_ids = behind;
    }

    fn now(&mut self) -> Now {
        let lobby = self.lobby.stats();
        let refusals = lobby.refused.iter().chain(self.game.refusals());
        let refusals = refusals.map(|(reason, count)| (reason.as_str_name(), *count));
        let stats = self.clients.stats();
        let farewells = stats.all_farewells().map(|(reason, count)| (reason.as_str_name(), count));
        let reasons = refusals.chain(farewells).collect();
        Now {
            sessions: self.clients.len(),
            population: self.game.population(),
            dropped_ticks: self.clock.dropped(),
            held_frames: self.value_lane.len(),
            waiting_commits: self.store.stats().waiting.commits,
            queued: lobby.in_queue,
            step: self.ladder.level().steps(),
            reasons,
        }
    }
}
