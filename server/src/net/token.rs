//! How a session's id finds its session: the id is what epoll hands back with each event.
//!
//! `io thread (8 bits) | generation (32) | slot (24)`. The slot leads to the session without a search; the generation
//! tells it from those that had the slot before, so a late event or a stale id finds nothing.

use game::SessionId;
use mio::Token;

const SLOT_BITS: u32 = 24;
const GENERATION_BITS: u32 = 32;

/// Sessions that one I/O thread can number.
pub(super) const MAX_SLOTS: usize = 1 << SLOT_BITS;

/// No session has this I/O thread: its ids are the tokens of what isn't a session.
const NO_SESSION: u8 = u8::MAX;

/// The socket that accepts.
pub(super) const LISTENER: Token = special(0);
/// Wakes the poll from another thread.
pub(super) const WAKER: Token = special(1);

const fn special(slot: usize) -> Token {
    Token((NO_SESSION as usize) << (SLOT_BITS + GENERATION_BITS) | slot)
}

/// The id of the session in `slot`.
pub(super) fn session_id(io_thread: u8, generation: u32, slot: usize) -> SessionId {
    debug_assert!(io_thread != NO_SESSION && slot < MAX_SLOTS);
    let thread = u64::from(io_thread) << (SLOT_BITS + GENERATION_BITS);
    SessionId(thread | u64::from(generation) << SLOT_BITS | slot as u64)
}

/// The I/O thread that has the session `id`; 0 is the loop.
pub(super) const fn io_thread(id: SessionId) -> u8 {
    (id.0 >> (SLOT_BITS + GENERATION_BITS)) as u8
}

/// Where the session is, if it still is the one that `id` names.
#[expect(clippy::cast_possible_truncation, reason = "masked to the 24 bits of a slot")]
pub(super) const fn slot(id: SessionId) -> usize {
    (id.0 & (MAX_SLOTS as u64 - 1)) as usize
}

/// The token under which the session is registered.
#[expect(
    clippy::cast_possible_truncation,
    reason = "epoll's data and usize are 64 bits wide on every system that is supported"
)]
pub(super) const fn of_session(id: SessionId) -> Token {
    Token(id.0 as usize)
}

/// The session that an event is about, `None` for the listener and the waker.
pub(super) const fn session_of(token: Token) -> Option<SessionId> {
    let id = token.0 as u64;
    if id >> (SLOT_BITS + GENERATION_BITS) == NO_SESSION as u64 {
        None
    } else {
        Some(SessionId(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_slot_and_survives_the_way_through_a_token() {
        let id = session_id(254, u32::MAX, MAX_SLOTS - 1);
        assert_eq!(slot(id), MAX_SLOTS - 1);
        assert_eq!(session_of(of_session(id)), Some(id));
    }

    #[test]
    fn generations_and_threads_make_different_ids_of_one_slot() {
        let ids = [session_id(0, 1, 7), session_id(0, 2, 7), session_id(1, 1, 7)];
        assert_eq!(ids.map(slot), [7; 3]);
        assert_eq!(ids.map(io_thread), [0, 0, 1]);
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    }

    #[test]
    fn the_listener_is_no_session() {
        assert_eq!([LISTENER, WAKER].map(session_of), [None; 2]);
    }
}
