//! The same echo on mio alone: no frames, no sessions.

use std::io::{ErrorKind, Read as _, Write as _};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use server::net::raise_descriptor_limit;

use crate::floor::listen;
use crate::load::WELCOME;

/// Events taken at once, as many as our servers take.
const EVENTS: usize = 1_024;
/// Bytes read at once.
const READ: usize = 16 << 10;
const LISTENER: Token = Token(usize::MAX);

/// Runs until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    raise_descriptor_limit(0)?;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(EVENTS));
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut sockets, mut buffer) = (Vec::new(), vec![0; READ]);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &mut sockets)?;
            } else if let Some(slot) = sockets.get_mut(event.token().0)
                && slot.as_mut().is_some_and(|socket| is_over(socket, &mut buffer))
            {
                *slot = None;
            }
        }
    }
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    sockets: &mut Vec<Option<TcpStream>>,
) -> anyhow::Result<()> {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        socket.set_nodelay(true)?;
        socket.write_all(&[WELCOME])?;
        poll.registry().register(&mut socket, Token(sockets.len()), Interest::READABLE)?;
        sockets.push(Some(socket));
    }
}

/// Sends back what is there. A short read has met its end.
fn is_over(socket: &mut TcpStream, buffer: &mut [u8]) -> bool {
    loop {
        match socket.read(buffer) {
            Ok(0) => return true,
            Ok(read) => {
                // A client that is gone shows at the next read.
                let _ = socket.write(&buffer[..read]);
                if read < buffer.len() {
                    return false;
                }
            }
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}
