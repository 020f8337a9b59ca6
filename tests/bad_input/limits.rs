//! Too much, too seldom, too many: rates, deadlines, places.

use std::io::Write as _;
use std::time::Duration;

use protocol::v1::server_packet::Body;
use protocol::v1::{Farewell, Hello, Ping, TokenLogin};
use protocol::{PROTOCOL_VERSION, encode_client_frame, put_varint};
use tests::client::{Client, mint};

use super::Scene;

fn hello() -> Hello {
    Hello { protocol_version: PROTOCOL_VERSION, client: "late".into() }
}

#[test]
fn more_packets_than_the_burst_allows_end_the_session_as_flooding() {
    let mut scene = Scene::new();
    let mut client = Client::log_in(scene.server.address, "flood");
    let mut ping = Vec::new();
    encode_client_frame(&mut ping, 0, &Ping { nonce: 1 });
    client.send_bytes(&ping.repeat(200));
    let farewell = scene.ends(&mut client, Farewell::Flooding);
    assert!(farewell.message.contains("packets"), "{farewell:?}");
}

#[test]
fn more_bytes_than_the_burst_allows_end_the_session_as_flooding() {
    let mut scene = Scene::new();
    let mut client = Client::log_in(scene.server.address, "flood");
    // A ping of 4,096 bytes: 20 of them are few packets and 80 KB.
    let mut frame = vec![0x80, 0x20, 0x1a, 0x00, 0x8a, 0x01];
    put_varint(&mut frame, 4090);
    frame.resize(4098, 0);
    client.send_bytes(&frame.repeat(20));
    let farewell = scene.ends(&mut client, Farewell::Flooding);
    assert!(farewell.message.contains("bytes"), "{farewell:?}");
}

#[test]
fn who_says_nothing_for_the_heartbeat_timeout_is_told_so_and_who_pings_stays() {
    let mut scene = Scene::with(|setup| setup.set("network.heartbeat_timeout", "1s"));
    let mut silent = Client::log_in(scene.server.address, "silent");
    let waiting = std::thread::spawn(move || silent.read_to_end());
    while !waiting.is_finished() {
        scene.neighbour.plays();
    }
    let farewell = waiting.join().unwrap().unwrap();
    assert_eq!(farewell.reason(), Farewell::Silent);
    scene.neighbour.plays();
}

#[test]
fn who_has_not_logged_in_by_the_deadline_is_sent_away_however_busy_it_seems() {
    let mut scene = Scene::with(|setup| setup.set("network.login_deadline", "1s"));
    let address = scene.server.address;
    let clients = [
        Client::connect(address),
        Client::greet(address),
        Client::greet(address),
        Client::greet(address),
    ];
    let [_, _, busy, dribbler] =
        clients.each_ref().map(|client| client.stream.try_clone().unwrap());
    let waiting = clients.map(|mut client| std::thread::spawn(move || client.read_to_end()));

    let mut ping = Vec::new();
    encode_client_frame(&mut ping, 1, &Ping { nonce: 1 });
    let mut login = Vec::new();
    let token = mint("drip");
    encode_client_frame(&mut login, 1, &TokenLogin { token });
    let mut bytes = login.iter();
    while waiting.iter().any(|client| !client.is_finished()) {
        // They may be gone already.
        let _ = (&busy).write_all(&ping);
        let _ = (&dribbler).write_all(&[*bytes.next().expect("the deadline comes first")]);
        // At this pace the login takes five seconds.
        std::thread::sleep(Duration::from_millis(25));
        scene.neighbour.plays();
    }
    for client in waiting {
        let farewell = client.join().unwrap().unwrap();
        assert_eq!(farewell.reason(), Farewell::LoginTimeout);
    }
    scene.neighbour.plays();
}

#[test]
fn a_full_server_says_so_and_when_to_come_back_and_has_room_again_when_somebody_leaves() {
    let mut scene = Scene::with(|setup| setup.set("network.max_sessions", 4));
    let address = scene.server.address;
    let mut guests: Vec<Client> = (0..3).map(|_| Client::greet(address)).collect();
    for _ in 0..3 {
        let mut late = Client::connect(address);
        let farewell = scene.ends(&mut late, Farewell::ServerFull);
        assert!(farewell.retry_after_ms > 0);
    }
    guests.pop().unwrap().reset();
    loop {
        // The reset is noticed as soon as the server reads it, which may be after this connection.
        let mut next = Client::connect(address);
        next.send(0, &hello());
        let first = next.next().expect("an answer");
        if matches!(first.body, Some(Body::Welcome(_))) {
            break;
        }
    }
    scene.neighbour.plays();
}

#[test]
fn one_address_gets_so_many_sessions_and_others_still_get_theirs() {
    let mut scene = Scene::with(|setup| {
        setup.set("network.sessions_per_address", 3).set("network.limit_loopback", true)
    });
    let address = scene.server.address;
    let _guests = [Client::greet(address), Client::greet(address)];
    let mut fourth = Client::connect(address);
    scene.ends(&mut fourth, Farewell::TooManyFromAddress);

    let _elsewhere = Client::connect_from([127, 0, 0, 2], address).greeted();
}
