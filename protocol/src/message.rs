//! What a message kind is: its id, when it may come, in which lane it goes, how it is decoded and encoded.

use bytes::BufMut;
use prost::Message;

use crate::envelope::{REQUEST_FIELD, Reader, WIRE_BYTES};
use crate::varint::{put_varint, varint_len};

/// The first message id of modules outside this repository; those below are ours.
pub const FIRST_MODULE_ID: u32 = 1000;

/// When a client message is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The first message of a connection and never again.
    Greeting,
    /// After the greeting, before an account is known.
    Login,
    /// Logged in, no character in the world.
    Lobby,
    /// A character is in the world.
    World,
    /// Any time after the greeting.
    Any,
}

/// The order in which a server message reaches its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What happens around you. Never held back.
    World,
    /// What you own. Held until its commit is durable, first in, first out.
    Value,
}

/// A kind of message that clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientInfo {
    /// The field number in [`ClientPacket`](crate::v1::ClientPacket); 1000 and up for modules outside this repository.
    pub id: u32,
    /// The name of the protobuf message.
    pub name: &'static str,
    /// When it is accepted.
    pub phase: Phase,
    /// One for each repeated field, checked before decoding.
    pub bounds: &'static [Bound],
}

/// The most elements of a repeated field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The field's number.
    pub field: u32,
    /// The most elements.
    pub limit: u32,
    /// How elements are told apart where several stand in one entry.
    pub packing: Packing,
}

/// How the elements of a repeated field stand together. Numbers may come in packed runs, whether a field is declared so or
/// not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Each entry is one element: messages, strings and bytes.
    Never,
    /// A run of varints: integers, enums and truth values.
    Varints,
    /// A run of so many bytes each: 4 or 8.
    Fixed(usize),
}

impl ClientInfo {
    /// A message of a module outside this repository: accepted in the world, without repeated fields. One that has
    /// some names their bounds.
    ///
    /// # Panics
    /// While compiling, with an id below [`FIRST_MODULE_ID`].
    #[must_use]
    pub const fn of_module(id: u32, name: &'static str) -> Self {
        assert!(id >= FIRST_MODULE_ID, "ids of modules outside the repository start at 1000");
        Self { id, name, phase: Phase::World, bounds: &[] }
    }
}

/// A kind of message that the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerInfo {
    /// The field number in [`ServerPacket`](crate::v1::ServerPacket); 1000 and up for modules outside this repository.
    pub id: u32,
    /// The name of the protobuf message.
    pub name: &'static str,
    /// In which order it reaches its client.
    pub lane: Lane,
}

impl ServerInfo {
    /// A message of a module outside this repository.
    ///
    /// # Panics
    /// While compiling, with an id below [`FIRST_MODULE_ID`].
    #[must_use]
    pub const fn of_module(id: u32, name: &'static str, lane: Lane) -> Self {
        assert!(id >= FIRST_MODULE_ID, "ids of modules outside the repository start at 1000");
        Self { id, name, lane }
    }
}

/// A message that clients send. Generated from its options in a `.proto` file, for [`v1`](crate::v1) and for crates
/// outside this repository (`protocol_build::compile`); one with a struct of its own implements it by hand.
pub trait ClientMessage: Message + Default {
    /// Its id, name, phase and bounds.
    const INFO: ClientInfo;
}

/// A message that the server sends. Implemented as [`ClientMessage`] is.
pub trait ServerMessage: Message {
    /// Its id, name and lane.
    const INFO: ServerInfo;
}

/// Why a payload isn't the message that its id says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the protobuf encoding of this message.
    #[error("the payload is no {message}: {reason}")]
    Payload {
        /// The message's name.
        message: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// More elements than a repeated field may have.
    #[error("field {field} of {message} repeats more than {limit} times")]
    TooManyItems {
        /// The message's name.
        message: &'static str,
        /// The repeated field's number.
        field: u32,
        /// The most elements it may have.
        limit: u32,
    },
}

