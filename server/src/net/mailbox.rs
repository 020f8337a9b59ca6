//! Where one thread leaves things for another, in order, and never waits for it.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things, and the bytes that belong to them one after the other in one buffer.
#[derive(Debug)]
pub(super) struct Batch<T> {
    pub(super) things: Vec<T>,
    pub(super) bytes: Vec<u8>,
    /// The reader should look now, not when it comes by.
    pub(super) urgent: bool,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { things: Vec::new(), bytes: Vec::new(), urgent: false }
    }
}

impl<T> Batch<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Bytes, things included.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len() + self.things.len() * size_of::<T>()
    }

    /// Adds a thing that the reader should see soon.
    pub(super) fn push_urgent(&mut self, thing: T) {
        self.things.push(thing);
        self.urgent = true;
    }

    /// Empty again, with the memory that it has.
    pub(super) fn clear(&mut self) {
        self.things.clear();
        self.bytes.clear();
        self.urgent = false;
    }

    /// Moves everything behind what is in `earlier`.
    fn move_behind(&mut self, earlier: &mut Self) {
        if earlier.is_empty() {
            mem::swap(self, earlier);
        } else {
            earlier.things.append(&mut self.things);
            earlier.bytes.extend_from_slice(&self.bytes);
            earlier.urgent |= self.urgent;
        }
        self.clear();
    }
}

/// What the writer does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: the reader has been woken, or comes by.
    Quietly,
    /// Wakes the reader.
    Wake,
    /// Keeps its batch: there is no room for it. The reader wakes it when there is.
    NoRoom,
}

/// One writer's place for one reader. The lock is held for a swap, or a copy of what the reader is behind; batches go
/// round, so that in the long run none is allocated.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    room: usize,
    slot: Mutex<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    batch: Batch<T>,
    /// The reader has been woken and not come yet.
    woken: bool,
    /// The writer has more and found no room.
    writer_waits: bool,
}

impl<T> Mailbox<T> {
    /// Takes batches as long as fewer than `room` bytes lie here.
    pub(super) fn new(room: usize) -> Self {
        let slot = Slot { batch: Batch::default(), woken: false, writer_waits: false };
        Self { room, slot: Mutex::new(slot) }
    }

    /// Leaves all that is in `batch`. The reader is woken for what is urgent, and before a quarter of the room is taken.
    pub(super) fn leave(&self, batch: &mut Batch<T>) -> Left {
        let mut slot = self.lock();
        if slot.batch.size() >= self.room {
            slot.writer_waits = true;
            return Left::NoRoom;
        }
        batch.move_behind(&mut slot.batch);
        let wake = slot.batch.urgent || slot.batch.size() >= self.room / 4;
        if !wake || mem::replace(&mut slot.woken, true) { Left::Quietly } else { Left::Wake }
    }

    /// Takes all that is here into `batch`, which must be empty. True if the writer waits for room and must be woken.
    pub(super) fn take(&self, batch: &mut Batch<T>) -> bool {
        debug_assert!(batch.is_empty());
        let mut slot = self.lock();
        mem::swap(&mut slot.batch, batch);
        slot.woken = false;
        mem::take(&mut slot.writer_waits)
    }

    /// Bytes that lie here.
    pub(super) fn size(&self) -> usize {
        self.lock().batch.size()
    }

    /// True if the writer found no room, and nothing was taken since.
    #[cfg(test)]
    pub(super) fn writer_waits(&self) -> bool {
        self.lock().writer_waits
    }

    /// A thread that panicked while it held the lock has left a whole batch: nothing in here panics half-way.
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 80;

    fn leave(mailbox: &Mailbox<u64>, things: &[u64], urgent: bool) -> Left {
        let bytes = things.iter().map(|thing| thing.to_le_bytes()[0]).collect();
        let mut batch = Batch { things: things.to_vec(), bytes, urgent };
        let left = mailbox.leave(&mut batch);
        assert_eq!(batch.is_empty(), left != Left::NoRoom);
        left
    }

    fn take(mailbox: &Mailbox<u64>) -> (Vec<u64>, Vec<u8>, bool) {
        let mut batch = Batch::default();
        let writer_waits = mailbox.take(&mut batch);
        (batch.things, batch.bytes, writer_waits)
    }

    #[test]
    fn what_was_left_is_taken_once_and_in_order() {
        let mailbox = Mailbox::new(ROOM);
        leave(&mailbox, &[1, 2], false);
        leave(&mailbox, &[3], false);
        assert_eq!(take(&mailbox), (vec![1, 2, 3], vec![1, 2, 3], false));
        assert_eq!(take(&mailbox), (vec![], vec![], false));
    }

    #[test]
    fn the_reader_is_woken_once_until_it_comes_and_only_when_there_is_a_reason() {
        let mailbox = Mailbox::new(ROOM);
        assert_eq!(leave(&mailbox, &[1], false), Left::Quietly);
        assert_eq!(leave(&mailbox, &[2], true), Left::Wake);
        assert_eq!(leave(&mailbox, &[3], true), Left::Quietly);
        take(&mailbox);
        assert_eq!(leave(&mailbox, &[4], true), Left::Wake);
        take(&mailbox);
        assert_eq!(leave(&mailbox, &[5, 6, 7], false), Left::Wake, "much to read is a reason");
    }

    #[test]
    fn without_room_the_writer_keeps_its_batch_and_hears_when_there_is_some() {
        let mailbox = Mailbox::new(ROOM);
        assert_eq!(leave(&mailbox, &[1; 10], false), Left::Wake);
        assert_eq!(leave(&mailbox, &[2], true), Left::NoRoom);
        let (things, _, writer_waits) = take(&mailbox);
        assert_eq!((things.len(), writer_waits), (10, true));
        assert_eq!(leave(&mailbox, &[2], true), Left::Wake);
        assert_eq!(take(&mailbox), (vec![2], vec![2], false));
    }
}
