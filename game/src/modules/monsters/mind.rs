//! What goes on in a monster: one state at a time, and for each state one function that says what comes next.

use serde::{Deserialize, Serialize};

use super::threat::Threat;
use super::turn::{Turn, Way};
use crate::content::MonsterIndex;
use crate::ids::EntityId;
use crate::modules::combat::Blow;
use crate::space::Position;

/// A monster looks around every so many ticks: for players to hunt, and whether anybody sees it at all. Each in its
/// own tick, so that not all do it in one.
pub(super) const LOOK_TICKS: u64 = 5;
/// A stroll begins after standing for this long, in milliseconds, drawn anew each time.
const PAUSE_MS: std::ops::Range<u32> = 2_000..8_000;
/// A stroll ends after this long, in milliseconds, even if its end wasn't reached.
const STROLL_MS: u32 = 10_000;
/// Strolling speed in hundredths of running speed.
const STROLL_SPEED: u32 = 40;
/// Who hasn't found home in this time, in milliseconds, is put there: no monster is lost behind a wall for good.
const RETURN_MS: u32 = 30_000;
/// How much a player is hated for nothing but coming near.
const INTRUSION: u32 = 1;

/// A monster that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mind {
    monster: MonsterIndex,
    /// The spawn point that brings it back.
    point: Option<u32>,
    /// Where it appeared.
    home: Position,
    state: State,
    threat: Threat,
    /// When it can strike again, in ticks.
    ready_at: u64,
}

/// What it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Nobody is near enough to see it.
    Asleep,
    /// Stands until a tick.
    Idle { until: u64 },
    /// Strolls to a place, until a tick at most.
    Wander { to: Position, until: u64 },
    /// Hunts the most hated.
    Chase { target: EntityId, way: Way },
    /// Runs home and ignores everybody; put there at a tick.
    Return { way: Way, until: u64 },
}

/// True in the ticks in which the monster looks around.
pub(super) fn looks(id: EntityId, tick: u64) -> bool {
    (tick + id.slot() as u64).is_multiple_of(LOOK_TICKS)
}

impl Mind {
    /// Of a monster that has appeared at `home`.
    pub(super) fn new(monster: MonsterIndex, home: Position, point: Option<u32>) -> Self {
        Self { monster, point, home, state: State::Asleep, threat: Threat::default(), ready_at: 0 }
    }

    pub(super) const fn monster(&self) -> MonsterIndex {
        self.monster
    }

    pub(super) const fn point(&self) -> Option<u32> {
        self.point
    }

    pub(super) const fn is_awake(&self) -> bool {
        !matches!(self.state, State::Asleep)
    }

    /// Forgets somebody, as if it had never come near.
    pub(super) fn forget(&mut self, hated: EntityId) {
        self.threat.forget(hated);
    }

    /// When it began to wait for a search of a way, in ticks; `None` if it doesn't.
    pub(super) const fn waits_since(&self) -> Option<u64> {
        match &self.state {
            State::Chase { way, .. } | State::Return { way, .. } => way.waits_since(),
            State::Asleep | State::Idle { .. } | State::Wander { .. } => None,
        }
    }

    /// Somebody deserves to be hated.
    pub(super) fn provoke(&mut self, by: EntityId, amount: u32) {
        self.threat.add(by, amount);
        match self.state {
            State::Asleep | State::Idle { .. } | State::Wander { .. } => {
                self.state = State::Chase { target: by, way: Way::default() };
            }
            State::Chase { .. } | State::Return { .. } => {}
        }
    }

    /// One tick.
    pub(super) fn think(&mut self, turn: &mut Turn<'_, '_>) {
        self.state = match std::mem::replace(&mut self.state, State::Asleep) {
            State::Asleep => self.asleep(turn),
            State::Idle { until } => self.idle(turn, until),
            State::Wander { to, until } => self.wander(turn, to, until),
            State::Chase { target, way } => self.chase(turn, target, way),
            State::Return { way, until } => self.run_home(turn, way, until),
        };
    }

    fn asleep(&mut self, turn: &mut Turn<'_, '_>) -> State {
        if turn.is_watched() { rest(turn) } else { State::Asleep }
    }

    fn idle(&mut self, turn: &mut Turn<'_, '_>, until: u64) -> State {
        if let Some(next) = self.look_around(turn) {
            return next;
        }
        if turn.tick < until {
            return State::Idle { until };
        }
        let Some(to) = turn.stroll_goal(self.home) else {
            return rest(turn);
        };
        let until = turn.after(STROLL_MS);
        State::Wander { to, until }
    }

    fn wander(&mut self, turn: &mut Turn<'_, '_>, to: Position, until: u64) -> State {
        if let Some(next) = self.look_around(turn) {
            return next;
        }
        if turn.tick < until && !turn.walk_to(to, turn.speed() * STROLL_SPEED / 100) {
            return State::Wander { to, until };
        }
        turn.stand();
        rest(turn)
    }

    /// Falls asleep where nobody sees it, and hunts whom it sees near.
    fn look_around(&mut self, turn: &mut Turn<'_, '_>) -> Option<State> {
        if !looks(turn.id, turn.tick) {
            return None;
        }
        if !turn.is_watched() {
            turn.stand();
            return Some(State::Asleep);
        }
        let target = turn.prey()?;
        self.threat.add(target, INTRUSION);
        let way = Way::default();
        Some(State::Chase { target, way })
    }

    fn chase(&mut self, turn: &mut Turn<'_, '_>, present: EntityId, mut way: Way) -> State {
        self.threat.keep(|hated| turn.living(hated).is_some());
        let target = self.threat.target(present);
        let Some((target, there)) = target.and_then(|id| Some((id, turn.living(id)?))) else {
            return self.give_up(turn);
        };
        if !turn.is_on_leash(self.home) {
            return self.give_up(turn);
        }
        if turn.reaches(there) {
            turn.face(there);
            self.strike(turn, target);
        } else {
            let beside = turn.place_beside(there);
            if !turn.pursue(&mut way, beside) {
                self.threat.forget(target);
            }
        }
        State::Chase { target, way }
    }

    fn strike(&mut self, turn: &mut Turn<'_, '_>, target: EntityId) {
        let (strength, cooldown_ms) = turn.attack();
        if turn.tick < self.ready_at || strength == 0 {
            return;
        }
        self.ready_at = turn.after(cooldown_ms);
        turn.strike(Blow { attacker: turn.id, target, strength });
    }

    fn give_up(&mut self, turn: &mut Turn<'_, '_>) -> State {
        self.threat.clear();
        turn.heal();
        // Otherwise it could be shot dead on the leash's end without ever reaching anybody.
        turn.set_evading(true);
        let until = turn.after(RETURN_MS);
        self.run_home(turn, Way::default(), until)
    }

    fn run_home(&mut self, turn: &mut Turn<'_, '_>, mut way: Way, until: u64) -> State {
        let lost = turn.tick >= until;
        if !lost && !turn.is_at(self.home) && turn.pursue(&mut way, self.home) {
            return State::Return { way, until };
        }
        turn.appear_at(self.home);
        turn.heal();
        turn.set_evading(false);
        rest(turn)
    }
}

fn rest(turn: &mut Turn<'_, '_>) -> State {
    let until = turn.after_some(PAUSE_MS);
    State::Idle { until }
}
