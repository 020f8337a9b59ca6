//! The parts of a [`View`](crate::v1::View) frame. Repeated protobuf fields concatenate, so what a cell shows is
//! encoded once and copied into the frame of everyone who sees it.

use bytes::BufMut;
use prost::Message;

use crate::message::ServerMessage as _;
use crate::v1::{Cell, CellState, View};
use crate::varint::{put_varint, varint_len};

/// What a [`View`] says about itself, for a client that only counts: decoding this skips the view's entries
/// and allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ViewHeader {
    /// The tick that the view shows.
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    /// `sequence` of the last `Move` that the position of the own entity includes.
    #[prost(uint32, tag = "2")]
    pub ack: u32,
}

/// What a [`View`] says but for motion, which is most of a view in a crowd, and digests: decoding this skips them.
#[derive(Clone, PartialEq, Message)]
pub struct ViewStates {
    /// As in [`View`].
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    /// As in [`View`].
    #[prost(uint32, tag = "2")]
    pub ack: u32,
    /// As in [`View`].
    #[prost(message, optional, tag = "3")]
    pub anchor: Option<Cell>,
    /// As in [`View`].
    #[prost(bool, tag = "4")]
    pub reset: bool,
    /// As in [`View`].
    #[prost(message, repeated, tag = "6")]
    pub states: Vec<CellState>,
}

impl From<ViewStates> for View {
    fn from(ViewStates { tick, ack, anchor, reset, states }: ViewStates) -> Self {
        Self { tick, ack, anchor, reset, states, ..Self::default() }
    }
}

pub(crate) const LENGTH_DELIMITED: u64 = 2;
const STATES_FIELD: u64 = 6;

/// Appends `state` as an entry of `View.states`.
pub fn put_cell_state(out: &mut impl BufMut, state: &CellState) {
    put_varint(out, STATES_FIELD << 3 | LENGTH_DELIMITED);
    put_varint(out, state.encoded_len() as u64);
    state.encode_raw(out);
}

/// Appends what comes before the `payload` bytes of a `View`: the frame's length, the body's key and its length.
/// The caller appends a view's header fields and entries, `payload` bytes in all.
pub fn put_view_prefix(out: &mut impl BufMut, payload: usize) {
    let key = u64::from(View::INFO.id) << 3 | LENGTH_DELIMITED;
    put_varint(out, (varint_len(key) + varint_len(payload as u64) + payload) as u64);
    put_varint(out, key);
    put_varint(out, payload as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MotionColumn;
    use crate::v1::{CellMotion, Motion, ServerPacket, server_packet::Body};

    #[test]
    fn a_view_put_together_from_parts_reads_as_one_message() {
        let state = CellState { column: 3, row: 4, snapshot: true, ..CellState::default() };
        let motions = vec![Motion { entity: 9, x: 1, y: 2, heading: 3, speed: 4 }];
        let motion = CellMotion { column: 3, row: 4, motions };
        let header = View { tick: 8, ack: 2, ..View::default() };
        assert_eq!(
            ViewHeader::decode(header.encode_to_vec().as_slice()).unwrap(),
            ViewHeader { tick: 8, ack: 2 }
        );
        let mut payload = header.encode_to_vec();
        put_cell_state(&mut payload, &state);
        let mut column = MotionColumn::new();
        column.begin(3, 4);
        motion.motions.iter().for_each(|entry| column.push(entry));
        column.put(&mut payload);
        let without_motion = View { states: vec![state.clone()], ..header.clone() };
        assert_eq!(View::from(ViewStates::decode(payload.as_slice()).unwrap()), without_motion);
        let mut frame = Vec::new();
        put_view_prefix(&mut frame, payload.len());
        frame.extend_from_slice(&payload);
        let packet = ServerPacket::decode_length_delimited(frame.as_slice()).unwrap();
        let whole = View { states: vec![state], motions: vec![motion], ..header };
        assert_eq!(packet.body, Some(Body::View(whole)));
    }
}
