//! What crosses the border between the loop and an I/O thread: orders one way, news the other, each in its order.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use game::SessionId;
use mio::net::TcpStream;
use protocol::v1::Goodbye;

use super::farewell::CloseReason;
use super::handout::Handout;
use super::limits::Limits;
use super::mailbox::Mailbox;
use super::sessions::nanoseconds;
use super::stats::NetStats;

/// Bytes of news above which a thread reads from nobody until the loop has taken some: several times what 10,000
/// players send between two ticks. A thread keeps as much again, and what its last read brought.
const NEWS_ROOM: usize = 1 << 20;

/// From the loop.
#[derive(Debug)]
pub(super) enum Order {
    /// A connection is this thread's from now on.
    Adopt(TcpStream, SocketAddr),
    /// The next so many of the batch's bytes are for a session.
    Send { session: SessionId, length: usize },
    /// See [`Sessions::close`](super::Sessions::close).
    Close { session: SessionId, last: Box<Goodbye> },
    /// See [`Sessions::close_all`](super::Sessions::close_all).
    CloseAll(Arc<Goodbye>),
    /// See [`Sessions::mark_logged_in`](super::Sessions::mark_logged_in).
    LoggedIn(SessionId),
    /// See [`Sessions::resume_motion`](super::Sessions::resume_motion).
    ResumeMotion(SessionId),
    /// A tick's publication.
    HandOut(Arc<Handout>),
    /// See [`Network::set_limits`](super::Network::set_limits).
    Limits(Box<Limits>),
}

/// To the loop.
#[derive(Debug)]
pub(super) enum News {
    /// A session was made of a connection.
    Opened(SessionId, SocketAddr),
    /// The next so many of the batch's bytes are a packet of a session.
    Packet { session: SessionId, length: usize },
    /// The client will send nothing more.
    HalfClosed(SessionId),
    /// It was slow and isn't any more.
    Recovered(SessionId),
    /// The session is over.
    Closed(SessionId, CloseReason),
    /// A socket is gone, whose client came from here.
    Left(SocketAddr),
    /// The oldest publication that was still to be handed out is.
    HandedOut,
}

/// Why an I/O thread ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum IoThreadError {
    /// A bug of ours.
    #[error("it panicked")]
    Panicked,
    /// The system's polling failed.
    #[error("polling for events failed: {0}")]
    Poll(#[from] io::Error),
}

/// When the loop last took news: while it is away, deadlines of sessions on I/O threads stand still, because nobody
/// answers them.
#[derive(Debug, Default)]
pub(super) struct LoopPresence {
    /// Nanoseconds since the network was bound.
    last_listened: AtomicU64,
}

impl LoopPresence {
    /// The loop takes news at `time` since the network was bound.
    pub(super) fn listen(&self, time: Duration) {
        self.last_listened.store(nanoseconds(time), Ordering::Relaxed);
    }

    /// When it last did, since the network was bound.
    pub(super) fn last_listened(&self) -> Duration {
        Duration::from_nanos(self.last_listened.load(Ordering::Relaxed))
    }
}

/// What the loop and one I/O thread share.
#[derive(Debug)]
pub(super) struct Border {
    /// All of it must be heard, so there is always room; the loop bounds what there is to say.
    pub(super) orders: Mailbox<Order>,
    pub(super) news: Mailbox<News>,
    stats: Mutex<NetStats>,
    failure: Mutex<Option<IoThreadError>>,
    over: AtomicBool,
}

impl Border {
    pub(super) fn new() -> Self {
        Self {
            orders: Mailbox::new(usize::MAX),
            news: Mailbox::new(NEWS_ROOM),
            stats: Mutex::default(),
            failure: Mutex::default(),
            over: AtomicBool::new(false),
        }
    }

    /// What the thread has counted, as of its last pass.
    pub(super) fn stats(&self) -> NetStats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_stats(&self, stats: &NetStats) {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone_from(stats);
    }

    /// Says that the thread has ended by itself.
    pub(super) fn fail(&self, error: IoThreadError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Why the thread has ended by itself, if it has. Told once.
    pub(super) fn take_failure(&self) -> Option<IoThreadError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The thread ends with its pass, whatever else it has been ordered.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// True if a thread with so much news should read no more.
pub(super) const fn is_enough(news: usize) -> bool {
    news >= NEWS_ROOM
}
