//! All clients of a server, for those who decide what they are told, whichever thread their sockets are on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use game::{Publication, SessionId};
use mio::Waker;
use protocol::v1::{Farewell, Goodbye};

use super::border::{IoThreadError, News, Order};
use super::farewell::{CloseReason, goodbye};
use super::handout::Handout;
use super::io_thread::Triage;
use super::io_threads::IoThreads;
use super::limits::Limits;
use super::listener::BindError;
use super::network::Network;
use super::sessions::Sessions;
use super::stats::NetStats;
use super::{Framing, Inbox, token};

/// What clients do, told during [`Clients::receive`]. Answers go out through [`Clients`] after that.
pub trait Reception {
    /// A client has connected.
    fn opened(&mut self, id: SessionId, peer: SocketAddr);

    /// A packet has arrived. Keep a copy, if at all.
    ///
    /// # Errors
    /// The last message of a session whose packets aren't wanted any more.
    fn packet(&mut self, id: SessionId, packet: &[u8]) -> Result<(), Goodbye>;

    /// A session that was slow, and got no motion any more, has taken everything. It gets motion again from the next
    /// publication that is handed out, which must make up for what it missed.
    fn recovered(&mut self, id: SessionId);

    /// True if I/O threads are to keep their news, and soon to stop reading, until there is room here again.
    fn is_full(&self) -> bool {
        false
    }

    /// A session is over, whoever ended it. Told once for each one opened; nothing comes from it after that, and
    /// nothing can be sent to it.
    fn closed(&mut self, id: SessionId, reason: CloseReason);
}

/// A listening socket and all who have come in by it. The owner repeats three calls:
///
/// ```text
/// wait(timeout)            sleep until somebody has something to say, another thread wakes us, or time is up
/// receive(now, reception)  what clients have done goes to the reception
/// flush()                  what was said to clients since goes out
/// ```
///
/// Without I/O threads all of it happens in these calls. With some, this thread accepts, and each session lives on one of
/// them from then on; orders and news cross the border in batches, in the order in which they were given.
#[derive(Debug)]
pub struct Clients {
    /// The door, and the sessions that are on this thread.
    pub(super) network: Network,
    pub(super) threads: IoThreads,
    /// Those who have closed their half; they are seen out when they have been answered.
    leaving: Vec<SessionId>,
    /// Handed out, for [`Self::take_back`].
    spent: Option<Publication>,
}

impl Clients {
    /// Listens on `address`; port 0 takes a free one. `now` begins the clock of deadlines.
    ///
    /// # Errors
    /// When the address can't be listened on, in a line for the operator.
    pub fn bind(
        address: SocketAddr,
        framing: Framing,
        limits: Limits,
        now: Instant,
    ) -> Result<Self, BindError> {
        let network = Network::bind(address, framing, limits, now)?;
        Ok(Self { network, threads: IoThreads::default(), leaving: Vec::new(), spent: None })
    }

    /// Starts so many I/O threads, before anybody comes in. `triage` looks at packets there; `clock` is
    /// [`Instant::now`], or what a test passes for it.
    ///
    /// # Errors
    /// When the system has no thread, poll or descriptors for them.
    pub fn with_io_threads<T, C>(mut self, count: u8, triage: &T, clock: &C) -> io::Result<Self>
    where
        T: Triage,
        C: Fn() -> Instant + Clone + Send + 'static,
    {
        for number in 1..=count {
            let network = self.network.branch(number, Arc::clone(self.threads.presence()))?;
            let (triage, clock) = (triage.clone(), clock.clone());
            self.threads.start(network, self.network.waker(), triage, clock)?;
        }
        Ok(self)
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.network.local_addr()
    }

    /// Ends a [`wait`](Self::wait) from another thread.
    #[must_use]
    pub fn waker(&self) -> Arc<Waker> {
        self.network.waker()
    }

