//! What a tick said goes where it belongs: commits to the store, letters to the bus, frames and views to sessions,
//! orders to the lobby. In that order, so that nothing is told before what it waits for is on its way.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{BufMut as _, Bytes};
use game::record::Commit;
use game::{CharacterId, CommitSeq, Delivery, Input, Order, Publication, SessionId};
use protocol::Lane;
use protocol::v1::Farewell;

use super::{EventLoop, Phase, RunError};
use crate::failpoints;
use crate::net::goodbye;
use crate::signals::Wish;
use crate::store::{Read, Store, Write};

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
                // It fits, so only a broken store refuses it, and that ends the process.
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
            self.broken = Some(RunError::StoreBroken(reason));
        }
        if self.owes_item_ids {
            self.reserve_item_ids();
        }
        self.stopwatch.enter(Phase::Letters);
        for letter in publication.letters.drain(..) {
            if let Err(refused) = self.bus.publish(letter) {
                tracing::debug!("a letter was not sent: {refused}");
            }
        }
        self.stopwatch.enter(Phase::Send);
        self.deliver(&publication);
        self.stopwatch.enter(Phase::Orders);
        let after = publication.value_after;
        for order in std::mem::take(&mut publication.orders) {
            self.carry_out(&order, after);
        }
        self.act();
        self.game.recycle(publication);
    }

    /// Another session is first each time, so that nobody is always served last.
    fn deliver(&mut self, publication: &Publication) {
        let count = publication.deliveries.len();
        if count == 0 {
            return;
        }
        self.first_served = (self.first_served + 1) % count;
        let (later, sooner) = publication.deliveries.split_at(self.first_served);
        for delivery in sooner.iter().chain(later) {
            self.deliver_to(publication, delivery);
        }
    }

    /// Frames and view of one session, in one write.
    fn deliver_to(&mut self, publication: &Publication, delivery: &Delivery) {
        let (session, after) = (delivery.session, publication.value_after);
        let sessions = self.network.sessions();
        let Some(out) = sessions.outgoing(session) else {
            return;
        };
        let mut full = false;
        for frame in publication.frames(delivery) {
            if frame.lane == Lane::Value && self.value_lane.must_hold(session, after) {
                let held = Bytes::copy_from_slice(frame.bytes);
                full |= self.value_lane.hold(session, after, held).is_err();
            } else {
                out.tail().put_slice(frame.bytes);
            }
        }
        let motion = !out.is_slow();
        publication.put_view(delivery, motion, out.tail());
        sessions.flush_session(session);
        if full {
            self.end_for_lack_of_room(session);
        }
    }

    pub(super) fn send_value(&mut self, session: SessionId, frame: &Bytes, after: CommitSeq) {
        if !self.value_lane.must_hold(session, after) {
            self.network.sessions().send(session, frame);
        } else if self.value_lane.hold(session, after, frame.clone()).is_err() {
            self.end_for_lack_of_room(session);
        }
    }

    /// A confirmation that can't be kept must not be left out silently: the client learns what it owns when it comes
    /// back.
    fn end_for_lack_of_room(&mut self, session: SessionId) {
        let last = goodbye(Farewell::TooSlow, "too many confirmations wait for the database");
        self.network.sessions().close(session, &last);
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
                self.lobby.order(order, after, Instant::now());
            }
        }
    }

    fn read_mailbox(&mut self, character: CharacterId, request: u32) {
        if self.store.ask(Read::Mailbox { character, request }).is_err() {
            self.inputs.push(Input::Mailbox { character, request, mails: None });
        }
    }
}
