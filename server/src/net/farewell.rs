//! Why connections end: what the client is told, what is counted, and a log that a thousand bad clients can't flood.

use std::io;
use std::net::SocketAddr;

use game::SessionId;
use protocol::v1::{Farewell, Goodbye};
use tracing::{debug, info};

use crate::throttle::Throttle;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// It was ended here, with this reason, which the client was told as far as its socket still took bytes.
    Told(Farewell),
    /// The connection broke: reset, unreachable, gone.
    Lost(io::ErrorKind),
}

/// The last message of a session: `reason`, and `message` for the person who reads it.
#[must_use]
pub fn goodbye(reason: Farewell, message: impl Into<String>) -> Goodbye {
    Goodbye { reason: reason.into(), message: message.into(), ..Goodbye::default() }
}

/// Reasons there can be: the numbers of [`Farewell`] are below this.
pub(super) const REASONS: usize = 32;

/// `reason` as an index below [`REASONS`].
pub(super) fn index(reason: Farewell) -> usize {
    usize::try_from(i32::from(reason)).map_or(0, |number| number.min(REASONS - 1))
}

/// One throttled line for each reason.
#[derive(Debug, Default)]
pub(super) struct FarewellLog {
    by_reason: [Throttle; REASONS],
}

impl FarewellLog {
    /// Notes that a session, or a connection that became none, was ended with `goodbye`.
    pub(super) fn note(
        &mut self,
        goodbye: &Goodbye,
        session: Option<SessionId>,
        peer: SocketAddr,
        now: u64,
    ) {
        let reason = goodbye.reason();
        let Some(held_back) = self.by_reason[index(reason)].pass(now) else {
            return;
        };
        let (session, message) = (session.map(|id| id.0), goodbye.message.as_str());
        let name = reason.as_str_name();
        match reason {
            Farewell::ClientLeft | Farewell::Redirected | Farewell::Shutdown => {
                debug!(reason = name, session, %peer, held_back, "{message}");
            }
            Farewell::Unspecified
            | Farewell::WrongVersion
            | Farewell::Malformed
            | Farewell::FrameTooLong
            | Farewell::Undecodable
            | Farewell::Flooding
            | Farewell::TooSlow
            | Farewell::Silent
            | Farewell::LoginTimeout
            | Farewell::ServerFull
            | Farewell::TooManyFromAddress
            | Farewell::TakenOver
            | Farewell::Kicked
            | Farewell::TooManyErrors => {
                info!(reason = name, session, %peer, held_back, "session ended: {message}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place() {
        assert_eq!(index(Farewell::ClientLeft), 16);
        assert_eq!(index(Farewell::Unspecified), 0);
        assert!(Farewell::try_from(i32::try_from(REASONS - 1).unwrap()).is_err());
    }
}
