//! Who came, as whom, from which address, and who was refused: lines of the log for an operator who looks into a theft or
//! an attack. No line holds a password or a token.

use std::fmt::Display;
use std::time::{Duration, Instant};

use game::SessionId;

use super::Lobby;

/// Refused logins that are told per second. The rest is counted: an attacker doesn't write the log.
const REFUSALS_PER_SECOND: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// How many lines the current second has seen.
#[derive(Debug, Default)]
pub(super) struct Trail {
    since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Trail {
    /// The number of refusals that weren't told before this one; `None` if this one isn't either.
    fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= SECOND) {
            (self.since, self.told) = (Some(now), 0);
        }
        if self.told >= REFUSALS_PER_SECOND {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

impl Lobby {
    pub(super) fn log_login(&self, session: SessionId, account: &str, how: &'static str) {
        let address = self.peer_of(session);
        tracing::info!(account, address, how, "logged in");
    }

    pub(super) fn log_entry(&self, session: SessionId, account: &str, character: &str) {
        let address = self.peer_of(session);
        tracing::info!(account, character, address, "enters the world");
    }

    /// `account` only once it is known to be a name: the log doesn't repeat what strangers write.
    pub(super) fn log_refusal(
        &mut self,
        session: SessionId,
        account: Option<&str>,
        how: &'static str,
        why: &dyn Display,
        now: Instant,
    ) {
        let Some(untold) = self.trail.pass(now) else {
            return;
        };
        let address = self.peer_of(session);
        let untold = Some(untold).filter(|count| *count > 0);
        tracing::info!(account, address, how, %why, untold, "login refused");
    }

    fn peer_of(&self, session: SessionId) -> Option<String> {
        self.sessions.get(&session).map(|state| state.peer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_told_in_part_and_counted_whole() {
        let (mut trail, now) = (Trail::default(), Instant::now());
        let told = (0..50).filter_map(|_| trail.pass(now)).collect::<Vec<_>>();
        assert_eq!(told, [0; 10]);
        assert_eq!(trail.pass(now + SECOND), Some(40));
        assert_eq!(trail.pass(now + SECOND), Some(0));
    }
}
