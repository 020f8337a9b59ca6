//! The queue before the world. While the server is overloaded, who wants in waits here until somebody leaves, first come
//! first served, and is told its place; it isn't refused, and has nothing to do but wait.

use std::collections::VecDeque;

use game::{AccountId, CharacterId, SessionId};
use protocol::v1::Queued;

use super::Lobby;
use super::questions::Step;
use super::session::Waiting;

/// Characters that are let in per tick once there is room: a few hundred a second, so that those who have waited don't
/// bring the next overload with them.
const LET_IN_PER_TICK: usize = 20;
/// Clients that are told their place per tick: some 0.5 ms of work. In a long queue each has its turn every few seconds.
const TOLD_PER_TICK: usize = 100;

/// Who waits, and for how much room. Bounded by the logins, of which each waits at most once.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Place>,
    /// The world takes in no more than so many characters.
    full_at: Option<usize>,
    /// Whose turn it is to be told its place.
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
}

impl Lobby {
    /// While the entry is restricted nobody comes into the world but for somebody who leaves it. Afterwards those who
    /// wait are let in, a few in each tick.
    pub fn restrict_entry(&mut self, restricted: bool) {
        let full_at = self.queue.full_at.unwrap_or_else(|| self.here());
        self.queue.full_at = restricted.then_some(full_at);
    }

    /// Who wished to enter with this account is gone, or another session has the account now.
    pub(super) fn forget_wish(&mut self, account: AccountId) {
        self.parked.remove(&account);
        self.queue.waiting.retain(|place| place.account != account);
    }

    /// True if a character must wait for its turn to enter.
    pub(super) fn must_queue(&self) -> bool {
        self.queue.len() > 0 || self.room() == 0
    }

    /// Puts a wish to enter at the end of the queue.
    pub(super) fn enqueue(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        character: CharacterId,
    ) {
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
            let Some(first) = self.queue.waiting.pop_front() else {
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
            self.queue.next_told = (self.queue.next_told + 1) % length;
            let place = self.queue.next_told + 1;
            let Some(waiting) = self.queue.waiting.get_mut(place - 1) else {
                continue;
            };
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
