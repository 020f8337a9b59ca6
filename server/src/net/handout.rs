//! What a tick says to clients: copied for each session from the one buffer where it was encoded, and written at once.

use bytes::BufMut as _;
use game::{Delivery, Publication, SessionId};
use protocol::Lane;

use super::sessions::Sessions;
use super::token;

/// A publication on its way to its sessions. Nothing in it changes any more.
#[derive(Debug)]
pub(super) struct Handout {
    pub(super) publication: Publication,
    /// Whose frames of the value lane aren't to go out with it, in order.
    pub(super) held: Vec<SessionId>,
}

impl Handout {
    /// What sessions of this I/O thread get. All deliveries are in the order of ids, which begin with the thread.
    pub(super) fn of_io_thread(&self, number: u8) -> &[Delivery] {
        let deliveries = self.publication.deliveries.as_slice();
        let first = |number| {
            deliveries.partition_point(|delivery| token::io_thread(delivery.session) < number)
        };
        &deliveries[first(number)..first(number + 1)]
    }

    fn holds(&self, session: SessionId) -> bool {
        self.held.binary_search(&session).is_ok()
    }
}

impl Sessions {
    /// Hands out what a tick says to these sessions, all of which are among `deliveries`. Another one is first each
    /// time, so that nobody is always served last.
    pub(super) fn hand_out(&mut self, handout: &Handout, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        self.first_served = (self.first_served + 1) % deliveries.len();
        let (later, sooner) = deliveries.split_at(self.first_served);
        for delivery in sooner.iter().chain(later) {
            self.deliver(handout, delivery);
        }
    }

    /// The next publication makes up for what a session has missed that was slow. If it is slow again, it will hear again.
    pub(super) fn resume_motion(&mut self, id: SessionId) {
        if let Some(session) = self.get_mut(id) {
            session.output.stale = false;
        }
    }

    /// Frames and view of one session, in one write.
    fn deliver(&mut self, handout: &Handout, delivery: &Delivery) {
        let session = delivery.session;
        let Some(out) = self.outgoing(session) else {
            return;
        };
        for frame in handout.publication.frames(delivery) {
            if frame.lane != Lane::Value || !handout.holds(session) {
                out.tail().put_slice(frame.bytes);
            }
        }
        let motion = out.takes_motion();
        handout.publication.put_view(delivery, motion, out.tail());
        self.flush_session(session);
    }
}
