//! From frames to the lobby: the envelope is read here, and who doesn't speak the protocol goes no further.

use std::net::SocketAddr;
use std::time::Instant;

use game::{Input, SessionId};
use protocol::Envelope;
use protocol::v1::Farewell;

use crate::lobby::Lobby;
use crate::net::{CloseReason, Inbox, Sessions, goodbye};

/// What the network tells during one pass.
pub(super) struct Entrance<'a> {
    pub(super) lobby: &'a mut Lobby,
    pub(super) inputs: &'a mut Vec<Input>,
    pub(super) now: Instant,
}

impl Inbox for Entrance<'_> {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, peer: SocketAddr) {
        // Plain TCP is the only transport so far.
        let secure = false;
        self.lobby.opened(id, peer, secure);
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        match Envelope::parse(packet) {
            Ok(envelope) => self.lobby.packet(id, &envelope, self.now),
            Err(error) => sessions.close(id, &goodbye(Farewell::Malformed, error.to_string())),
        }
    }

    fn recovered(&mut self, _: &mut Sessions, session: SessionId) {
        self.inputs.push(Input::Stale { session });
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, _: CloseReason) {
        self.lobby.closed(id, self.now);
    }
}
