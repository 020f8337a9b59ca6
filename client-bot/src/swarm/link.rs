//! One bot's connection: opening, reading, one write for all that waits, and the several ways to end it.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use protocol::split_frame;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::bot::event::LinkEnd;

/// Bytes that may wait for a server that doesn't read: seconds of inputs. More ends the connection.
const MAX_UNSENT: usize = 64 * 1024;

/// A socket and what waits to be sent on it.
pub(super) struct Link {
    stream: TcpStream,
    open: bool,
    unsent: Vec<u8>,
    /// Bytes at the front of `unsent` that have been counted as frames.
    counted: usize,
    closing: bool,
}

/// What a read brought.
pub(super) enum Received {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The connection is over.
    End(LinkEnd),
}

/// What a write took.
#[derive(Default)]
pub(super) struct Written {
    /// Frames that were handed to the socket or wait for it to take them.
    pub(super) frames: u64,
    /// Bytes that the socket took.
    pub(super) bytes: u64,
}

/// The seat and its connection's generation, from the token of an event.
pub(super) fn seat_of(token: Token) -> (usize, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the upper and the lower half of 64 bits")]
    let generation = (token.0 >> 32) as u32;
    (token.0 & 0xffff_ffff, generation)
}

impl Link {
    /// Starts to connect. Registered once, for both directions and edge-triggered, for all of its life.
    pub(super) fn open(
        registry: &Registry,
        server: SocketAddr,
        source: Option<Ipv4Addr>,
        seat: usize,
        generation: u32,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(address) = source {
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&server.into()) {
            Err(error)
                if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
            {
                return Err(error);
            }
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        let token = Token(seat | (generation as usize) << 32);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, open: false, unsent: Vec::new(), counted: 0, closing: false })
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Where bytes to be sent are appended.
    pub(super) fn unsent(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// The socket became writable for the first time: whether it is connected now.
    pub(super) fn finish_connect(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.open = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Received {
        loop {
            let error = match self.stream.read(buffer) {
                Ok(0) => return Received::End(LinkEnd::Closed),
                Ok(length) => return Received::Bytes(length),
                Err(error) => error.kind(),
            };
            if error == io::ErrorKind::WouldBlock {
                return Received::Nothing;
            }
            if error != io::ErrorKind::Interrupted {
                return Received::End(LinkEnd::Failed(error));
            }
        }
    }

    /// Sends what waits, as much as the socket takes, in one call unless it is interrupted.
    pub(super) fn write(&mut self) -> io::Result<Written> {
        let mut written = Written { frames: self.count_new_frames(), bytes: 0 };
        if self.has_unsent() {
            let taken = loop {
                match self.stream.write(&self.unsent) {
                    Ok(taken) => break taken,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break 0,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            };
            written.bytes = taken as u64;
            self.unsent.drain(..taken);
            self.counted -= taken;
        }
        if self.unsent.len() > MAX_UNSENT {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if self.closing && !self.has_unsent() {
            self.closing = false;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(written)
    }

    fn count_new_frames(&mut self) -> u64 {
        let mut frames = 0;
        while let Ok(Some(frame)) = split_frame(&self.unsent[self.counted..], usize::MAX) {
            self.counted += frame.consumed;
            frames += 1;
        }
        frames
    }

    /// Closes the sending half as soon as everything is sent.
    pub(super) fn close_when_sent(&mut self) {
        self.closing = true;
    }

    /// Ends the connection with a reset instead of a close.
    pub(super) fn reset(self) {
        // If it fails the connection closes in the usual way, which will do.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
