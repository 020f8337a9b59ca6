//! The envelope of a packet: which message it holds, and for which request. Read without decoding the message.

use crate::varint::{Varint, read_varint};

/// The `request` field of both packets.
pub(crate) const REQUEST_FIELD: u32 = 16;
/// Field numbers that belong to the envelope; every other length-delimited field is a body.
const ENVELOPE_FIELDS: std::ops::RangeInclusive<u32> = 16..=31;

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED64: u64 = 1;
pub(crate) const WIRE_BYTES: u64 = 2;
const WIRE_GROUP: u64 = 3;
const WIRE_GROUP_END: u64 = 4;
const WIRE_FIXED32: u64 = 5;
/// Groups inside each other that are skipped: as many as prost follows.
const MAX_GROUPS: usize = 100;

/// A packet's parts, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Chosen by the client for its answers and refusals; 0 for none.
    pub request: u32,
    /// The message id: the field number of the body.
    pub id: u32,
    /// The encoded message.
    pub payload: &'a [u8],
}

/// Why a frame holds no packet. Each ends the connection: its sender doesn't speak the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes are not a protobuf message.
    #[error("the packet is not a protobuf message")]
    Malformed,
    /// No body.
    #[error("the packet has no body")]
    NoBody,
    /// A second body, be it of the same kind.
    #[error("the packet has two bodies, {first} and {second}")]
    TwoBodies {
        /// Id of the first.
        first: u32,
        /// Id of the one that is too many.
        second: u32,
    },
}

impl<'a> Envelope<'a> {
    /// Reads the packet's fields without decoding its body. Fields that are no bodies are skipped, so that later
    /// versions can extend the envelope.
    ///
    /// # Errors
    /// When the bytes are no protobuf message or hold anything but exactly one body.
    pub fn parse(packet: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut reader = Reader { rest: packet };
        let (mut request, mut body) = (0, None::<(u32, &[u8])>);
        while let Some((field, wire)) = reader.key()? {
            match wire {
                WIRE_VARINT => {
                    let value = reader.varint()?;
                    if field == REQUEST_FIELD {
                        request = u32::try_from(value).map_err(|_| EnvelopeError::Malformed)?;
                    }
                }
                WIRE_BYTES => {
                    let length = reader.varint()?;
                    let payload = reader.take(length)?;
                    if ENVELOPE_FIELDS.contains(&field) {
                        continue;
                    }
                    if let Some((first, _)) = body {
                        return Err(EnvelopeError::TwoBodies { first, second: field });
                    }
                    body = Some((field, payload));
                }
                _ => reader.skip(field, wire)?,
            }
        }
        let (id, payload) = body.ok_or(EnvelopeError::NoBody)?;
        Ok(Self { request, id, payload })
    }
}

