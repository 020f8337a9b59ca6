//! Unsigned varints as protobuf writes them: seven bits a byte, least significant first, top bit set but for the last.

use bytes::BufMut;

/// Bytes that `value` takes as a varint: 1 to 10.
#[must_use]
pub fn varint_len(value: u64) -> usize {
    prost::encoding::encoded_len_varint(value)
}

/// Appends `value` as a varint.
pub fn put_varint(out: &mut impl BufMut, value: u64) {
    prost::encoding::encode_varint(value, out);
}

/// What the front of a buffer holds.
pub(crate) enum Varint {
    /// A value, and the bytes it took.
    Value(u64, usize),
    /// The buffer ends inside the varint.
    Partial,
    /// More than ten bytes, or a value beyond 64 bits.
    Malformed,
}

/// Reads the varint at the front of `bytes`, in at most ten bytes. As protobuf has it, a longer form than needed is the same
/// value: some encoders leave room for a length and fill it in later.
pub(crate) fn read_varint(bytes: &[u8]) -> Varint {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return Varint::Malformed;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Varint::Value(value, index + 1);
        }
    }
    if bytes.len() >= 10 { Varint::Malformed } else { Varint::Partial }
}
