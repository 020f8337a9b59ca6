//! The loop's side of the I/O threads: new connections are spread over them, orders go to the one whose session it is,
//! and the news of all of them come together.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use game::{Publication, SessionId};
use mio::Waker;
use mio::net::TcpStream;

use super::border::{Border, IoThreadError, LoopPresence, News, Order};
use super::handout::Handout;
use super::io_thread::{IoThread, Triage};
#[cfg(test)]
use super::mailbox::Mailbox;
use super::mailbox::{Batch, Left};
use super::network::Network;
use super::stats::NetStats;
use super::token;

/// Publications that may be under way: one that is being written, and one so that a thread which is done goes on at
/// once. With more, players would see the world of ever earlier ticks; so the tick waits, and is late.
const UNDER_WAY: usize = 2;
/// Bytes of orders that a thread hasn't taken above which the loop takes no news from it: whoever hears no questions
/// gives no answers. A stalled thread keeps no more memory busy than this, what the lobby was asked before, and what the
/// value lane holds.
const UNREAD_ORDERS: usize = 16 << 20;
/// How long the loop sleeps at most while it takes no news from a thread.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// An I/O thread, seen from the loop.
#[derive(Debug)]
struct Worker {
    border: Arc<Border>,
    /// Ends the thread's sleep.
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
    /// Orders of this pass.
    orders: Batch<Order>,
    news: Batch<News>,
    /// Sockets that were given to it and aren't gone.
    sessions: usize,
    /// Nobody takes orders any more.
    failed: bool,
}

/// All I/O threads. Number n has the sessions whose ids name it, and n - 1 is its place here; 0 is the loop.
#[derive(Debug, Default)]
pub(super) struct IoThreads {
    workers: Vec<Worker>,
    /// Handed out, and not yet taken back.
    under_way: VecDeque<Arc<Handout>>,
    /// The loop has no room for news.
    deaf: bool,
    presence: Arc<LoopPresence>,
}