/// Decodes the payload of a client packet as `M`.
///
/// # Errors
/// When a repeated field is over its bound (counted before anything is allocated) or the bytes are no `M`.
pub fn decode_client<M: ClientMessage>(payload: &[u8]) -> Result<M, DecodeError> {
    let message = M::INFO.name;
    let failed = |reason: String| DecodeError::Payload { message, reason };
    if !M::INFO.bounds.is_empty() {
        check_bounds(&M::INFO, payload)?;
    }
    M::decode(payload).map_err(|error| failed(error.to_string()))
}

/// Counts each repeated field's elements, those of packed runs too: a byte of a run decodes to eight.
fn check_bounds(info: &ClientInfo, payload: &[u8]) -> Result<(), DecodeError> {
    let failed = |error: crate::EnvelopeError| DecodeError::Payload {
        message: info.name,
        reason: error.to_string(),
    };
    for &Bound { field, limit, packing } in info.bounds {
        let mut reader = Reader { rest: payload };
        let mut elements = 0_usize;
        while let Some((number, wire)) = reader.key().map_err(failed)? {
            let before = reader.rest;
            reader.skip(number, wire).map_err(failed)?;
            if number != field {
                continue;
            }
            let mut entry = Reader { rest: &before[..before.len() - reader.rest.len()] };
            elements += match wire {
                WIRE_BYTES => entry.varint().map(|_| elements_in(entry.rest, packing)).unwrap_or(1),
                _ => 1,
            };
        }
        if u32::try_from(elements).is_ok_and(|elements| elements <= limit) {
            continue;
        }
        return Err(DecodeError::TooManyItems { message: info.name, field, limit });
    }
    Ok(())
}

/// Elements in the bytes of a length-delimited entry.
fn elements_in(entry: &[u8], packing: Packing) -> usize {
    match packing {
        Packing::Never => 1,
        // Each varint ends with a byte without the top bit.
        Packing::Varints => entry.iter().filter(|byte| **byte & 0x80 == 0).count(),
        Packing::Fixed(size) => entry.len() / size.max(1),
    }
}

/// Appends the frame of a server packet to `out`.
pub fn encode_server_frame<M: ServerMessage>(out: &mut impl BufMut, request: u32, message: &M) {
    encode_frame(out, M::INFO.id, request, message);
}

/// Appends the frame of a client packet to `out`.
pub fn encode_client_frame<M: ClientMessage>(out: &mut impl BufMut, request: u32, message: &M) {
    encode_frame(out, M::INFO.id, request, message);
}

