//! Frames in a byte stream: a varint length, then that many bytes. Any protobuf library that reads delimited
//! streams reads these.

use crate::varint::{Varint, read_varint};

/// The most bytes a length that we send takes: frames are shorter than 2 GiB.
pub const MAX_LENGTH_BYTES: usize = 5;

/// A whole frame at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The packet, without its length.
    pub packet: &'a [u8],
    /// Bytes of the buffer that the frame took, length included.
    pub consumed: usize,
}

/// Why a stream can't be read any further. Both end the connection, since the next frame can't be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is no varint.
    #[error("the frame length is not a varint of at most ten bytes")]
    Malformed,
    /// The length is above the limit.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// What the frame claims, in bytes.
        length: u64,
        /// What is accepted, in bytes.
        limit: usize,
    },
}

/// Finds the frame at the front of `bytes`: `None` while it isn't complete. Nothing is allocated, so a large length
/// costs its receiver nothing until the bytes are there.
///
/// # Errors
/// When the length is malformed or above `limit` bytes; known as soon as the length itself has arrived.
pub fn split_frame(bytes: &[u8], limit: usize) -> Result<Option<Frame<'_>>, FrameError> {
    let (length, prefix) = match read_varint(bytes) {
        Varint::Value(length, prefix) => (length, prefix),
        Varint::Partial => return Ok(None),
        Varint::Malformed => return Err(FrameError::Malformed),
    };
    let Some(size) = usize::try_from(length).ok().filter(|size| *size <= limit) else {
        return Err(FrameError::TooLong { length, limit });
    };
    let consumed = prefix + size;
    Ok(bytes.get(prefix..consumed).map(|packet| Frame { packet, consumed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 4096;

    fn framed(packet: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        crate::put_varint(&mut out, packet.len() as u64);
        out.extend_from_slice(packet);
        out
    }

    #[test]
    fn lengths_at_and_over_the_limit_are_told_apart_before_any_byte_of_the_packet() {
        for (length, fits) in [(0, true), (1, true), (4096, true), (4097, false), (1 << 31, false)]
        {
            let mut prefix = Vec::new();
            crate::put_varint(&mut prefix, length);
            assert_eq!(split_frame(&prefix, LIMIT).is_ok(), fits, "length {length}");
        }
        let mut largest = Vec::new();
        crate::put_varint(&mut largest, u64::MAX);
        let too_long = FrameError::TooLong { length: u64::MAX, limit: LIMIT };
        assert_eq!(split_frame(&largest, LIMIT), Err(too_long));
    }

    #[test]
    fn a_length_in_a_longer_form_than_needed_is_the_same_length() {
        for (bytes, consumed) in [
            (&[0x80, 0x00][..], 2),
            (&[0x81, 0x80, 0x00, 9], 4),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 10),
        ] {
            let frame = split_frame(bytes, LIMIT).unwrap().unwrap();
            assert_eq!(frame.consumed, consumed, "{bytes:?}");
        }
    }

    #[test]
    fn a_length_of_more_than_ten_bytes_or_64_bits_is_refused() {
        for bytes in [
            &[0xff; 10][..],
            &[0x80; 11],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2],
        ] {
            assert_eq!(split_frame(bytes, LIMIT), Err(FrameError::Malformed), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn every_split_of_a_stream_yields_the_same_frames(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8),
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let stream: Vec<u8> = packets.iter().flat_map(|packet| framed(packet)).collect();
            let (mut buffer, mut seen, mut rest) = (Vec::new(), Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                rest = later;
                buffer.extend_from_slice(now);
                while let Some(frame) = split_frame(&buffer, LIMIT).unwrap() {
                    seen.push(frame.packet.to_vec());
                    let consumed = frame.consumed;
                    buffer.drain(..consumed);
                }
            }
            prop_assert_eq!(seen, packets);
            prop_assert!(buffer.is_empty());
        }
    }
}