impl IoThreads {
    /// Starts one more thread with sessions of its own. `network` has no door; `loop_waker` ends the loop's sleep.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub(super) fn start<T, C>(
        &mut self,
        network: Network,
        loop_waker: Arc<Waker>,
        triage: T,
        clock: C,
    ) -> io::Result<()>
    where
        T: Triage,
        C: Fn() -> Instant + Send + 'static,
    {
        let border = Arc::new(Border::new());
        let waker = network.waker();
        let io_thread = IoThread::new(network, Arc::clone(&border), loop_waker, triage, clock);
        let name = format!("io-{}", self.workers.len() + 1);
        let thread = std::thread::Builder::new().name(name).spawn(move || io_thread.run())?;
        self.workers.push(Worker {
            border,
            waker,
            thread: Some(thread),
            orders: Batch::default(),
            news: Batch::default(),
            sessions: 0,
            failed: false,
        });
        Ok(())
    }

    /// What the threads see of the loop.
    pub(super) const fn presence(&self) -> &Arc<LoopPresence> {
        &self.presence
    }

    /// True while the loop takes no news.
    pub(super) const fn is_deaf(&self) -> bool {
        self.deaf
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Gives a connection to the thread that has the fewest. False if there is none.
    pub(super) fn adopt(&mut self, stream: TcpStream, peer: SocketAddr) -> bool {
        let able = self.workers.iter_mut().filter(|thread| !thread.failed);
        let Some(least) = able.min_by_key(|thread| thread.sessions) else {
            return false;
        };
        least.sessions += 1;
        least.orders.things.push(Order::Adopt(stream, peer));
        true
    }

    /// Gives an order to the thread that has this session.
    pub(super) fn order(&mut self, session: SessionId, order: Order) {
        if let Some(thread) = self.of(session) {
            thread.orders.things.push(order);
        }
    }

    /// Lets the session's thread send a whole frame.
    pub(super) fn send(&mut self, session: SessionId, frame: &[u8]) {
        if let Some(thread) = self.of(session) {
            let length = frame.len();
            thread.orders.things.push(Order::Send { session, length });
            thread.orders.bytes.extend_from_slice(frame);
        }
    }

    /// Gives everybody an order.
    pub(super) fn order_all(&mut self, mut order: impl FnMut() -> Order) {
        for thread in &mut self.workers {
            thread.orders.things.push(order());
        }
    }

    /// Lets each thread write what its sessions get. Those with no such session aren't woken.
    pub(super) fn hand_out(&mut self, handout: Handout) {
        let handout = Arc::new(handout);
        for (thread, number) in self.workers.iter_mut().zip(1..) {
            if !handout.of_io_thread(number).is_empty() {
                thread.orders.things.push(Order::HandOut(Arc::clone(&handout)));
                thread.leave_orders();
            }
        }
        self.under_way.push_back(handout);
    }

    /// The oldest publication under way, if all threads are done with it.
    pub(super) fn take_back(&mut self) -> Option<Publication> {
        match Arc::try_unwrap(self.under_way.pop_front()?) {
            Ok(handout) => Some(handout.publication),
            Err(handout) => {
                self.under_way.push_front(handout);
                None
            }
        }
    }

    /// True if the threads are so far behind that another publication would only wait. One of them wakes the loop when
    /// that is over.
    pub(super) fn is_behind(&self) -> bool {
        let oldest = self.under_way.front().filter(|_| self.under_way.len() >= UNDER_WAY);
        oldest.is_some_and(|oldest| Arc::strong_count(oldest) > 1)
    }

    /// When the loop must look again although nobody wakes it: while it takes no news, a thread with some doesn't.
    pub(super) fn look_again(&self) -> Option<Duration> {
        (self.deaf || self.workers.iter().any(Worker::is_stalled)).then_some(LOOK_AGAIN)
    }

    /// Whether news are taken from now on. Threads with much of it that nobody takes read no more.
    pub(super) const fn listen(&mut self, on: bool) {
        self.deaf = !on;
    }

    /// Tells `hear` the news of each thread, in its order, with the bytes of packets.
    pub(super) fn take_news(&mut self, mut hear: impl FnMut(News, &[u8])) {
        for thread in &mut self.workers {
            if self.deaf || thread.is_stalled() {
                continue;
            }
            if thread.border.news.take(&mut thread.news) {
                thread.wake();
            }
            let mut bytes = thread.news.bytes.as_slice();
            for news in thread.news.things.drain(..) {
                let mut packet = [].as_slice();
                match news {
                    News::Packet { length, .. } => (packet, bytes) = bytes.split_at(length),
                    // Those of a failed thread count as gone already.
                    News::Left(_) => thread.sessions = thread.sessions.saturating_sub(1),
                    News::Opened(..)
                    | News::HalfClosed(_)
                    | News::Recovered(_)
                    | News::Closed(..)
                    | News::HandedOut => {}
                }
                hear(news, packet);
            }
            thread.news.clear();
        }
    }

    /// The number of a thread that has ended by itself, and why. Told once.
    pub(super) fn take_failure(&mut self) -> Option<(u8, IoThreadError)> {
        let failed = self.workers.iter_mut().zip(1..).find_map(|(thread, number)| {
            let error = thread.border.take_failure()?;
            Some((thread, number, error))
        });
        let (thread, number, error) = failed?;
        thread.failed = true;
        thread.sessions = 0;
        thread.orders.clear();
        // Publications among orders that nobody follows would never come back.
        thread.border.orders.take(&mut Batch::default());
        Some((number, error))
    }

    /// Hands over what was ordered.
    pub(super) fn flush(&mut self) {
        for thread in &mut self.workers {
            thread.leave_orders();
        }
    }

    /// Lets them end when they can.
    pub(super) fn abandon(&mut self) {
        for thread in &mut self.workers {
            thread.thread = None;
        }
    }

    /// Sockets that the threads have.
    pub(super) fn sessions(&self) -> usize {
        self.workers.iter().map(|thread| thread.sessions).sum()
    }

    /// What each thread has counted.
    pub(super) fn stats(&self) -> impl Iterator<Item = NetStats> + '_ {
        self.workers.iter().map(|thread| thread.border.stats())
    }

    /// Lets each thread make a pass.
    #[cfg(test)]
    pub(super) fn wake(&self) {
        self.workers.iter().for_each(Worker::wake);
    }

    /// Whether a thread waits because its news have no room, and how many bytes of them lie here.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> (bool, usize) {
        let news = || self.workers.iter().map(|thread| &thread.border.news);
        (news().any(Mailbox::writer_waits), news().map(Mailbox::size).sum())
    }

    fn of(&mut self, session: SessionId) -> Option<&mut Worker> {
        let place = usize::from(token::io_thread(session)).checked_sub(1)?;
        self.workers.get_mut(place)
    }
}

impl Worker {
    /// True if more orders lie there than it should take to hear them.
    fn is_stalled(&self) -> bool {
        self.border.orders.size() > UNREAD_ORDERS
    }

    fn leave_orders(&mut self) {
        if self.failed {
            self.orders.clear();
        } else if !self.orders.is_empty() {
            // There is no time at which an order would better be heard.
            self.orders.urgent = true;
            if self.border.orders.leave(&mut self.orders) == Left::Wake {
                self.wake();
            }
        }
    }

    /// A waker that fails is a thread that is gone.
    fn wake(&self) {
        drop(self.waker.wake());
    }
}

/// Nothing more is written, and all sockets are closed. The threads never wait for anything else, so this is at once.
impl Drop for IoThreads {
    fn drop(&mut self) {
        for thread in &self.workers {
            thread.border.end();
            thread.wake();
        }
        for thread in &mut self.workers {
            if let Some(thread) = thread.thread.take() {
                // Its panic was caught and told.
                drop(thread.join());
            }
        }
    }
}