fn encode_frame<M: Message>(out: &mut impl BufMut, id: u32, request: u32, message: &M) {
    const LENGTH_DELIMITED: u64 = 2;
    let request_key = u64::from(REQUEST_FIELD) << 3;
    let body_key = u64::from(id) << 3 | LENGTH_DELIMITED;
    let payload = message.encoded_len();
    let mut packet = varint_len(body_key) + varint_len(payload as u64) + payload;
    if request != 0 {
        packet += varint_len(request_key) + varint_len(u64::from(request));
    }
    put_varint(out, packet as u64);
    if request != 0 {
        put_varint(out, request_key);
        put_varint(out, u64::from(request));
    }
    put_varint(out, body_key);
    put_varint(out, payload as u64);
    message.encode_raw(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Hello, Refused, ServerPacket, server_packet::Body};
    use crate::{Envelope, split_frame};

    #[test]
    fn a_frame_of_ours_is_what_prost_reads_as_delimited() {
        let refused = Refused { reason: 6, message: "no".into(), retry_after_ms: 5 };
        let mut bytes = Vec::new();
        encode_server_frame(&mut bytes, 300, &refused);
        let packet = ServerPacket::decode_length_delimited(bytes.as_slice()).unwrap();
        assert_eq!(packet, ServerPacket { request: 300, body: Some(Body::Refused(refused)) });
        assert_eq!(packet.encode_length_delimited_to_vec().len(), bytes.len());
    }

    #[test]
    fn a_frame_decodes_to_the_message_it_was_made_of() {
        let hello = Hello { protocol_version: 1, client: "test".into() };
        let mut bytes = Vec::new();
        encode_client_frame(&mut bytes, 0, &hello);
        let frame = split_frame(&bytes, 1024).unwrap().unwrap();
        let envelope = Envelope::parse(frame.packet).unwrap();
        assert_eq!(decode_client::<Hello>(envelope.payload).unwrap(), hello);
    }

    #[derive(Clone, PartialEq, Message)]
    struct Bag {
        #[prost(message, repeated, tag = "1")]
        items: Vec<Hello>,
    }

    impl ClientMessage for Bag {
        const INFO: ClientInfo =
            ClientInfo { bounds: &[BAG], ..ClientInfo::of_module(1000, "Bag") };
    }

    const BAG: Bound = Bound { field: 1, limit: 3, packing: Packing::Never };

    #[test]
    fn repetition_over_its_bound_is_refused_before_it_is_decoded() {
        let bag = |count| Bag { items: vec![Hello::default(); count] }.encode_to_vec();
        assert!(decode_client::<Bag>(&bag(3)).is_ok());
        let too_many = DecodeError::TooManyItems { message: "Bag", field: 1, limit: 3 };
        assert_eq!(decode_client::<Bag>(&bag(4)), Err(too_many));
    }

    /// Numbers in both ways in which they are packed.
    #[derive(Clone, PartialEq, Message)]
    struct Numbers {
        #[prost(uint64, repeated, tag = "1")]
        varints: Vec<u64>,
        #[prost(fixed32, repeated, tag = "2")]
        words: Vec<u32>,
    }

    impl ClientMessage for Numbers {
        const INFO: ClientInfo = ClientInfo {
            bounds: &[
                Bound { field: 1, limit: 3, packing: Packing::Varints },
                Bound { field: 2, limit: 3, packing: Packing::Fixed(4) },
            ],
            ..ClientInfo::of_module(1000, "Numbers")
        };
    }

    #[test]
    fn the_elements_of_packed_runs_are_counted_before_they_are_decoded() {
        let numbers = |varints: &[u64], words: &[u32]| {
            Numbers { varints: varints.to_vec(), words: words.to_vec() }.encode_to_vec()
        };
        let most = numbers(&[0, u64::MAX, 128], &[0, 1, u32::MAX]);
        assert!(decode_client::<Numbers>(&most).is_ok());
        for (bytes, field) in [
            (numbers(&[1; 4], &[]), 1),
            (numbers(&[], &[1; 4]), 2),
            (numbers(&[1; 200], &[]), 1),
            // Two runs, and a run and a single one.
            ([numbers(&[1; 2], &[]), numbers(&[1; 2], &[])].concat(), 1),
            ([numbers(&[1; 3], &[]), vec![0x08, 7]].concat(), 1),
        ] {
            let too_many = DecodeError::TooManyItems { message: "Numbers", field, limit: 3 };
            assert_eq!(decode_client::<Numbers>(&bytes), Err(too_many));
        }
        assert!(decode_client::<Numbers>(&[0x0a, 0]).is_ok(), "an empty run");
        assert!(decode_client::<Numbers>(&[0x0a, 2, 0x80, 0x80]).is_err(), "a run that is cut off");
    }

    /// The ids that clients in the field rely on. A line may be added; none may change or go.
    const PUBLISHED: &str = include_str!("../message_ids.txt");

    #[test]
    fn message_ids_are_append_only() {
        let clients = crate::v1::CLIENT_MESSAGES.iter().map(|info| ("client", info.id, info.name));
        let servers = crate::v1::SERVER_MESSAGES.iter().map(|info| ("server", info.id, info.name));
        let now: Vec<String> =
            clients.chain(servers).map(|(side, id, name)| format!("{side} {id} {name}")).collect();
        for line in PUBLISHED.lines() {
            assert!(now.iter().any(|entry| entry == line), "{line:?} was published and is gone");
        }
        for entry in &now {
            assert!(
                PUBLISHED.lines().any(|line| line == entry),
                "{entry:?} isn't in message_ids.txt: run `cargo xtask proto`"
            );
        }
    }
}
