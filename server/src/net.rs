//! Sockets and sessions: what lies between epoll and a packet.
//!
//! The owner of a [`Network`] repeats three calls, and they are the only ones that make system calls per client:
//!
//! ```text
//! wait(timeout)        sleep until a socket is ready, another thread wakes us, or time is up
//! receive(now, inbox)  accept and read, a bounded amount for each session; packets go to the inbox
//! flush()              one write for each session that has something to send
//! ```
//!
//! In between, and from within the inbox, [`Sessions`] is where clients are answered and sent away. Nothing that a
//! client does comes out of here as an error: it ends that client's session, with a reason.
//!
//! A server whose sockets may be on I/O threads owns [`Clients`] instead, and hears of them by [`Reception`].

use std::net::SocketAddr;

use game::SessionId;

mod addresses;
mod border;
mod clients;
mod deadlines;
mod door;
mod farewell;
mod handout;
mod io_thread;
mod io_threads;
mod limits;
mod listener;
mod mailbox;
mod network;
mod outgoing;
mod rate;
mod reading;
mod session;
mod sessions;
mod stats;
#[cfg(test)]
mod tests;
mod token;
mod transport;

pub(crate) use addresses::household;
pub use border::IoThreadError;
pub use clients::{Clients, Reception};
pub use farewell::{CloseReason, goodbye};
pub use io_thread::{Triage, Urgency};
pub use limits::{DescriptorError, Limits, OTHER_DESCRIPTORS, raise_descriptor_limit};
pub use listener::BindError;
pub use network::Network;
pub use outgoing::Outgoing;
pub use rate::Rate;
pub use sessions::Sessions;
pub use stats::NetStats;

/// How a session's bytes are cut into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A varint length before each packet. A client that doesn't read is ended at the hard limit, and every farewell
    /// is a `Goodbye` frame.
    Delimited,
    /// Not at all: a packet is whatever one read brought. A client that doesn't read isn't read either, above the
    /// soft limit; farewells are silent.
    Raw,
}

/// What the network tells its owner, all of it during [`Network::receive`]. Each method may answer, or end, any
/// session at once.
pub trait Inbox {
    /// A client has connected.
    fn opened(&mut self, sessions: &mut Sessions, id: SessionId, peer: SocketAddr);

    /// A packet has arrived. It lies in the shared read buffer: keep a copy, if at all.
    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]);

    /// All packets that one read brought have been told. Who answers each client by itself calls
    /// [`Sessions::flush_session`] here, while socket and answer are in the processor's cache; where one client's packet
    /// is news for many, the default waits for the flush, which has one write for all that a pass brought a session.
    fn read(&mut self, _sessions: &mut Sessions, _id: SessionId) {}

    /// The client has closed its half and will send nothing more. The session stays open for answers until it is
    /// closed; the default closes it now, after what is queued already.
    fn half_closed(&mut self, sessions: &mut Sessions, id: SessionId) {
        let left = goodbye(protocol::v1::Farewell::ClientLeft, "until next time");
        sessions.close(id, &left);
    }

    /// A session that [was slow](Outgoing::is_slow) has taken everything.
    fn recovered(&mut self, _sessions: &mut Sessions, _id: SessionId) {}

    /// A session is over, whoever ended it. Told once for each one opened; nothing comes from it after that, and
    /// nothing can be sent to it.
    fn closed(&mut self, sessions: &mut Sessions, id: SessionId, reason: CloseReason);

    /// The socket of a session that came from `peer` is gone, some time after the session was over.
    fn left(&mut self, _peer: SocketAddr) {}

    /// True while no more packets are wanted. Those that come wait in the system, and their senders with them.
    fn is_full(&self) -> bool {
        false
    }
}
