//! An I/O thread: it reads, writes and sends away its own sessions, with the same code as a loop without I/O threads, and
//! sleeps until a socket is ready or the loop has orders.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use game::SessionId;
use mio::Waker;
use protocol::v1::Goodbye;

use super::Inbox;
use super::border::{Border, IoThreadError, News, Order, is_enough};
use super::farewell::CloseReason;
use super::mailbox::{Batch, Left};
use super::network::Network;
use super::sessions::Sessions;
use crate::failpoints;

/// When the loop wants to see a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Now: somebody waits for the answer.
    Now,
    /// At the next tick, because nothing happens before.
    NextTick,
}

/// Looks at packets on the thread that read them.
pub trait Triage: Clone + Send + 'static {
    /// When the loop wants to see `packet`.
    ///
    /// # Errors
    /// The last message of its session, if the packet isn't to be seen at all.
    fn urgency(&self, packet: &[u8]) -> Result<Urgency, Goodbye>;
}

/// What runs on the thread.
pub(super) struct IoThread<T, C> {
    network: Network,
    border: Arc<Border>,
    /// Wakes the loop.
    waker: Arc<Waker>,
    triage: T,
    clock: C,
    news: Batch<News>,
    orders: Batch<Order>,
}

impl<T: Triage, C: Fn() -> Instant> IoThread<T, C> {
    pub(super) fn new(
        network: Network,
        border: Arc<Border>,
        waker: Arc<Waker>,
        triage: T,
        clock: C,
    ) -> Self {
        let (news, orders) = (Batch::default(), Batch::default());
        Self { network, border, waker, triage, clock, news, orders }
    }

    /// Runs until the loop says that it is over. If it comes to an end before, the loop hears why.
    pub(super) fn run(self) {
        let (border, waker) = (Arc::clone(&self.border), Arc::clone(&self.waker));
        // Nothing of the thread is looked at after a panic: its sessions end with it.
        let error = match catch_unwind(AssertUnwindSafe(move || self.serve())) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => IoThreadError::Poll(error),
            Err(_) => IoThreadError::Panicked,
        };
        border.fail(error);
        drop(waker.wake());
    }

    fn serve(mut self) -> io::Result<()> {
        while !self.border.is_over() {
            self.network.pause_reading(is_enough(self.news.size()));
            self.network.wait(None)?;
            assert!(!failpoints::is_on("io.panic"), "a test makes this thread panic");
            self.leave_news();
            let now = (self.clock)();
            let mut inbox = Reporter { news: &mut self.news, triage: &self.triage };
            self.network.read(now, &mut inbox);
            self.report();
            self.follow_orders();
            // Behind the orders, which may say that somebody has logged in.
            let mut inbox = Reporter { news: &mut self.news, triage: &self.triage };
            self.network.watch_deadlines(&mut inbox);
            self.network.flush();
            self.report();
        }
        Ok(())
    }

    fn follow_orders(&mut self) {
        self.border.orders.take(&mut self.orders);
        let mut bytes = self.orders.bytes.as_slice();
        for order in self.orders.things.drain(..) {
            let sessions = self.network.sessions();
            match order {
                Order::Adopt(stream, peer) => {
                    if let Some(id) = sessions.open(stream, peer) {
                        self.news.push_urgent(News::Opened(id, peer));
                    }
                }
                Order::Send { session, length } => {
                    let (frame, rest) = bytes.split_at(length);
                    sessions.send(session, frame);
                    bytes = rest;
                }
                Order::Close { session, last } => sessions.close(session, &last),
                Order::CloseAll(last) => sessions.close_all(&last),
                Order::LoggedIn(session) => sessions.mark_logged_in(session),
                Order::ResumeMotion(session) => sessions.resume_motion(session),
                Order::HandOut(handout) => {
                    let deliveries = handout.of_io_thread(sessions.io_thread);
                    sessions.hand_out(&handout, deliveries);
                    drop(handout);
                    self.news.push_urgent(News::HandedOut);
                }
                Order::Limits(limits) => self.network.set_limits(*limits),
            }
        }
        self.orders.clear();
    }

    /// The counts first, so that whoever acts on the news finds it counted.
    fn report(&mut self) {
        self.border.set_stats(self.network.stats());
        self.leave_news();
    }

    /// Leaves the news for the loop. What finds no room waits here, and so does reading then, until the loop wakes us.
    fn leave_news(&mut self) {
        if !self.news.is_empty() && self.border.news.leave(&mut self.news) == Left::Wake {
            // A waker that fails is a loop that is gone.
            drop(self.waker.wake());
        }
    }
}

/// Notes what clients do.
struct Reporter<'a, T> {
    news: &'a mut Batch<News>,
    triage: &'a T,
}

impl<T: Triage> Inbox for Reporter<'_, T> {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, peer: SocketAddr) {
        self.news.push_urgent(News::Opened(id, peer));
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        match self.triage.urgency(packet) {
            Ok(urgency) => {
                self.news.urgent |= urgency == Urgency::Now;
                self.news.things.push(News::Packet { session: id, length: packet.len() });
                self.news.bytes.extend_from_slice(packet);
            }
            Err(last) => sessions.close(id, &last),
        }
    }

    fn is_full(&self) -> bool {
        is_enough(self.news.size())
    }

    fn half_closed(&mut self, _: &mut Sessions, id: SessionId) {
        self.news.push_urgent(News::HalfClosed(id));
    }

    fn recovered(&mut self, _: &mut Sessions, id: SessionId) {
        self.news.things.push(News::Recovered(id));
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, reason: CloseReason) {
        self.news.push_urgent(News::Closed(id, reason));
    }

    fn left(&mut self, peer: SocketAddr) {
        self.news.push_urgent(News::Left(peer));
    }
}
