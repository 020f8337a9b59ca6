//! Bytes that are no frames, frames that are no packets.

use protocol::v1::{Command, EnterWorld, Farewell, LeaveWorld, Move, Ping, WatchDigest};
use protocol::{ClientMessage, encode_client_frame, put_varint};
use tests::client::Client;

use super::Scene;

/// A frame around these bytes.
fn framed(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    put_varint(&mut frame, packet.len() as u64);
    frame.extend_from_slice(packet);
    frame
}

/// A packet of kind `M` with this payload.
fn packet_of<M: ClientMessage>(payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    put_varint(&mut packet, u64::from(M::INFO.id) << 3 | 2);
    put_varint(&mut packet, payload.len() as u64);
    packet.extend_from_slice(payload);
    packet
}

/// A ping that is so long, by an envelope field that nobody knows.
fn padded_ping(length: usize) -> Vec<u8> {
    let ping = packet_of::<Ping>(&[]);
    // Key and length of field 17 take four bytes.
    let padding = length - ping.len() - 4;
    assert!((128..16_384).contains(&padding), "its length takes two bytes");
    let mut packet = ping;
    put_varint(&mut packet, 17 << 3 | 2);
    put_varint(&mut packet, padding as u64);
    packet.resize(length, 0);
    packet
}

#[test]
fn a_length_that_is_no_varint_ends_the_session_as_malformed() {
    let mut scene = Scene::new();
    let address = scene.server.address;
    for (text, bytes) in [
        ("eleven bytes", &[0xff; 11][..]),
        ("beyond 64 bits", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..]),
    ] {
        for mut client in [Client::connect(address), Client::log_in(address, "mal")] {
            client.send_bytes(bytes);
            let farewell = scene.ends(&mut client, Farewell::Malformed);
            assert!(farewell.message.contains("varint"), "{text}: {farewell:?}");
        }
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_length_alone_before_the_login_and_after() {
    let mut scene = Scene::new();
    let address = scene.server.address;

    let mut stranger = Client::greet(address);
    stranger.send_bytes(&framed(&padded_ping(4096)));
    stranger.ping();
    stranger.send_bytes(&[0x81, 0x20]);
    let farewell = scene.ends(&mut stranger, Farewell::FrameTooLong);
    assert!(farewell.message.contains("4097"), "{farewell:?}");

    let mut guest = Client::log_in(address, "long");
    guest.send_bytes(&framed(&padded_ping(4096)));
    guest.ping();
    guest.send_bytes(&[0x81, 0x20]);
    scene.ends(&mut guest, Farewell::FrameTooLong);

    let mut boaster = Client::connect(address);
    boaster.send_bytes(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    scene.ends(&mut boaster, Farewell::FrameTooLong);
}

#[test]
fn a_packet_without_exactly_one_body_ends_the_session_as_malformed() {
    let mut scene = Scene::new();
    let mut two = Vec::new();
    encode_client_frame(&mut two, 5, &Ping { nonce: 1 });
    let ping = two.split_off(1);
    let step = packet_of::<Move>(&[]);
    for (text, packet) in [
        ("no body", vec![]),
        ("two of a kind", [&ping[..], &ping].concat()),
        ("two kinds", [&ping[..], &step].concat()),
        ("no protobuf", vec![0x0b, 0x01]),
        ("a body that is longer than the packet", vec![0x1a, 0x7f]),
    ] {
        let mut client = Client::log_in(scene.server.address, "bodies");
        client.send_bytes(&framed(&packet));
        let farewell = scene.ends(&mut client, Farewell::Malformed);
        assert!(farewell.message.contains("packet"), "{text}: {farewell:?}");
    }
}

#[test]
fn a_payload_that_is_not_what_its_id_says_ends_the_session_as_undecodable() {
    let mut scene = Scene::new();
    let address = scene.server.address;
    // Field 1 as a string that is longer than the message.
    let garbage = [0x0a, 0x7f, 0x01];

    let mut greeting = Client::connect(address);
    greeting.send_bytes(&framed(&packet_of::<protocol::v1::Hello>(&garbage)));
    let farewell = scene.ends(&mut greeting, Farewell::Undecodable);
    assert!(farewell.message.contains("Hello"), "{farewell:?}");

    let mut lobby = Client::log_in(address, "garble");
    lobby.send_bytes(&framed(&packet_of::<EnterWorld>(&garbage)));
    scene.ends(&mut lobby, Farewell::Undecodable);

    for (name, packet) in [
        ("Move", packet_of::<Move>(&garbage)),
        ("Command", packet_of::<Command>(&garbage)),
        ("WatchDigest", packet_of::<WatchDigest>(&garbage)),
        ("LeaveWorld", packet_of::<LeaveWorld>(&garbage)),
    ] {
        let (mut world, _) = Client::enter(address, "garble", "Garble");
        world.send_bytes(&framed(&packet));
        let farewell = scene.ends(&mut world, Farewell::Undecodable);
        assert!(farewell.message.contains(name), "{farewell:?}");
    }
}

#[test]
fn half_a_frame_and_a_reset_in_it_harm_nobody() {
    let mut scene = Scene::new();
    let base = scene.server.descriptors();
    for _ in 0..50 {
        let mut client = Client::log_in(scene.server.address, "reset");
        client.send_bytes(&[100, 1, 2, 3]);
        client.reset();
    }
    scene.neighbour.plays();
    while scene.server.descriptors() > base {
        scene.neighbour.plays();
    }
}

#[test]
fn a_half_closed_client_gets_its_answers_and_then_the_end() {
    let mut scene = Scene::new();
    let mut client = Client::greet(scene.server.address);
    client.send(7, &Ping { nonce: 3 });
    client.half_close();
    let (request, pong) = client.expect_answer::<protocol::v1::Pong>();
    assert_eq!((request, pong.nonce), (7, 3));
    scene.ends(&mut client, Farewell::ClientLeft);

    let mut cut_off = Client::greet(scene.server.address);
    cut_off.send_bytes(&[100, 1, 2, 3]);
    cut_off.half_close();
    scene.ends(&mut cut_off, Farewell::ClientLeft);
}
