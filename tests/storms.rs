//! Weather that a server on the open internet meets: signals, resets, dribbles, half-closes, no descriptors left. Those
//! who play don't notice.

use std::io::Write as _;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use client_bot::Scenario;
use protocol::v1::{Farewell, Hello, TokenLogin};
use protocol::{PROTOCOL_VERSION, encode_client_frame};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tests::client::{Client, mint};
use tests::server::{PATIENCE, ServerProcess, ServerSetup};
use tests::swarm::Bots;

const BOTS: usize = 50;

/// A server of no particular configuration, and bots in it.
fn populated() -> (ServerProcess, Bots) {
    let server = ServerSetup::new().start();
    let bots = Bots::play(server.address, BOTS, Scenario::Wander);
    (server, bots)
}

/// All that a client sends from the greeting to the login.
fn login_bytes(account: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "storm".into() };
    encode_client_frame(&mut bytes, 1, &hello);
    let token = mint(account);
    encode_client_frame(&mut bytes, 2, &TokenLogin { token });
    bytes
}

/// Waits until the server has given back what it took since it had `base` descriptors.
fn wait_for_descriptors(server: &ServerProcess, base: usize) {
    let deadline = Instant::now() + PATIENCE;
    while server.descriptors() > base {
        let open = server.descriptors();
        assert!(Instant::now() < deadline, "{open} descriptors, {base} before");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_thousand_signals_under_load_change_nothing() {
    let (mut server, bots) = populated();
    for round in 0..1000 {
        server.signal([Signal::HUP, Signal::WINCH, Signal::CONT, Signal::URG][round % 4]);
        if round % 100 == 0 {
            bots.go_on();
        }
    }
    bots.go_on();
    let log = server.log.text();
    assert!(log.contains("configuration: nothing has changed"), "{log}");
    bots.stop_unharmed();
    assert!(server.stop().success());
}

#[test]
fn two_thousand_resets_at_any_point_harm_nobody_and_leave_nothing_behind() {
    let (server, bots) = populated();
    let base = server.descriptors();
    for round in 0..2000_usize {
        let mut client = Client::connect(server.address);
        let bytes = login_bytes(&format!("storm-{}", round % 50));
        // Anywhere from nothing at all to a login whose answer is on its way.
        let sent = round * 7919 % (bytes.len() + 1);
        client.send_bytes(&bytes[..sent]);
        let greeted = sent > usize::from(bytes[0]);
        if round % 3 == 0 && greeted {
            drop(client.next());
        }
        client.reset();
    }
    bots.go_on();
    wait_for_descriptors(&server, base);
    bots.stop_unharmed();
}

#[test]
fn dribbles_and_half_closes_harm_nobody() {
    let (server, bots) = populated();
    let base = server.descriptors();
    // Byte by byte, many at a time, through the whole login.
    let mut dribblers: Vec<(Client, Vec<u8>)> = (0..30)
        .map(|number| {
            let client = Client::connect(server.address);
            (client, login_bytes(&format!("drip-{number}")))
        })
        .collect();
    let longest = dribblers.iter().map(|(_, bytes)| bytes.len()).max().unwrap();
    for at in 0..longest {
        for (client, bytes) in &mut dribblers {
            if let Some(byte) = bytes.get(at) {
                client.stream.write_all(&[*byte]).unwrap();
            }
        }
    }
    for (client, _) in &mut dribblers {
        client.expect::<protocol::v1::LoggedIn>();
    }
    // Half-closes everywhere between nothing and all of a login.
    for round in 0..200_usize {
        let mut client = Client::connect(server.address);
        let bytes = login_bytes("half");
        client.send_bytes(&bytes[..round * 31 % bytes.len()]);
        client.stream.shutdown(Shutdown::Write).unwrap();
        let farewell = client.read_to_end().unwrap();
        assert_eq!(farewell.reason(), Farewell::ClientLeft);
    }
    drop(dribblers);
    bots.go_on();
    wait_for_descriptors(&server, base);
    bots.stop_unharmed();
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure is what a reader wants")]
fn without_descriptors_everybody_is_refused_with_a_reason_and_later_everybody_is_served() {
    let (server, bots) = populated();
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    let limit = |current| Rlimit { current: Some(current), maximum: Some(current) };
    prlimit(pid, Resource::Nofile, limit(256)).unwrap();

    let began = (Instant::now(), server.cpu());
    let (mut served, mut refused) = (Vec::new(), 0);
    for _ in 0..1000 {
        let mut client = Client::connect(server.address);
        let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "crowd".into() };
        client.send(0, &hello);
        match client.next().expect("an answer, be it a refusal").body {
            Some(protocol::v1::server_packet::Body::Welcome(_)) => served.push(client),
            Some(protocol::v1::server_packet::Body::Goodbye(goodbye)) => {
                assert_eq!(goodbye.reason(), Farewell::ServerFull);
                assert!(goodbye.retry_after_ms > 0);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(served.len() > 100 && refused > 700, "{} served, {refused} refused", served.len());
    assert!(server.descriptors() <= 256);
    bots.go_on();
    let (wall, cpu) = (began.0.elapsed(), server.cpu() - began.1);
    println!("full with 256 descriptors: {cpu:?} of processor in {wall:?}, {refused} refused");
    let lines = server.log.text().matches("can't accept").count() as u64;
    assert!((1..=wall.as_secs() + 2).contains(&lines), "{lines} in {wall:?}");

    // Connections made now wait or are refused; after the others have gone, who comes is served.
    let places = served.len();
    drop(served);
    for _ in 0..places {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut client = Client::connect(server.address);
            client.send_bytes(&login_bytes("later"));
            let answer = client.next().expect("an answer").body;
            if matches!(answer, Some(protocol::v1::server_packet::Body::Welcome(_))) {
                break;
            }
            assert!(Instant::now() < deadline, "{answer:?}");
        }
    }
    bots.stop_unharmed();
}

#[test]
fn two_thousand_logins_that_come_and_go_leave_nothing_behind() {
    let (server, bots) = populated();
    let base = server.descriptors();
    for round in 0..2000 {
        let client = Client::log_in(server.address, &format!("cycle-{}", round % 20));
        if round % 4 == 0 {
            client.reset();
        }
    }
    bots.go_on();
    wait_for_descriptors(&server, base);
    bots.stop_unharmed();
    let log = server.log.text();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}
