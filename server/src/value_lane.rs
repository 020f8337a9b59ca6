//! Frames about what players own, held until it is durable. One queue for all sessions: commits become durable in
//! order, so the frames that wait for them go out in the order in which they came.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use game::{CommitSeq, SessionId};

use crate::failpoints;

/// Bytes that all sessions together may have waiting. Value operations are refused long before the store is so far
/// behind; this bounds what entering characters add meanwhile.
const MAX_HELD_BYTES: usize = 64 << 20;

/// The value lane of all sessions.
#[derive(Debug)]
pub(crate) struct ValueLane {
    held: VecDeque<Held>,
    /// How many frames of a session are held; those of other sessions don't delay it.
    waiting: HashMap<SessionId, u32>,
    /// Bytes that still fit.
    room: usize,
    durable: CommitSeq,
}

#[derive(Debug)]
struct Held {
    after: CommitSeq,
    session: SessionId,
    frame: Bytes,
}

/// There is no room for one more frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more confirmations wait for the database than fit")]
pub(crate) struct LaneFull;

impl Default for ValueLane {
    fn default() -> Self {
        Self::with_room(MAX_HELD_BYTES)
    }
}

impl ValueLane {
    fn with_room(room: usize) -> Self {
        let durable = CommitSeq::default();
        Self { held: VecDeque::new(), waiting: HashMap::new(), room, durable }
    }

    /// True if a frame that waits for `after` can't go out now: its commit isn't durable, or an earlier frame of the
    /// session is still held.
    #[must_use]
    pub(crate) fn must_hold(&self, session: SessionId, after: CommitSeq) -> bool {
        if failpoints::is_on("broken.confirm-first") {
            return false;
        }
        after > self.durable || self.waiting.contains_key(&session)
    }

    /// Holds a frame until `after` is durable and all that the session had waiting before is out.
    ///
    /// # Errors
    /// When too much is held already; the frame is lost, so the session must end.
    pub(crate) fn hold(
        &mut self,
        session: SessionId,
        after: CommitSeq,
        frame: Bytes,
    ) -> Result<(), LaneFull> {
        let room = self.room.checked_sub(frame.len()).ok_or(LaneFull)?;
        // A frame behind one that waits longer waits as long.
        let after = self.held.back().map_or(after, |last| last.after.max(after));
        self.room = room;
        *self.waiting.entry(session).or_default() += 1;
        self.held.push_back(Held { after, session, frame });
        failpoints::pass("lane.held");
        Ok(())
    }

    /// This commit and all before it are durable: `send` gets every frame that waited for no more.
    pub(crate) fn release(&mut self, durable: CommitSeq, mut send: impl FnMut(SessionId, &[u8])) {
        self.durable = self.durable.max(durable);
        while let Some(held) = self.held.pop_front_if(|held| held.after <= self.durable) {
            self.room += held.frame.len();
            if let Some(waiting) = self.waiting.get_mut(&held.session) {
                *waiting -= 1;
                if *waiting == 0 {
                    self.waiting.remove(&held.session);
                }
            }
            failpoints::pass("lane.release");
            send(held.session, &held.frame);
            failpoints::pass("lane.buffered");
        }
    }

    /// Frames that wait.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// True if nothing waits.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: SessionId = SessionId(1);
    const BOB: SessionId = SessionId(2);

    fn hold(lane: &mut ValueLane, session: SessionId, after: u64, text: &'static str) {
        lane.hold(session, CommitSeq(after), Bytes::from_static(text.as_bytes())).unwrap();
    }

    fn release(lane: &mut ValueLane, durable: u64) -> Vec<(u64, String)> {
        let mut out = Vec::new();
        lane.release(CommitSeq(durable), |session, frame| {
            out.push((session.0, String::from_utf8(frame.to_vec()).unwrap()));
        });
        out
    }

    #[test]
    fn nothing_goes_out_before_its_commit_is_durable() {
        let mut lane = ValueLane::default();
        hold(&mut lane, ADA, 2, "sword");
        assert_eq!(release(&mut lane, 1), []);
        assert_eq!(release(&mut lane, 2), [(1, "sword".to_owned())]);
        assert!(lane.is_empty());
    }

    #[test]
    fn a_frame_that_does_not_fit_is_refused_until_others_have_gone_out() {
        let mut lane = ValueLane::with_room(10);
        hold(&mut lane, ADA, 1, "sword");
        let shield = || Bytes::from_static(b"shield");
        assert_eq!(lane.hold(BOB, CommitSeq(2), shield()), Err(LaneFull));
        assert!(!lane.must_hold(BOB, CommitSeq(0)), "what was refused isn't waited for");
        assert_eq!(release(&mut lane, 1), [(1, "sword".to_owned())]);
        assert_eq!(lane.hold(BOB, CommitSeq(2), shield()), Ok(()));
        hold(&mut lane, ADA, 2, "coin");
        assert_eq!(lane.hold(ADA, CommitSeq(2), Bytes::from_static(b"!")), Err(LaneFull));
    }

    #[test]
    fn a_session_gets_its_frames_in_order_and_others_do_not_wait_for_it() {
        let mut lane = ValueLane::default();
        hold(&mut lane, ADA, 5, "first");
        assert!(lane.must_hold(ADA, CommitSeq(0)), "behind its own frame");
        assert!(!lane.must_hold(BOB, CommitSeq(0)));
        hold(&mut lane, ADA, 0, "second");
        let released: Vec<_> = release(&mut lane, 5).into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(released, ["first", "second"]);
        assert!(!lane.must_hold(ADA, CommitSeq(5)));
    }
}
