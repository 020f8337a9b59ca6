//! The payloads of packets on their way to the game, side by side in large chunks: an allocation for thousands of
//! them instead of one for each.

use bytes::{Bytes, BytesMut};

/// Bytes of a chunk: what 1,000 sessions that steer send in a second. It lives as long as the last payload in it, which
/// is until the next tick.
const CHUNK: usize = 64 << 10;

/// Where payloads are copied to.
#[derive(Debug, Default)]
pub(super) struct Payloads(BytesMut);

impl Payloads {
    /// A copy of `payload` that outlives the buffer in which it arrived.
    pub(super) fn copy(&mut self, payload: &[u8]) -> Bytes {
        if self.0.capacity() < payload.len() {
            // Takes the old chunk again if nothing in it is needed any more.
            self.0.reserve(CHUNK.max(payload.len()));
        }
        self.0.extend_from_slice(payload);
        self.0.split().freeze()
    }

    /// Begins a chunk from its front again, so that the payloads of each tick lie where those of the last one did. To be
    /// called when those have been dropped; what hasn't been keeps its memory.
    pub(super) fn rewind(&mut self) {
        self.0.reserve(CHUNK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_stay_what_they_were_however_many_follow() {
        let mut payloads = Payloads::default();
        let lengths = [0, 1, 7, 500, 4096, CHUNK, CHUNK + 1, 3];
        let numbered = |round: usize| vec![round.to_le_bytes()[0]; lengths[round % lengths.len()]];
        let copies: Vec<Bytes> = (0..200).map(|round| payloads.copy(&numbered(round))).collect();
        for (round, copy) in copies.iter().enumerate() {
            assert_eq!(*copy, numbered(round), "payload {round}");
        }
    }

    #[test]
    fn ticks_use_the_same_memory_again_and_again() {
        let mut payloads = Payloads::default();
        payloads.rewind();
        let first = payloads.copy(b"first").as_ptr();
        for _ in 0..100 {
            payloads.rewind();
            let kept: Vec<Bytes> = (0..100).map(|number| payloads.copy(&[number; 50])).collect();
            assert_eq!(kept[0].as_ptr(), first);
        }
    }

    #[test]
    fn thousands_of_small_payloads_lie_in_one_chunk() {
        let mut payloads = Payloads::default();
        let first = payloads.copy(&[1; 12]).as_ptr() as usize;
        let last = (1..5_000).map(|_| payloads.copy(&[2; 12]).as_ptr() as usize).last();
        assert_eq!(last.map(|last| last - first), Some(4_999 * 12));
    }
}
