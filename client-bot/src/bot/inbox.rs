//! Cuts a stream that arrives in arbitrary pieces into frames. Owns memory only while a frame is unfinished.

use protocol::{FrameError, split_frame};

/// The longest frame that a bot accepts, in bytes: a view in which 10,000 enter at once (of about 60 bytes each) fits, and
/// a mad length costs nothing.
pub const MAX_FRAME: usize = 1 << 20;

/// The unfinished frame at the end of what was received.
#[derive(Debug, Default)]
pub struct Inbox {
    rest: Vec<u8>,
}

impl Inbox {
    /// Calls `each` with the packet of every frame that `bytes` completes, until it returns `false` (the
    /// connection is over, what follows is dropped). Returns the number of frames.
    ///
    /// # Errors
    /// When a frame's length is malformed or above [`MAX_FRAME`].
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<usize, FrameError> {
        let mut joined = std::mem::take(&mut self.rest);
        let all: &[u8] = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let (mut at, mut frames) = (0, 0);
        while let Some(frame) = split_frame(&all[at..], MAX_FRAME)? {
            at += frame.consumed;
            frames += 1;
            if !each(frame.packet) {
                return Ok(frames);
            }
        }
        self.rest = all[at..].to_vec();
        Ok(frames)
    }

    /// Forgets the unfinished frame: its connection is gone.
    pub fn clear(&mut self) {
        self.rest = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: [u8; 9] = [2, b'a', b'b', 0, 1, b'c', 2, b'd', b'e'];

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut() {
        for piece in 1..=STREAM.len() {
            let (mut inbox, mut seen) = (Inbox::default(), Vec::new());
            for bytes in STREAM.chunks(piece) {
                inbox
                    .feed(bytes, |packet| {
                        seen.push(packet.to_vec());
                        true
                    })
                    .unwrap();
            }
            assert_eq!(seen, [&b"ab"[..], b"", b"c", b"de"], "pieces of {piece}");
            assert!(inbox.rest.is_empty());
        }
    }

    #[test]
    fn nothing_is_read_after_the_connection_is_over() {
        let (mut inbox, mut seen) = (Inbox::default(), 0);
        let frames = inbox
            .feed(&STREAM, |_| {
                seen += 1;
                seen < 2
            })
            .unwrap();
        assert_eq!((frames, seen), (2, 2));
        assert!(inbox.rest.is_empty());
    }

    #[test]
    fn a_mad_length_is_refused_before_its_bytes() {
        let mut inbox = Inbox::default();
        assert!(inbox.feed(&[0xff, 0xff, 0xff, 0x7f], |_| true).is_err());
    }
}
