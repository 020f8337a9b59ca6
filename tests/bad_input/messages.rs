//! Messages that are whole but out of place.

use protocol::v1::{
    EnterWorld, Farewell, Hello, ListCharacters, Login, Move, Ping, Refusal, Refused, TokenLogin,
};
use protocol::{PROTOCOL_VERSION, put_varint};
use tests::client::Client;

use super::Scene;

/// A frame with an empty body of this id, as request 8.
fn empty_message(id: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0x01, 8];
    put_varint(&mut packet, u64::from(id) << 3 | 2);
    packet.push(0);
    let mut frame = Vec::new();
    put_varint(&mut frame, packet.len() as u64);
    [frame, packet].concat()
}

#[test]
fn an_unknown_message_is_refused_with_its_request_and_the_session_goes_on() {
    let mut scene = Scene::new();
    let (mut client, _) = Client::enter(scene.server.address, "curious", "Curious");
    for id in [8, 47, 500, 1000, 536_870_911] {
        client.send_bytes(&empty_message(id));
        let (request, refused) = client.expect_refusal();
        assert_eq!((request, refused.reason()), (8, Refusal::UnknownMessage), "{id}");
        assert!(refused.message.contains(&id.to_string()), "{refused:?}");
        client.ping();
    }
    scene.neighbour.plays();
}

#[test]
fn a_message_in_the_wrong_state_is_refused_with_its_request() {
    let scene = Scene::new();
    let address = scene.server.address;
    let (step, hello) = (Move::default(), Hello::default());
    let token = TokenLogin { token: "x".into() };
    let enter = EnterWorld { character: 1 };

    let mut client = Client::connect(address);
    assert_eq!(client.refusal(1, &step), Refusal::WrongPhase);
    assert_eq!(client.refusal(2, &token), Refusal::WrongPhase);
    assert_eq!(client.refusal(3, &Ping { nonce: 1 }), Refusal::WrongPhase);

    let mut client = Client::greet(address);
    assert_eq!(client.refusal(4, &hello), Refusal::WrongPhase);
    assert_eq!(client.refusal(5, &enter), Refusal::WrongPhase);
    assert_eq!(client.refusal(6, &step), Refusal::WrongPhase);

    let mut client = Client::log_in(address, "early");
    assert_eq!(client.refusal(7, &token), Refusal::WrongPhase);
    assert_eq!(client.refusal(8, &step), Refusal::WrongPhase);
    client.ping();

    let (mut client, _) = Client::enter(address, "early", "Early");
    assert_eq!(client.refusal(9, &hello), Refusal::WrongPhase);
    assert_eq!(client.refusal(10, &ListCharacters {}), Refusal::WrongPhase);
    assert_eq!(client.refusal(11, &enter), Refusal::WrongPhase);
    client.ping();
}

#[test]
fn who_goes_on_sending_what_is_refused_is_sent_away() {
    let mut scene = Scene::new();
    let mut client = Client::greet(scene.server.address);
    for _ in 0..16 {
        client.send_bytes(&empty_message(500));
    }
    scene.ends(&mut client, Farewell::TooManyErrors);
    let refused = |packet: &&protocol::v1::ServerPacket| {
        matches!(&packet.body, Some(protocol::v1::server_packet::Body::Refused(Refused { .. })))
    };
    assert_eq!(client.seen.iter().filter(refused).count(), 16);
}

#[test]
fn another_version_is_told_which_one_the_server_speaks() {
    let mut scene = Scene::new();
    for protocol_version in [0, PROTOCOL_VERSION + 1, u32::MAX] {
        let mut client = Client::connect(scene.server.address);
        let hello = Hello { protocol_version, client: "from the future".into() };
        client.send(1, &hello);
        let farewell = scene.ends(&mut client, Farewell::WrongVersion);
        assert_eq!(farewell.protocol_version, PROTOCOL_VERSION);
    }
}

#[test]
fn a_request_before_the_answer_to_the_last_one_is_refused_as_busy() {
    let scene = Scene::new();
    let mut client = Client::greet(scene.server.address);
    let login = Login { account: "nobody".into(), password: "wrong password".into() };
    // Both in one write, so that the server reads the second before it can have answered the first.
    let mut both = Vec::new();
    protocol::encode_client_frame(&mut both, 1, &login);
    protocol::encode_client_frame(&mut both, 2, &login);
    client.send_bytes(&both);
    let (request, refused) = client.expect_refusal();
    assert_eq!((request, refused.reason()), (2, Refusal::Busy));
    let (request, refused) = client.expect_refusal();
    assert_eq!((request, refused.reason()), (1, Refusal::BadCredentials));
}
