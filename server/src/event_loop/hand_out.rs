//! What a tick said goes where it belongs: commits to the store, letters to the bus, frames and views to sessions,
//! orders to the lobby. In that order, so that nothing is told before what it waits for is on its way.

use std::time::Instant;

use bytes::{BufMut as _, Bytes};
use game::record::Commit;
use game::{CommitSeq, Delivery, Order, Publication, SessionId};
use protocol::Lane;
use protocol::v1::Farewell;

use super::EventLoop;
use crate::net::goodbye;
use crate::signals::Wish;
use crate::store::{Store, Write};

/// Commits that the store had no room for, merged into one: they are applied in order anyway. Value operations are
/// refused long before, so what gathers here is the newest save of each character, bounded by who is in the world.
#[derive(Debug, Default)]
pub(crate) struct CommitQueue {
    waiting: Option<Commit>,
}

impl CommitQueue {
    /// Hands `commit` to the store, behind what waits.
    pub(super) fn submit(&mut self, commit: Option<Commit>, store: &mut Store) {
        let merged = match (self.waiting.take(), commit) {
            (Some(waiting), Some(commit)) => merge(waiting, commit),
            (Some(commit), None) | (None, Some(commit)) => commit,
            (None, None) => return,
        };
        let write = Write::Commit(Box::new(merged));
        if store.fits(&write) {
            // It fits, so only a broken store refuses it, and that ends the process.
            let _ = store.submit(write);
        } else if let Write::Commit(commit) = write {
            self.waiting = Some(*commit);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }
}

/// Two commits as one: the second's number stands for both, and of a character the later save counts. What one module
/// saved earlier stays unless it was saved again.
fn merge(mut first: Commit, second: Commit) -> Commit {
    first.seq = second.seq;
    first.tick = second.tick;
    first.operations.extend(second.operations);
    first.gm_log.extend(second.gm_log);
    for mut save in second.characters {
        let earlier = first
            .characters
            .iter_mut()
            .find(|earlier| earlier.character == save.character);
        match earlier {
            Some(earlier) => {
                let modules = std::mem::take(&mut earlier.modules);
                for (module, saved) in modules {
                    save.modules.entry(module).or_insert(saved);
                }
                *earlier = save;
            }
            None => first.characters.push(save),
        }
    }
    first
}

impl EventLoop {
    pub(super) fn hand_out(&mut self, mut publication: Publication) {
        self.commits
            .submit(publication.commit.take(), &mut self.store);
        for letter in publication.letters.drain(..) {
            if let Err(refused) = self.bus.publish(letter) {
                tracing::debug!("a letter was not sent: {refused}");
            }
        }
        self.deliver(&publication);
        let after = publication.value_after;
        for order in std::mem::take(&mut publication.orders) {
            self.carry_out(&order, after);
        }
        self.act();
        self.recycle(publication);
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
        let last = goodbye(
            Farewell::TooSlow,
            "too many confirmations wait for the database",
        );
        self.network.sessions().close(session, &last);
    }

    fn carry_out(&mut self, order: &Order, after: CommitSeq) {
        match order {
            Order::NeedItemIds => self.reserve_item_ids(),
            Order::Shutdown => self.ending = Some(Wish::End),
            Order::Kick { .. }
            | Order::Left { .. }
            | Order::EnterFailed { .. }
            | Order::Redirect { .. } => {
                self.lobby.order(order, after, Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use game::record::{CharacterSave, Place, Saved};
    use game::{CharacterId, ZoneName};

    use super::*;

    fn save(character: u64, x: i32, module: &str) -> CharacterSave {
        let place = Place {
            zone: ZoneName::new("meadow"),
            x,
            y: 0,
            heading: 0,
        };
        let saved = Saved {
            version: 1,
            bytes: vec![0],
        };
        let modules = BTreeMap::from([(module.to_owned(), saved)]);
        CharacterSave {
            character: CharacterId(character),
            place,
            modules,
        }
    }

    fn commit(seq: u64, characters: Vec<CharacterSave>) -> Commit {
        let (operations, gm_log) = (Vec::new(), Vec::new());
        Commit {
            seq: CommitSeq(seq),
            tick: seq,
            operations,
            characters,
            gm_log,
        }
    }

    #[test]
    fn merged_commits_keep_the_newest_save_of_each_character_and_every_module() {
        let first = commit(1, vec![save(1, 10, "combat"), save(2, 20, "combat")]);
        let merged = merge(first, commit(2, vec![save(1, 11, "quests")]));
        assert_eq!((merged.seq, merged.characters.len()), (CommitSeq(2), 2));
        let ada = &merged.characters[0];
        assert_eq!((ada.place.x, ada.modules.len()), (11, 2));
    }
}
