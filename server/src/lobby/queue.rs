//! The queue before the world. While the server is overloaded, who wants in waits here until somebody leaves, first come
//! first served, and is told its place; it isn't refused, and has nothing to do but wait.

use std::collections::VecDeque;

use game::{AccountId, CharacterId, SessionId};
use protocol::v1::Queued;

use super::Lobby;
use super::questions::Step;
use super::session::Waiting;

/// Characters that are let in per tick at most where there is room: some hundred a second, as many as leave at once.
const LET_IN_PER_TICK: usize = 20;
/// By so many characters per tick the world grows again after an overload: ten a second, so that the ticks tell when it
/// is enough before those who have waited are the next overload.
const GROWS_PER_TICK: usize = 1;
/// Clients that are told their place per tick: some 0.5 ms of work. In a long queue each has its turn every few seconds.
const TOLD_PER_TICK: usize = 100;

/// Who waits, and for how much room. Bounded by [`Settings::queue_max`](super::Settings::queue_max).
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Place>,
    /// The world takes in no more than so many characters.
    full_at: Option<usize>,
    /// Whose turn it is to be told its place, counted from the front.
    next_told: usize,
}

/// A wish to enter.
#[derive(Debug, Clone, Copy)]
struct Place {
    asker: (SessionId, u32),
    account: AccountId,
    character: CharacterId,
    /// The place that the client knows of.
    told: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn pop(&mut self) -> Option<Place> {
        self.remove(0)
    }

    /// Those behind move up, and so does the turn to be told.
    fn remove(&mut self, index: usize) -> Option<Place> {
        if index < self.next_told {
            self.next_told -= 1;
        }
        self.waiting.remove(index)
    }
}

impl Lobby {
    /// While the entry is `restricted` nobody comes into the world but for somebody who leaves it. Afterwards the world
    /// grows a little in each tick until nobody waits any more. While the server is `pressed`, leavers make no room.
    /// Call it in each tick.
    pub fn restrict_entry(&mut self, restricted: bool, pressed: bool) {
        let full_at = match self.queue.full_at {
            None if restricted => self.here(),
            None => return,
            Some(full_at) if pressed => full_at.min(self.here()),
            Some(full_at) if restricted => full_at,
            Some(_) if self.queue.len() == 0 => {
                self.queue.full_at = None;
                return;
            }
            Some(full_at) if self.room() == 0 => full_at + GROWS_PER_TICK,
            Some(full_at) => full_at,
        };
        self.queue.full_at = Some(full_at.max(self.settings.entry_floor));
    }

    /// Who wished to enter with this account is gone, or another session has the account now. `waiting` is what the
    /// session waited for that wished it: most who go didn't stand in the queue, which may be long.
    pub(super) fn forget_wish(&mut self, account: AccountId, waiting: Waiting) {
        self.parked.remove(&account);
        if waiting != Waiting::Turn {
            return;
        }
        let mut places = self.queue.waiting.iter();
        if let Some(index) = places.position(|place| place.account == account) {
            self.queue.remove(index);
        }
    }

    /// True if a character must wait for its turn to enter.
    pub(super) fn must_queue(&self) -> bool {
        self.queue.len() > 0 || self.room() == 0
    }

    /// Puts a wish to enter at the end of the queue, or refuses it when the queue is full.
    pub(super) fn enqueue(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        character: CharacterId,
    ) {
        if self.queue.len() >= self.settings.queue_max {
            return self.busy(asker.0, asker.1, "the server is overloaded and its queue is full");
        }
        let told = self.queue.len() + 1;
        self.queue.waiting.push_back(Place { asker, account, character, told });
        self.wait_for(asker.0, Waiting::Turn);
        self.stats.queued += 1;
        self.tell_place(asker, told);
    }

    /// Lets in whom there is room for, and tells some of the others how far they have come. Called in each tick.
    pub(super) fn move_queue(&mut self) {
        if self.queue.len() == 0 {
            return;
        }
        for _ in 0..self.room().min(LET_IN_PER_TICK) {
            // Who has waited isn't refused in the end because others ask too much.
            if self.waiting() >= self.settings.questions_max {
                break;
            }
            let Some(first) = self.queue.pop() else {
                break;
            };
            self.wait_for(first.asker.0, Waiting::No);
            self.enter(first.asker, first.account, first.character);
        }
        self.tell_places();
    }

    /// The server is about to end: nobody waits any more.
    pub(super) fn dissolve_queue(&mut self) {
        for place in std::mem::take(&mut self.queue.waiting) {
            let (session, request) = place.asker;
            self.wait_for(session, Waiting::No);
            self.busy(session, request, "the server is shutting down");
        }
    }

    /// How many more the world takes in.
    fn room(&self) -> usize {
        let full_at = self.queue.full_at;
        full_at.map_or(usize::MAX, |full| full.saturating_sub(self.here()))
    }

    /// Characters in the world, and those that are being loaded to enter it.
    fn here(&self) -> usize {
        let steps = self.questions.values().map(|question| &question.step);
        self.characters.len() + steps.filter(|step| matches!(step, Step::Enter { .. })).count()
    }

    fn tell_places(&mut self) {
        let length = self.queue.len();
        for _ in 0..TOLD_PER_TICK.min(length) {
            let index = self.queue.next_told % length;
            self.queue.next_told = index + 1;
            let Some(waiting) = self.queue.waiting.get_mut(index) else {
                continue;
            };
            let place = index + 1;
            if waiting.told != place {
                waiting.told = place;
                let asker = waiting.asker;
                self.tell_place(asker, place);
            }
        }
    }

    fn tell_place(&mut self, (session, request): (SessionId, u32), place: usize) {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        self.send(session, request, &Queued { place });
    }
}