    /// Sleeps until something is ready or `timeout` is over; `None` sleeps for ever. See [`Network::wait`].
    ///
    /// # Errors
    /// When polling itself fails, which no client can cause.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.into_iter().chain(self.threads.look_again()).min();
        self.network.wait(timeout)
    }

    /// Tells `reception` what clients have done.
    pub fn receive(&mut self, now: Instant, reception: &mut impl Reception) {
        let (network, threads) = (&mut self.network, &mut self.threads);
        if threads.is_empty() {
            let mut inbox = Here { reception, leaving: &mut self.leaving };
            return network.receive(now, &mut inbox);
        }
        network.receive_at_door(now, |stream, peer| threads.adopt(stream, peer));
        threads.listen(!reception.is_full());
        if !threads.is_deaf() {
            network.note_presence(now, threads.presence());
        }
        let leaving = &mut self.leaving;
        let (mut unwanted, mut recovered) = (Vec::new(), Vec::new());
        threads.take_news(|news, bytes| match news {
            News::Opened(id, peer) => reception.opened(id, peer),
            News::Packet { session, .. } => {
                if let Err(last) = reception.packet(session, bytes) {
                    unwanted.push((session, last));
                }
            }
            News::HalfClosed(id) => leaving.push(id),
            News::Recovered(id) => {
                reception.recovered(id);
                recovered.push(id);
            }
            News::Closed(id, reason) => reception.closed(id, reason),
            News::Left(peer) => network.leave(peer),
            News::HandedOut => {}
        });
        for (session, last) in unwanted {
            self.close(session, &last);
        }
        // Behind all publications that were made without this knowledge, and before the first one with it.
        for session in recovered {
            self.threads.order(session, Order::ResumeMotion(session));
        }
    }

    /// Queues a whole frame; it goes out with the next flush.
    pub fn send(&mut self, id: SessionId, frame: &[u8]) {
        if is_here(id) {
            self.network.sessions().send(id, frame);
        } else {
            self.threads.send(id, frame);
        }
    }

    /// Ends `id` with a last message, after what was queued before. See [`Sessions::close`].
    pub fn close(&mut self, id: SessionId, last: &Goodbye) {
        if is_here(id) {
            self.network.sessions().close(id, last);
        } else {
            let last = Box::new(last.clone());
            self.threads.order(id, Order::Close { session: id, last });
        }
    }

    /// Ends all sessions with the same last message, but for those that are being ended already.
    pub fn close_all(&mut self, last: &Goodbye) {
        self.network.sessions().close_all(last);
        let last = Arc::new(last.clone());
        self.threads.order_all(|| Order::CloseAll(Arc::clone(&last)));
    }

    /// From now on `id` may send longer frames and has no login deadline.
    pub fn mark_logged_in(&mut self, id: SessionId) {
        if is_here(id) {
            self.network.sessions().mark_logged_in(id);
        } else {
            self.threads.order(id, Order::LoggedIn(id));
        }
    }

    /// Sends everybody what `publication` says, but for the frames of the value lane of the sessions in `held`, which
    /// must be in order. I/O threads begin at once and are not waited for.
    pub fn hand_out(&mut self, publication: Publication, held: Vec<SessionId>) {
        let handout = Handout { publication, held };
        if self.threads.is_empty() {
            let sessions = self.network.sessions();
            sessions.hand_out(&handout, &handout.publication.deliveries);
            self.spent = Some(handout.publication);
        } else {
            self.threads.hand_out(handout);
        }
    }

    /// A publication that everybody has got, for its buffers.
    pub fn take_back(&mut self) -> Option<Publication> {
        self.spent.take().or_else(|| self.threads.take_back())
    }

    /// True while I/O threads have two publications to hand out: a third one would only wait. [`wait`](Self::wait) ends
    /// when that is over.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.threads.is_behind()
    }

    /// The number of an I/O thread that has ended by itself, and all its sessions with it. Told once for each.
    pub fn take_failure(&mut self) -> Option<(u8, IoThreadError)> {
        self.threads.take_failure()
    }

    /// Doesn't wait for the I/O threads when it is dropped, because one of them hangs. They end with the process.
    pub fn abandon_threads(&mut self) {
        self.threads.abandon();
    }

    /// Sends what is queued, and sees those out who have closed their half.
    pub fn flush(&mut self) {
        for id in std::mem::take(&mut self.leaving) {
            let left = goodbye(Farewell::ClientLeft, "until next time");
            self.close(id, &left);
        }
        self.network.flush();
        self.threads.flush();
    }

    /// From now on these limits count, for the sessions that are there too. See [`Network::set_limits`].
    pub fn set_limits(&mut self, limits: Limits) {
        self.threads.order_all(|| Order::Limits(Box::new(limits.clone())));
        self.network.set_limits(limits);
    }

    /// Counts since the start.
    #[must_use]
    pub fn stats(&self) -> NetStats {
        let mut sum = self.network.stats().clone();
        self.threads.stats().for_each(|stats| sum.add(&stats));
        sum
    }

    /// Takes in nobody any more. Those who wait in the kernel's queue are refused by it.
    pub fn stop_accepting(&mut self) {
        self.network.stop_accepting();
    }

    /// Sessions that hold a socket, those that are being ended included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.network.session_count() + self.threads.sessions()
    }

    /// True when no session is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// True if the session isn't on an I/O thread.
const fn is_here(id: SessionId) -> bool {
    token::io_thread(id) == 0
}

/// From sockets on this thread to the reception.
struct Here<'a, R> {
    reception: &'a mut R,
    leaving: &'a mut Vec<SessionId>,
}

impl<R: Reception> Inbox for Here<'_, R> {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, peer: SocketAddr) {
        self.reception.opened(id, peer);
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        if let Err(last) = self.reception.packet(id, packet) {
            sessions.close(id, &last);
        }
    }

    fn half_closed(&mut self, _: &mut Sessions, id: SessionId) {
        self.leaving.push(id);
    }

    fn recovered(&mut self, sessions: &mut Sessions, id: SessionId) {
        self.reception.recovered(id);
        sessions.resume_motion(id);
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, reason: CloseReason) {
        self.reception.closed(id, reason);
    }
}
