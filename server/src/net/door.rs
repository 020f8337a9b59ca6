//! Who gets in: at most so many in all, and so many from one address, wherever their sockets are watched then.

use std::net::SocketAddr;
use std::time::Duration;

use mio::Registry;
use mio::net::TcpStream;
use protocol::v1::Farewell;
use rustix::net::sockopt;

use super::addresses::Addresses;
use super::farewell::goodbye;
use super::listener::{Accepted, Listener, full, refuse};
use super::sessions::Sessions;
use super::token;

/// How long accept, out of descriptors, waits for one to be freed that isn't ours.
const RETRY: Duration = Duration::from_millis(100);

/// The listener, and the count of those whom it has let in.
#[derive(Debug)]
pub(super) struct Door {
    /// None when nobody is let in any more.
    listener: Option<Listener>,
    inside: usize,
    addresses: Addresses,
    /// Somebody has left since the last accept.
    freed: bool,
}

impl Door {
    pub(super) fn with(listener: Listener) -> Self {
        Self { listener: Some(listener), inside: 0, addresses: Addresses::default(), freed: false }
    }

    /// Lets nobody in any more.
    pub(super) fn close(&mut self, registry: &Registry) {
        if let Some(listener) = self.listener.take() {
            listener.stop(registry);
        }
    }

    /// The system has reported an arrival.
    pub(super) const fn somebody_waits(&mut self) {
        if let Some(listener) = &mut self.listener {
            listener.pending = true;
        }
    }

    /// A session that came from `peer` holds its socket no longer.
    pub(super) fn leave(&mut self, peer: SocketAddr) {
        self.inside -= 1;
        self.addresses.remove(peer.ip());
        self.freed = true;
    }

    /// True if accepting can go on at once.
    pub(super) fn has_work_left(&self) -> bool {
        let listener = self.listener.as_ref();
        listener.is_some_and(|listener| listener.pending && (!listener.starved || self.freed))
    }

    /// When accept, out of descriptors, is tried again although none of ours was freed.
    pub(super) fn accept_again(&self) -> Option<Duration> {
        let starved = self.listener.as_ref().is_some_and(|listener| listener.starved);
        starved.then_some(RETRY)
    }

    /// Lets in as many of those who wait as one pass may; `take_in` gets each.
    pub(super) fn accept_some(
        &mut self,
        sessions: &mut Sessions,
        mut take_in: impl FnMut(&mut Sessions, TcpStream, SocketAddr),
    ) {
        self.freed = false;
        let Some(mut listener) = self.listener.take_if(|listener| listener.pending) else {
            return;
        };
        listener.begin_pass();
        for _ in 0..sessions.limits.accepts_per_pass {
            match listener.accept(sessions, self.inside) {
                Accepted::Connection(stream, peer) => {
                    if let Some(stream) = self.admit(stream, peer, sessions) {
                        take_in(sessions, stream, peer);
                    }
                }
                Accepted::Lost => {}
                Accepted::Nobody => break,
            }
        }
        self.listener = Some(listener);
    }

    /// Gives the connection back if it is let in.
    fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        sessions: &mut Sessions,
    ) -> Option<TcpStream> {
        let limits = &sessions.limits;
        let counted = limits.count_loopback || !peer.ip().to_canonical().is_loopback();
        if self.inside >= limits.max_sessions.min(token::MAX_SLOTS) {
            refuse(stream, peer, &full(), sessions);
            return None;
        }
        if counted && self.addresses.count(peer.ip()) >= limits.sessions_per_address {
            let crowded =
                goodbye(Farewell::TooManyFromAddress, "too many connections from this address");
            refuse(stream, peer, &crowded, sessions);
            return None;
        }
        // Packets are small and late ones are worthless; a client that is gone already shows at the next read.
        drop(stream.set_nodelay(true));
        if let Some(patience) = limits.heartbeat_timeout {
            bound_output(&stream, patience);
        }
        self.inside += 1;
        self.addresses.add(peer.ip());
        Some(stream)
    }
}

/// A client that takes none of the bytes that are sent to it for so long is gone, although its pings may come: the kernel
/// knows, even where all of them fit into its queue, and ends the connection with a time-out. So it does when the other
/// end has vanished without a word.
fn bound_output(stream: &TcpStream, patience: Duration) {
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // Without it the session is bounded by its output limits alone.
    let _ = sockopt::set_tcp_user_timeout(stream, milliseconds);
}
