//! Bytes on their way to one client. A session that has nothing to send owns no buffer: it borrows one from the pool
//! with the first byte and gives it back with the last.

use bytes::BufMut;

/// Buffers kept for the next session that has something to send: as many as there are sessions that one pass reads and
/// answers, so that none of them is allocated anew each time.
const POOLED_BUFFERS: usize = 1024;
/// Bytes of the largest buffer that is kept; what a slow reader blew up is freed. With [`POOLED_BUFFERS`]: 16 MiB.
const POOLED_CAPACITY: usize = 16 << 10;
/// Bytes of a new buffer: a view of a busy place fits without growing.
const FIRST_CAPACITY: usize = 4 << 10;

/// Time that a client has to take bytes before they count against the hard limit, in nanoseconds: a tick at the usual rate.
/// What was said since then no client could have taken.
const HARD_LIMIT_PATIENCE: u64 = 100_000_000;

/// A session's unsent bytes.
#[derive(Debug, Default)]
pub struct Outgoing {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that are sent.
    sent: usize,
    /// Bytes of `unsent` that were there at the last look of [`Self::overdue`].
    old: usize,
    /// When that was, in nanoseconds since the network was bound.
    looked_at: u64,
    pub(super) slow: bool,
    /// It was slow, and what the game has said since doesn't make up for it yet.
    pub(super) stale: bool,
}

impl Outgoing {
    /// True from the moment the soft limit is passed until the client has taken everything. Leave out what can be
    /// left out; [`Inbox::recovered`](super::Inbox::recovered) tells when to make up for it.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        self.slow
    }

    /// True if positions may go out. They may not from the moment the client is slow until the next tick knows that it
    /// isn't any more: what was said before presumes positions that this client hasn't got.
    pub(super) const fn takes_motion(&self) -> bool {
        !self.slow && !self.stale
    }

    /// Where whole frames are appended. What is appended can't be taken back.
    pub const fn tail(&mut self) -> &mut (impl BufMut + use<>) {
        &mut self.buffer
    }

    /// Bytes appended and not yet taken by the kernel.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.buffer.len() - self.sent
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.buffer[self.sent..]
    }

    pub(super) const fn advance(&mut self, sent: usize) {
        self.sent += sent;
        self.old = self.old.saturating_sub(sent);
    }

    /// Unsent bytes that the client could have taken, at the time `now`.
    pub(super) const fn overdue(&mut self, now: u64) -> usize {
        if now.saturating_sub(self.looked_at) < HARD_LIMIT_PATIENCE {
            return 0;
        }
        let overdue = self.old;
        self.old = self.pending();
        self.looked_at = now;
        overdue
    }

    /// Makes ready for appending. Sent bytes are dropped only once they are half of the buffer, so that each byte is
    /// moved once at most however often a write was partial.
    pub(super) fn open(&mut self, pool: &mut BufferPool) {
        if self.buffer.capacity() == 0 {
            self.buffer = pool.take();
        } else if self.sent > 0 && self.sent >= self.pending() {
            self.buffer.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Gives the buffer back. Whatever is unsent is lost.
    pub(super) fn release(&mut self, pool: &mut BufferPool) {
        self.sent = 0;
        self.old = 0;
        pool.put(std::mem::take(&mut self.buffer));
    }

    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Buffers that no session needs now. Last in, first out: when sessions are flushed one after the other, all of them
/// are served from one buffer that stays in the processor's cache.
#[derive(Debug, Default)]
pub(super) struct BufferPool {
    free: Vec<Vec<u8>>,
}

impl BufferPool {
    fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_else(|| Vec::with_capacity(FIRST_CAPACITY))
    }

    fn put(&mut self, mut buffer: Vec<u8>) {
        let useful = (1..=POOLED_CAPACITY).contains(&buffer.capacity());
        if useful && self.free.len() < POOLED_BUFFERS {
            buffer.clear();
            self.free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order_whatever_was_taken_between() {
        let (mut out, mut pool) = (Outgoing::default(), BufferPool::default());
        let (mut expected, mut seen) = (Vec::new(), Vec::new());
        for step in 0..200_usize {
            let frame = vec![step.to_le_bytes()[0]; step % 17];
            out.open(&mut pool);
            out.tail().put_slice(&frame);
            expected.extend_from_slice(&frame);
            let taken = out.pending().min(step % 13);
            seen.extend_from_slice(&out.unsent()[..taken]);
            out.advance(taken);
        }
        seen.extend_from_slice(out.unsent());
        assert_eq!(seen, expected);
    }

    #[test]
    fn bytes_are_overdue_when_the_client_had_time_to_take_them() {
        let (mut out, mut pool) = (Outgoing::default(), BufferPool::default());
        let at = |tenths: u64| tenths * HARD_LIMIT_PATIENCE;
        out.open(&mut pool);
        out.tail().put_slice(&[0; 100]);
        assert_eq!(out.overdue(at(5)), 0, "they have just come");
        out.tail().put_slice(&[0; 50]);
        assert_eq!(out.overdue(at(6) - 1), 0);
        out.advance(30);
        assert_eq!(out.overdue(at(6)), 70, "what was sent meanwhile is the oldest");
        assert_eq!(out.overdue(at(7)), 120);
        out.release(&mut pool);
        assert_eq!(out.overdue(at(8)), 0);
    }

    #[test]
    fn sent_bytes_do_not_pile_up_behind_a_reader_that_is_always_a_bit_late() {
        let (mut out, mut pool) = (Outgoing::default(), BufferPool::default());
        for _ in 0..10_000 {
            out.open(&mut pool);
            out.tail().put_slice(&[0; 100]);
            out.advance(out.pending() - 1);
        }
        assert!(out.capacity() <= FIRST_CAPACITY, "{}", out.capacity());
    }

    #[test]
    fn one_buffer_serves_sessions_one_after_the_other_and_large_ones_are_freed() {
        let mut pool = BufferPool::default();
        let mut sessions: Vec<Outgoing> = (0..100).map(|_| Outgoing::default()).collect();
        for out in &mut sessions {
            out.open(&mut pool);
            out.tail().put_slice(&[1; 3000]);
            out.release(&mut pool);
        }
        assert_eq!(pool.free.len(), 1);
        sessions[0].open(&mut pool);
        sessions[0].tail().put_slice(&[1; 2 * POOLED_CAPACITY]);
        sessions[0].release(&mut pool);
        assert_eq!(pool.free.len(), 0);
    }
}
