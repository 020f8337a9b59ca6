//! Letters that wait, first in, first out, and never more than two bounds allow.

use std::collections::VecDeque;

use super::QueueBounds;

/// The queue is full; nothing was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A queue bounded by number and by bytes.
#[derive(Debug)]
pub(super) struct Queue<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    bounds: QueueBounds,
}

impl<T> Queue<T> {
    pub(super) const fn new(bounds: QueueBounds) -> Self {
        Self { items: VecDeque::new(), bytes: 0, bounds }
    }

    /// Whether an item of `bytes` may be pushed now.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.items.len() < self.bounds.letters
            && self.bytes.saturating_add(bytes) <= self.bounds.bytes
    }

    pub(super) fn push(&mut self, item: T, bytes: usize) -> Result<(), Full> {
        if !self.has_room(bytes) {
            return Err(Full);
        }
        self.bytes += bytes;
        self.items.push_back((bytes, item));
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let (bytes, item) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(letters: usize, bytes: usize) -> Queue<char> {
        Queue::new(QueueBounds { letters, bytes })
    }

    #[test]
    fn the_number_of_letters_is_bounded() {
        let mut queue = queue(2, 100);
        assert_eq!(queue.push('a', 0), Ok(()));
        assert_eq!(queue.push('b', 0), Ok(()));
        assert_eq!(queue.push('c', 0), Err(Full));
        assert_eq!(queue.pop(), Some('a'));
        assert_eq!(queue.push('c', 0), Ok(()));
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn the_bytes_are_bounded_and_come_back() {
        let mut queue = queue(100, 10);
        assert_eq!(queue.push('a', 6), Ok(()));
        assert_eq!(queue.push('b', 5), Err(Full));
        assert_eq!(queue.push('c', 4), Ok(()));
        assert_eq!(queue.pop(), Some('a'));
        assert_eq!(queue.push('b', 5), Ok(()));
        assert_eq!(queue.pop(), Some('c'));
        assert_eq!(queue.pop(), Some('b'));
        assert!(queue.is_empty() && queue.has_room(10));
    }
}
