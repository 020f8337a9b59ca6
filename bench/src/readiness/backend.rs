//! How a server hears from the kernel that a socket is ready: one trait, four ways.

use std::fmt;
use std::os::fd::BorrowedFd;

use clap::ValueEnum;
use rustix::io;

/// A way of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// The whole list is handed to the kernel each time
    Poll,
    /// The kernel keeps the list, and tells of what is ready as long as it is
    Level,
    /// The kernel tells of each change once
    Edge,
    /// The kernel tells of a socket once, until it is asked again
    Oneshot,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poll => "poll",
            Self::Level => "level",
            Self::Edge => "edge",
            Self::Oneshot => "oneshot",
        })
    }
}

/// A socket that had its turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    /// How many sockets were watched before it.
    pub(super) slot: usize,
    pub(super) socket: BorrowedFd<'static>,
    pub(super) key: u64,
    /// Bytes are left that it didn't take.
    pub(super) blocked: bool,
    /// That wasn't so before its turn, or the other way round.
    pub(super) changed: bool,
}

/// Tells which sockets are ready. Sockets are watched as long as the process lives.
pub(super) trait Readiness {
    /// From now on tells of `socket`, by its `key`.
    fn watch(&mut self, socket: BorrowedFd<'static>, key: u64) -> io::Result<()>;

    /// Sleeps until a socket is ready and appends the keys of all that are.
    fn wait(&mut self, ready: &mut Vec<u64>) -> io::Result<()>;

    /// The socket has had its turn: all that it had was read, and it was written what it took.
    fn served(&mut self, served: Served) -> io::Result<()>;
}
