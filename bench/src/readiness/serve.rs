//! An echo server on any back end. Its sockets live as long as its process, which is one run.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::Context as _;
use clap::Args;
use rustix::io::Errno;
use server::net::raise_descriptor_limit;

use super::backend::{Backend, Readiness, Served};
use super::epoll::{Epoll, Trigger};
use super::lookup::{Lookup, Records};
use super::poll::Poll;
use crate::floor::{accept, listen};
use crate::load::WELCOME;

/// Bytes read at once: half of what a connection's kernel buffer holds by default.
const READ: usize = 64 << 10;
/// The key of the listener, which nobody else has.
const LISTENER: u64 = u64::MAX;

/// The server that is measured.
#[derive(Debug, Args)]
pub(crate) struct ReadinessServer {
    backend: Backend,
    lookup: Lookup,
}

impl ReadinessServer {
    /// Runs until its clients are gone or it is killed.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        raise_descriptor_limit(0)?;
        match self.backend {
            Backend::Poll => self.serve(Poll::default()),
            Backend::Level => self.serve(Epoll::new(Trigger::Level)?),
            Backend::Edge => self.serve(Epoll::new(Trigger::Edge)?),
            Backend::Oneshot => self.serve(Epoll::new(Trigger::Oneshot)?),
        }
    }

    fn serve(&self, mut readiness: impl Readiness) -> anyhow::Result<()> {
        let listener: &'static TcpListener = Box::leak(Box::new(listen()?));
        listener.set_nonblocking(true)?;
        readiness.watch(listener.as_fd(), LISTENER)?;
        let (mut sessions, mut records) = (Vec::new(), Records::new(self.lookup));
        let (mut ready, mut buffer) = (Vec::new(), vec![0; READ]);
        loop {
            ready.clear();
            match readiness.wait(&mut ready) {
                Ok(()) | Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("can't wait"),
            }
            for &key in &ready {
                if key == LISTENER {
                    admit(listener, &mut readiness, &mut records, &mut sessions)?;
                    continue;
                }
                let index = records.find(key).context("an event about nobody")?;
                let Some(served) = turn(&mut sessions[index], index, key, &mut buffer) else {
                    // All clients leave at once, at the end of a run.
                    return Ok(());
                };
                readiness.served(served)?;
            }
        }
    }
}

/// A connection, and what it hasn't taken yet.
#[derive(Debug)]
struct Session {
    socket: &'static TcpStream,
    unsent: Vec<u8>,
    blocked: bool,
}

fn admit(
    listener: &'static TcpListener,
    readiness: &mut impl Readiness,
    records: &mut Records,
    sessions: &mut Vec<Session>,
) -> anyhow::Result<()> {
    while let Some(socket) = accept(listener)? {
        let mut socket: &'static TcpStream = Box::leak(Box::new(socket));
        let descriptor = u64::try_from(socket.as_raw_fd())?;
        readiness.watch(socket.as_fd(), records.note(descriptor, sessions.len()))?;
        sessions.push(Session { socket, unsent: Vec::new(), blocked: false });
        socket.write_all(&[WELCOME])?;
    }
    // It is the first one that was watched, and never blocked.
    let socket = listener.as_fd();
    readiness.served(Served { slot: 0, socket, key: LISTENER, blocked: false, changed: false })?;
    Ok(())
}

/// Reads all there is and sends it back; `None` when the client is gone.
fn turn(session: &mut Session, index: usize, key: u64, buffer: &mut [u8]) -> Option<Served> {
    loop {
        match session.socket.read(buffer) {
            Ok(0) => return None,
            Ok(count) => {
                session.send(&buffer[..count])?;
                // A short read has met the end.
                if count < buffer.len() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                session.send(&[])?;
                break;
            }
            Err(_) => return None,
        }
    }
    let (before, blocked) = (session.blocked, !session.unsent.is_empty());
    session.blocked = blocked;
    // The listener was watched before all of them.
    let (slot, socket) = (index + 1, session.socket.as_fd());
    Some(Served { slot, socket, key, blocked, changed: before != blocked })
}

impl Session {
    /// Sends `bytes` after those that are left; keeps what isn't taken, which is a message at most, because clients wait
    /// for their answer.
    fn send(&mut self, bytes: &[u8]) -> Option<()> {
        if self.unsent.is_empty() {
            let taken = write(self.socket, bytes)?;
            self.unsent.extend_from_slice(&bytes[taken..]);
        } else {
            self.unsent.extend_from_slice(bytes);
            let taken = write(self.socket, &self.unsent)?;
            self.unsent.drain(..taken);
        }
        Some(())
    }
}

/// How many bytes the socket took; `None` when the client is gone.
fn write(mut socket: &TcpStream, bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    match socket.write(bytes) {
        Ok(taken) => Some(taken),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}
