//! Clients that don't log in, fall silent or don't take their goodbye are found by going round the sessions once a
//! second, a few at each pass, so that no pass has to look at all of them.

use std::time::Duration;

use game::SessionId;
use protocol::v1::Farewell;

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
    pub(super) fn advance(&mut self, sessions: &mut Sessions) {
        let slots = sessions.table.capacity();
        let elapsed = sessions.now.saturating_sub(self.at);
        let round = nanoseconds(ROUND);
        if slots == 0 || elapsed >= round {
            self.at = sessions.now;
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
                sessions.check_deadlines(id);
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

    fn check_deadlines(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.get(id) else { return };
        if let Phase::Closing { deadline } = session.phase {
            if now >= deadline {
                self.remove(id);
            }
            return;
        }
        let past = |since: u64, limit: Option<Duration>| {
            limit.filter(|limit| now - since >= nanoseconds(*limit))
        };
        let login = past(session.opened_at, self.limits.login_deadline);
        let silence = past(session.received_at, self.limits.heartbeat_timeout);
        if let (Some(limit), false) = (login, session.logged_in) {
            let message = format!("not logged in within {limit:?}");
            self.close(id, &goodbye(Farewell::LoginTimeout, message));
        } else if let Some(limit) = silence {
            let message = format!("nothing heard for {limit:?}");
            self.close(id, &goodbye(Farewell::Silent, message));
        }
    }
}
