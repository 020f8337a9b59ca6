//! What a tick said goes where it belongs: commits to the store, letters to the bus, frames and views to sessions,
//! orders to the lobby. In that order, so that nothing is told before what it waits for is on its way.

use std::collections::VecDeque;

use bytes::Bytes;
use game::record::Commit;
use game::{CharacterId, CommitSeq, Input, Order, Publication, SessionId};
use protocol::v1::Farewell;

use super::{EventLoop, Phase, RunError};
use crate::failpoints;
use crate::net::goodbye;
use crate::signals::Wish;
use crate::store::{Breakage, Read, Store, Write};

/// Commits that may wait for room in the store: those of players who leave while the disk stands still, one a tick
/// at most. Value is refused and nothing else is saved long before, so this is a disk that has been gone for hours.
const MAX_WAITING: usize = 100_000;

/// Commits that the store has no room for, in order. The world goes on meanwhile.
#[derive(Debug, Default)]
pub(crate) struct CommitQueue {
    waiting: VecDeque<Commit>,
}

impl CommitQueue {
    /// Hands `commit` to the store, behind those that wait. False when there is no room to wait either.
    pub(super) fn submit(&mut self, commit: Option<Commit>, store: &mut Store) -> bool {
        self.waiting.extend(commit);
        while let Some(commit) = self.waiting.pop_front() {
            let write = Write::Commit(Box::new(commit));
            if store.fits(&write) {
                // It fits, so only a store whose thread is gone refuses it, and that ends the process.
                let _ = store.submit(write);
            } else if let Write::Commit(commit) = write {
                self.waiting.push_front(*commit);
                break;
            }
        }
        self.waiting.len() <= MAX_WAITING
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

impl EventLoop {
    pub(super) fn hand_out(&mut self, mut publication: Publication) {
        self.stopwatch.enter(Phase::Store);
        let mut commit = publication.commit.take();
        if let Some(commit) = &mut commit {
            failpoints::pass("loop.ticked");
            if !commit.operations.is_empty() && failpoints::is_on("broken.two-clocks") {
                commit.characters.clear();
            }
        }
        if !self.commits.submit(commit, &mut self.store) {
            let reason = "the database has taken nothing for too long".to_owned();
            self.broken = Some(RunError::StoreBroken(Breakage::Failed(reason)));
        }
        if self.owes_item_ids {
            self.reserve_item_ids();
        }
        self.stopwatch.enter(Phase::Letters);
        for letter in publication.letters.drain(..) {
            let copy = letter.clone();
            if let Err(refused) = self.bus.publish(letter) {
                tracing::debug!("a letter was not sent: {refused}");
                // Somebody may wait for its answer.
                self.inputs.push(Input::Undelivered(copy));
            }
        }
        let after = publication.value_after;
        let orders = std::mem::take(&mut publication.orders);
        self.stopwatch.enter(Phase::Send);
        self.deliver(publication);
        self.stopwatch.enter(Phase::Orders);
        for order in orders {
            self.carry_out(&order, after);
        }
        self.act();
    }

    /// Frames and views go to their sessions, but for confirmations that have to wait: those are kept here.
    fn deliver(&mut self, publication: Publication) {
        let after = publication.value_after;
        let (mut held, mut without_room) = (Vec::new(), Vec::new());
        for (session, frame) in publication.value_frames() {
            if !self.value_lane.must_hold(session, after) {
                continue;
            }
            if held.last() != Some(&session) {
                held.push(session);
            }
            if self.value_lane.hold(session, after, Bytes::copy_from_slice(frame)).is_err() {
                without_room.push(session);
            }
        }
        self.clients.hand_out(publication, held);
        for session in without_room {
            self.end_for_lack_of_room(session);
        }
    }

    pub(super) fn send_value(&mut self, session: SessionId, frame: &Bytes, after: CommitSeq) {
        if !self.value_lane.must_hold(session, after) {
            self.clients.send(session, frame);
        } else if self.value_lane.hold(session, after, frame.clone()).is_err() {
            self.end_for_lack_of_room(session);
        }
    }

    /// A confirmation that can't be kept must not be left out silently: the client learns what it owns when it comes
    /// back.
    fn end_for_lack_of_room(&mut self, session: SessionId) {
        let last = goodbye(Farewell::TooSlow, "too many confirmations wait for the database");
        self.clients.close(session, &last);
    }

    fn carry_out(&mut self, order: &Order, after: CommitSeq) {
        match order {
            Order::NeedItemIds => self.reserve_item_ids(),
            Order::ReadMailbox { character, request } => self.read_mailbox(*character, *request),
            Order::Shutdown => self.operator_wishes(Wish::End),
            Order::Kick { .. }
            | Order::Left { .. }
            | Order::EnterFailed { .. }
            | Order::Redirect { .. } => {
                self.lobby.order(order, after, self.service.now());
            }
        }
    }

    fn read_mailbox(&mut self, character: CharacterId, request: u32) {
        if self.store.ask(Read::Mailbox { character, request }).is_err() {
            self.inputs.push(Input::Mailbox { character, request, mails: None });
        }
    }
}
