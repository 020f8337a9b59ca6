//! From bytes to messages.

use std::hint::black_box;

use anyhow::ensure;
use protocol::v1::Move;
use protocol::{ClientMessage as _, Envelope, decode_client, encode_client_frame, split_frame};

use crate::Work;

/// How many are read.
const FRAMES: u32 = 1000;
/// Bytes that a frame may have; far above a move's.
const LIMIT: usize = 4096;

/// A thousand moves in one read: found, opened and decoded.
pub(crate) fn frames() -> anyhow::Result<Work> {
    let mut bytes = Vec::new();
    for sequence in 0..FRAMES {
        let heading = sequence * 65;
        encode_client_frame(&mut bytes, 0, &Move { heading, walking: true, sequence });
    }
    Ok(Box::new(move || assert_eq!(read(&bytes).ok(), Some(FRAMES))))
}

fn read(mut bytes: &[u8]) -> anyhow::Result<u32> {
    let mut read = 0;
    while let Some(frame) = split_frame(bytes, LIMIT)? {
        let envelope = Envelope::parse(frame.packet)?;
        ensure!(envelope.id == Move::INFO.id, "this is no move");
        black_box(decode_client::<Move>(envelope.payload)?);
        bytes = &bytes[frame.consumed..];
        read += 1;
    }
    Ok(read)
}
