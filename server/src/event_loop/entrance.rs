//! From frames to the lobby: the envelope is read here, and who doesn't speak the protocol goes no further.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use game::{Input, SessionId};
use protocol::v1::{Farewell, Goodbye};
use protocol::{Envelope, Phase};

use crate::lobby::{Lobby, Phases};
use crate::net::{CloseReason, Reception, Triage, Urgency, goodbye};

/// Inputs for the next tick above which nothing more is heard from I/O threads: six from each of 10,000 players. A tick
/// that waits for a thread lets no more of them pile up than these and what one more look brings; TCP holds up the rest.
const INPUTS: usize = 1 << 16;

/// What clients do during one pass.
pub(super) struct Entrance<'a> {
    pub(super) lobby: &'a mut Lobby,
    pub(super) inputs: &'a mut Vec<Input>,
    pub(super) now: Instant,
}

impl Reception for Entrance<'_> {
    fn opened(&mut self, id: SessionId, peer: SocketAddr) {
        // Plain TCP is the only transport so far.
        let secure = false;
        self.lobby.opened(id, peer, secure);
    }

    fn packet(&mut self, id: SessionId, packet: &[u8]) -> Result<(), Goodbye> {
        let envelope = parse(packet)?;
        self.lobby.packet(id, &envelope, self.now);
        Ok(())
    }

    fn recovered(&mut self, session: SessionId) {
        self.inputs.push(Input::Stale { session });
    }

    fn is_full(&self) -> bool {
        self.inputs.len() >= INPUTS
    }

    fn closed(&mut self, id: SessionId, _: CloseReason) {
        self.lobby.closed(id, self.now);
    }
}

/// On I/O threads: what belongs to the world waits for the tick and wakes nobody before.
#[derive(Debug, Clone)]
pub(crate) struct ByPhase {
    phases: Arc<Phases>,
}

impl ByPhase {
    /// `module_messages` as [`Lobby::new`] takes them.
    pub(crate) fn new(module_messages: impl IntoIterator<Item = u32>) -> Self {
        Self { phases: Arc::new(Phases::new(module_messages)) }
    }
}

impl Triage for ByPhase {
    fn urgency(&self, packet: &[u8]) -> Result<Urgency, Goodbye> {
        let phase = self.phases.of(parse(packet)?.id);
        Ok(if phase == Some(Phase::World) { Urgency::NextTick } else { Urgency::Now })
    }
}

fn parse(packet: &[u8]) -> Result<Envelope<'_>, Goodbye> {
    Envelope::parse(packet).map_err(|error| goodbye(Farewell::Malformed, error.to_string()))
}
