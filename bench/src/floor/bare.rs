//! Sockets on edge-triggered epoll with nothing around them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::Context as _;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use server::net::raise_descriptor_limit;
use socket2::{Domain, Protocol, Socket, Type};

use crate::load::WELCOME;

/// What the kernel completes before it is accepted: as much as it ever does by default (`net.core.somaxconn`).
const BACKLOG: i32 = 4_096;
/// Events taken at once, as many as our servers take.
const EVENTS: usize = 1_024;
/// Bytes read at once.
const READ: usize = 16 << 10;
/// The token of the listener.
const LISTENER: u64 = u64::MAX;

/// Listens on a free port of loopback and says where.
///
/// # Errors
/// When the system doesn't allow it.
pub(crate) fn listen() -> anyhow::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    println!("ready {}", listener.local_addr()?);
    Ok(listener)
}

/// Sockets, found by the number that epoll hands back.
pub(crate) struct Bare {
    epoll: OwnedFd,
    events: Vec<Event>,
    sockets: Vec<Option<TcpStream>>,
    buffer: Box<[u8]>,
}

impl Bare {
    /// Without any socket yet.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub(crate) fn new() -> anyhow::Result<Self> {
        raise_descriptor_limit(0)?;
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS),
            sockets: Vec::new(),
            buffer: vec![0; READ].into_boxed_slice(),
        })
    }

    /// Also tells when somebody has connected.
    ///
    /// # Errors
    /// When the system doesn't want to.
    pub(crate) fn watch(&self, listener: &TcpListener) -> anyhow::Result<()> {
        listener.set_nonblocking(true)?;
        self.register(listener, LISTENER)
    }

    /// Takes a socket in.
    ///
    /// # Errors
    /// When the system doesn't want to.
    pub(crate) fn add(&mut self, socket: TcpStream) -> anyhow::Result<()> {
        self.register(&socket, self.sockets.len() as u64)?;
        self.sockets.push(Some(socket));
        Ok(())
    }

    fn register(&self, socket: impl AsFd, token: u64) -> anyhow::Result<()> {
        let edges = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), edges)?)
    }

    /// Sleeps until something is ready or the time is up, and accepts and reads what there is. Each piece read is given
    /// to `handle` with its socket.
    ///
    /// # Errors
    /// When the poll itself or an accept fails; a client that is gone is no error.
    pub(crate) fn pass(
        &mut self,
        timeout: Option<Duration>,
        listener: Option<&TcpListener>,
        mut handle: impl FnMut(&mut TcpStream, &[u8]),
    ) -> anyhow::Result<()> {
        self.events.clear();
        let timeout = timeout.map(Timespec::try_from).transpose()?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("can't wait"),
        }
        for index in 0..self.events.len() {
            match (self.events[index].data.u64(), listener) {
                (LISTENER, Some(listener)) => self.accept(listener)?,
                (token, _) => self.read(usize::try_from(token)?, &mut handle),
            }
        }
        Ok(())
    }

    fn accept(&mut self, listener: &TcpListener) -> anyhow::Result<()> {
        while let Some(socket) = accept(listener)? {
            welcome(&socket)?;
            self.add(socket)?;
        }
        Ok(())
    }

    /// Reads to the end of what is there: a short read has met it.
    fn read(&mut self, index: usize, handle: &mut impl FnMut(&mut TcpStream, &[u8])) {
        let Some(Some(socket)) = self.sockets.get_mut(index) else {
            return;
        };
        loop {
            match socket.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => {
                    handle(socket, &self.buffer[..read]);
                    if read < READ {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.sockets[index] = None;
    }

    /// Sends the same bytes to everybody; what doesn't fit into a socket at once is left out.
    pub(crate) fn broadcast(&mut self, bytes: &[u8]) {
        for socket in self.sockets.iter_mut().flatten() {
            // A client that is gone shows at the next read.
            let _ = socket.write(bytes);
        }
    }
}

/// Takes in somebody who waits, ready for epoll; `None` when nobody does.
///
/// # Errors
/// When the system doesn't want to.
pub(crate) fn accept(listener: &TcpListener) -> anyhow::Result<Option<TcpStream>> {
    match acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
        Ok((socket, _)) => {
            let socket = TcpStream::from(socket);
            socket.set_nodelay(true)?;
            Ok(Some(socket))
        }
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).context("can't accept"),
    }
}

/// Greets a connection.
///
/// # Errors
/// When it doesn't take that.
pub(crate) fn welcome(mut socket: &TcpStream) -> anyhow::Result<()> {
    socket.write_all(&[WELCOME]).context("a client doesn't take its welcome")
}
