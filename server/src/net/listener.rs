//! The socket that accepts. It refuses with a reason whom it can't take in, and doesn't go deaf when descriptors
//! run out.

use std::fs::File;
use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use protocol::encode_server_frame;
use protocol::v1::{Farewell, Goodbye};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tracing::warn;

use super::farewell::goodbye;
use super::limits::Limits;
use super::sessions::Sessions;
use super::transport::Transport;
use super::{Framing, token};
use crate::throttle::Throttle;

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else does.
    #[error("{address} is in use by another process: stop it or choose another address")]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Not allowed to.
    #[error("this user may not listen on {address}: ports below 1024 need CAP_NET_BIND_SERVICE")]
    Denied {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Not this machine's.
    #[error("{address} is no address of this machine")]
    NotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("can't listen on {address}: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn new(address: SocketAddr, source: io::Error) -> Self {
        match Errno::from_io_error(&source) {
            Some(Errno::ADDRINUSE) => Self::InUse { address },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { address },
            Some(Errno::ADDRNOTAVAIL) => Self::NotHere { address },
            _ => Self::Other { address, source },
        }
    }
}

/// What came of one accept.
pub(super) enum Accepted {
    /// Somebody is there.
    Connection(TcpStream, SocketAddr),
    /// Somebody was; there may be others.
    Lost,
    /// Nobody is there, or nothing can be done for them now.
    Nobody,
}

/// The socket that accepts.
#[derive(Debug)]
pub(super) struct Listener {
    socket: mio::net::TcpListener,
    local: SocketAddr,
    /// Given up for a moment to take a connection that there is no descriptor for, and tell it so.
    reserve: Option<File>,
    /// Connections may be waiting. Remembered, because the kernel reports an arrival once.
    pub(super) pending: bool,
    /// No descriptor is left, not even the reserve.
    pub(super) starved: bool,
    log: Throttle,
}

impl Listener {
    pub(super) fn bind(
        address: SocketAddr,
        limits: &Limits,
        registry: &Registry,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Before the bind, or a restart waits a minute for the old connections' TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        if let Some(bytes) = limits.send_buffer {
            // Accepted sockets inherit it.
            socket.set_send_buffer_size(bytes)?;
        }
        socket.listen(limits.backlog)?;
        let mut socket = mio::net::TcpListener::from_std(socket.into());
        let local = socket.local_addr()?;
        socket.register(registry, token::LISTENER, Interest::READABLE)?;
        Ok(Self {
            socket,
            local,
            reserve: Some(spare_descriptor()?),
            pending: false,
            starved: false,
            log: Throttle::default(),
        })
    }

    /// Stops accepting. The close removes the socket from the poll too, so a failure changes nothing.
    pub(super) fn stop(mut self, registry: &Registry) {
        drop(self.socket.deregister(registry));
    }

    pub(super) const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Accepts one of those who wait. `inside` is how many sessions there are, for the log.
    pub(super) fn accept(&mut self, sessions: &mut Sessions, inside: usize) -> Accepted {
        match self.socket.accept() {
            Ok((stream, peer)) => Accepted::Connection(stream, peer),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.pending = false;
                Accepted::Nobody
            }
            Err(error) if is_out_of_descriptors(&error) => {
                self.refuse_on_reserve(sessions, inside, &error)
            }
            // The connection was gone before it was accepted, or the network hiccuped: the next one counts.
            Err(_) => {
                sessions.stats.accept_errors += 1;
                Accepted::Lost
            }
        }
    }

    /// A new pass tries again what failed in the last one.
    pub(super) fn begin_pass(&mut self) {
        self.starved = false;
        if self.reserve.is_none() {
            self.reserve = spare_descriptor().ok();
        }
    }

    /// Takes one connection with the reserve descriptor, tells it that the server is full, and lets it go.
    fn refuse_on_reserve(
        &mut self,
        sessions: &mut Sessions,
        inside: usize,
        shortage: &io::Error,
    ) -> Accepted {
        self.reserve = None;
        match self.socket.accept() {
            // The system looks for a descriptor first and for a connection after that: nobody was waiting.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pending = false,
            Ok((stream, peer)) => {
                self.note_shortage(sessions, inside, shortage);
                refuse(stream, peer, &full(), sessions);
            }
            Err(_) => {
                self.note_shortage(sessions, inside, shortage);
                self.starved = true;
            }
        }
        self.reserve = spare_descriptor().ok();
        self.starved = self.pending && (self.starved || self.reserve.is_none());
        if self.pending && !self.starved { Accepted::Lost } else { Accepted::Nobody }
    }

    fn note_shortage(&mut self, sessions: &mut Sessions, inside: usize, shortage: &io::Error) {
        sessions.stats.out_of_descriptors += 1;
        if let Some(held_back) = self.log.pass(sessions.clock.now) {
            warn!(sessions = inside, held_back, "can't accept: {shortage}");
        }
    }
}

fn spare_descriptor() -> io::Result<File> {
    File::open("/dev/null")
}

/// Tells a connection why it becomes no session. A few bytes always fit into a new socket. Reading what its client
/// has sent keeps the close from turning into a reset that would overtake the message.
pub(super) fn refuse(stream: TcpStream, peer: SocketAddr, last: &Goodbye, sessions: &mut Sessions) {
    sessions.note(last, None, peer);
    let mut transport = Transport::Tcp(stream);
    if sessions.framing == Framing::Delimited {
        let mut frame = Vec::new();
        encode_server_frame(&mut frame, 0, last);
        drop(transport.write(&frame));
    }
    transport.finish();
    drop(transport.read(&mut [0; 512]));
}

pub(super) fn full() -> Goodbye {
    Goodbye {
        retry_after_ms: RETRY_AFTER_FULL_MS,
        ..goodbye(Farewell::ServerFull, "the server is full")
    }
}

/// When those whom a full server refuses should try again, in milliseconds: often enough to get a place that was
/// freed, seldom enough that 10,000 of them cost little.
const RETRY_AFTER_FULL_MS: u32 = 5_000;

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
