//! Who gets in.

use super::super::{BindError, Network};
use super::*;

with_io_threads![
    a_full_server_says_so_and_takes_the_next_when_a_place_is_free,
    one_address_gets_its_share_and_others_are_unaffected,
    the_port_of_a_server_that_is_gone_can_be_used_at_once
];

fn a_full_server_says_so_and_takes_the_next_when_a_place_is_free(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits { max_sessions: 2, ..Limits::default() });
    let (first, _) = rig.connect();
    let (_second, _) = rig.connect();
    let mut third = rig.dial();
    third.write_all(&framed(b"hello")).unwrap();
    let goodbye = read_goodbye(&rig.read_to_end(&mut third));
    assert_eq!(goodbye.reason(), Farewell::ServerFull);
    assert!(goodbye.retry_after_ms > 0);
    assert_eq!(rig.inbox.opened.len(), 2);
    reset(first);
    rig.until(|inbox| !inbox.closed.is_empty());
    rig.connect();
    assert_eq!(rig.stats().farewells(Farewell::ServerFull), 1);
}

fn one_address_gets_its_share_and_others_are_unaffected(io_threads: u8) {
    let mut rig = Rig::on(
        io_threads,
        Limits { sessions_per_address: 3, count_loopback: true, ..Limits::default() },
    );
    let mut greedy: Vec<TcpStream> = (0..3).map(|_| rig.connect().0).collect();
    let mut one_more = rig.dial();
    let goodbye = read_goodbye(&rig.read_to_end(&mut one_more));
    assert_eq!(goodbye.reason(), Farewell::TooManyFromAddress);
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let elsewhere: SocketAddr = "127.0.0.2:0".parse().unwrap();
    other.bind(&elsewhere.into()).unwrap();
    other.connect(&rig.clients.local_addr().into()).unwrap();
    rig.until(|inbox| inbox.opened.len() == 4);
    reset(greedy.remove(0));
    rig.until(|inbox| !inbox.closed.is_empty());
    rig.connect();
}

#[test]
fn a_burst_of_connections_is_accepted_a_bounded_number_at_a_time() {
    let mut rig = Rig::new(Limits { accepts_per_pass: 10, ..Limits::default() });
    let clients: Vec<TcpStream> = (0..95).map(|_| rig.dial()).collect();
    let mut seen = 0;
    while seen < clients.len() {
        rig.pass();
        let now = rig.inbox.opened.len();
        assert!(now - seen <= 10 && now > seen, "{seen} and then {now}");
        seen = now;
    }
}

#[test]
fn an_address_in_use_is_one_clear_line() {
    let rig = Rig::new(Limits::default());
    let address = rig.clients.local_addr();
    let again = Network::bind(address, Framing::Raw, Limits::default(), Instant::now());
    let error = again.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    assert!(error.to_string().starts_with(&format!("{address} is in use")));
}

fn the_port_of_a_server_that_is_gone_can_be_used_at_once(io_threads: u8) {
    let mut rig = Rig::on(io_threads, Limits::default());
    let (mut client, id) = rig.connect();
    // The server's side ends first and the client has read all, so that a connection of the port is in TIME_WAIT.
    rig.clients.close(id, &super::super::goodbye(Farewell::Shutdown, ""));
    rig.read_to_end(&mut client);
    drop(client);
    rig.until_empty();
    let address = rig.clients.local_addr();
    drop(rig.clients);
    Network::bind(address, Framing::Raw, Limits::default(), Instant::now()).unwrap();
}

#[test]
fn an_address_elsewhere_is_refused_as_such() {
    let elsewhere = "192.0.2.1:0".parse().unwrap();
    let bound = Network::bind(elsewhere, Framing::Raw, Limits::default(), Instant::now());
    assert!(matches!(bound.unwrap_err(), BindError::NotHere { .. }));
}
