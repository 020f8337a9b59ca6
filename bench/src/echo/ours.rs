//! An echo through our sessions: framed, its envelope read, routed by its id, answered.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BufMut as _;
use game::SessionId;
use protocol::v1::Farewell;
use protocol::{Envelope, put_varint};
use server::net::{CloseReason, Framing, Inbox, Limits, Network, Rate, Sessions, goodbye};

use crate::floor::ECHOED;
use crate::load::WELCOME;

/// Bytes of a frame that aren't its text: its length, the key of its body, and the body's length.
const OVERHEAD: usize = 4;
/// The first id of modules outside the repository.
const ECHO: u32 = protocol::FIRST_MODULE_ID;
/// More than anybody sends: the rates are checked, as in a real server, and never exceeded.
const NO_END: u32 = 1_000_000_000;

/// What is echoed: a frame of [`ECHOED`] bytes.
pub(crate) fn frame() -> Vec<u8> {
    const LENGTH_DELIMITED: u64 = 2;
    let mut frame = Vec::with_capacity(ECHOED);
    let text = ECHOED - OVERHEAD;
    put_varint(&mut frame, ECHOED as u64 - 1);
    put_varint(&mut frame, u64::from(ECHO) << 3 | LENGTH_DELIMITED);
    put_varint(&mut frame, text as u64);
    frame.resize(ECHOED, b'x');
    frame
}

/// The bounds of a server, with room for a measurement.
pub(crate) fn limits() -> Limits {
    let rate = Some(Rate { per_second: NO_END, burst: NO_END });
    Limits { max_sessions: 16_000, packet_rate: rate, byte_rate: rate, ..Limits::default() }
}

/// Runs until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    let limits = limits();
    server::net::raise_descriptor_limit(limits.max_sessions)?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut network = Network::bind(any, Framing::Delimited, limits, Instant::now())?;
    println!("ready {}", network.local_addr());
    loop {
        network.wait(None)?;
        network.receive(Instant::now(), &mut Echo);
        network.flush();
    }
}

struct Echo;

impl Inbox for Echo {
    fn opened(&mut self, sessions: &mut Sessions, id: SessionId, _: SocketAddr) {
        sessions.mark_logged_in(id);
        sessions.send(id, &[WELCOME]);
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        match Envelope::parse(packet) {
            Ok(Envelope { id: ECHO, .. }) => answer(sessions, id, packet),
            Ok(_) => sessions.close(id, &goodbye(Farewell::Malformed, "only echoes here")),
            Err(error) => sessions.close(id, &goodbye(Farewell::Malformed, error.to_string())),
        }
    }

    fn read(&mut self, sessions: &mut Sessions, id: SessionId) {
        sessions.flush_session(id);
    }

    fn closed(&mut self, _: &mut Sessions, _: SessionId, _: CloseReason) {}
}

fn answer(sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
    if let Some(out) = sessions.outgoing(id) {
        let out = out.tail();
        put_varint(out, packet.len() as u64);
        out.put_slice(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_has_its_size_and_holds_an_echo() {
        let bytes = frame();
        assert_eq!(bytes.len(), ECHOED);
        let frame = protocol::split_frame(&bytes, ECHOED).unwrap().unwrap();
        assert_eq!(frame.consumed, ECHOED);
        assert_eq!(Envelope::parse(frame.packet).unwrap().id, ECHO);
    }
}
