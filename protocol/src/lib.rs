//! What travels between clients and server: frames, the packet envelope and the messages.
//!
//! A frame is an unsigned varint length and that many bytes; the bytes are one [`v1::ClientPacket`] or
//! [`v1::ServerPacket`]. The field number of the packet's body is the message id, so a reader can find out what a
//! frame holds ([`Envelope::parse`]) and decode just that. This crate alone knows the byte layout.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may end at the first surprise"))]

// Generated code names this crate as crates outside do.
extern crate self as protocol;

mod address;
mod envelope;
mod frame;
mod message;
mod motion;
mod varint;
mod view;

pub use address::{AddressError, Host, PublicAddress};
pub use envelope::{Envelope, EnvelopeError};
pub use frame::{Frame, FrameError, MAX_LENGTH_BYTES, split_frame};
pub use message::{
    Bound, ClientInfo, ClientMessage, DecodeError, FIRST_MODULE_ID, Lane, Packing, Phase,
    ServerInfo, ServerMessage, decode_client, encode_client_frame, encode_server_frame,
};
pub use motion::MotionColumn;
pub use varint::{put_varint, varint_len};
pub use view::{ViewHeader, ViewStates, put_cell_state, put_view_prefix};

/// The version that [`v1::Hello`] must name.
pub const PROTOCOL_VERSION: u32 = 1;

/// The messages of `proto/realmbeat/v1`, with the ids, lanes, phases and bounds that they state as options.
pub mod v1 {
    #![allow(
        missing_docs,
        clippy::use_self,
        clippy::doc_markdown,
        unused_qualifications,
        reason = "generated code"
    )]
    include!(concat!(env!("OUT_DIR"), "/realmbeat.v1.rs"));
}
