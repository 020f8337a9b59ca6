//! What the lobby asks the loop to do.

use bytes::Bytes;
use game::{CommitSeq, Input, SessionId};
use protocol::v1::Goodbye;

use crate::auth;
use crate::store::{Read, Ticket, Write};

/// One thing to do, in the order in which it was asked for.
#[derive(Debug)]
pub enum Action {
    /// A whole frame for a session, in the world lane: at once.
    Send {
        /// Whose.
        session: SessionId,
        /// With its length.
        frame: Bytes,
    },
    /// A whole frame for a session, in the value lane: behind those before it, and not before `after` is durable.
    SendValue {
        /// Whose.
        session: SessionId,
        /// With its length.
        frame: Bytes,
        /// What it waits for.
        after: CommitSeq,
    },
    /// End this session with its last frame; value frames that are still held for it are dropped, as what they tell
    /// is told again at the next login. [`Lobby::closed`](super::Lobby::closed) follows once it is gone.
    Close {
        /// Whose.
        session: SessionId,
        /// Its last message, with the reason.
        last: Goodbye,
    },
    /// This session has logged in: its login deadline is over and larger frames are accepted.
    LoggedIn(SessionId),
    /// For the store's writer. When it doesn't take it: [`Lobby::overloaded`](super::Lobby::overloaded).
    Write {
        /// As in the question.
        ticket: Ticket,
        /// The question.
        write: Write,
    },
    /// For the store's reader. When it doesn't take it: [`Lobby::overloaded`](super::Lobby::overloaded).
    Read {
        /// As in the question.
        ticket: Ticket,
        /// The question.
        read: Read,
    },
    /// For the auth pool. For the job that isn't done when it is busy: [`Lobby::overloaded`](super::Lobby::overloaded).
    Auth(auth::Job),
    /// Nobody waits for this job of the auth pool any more.
    CancelAuth(Ticket),
    /// For the game, at its next tick.
    Game(Input),
}
