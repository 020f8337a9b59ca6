//! What happens when the process runs out of descriptors. In a process of its own, because the limit is the process's.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::fs::File;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use game::SessionId;
use prost::Message as _;
use protocol::v1::{Farewell, ServerPacket, server_packet::Body};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::net::{CloseReason, Framing, Inbox, Limits, Network, Sessions};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[derive(Default)]
struct Open(Vec<SessionId>);

impl Inbox for Open {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, _: SocketAddr) {
        self.0.push(id);
    }
    fn frame(&mut self, _: &mut Sessions, _: SessionId, _: &[u8]) {}
    fn closed(&mut self, _: &mut Sessions, id: SessionId, _: CloseReason) {
        self.0.retain(|open| *open != id);
    }
}

fn pass(network: &mut Network, open: &mut Open) {
    network.wait(Some(Duration::from_millis(5))).unwrap();
    network.receive(Instant::now(), open);
    network.flush();
}

fn listen() -> Network {
    let any = "127.0.0.1:0".parse().unwrap();
    Network::bind(any, Framing::Delimited, Limits::default(), Instant::now()).unwrap()
}

fn dial(network: &Network) -> TcpStream {
    TcpStream::connect(network.local_addr()).unwrap()
}

/// Forbids descriptors with this number and above.
fn set_limit(first_forbidden: u64, before: Rlimit) {
    let current = Some(first_forbidden);
    setrlimit(Resource::Nofile, Rlimit { current, ..before }).unwrap();
}

/// The lowest number that is free.
fn next_descriptor() -> u64 {
    let probe = File::open("/dev/null").unwrap();
    u64::try_from(probe.as_raw_fd()).unwrap()
}

#[test]
fn without_descriptors_clients_are_refused_with_a_reason_and_taken_in_as_soon_as_there_are_some() {
    let _alone = ONE_AT_A_TIME.lock();
    let mut network = listen();
    let mut open = Open::default();
    let mut clients: Vec<TcpStream> = (0..100).map(|_| dial(&network)).collect();
    let before = getrlimit(Resource::Nofile);
    set_limit(next_descriptor() + 10, before);

    while network.stats().farewells(Farewell::ServerFull) < 90 {
        pass(&mut network, &mut open);
    }
    assert_eq!(open.0.len(), 10, "as many as there were descriptors");
    assert_eq!(network.stats().out_of_descriptors, 90);
    for refused in &mut clients[10..] {
        let mut bytes = Vec::new();
        refused.read_to_end(&mut bytes).unwrap();
        let packet = ServerPacket::decode_length_delimited(bytes.as_slice()).unwrap();
        let Some(Body::Goodbye(goodbye)) = packet.body else {
            panic!("{packet:?}");
        };
        assert_eq!(goodbye.reason(), Farewell::ServerFull);
    }

    let wakeups = network.stats().wakeups;
    for _ in 0..3 {
        pass(&mut network, &mut open);
    }
    assert_eq!(network.stats().wakeups - wakeups, 3);
    assert_eq!(network.stats().out_of_descriptors, 90, "no spin once all are told");

    clients.truncate(10);
    setrlimit(Resource::Nofile, before).unwrap();
    clients.extend((0..50).map(|_| dial(&network)));
    while open.0.len() < 60 {
        pass(&mut network, &mut open);
    }
}

#[test]
fn without_even_the_reserve_those_who_wait_are_taken_in_when_there_are_descriptors_again() {
    let _alone = ONE_AT_A_TIME.lock();
    let mut network = listen();
    let mut open = Open::default();
    let waiting: Vec<TcpStream> = (0..3).map(|_| dial(&network)).collect();
    let before = getrlimit(Resource::Nofile);
    set_limit(3, before);
    let start = Instant::now();
    for _ in 0..20 {
        pass(&mut network, &mut open);
    }
    assert!(open.0.is_empty());
    assert_eq!(network.stats().farewells(Farewell::ServerFull), 0);
    assert!(start.elapsed() >= Duration::from_millis(50), "it spins");
    setrlimit(Resource::Nofile, before).unwrap();
    while open.0.len() < waiting.len() {
        pass(&mut network, &mut open);
    }
}