/// Walks the fields of a protobuf message.
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next field's number and wire type, `None` at the end.
    pub(crate) fn key(&mut self) -> Result<Option<(u32, u64)>, EnvelopeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| EnvelopeError::Malformed)?;
        if field == 0 { Err(EnvelopeError::Malformed) } else { Ok(Some((field, key & 7))) }
    }

    pub(crate) fn varint(&mut self) -> Result<u64, EnvelopeError> {
        let Varint::Value(value, length) = read_varint(self.rest) else {
            return Err(EnvelopeError::Malformed);
        };
        self.rest = &self.rest[length..];
        Ok(value)
    }

    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8], EnvelopeError> {
        let length = usize::try_from(length).map_err(|_| EnvelopeError::Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(EnvelopeError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Skips the value of `field`, whose wire type is `wire`; of a group, all that is in it.
    pub(crate) fn skip(&mut self, field: u32, wire: u64) -> Result<(), EnvelopeError> {
        if wire != WIRE_GROUP {
            return self.skip_value(wire);
        }
        let mut open = vec![field];
        while let Some(&group) = open.last() {
            let (field, wire) = self.key()?.ok_or(EnvelopeError::Malformed)?;
            match wire {
                WIRE_GROUP if open.len() < MAX_GROUPS => open.push(field),
                WIRE_GROUP_END if field == group => _ = open.pop(),
                _ => self.skip_value(wire)?,
            }
        }
        Ok(())
    }

    fn skip_value(&mut self, wire: u64) -> Result<(), EnvelopeError> {
        let length = match wire {
            WIRE_VARINT => return self.varint().map(drop),
            WIRE_FIXED64 => 8,
            WIRE_FIXED32 => 4,
            WIRE_BYTES => self.varint()?,
            _ => return Err(EnvelopeError::Malformed),
        };
        self.take(length).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{ClientPacket, Move, Ping, client_packet::Body};
    use prost::Message as _;

    fn packet(request: u32, body: Body) -> Vec<u8> {
        ClientPacket { request, body: Some(body) }.encode_to_vec()
    }

    #[test]
    fn finds_id_request_and_payload_that_prost_wrote() {
        let step = Move { heading: 3, walking: true, sequence: 9 };
        let bytes = packet(77, Body::Move(step));
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!((envelope.request, envelope.id), (77, 1));
        assert_eq!(Move::decode(envelope.payload).unwrap(), step);
    }

    #[test]
    fn refuses_a_second_body_of_another_or_the_same_kind() {
        let ping = packet(0, Body::Ping(Ping { nonce: 1 }));
        let step = packet(0, Body::Move(Move::default()));
        let two = EnvelopeError::TwoBodies { first: 3, second: 1 };
        assert_eq!(Envelope::parse(&[ping.clone(), step].concat()), Err(two));
        let same = EnvelopeError::TwoBodies { first: 3, second: 3 };
        assert_eq!(Envelope::parse(&[ping.clone(), ping].concat()), Err(same));
    }

    #[test]
    fn skips_unknown_fields_that_are_no_bodies() {
        // Field 17 as bytes (the envelope's range) and field 900 as a varint.
        let unknown = [0x8a, 0x01, 0x02, 1, 2, 0xa0, 0x38, 0x05];
        let bytes = [&unknown[..], &packet(5, Body::Ping(Ping { nonce: 1 }))].concat();
        assert_eq!(Envelope::parse(&bytes).unwrap().id, 3);
    }

    #[test]
    fn skips_an_unknown_group_with_all_that_is_in_it() {
        // Group 900 with a varint, another group and bytes that look like a body.
        let group = [0xa3, 0x38, 0x08, 1, 0x13, 0x0d, 1, 2, 3, 4, 0x14, 0x0a, 1, 7, 0xa4, 0x38];
        let ping = packet(5, Body::Ping(Ping { nonce: 1 }));
        let envelope = [&group[..], &ping, &group].concat();
        assert_eq!(Envelope::parse(&envelope).unwrap().id, 3);
        for length in 1..group.len() {
            let cut = Envelope::parse(&group[..length]);
            assert_eq!(cut, Err(EnvelopeError::Malformed), "cut off after {length} bytes");
        }
        let nested = |depth: usize| [vec![0x13; depth], vec![0x14; depth], ping.clone()].concat();
        assert!(Envelope::parse(&nested(MAX_GROUPS)).is_ok());
        assert_eq!(Envelope::parse(&nested(MAX_GROUPS + 1)), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn a_number_in_a_longer_form_than_needed_is_the_same_number() {
        // Request 5 and the length of the body, with empty bytes behind them.
        let bytes = [0x80, 0x01, 0x85, 0x80, 0x00, 0x1a, 0x82, 0x80, 0x00, 0x08, 0x01];
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!((envelope.request, envelope.id, envelope.payload), (5, 3, &[8, 1][..]));
    }

    #[test]
    fn refuses_what_is_no_message() {
        assert_eq!(Envelope::parse(&[]), Err(EnvelopeError::NoBody));
        // A group that isn't ended, the end of none, and that of another one.
        let groups = [&[0x0b][..], &[0x0c], &[0x0b, 0x14]];
        for bytes in [&[0x0a, 5, 1][..], &[0x00, 1], &[0xff; 12]].into_iter().chain(groups) {
            assert_eq!(Envelope::parse(bytes), Err(EnvelopeError::Malformed), "{bytes:?}");
        }
    }
}
