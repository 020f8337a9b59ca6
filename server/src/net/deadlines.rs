//! Clients that don't log in, fall silent or don't take their goodbye are found by going round the sessions once a
//! second, a few at each pass, so that no pass has to look at all of them.
//!
//! Deadlines are measured in service time, which leaves out absences of the server. Before a client is judged, its socket
//! is read once more: with many sessions, what it has sent in time may still wait there for its turn.

use std::time::Duration;

use game::SessionId;
use protocol::v1::{Farewell, Goodbye};

use super::Inbox;
use super::farewell::goodbye;
use super::session::Phase;
use super::sessions::{Sessions, nanoseconds};

/// Time of one round: how late a deadline may be noticed.
pub(super) const ROUND: Duration = Duration::from_secs(1);

/// How far the current round is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    next: usize,
    /// Until when the slots before `next` are paid for, in nanoseconds.
    at: u64,
}

impl Sweep {
    /// Checks as many sessions as the time since the last call is worth.
    pub(super) fn advance(
        &mut self,
        sessions: &mut Sessions,
        buffer: &mut [u8],
        inbox: &mut impl Inbox,
    ) {
        let now = sessions.clock.service;
        let slots = sessions.table.capacity();
        let elapsed = now.saturating_sub(self.at);
        let round = nanoseconds(ROUND);
        if slots == 0 || elapsed >= round {
            self.at = now;
        }
        let due = slots as u128 * u128::from(elapsed.min(round)) / u128::from(round);
        if elapsed < round && slots > 0 {
            let paid = due * u128::from(round) / slots as u128;
            self.at += u64::try_from(paid).unwrap_or(0);
        }
        for _ in 0..due {
            self.next = (self.next + 1) % slots;
            if let Some(session) = sessions.table.get(self.next) {
                let id = session.id;
                sessions.check_deadlines(id, buffer, inbox);
            }
        }
    }
}

impl Sessions {
    /// The longest sleep after which a deadline is still noticed in time; `None` when there is none to notice.
    pub(super) fn longest_sleep(&self) -> Option<Duration> {
        let limits = &self.limits;
        let timed = limits.login_deadline.is_some() || limits.heartbeat_timeout.is_some();
        (self.closing > 0 || timed && !self.is_empty()).then_some(ROUND)
    }

    fn check_deadlines(&mut self, id: SessionId, buffer: &mut [u8], inbox: &mut impl Inbox) {
        let phase = self.get(id).map(|session| session.phase);
        if let Some(Phase::Closing { deadline }) = phase {
            if self.clock.service >= deadline {
                self.remove(id);
            }
        } else if self.overdue(id).is_some() && !inbox.is_full() {
            self.read_once(id, buffer, inbox);
            if let Some(last) = self.overdue(id) {
                self.close(id, &last);
            }
        }
    }

    /// Last message of a session whose deadline has passed.
    fn overdue(&self, id: SessionId) -> Option<Goodbye> {
        let session = self.get(id)?;
        let past = |since: u64, limit: Option<Duration>| {
            limit.filter(|limit| self.clock.service - since >= nanoseconds(*limit))
        };
        if let Some(limit) = past(session.opened_at, self.limits.login_deadline)
            && !session.logged_in
        {
            let message = format!("not logged in within {limit:?}");
            return Some(goodbye(Farewell::LoginTimeout, message));
        }
        let limit = past(session.received_at, self.limits.heartbeat_timeout)?;
        Some(goodbye(Farewell::Silent, format!("nothing heard for {limit:?}")))
    }
}
