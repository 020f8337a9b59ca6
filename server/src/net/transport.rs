//! What carries a session's bytes. Plain TCP today; others carry the same byte stream.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A non-blocking, two-way byte stream.
#[derive(Debug)]
pub(super) enum Transport {
    /// Plain TCP.
    Tcp(TcpStream),
}

impl Transport {
    /// Reads what is there; `WouldBlock` when nothing is.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => uninterrupted(|| stream.read(buffer)),
        }
    }

    /// Writes what fits; `WouldBlock` when nothing does.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => uninterrupted(|| stream.write(bytes)),
        }
    }

    /// Says that nothing more will be written. A peer that is gone already is no error.
    pub(super) fn finish(&self) {
        match self {
            Self::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE)
    }

    /// Asks for writable events too, or no longer. An event comes at once if the condition already holds, so none is
    /// lost between the last write and this call.
    pub(super) fn arm(&mut self, registry: &Registry, token: Token, write: bool) -> io::Result<()> {
        let interest =
            if write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        self.source().reregister(registry, token, interest)
    }

    fn source(&mut self) -> &mut impl Source {
        match self {
            Self::Tcp(stream) => stream,
        }
    }
}

/// A signal is no reason to give up a call.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
