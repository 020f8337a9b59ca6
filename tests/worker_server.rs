//! The worker server: a fixed crew of workers, a bounded queue in front of it, and nobody who is forgotten.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use prost::Message as _;
use protocol::split_frame;
use protocol::v1::server_packet::Body;
use protocol::v1::{Farewell, ServerPacket};
use tests::server::PATIENCE;

use crate::example_process::ExampleProcess;

/// Bytes of a frame that the server sends: a whole request and what stands before it.
const LONGEST: usize = 65 << 10;
/// Requests that a client may have unanswered.
const UNANSWERED: usize = 64;
/// The first byte of an answer to a request that was done.
const DONE: u8 = 1;

struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// What a request came to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done(Vec<u8>),
    Busy,
}

impl Client {
    fn connect(server: &ExampleProcess) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, bytes: Vec::new() }
    }

    fn ask(&mut self, request: &[u8]) {
        self.stream.write_all(&framed(request)).unwrap();
    }

    /// The next answer.
    fn answer(&mut self) -> Answer {
        let packet = self.packet().expect("the server has hung up");
        if packet[0] == DONE { Answer::Done(packet[9..].to_vec()) } else { Answer::Busy }
    }

    /// The next frame; `None` at the end.
    fn packet(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = split_frame(&self.bytes, LONGEST).unwrap() {
                let packet = frame.packet.to_vec();
                self.bytes.drain(..frame.consumed);
                return Some(packet);
            }
            let mut buffer = [0; 1 << 16];
            match self.stream.read(&mut buffer).unwrap() {
                0 => return None,
                count => self.bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// The reason why the server ends the connection, after whatever came before.
    fn farewell(&mut self) -> Farewell {
        let mut last = None;
        while let Some(packet) = self.packet() {
            last = Some(packet);
        }
        let packet = ServerPacket::decode(&*last.expect("it says nothing")).unwrap();
        let Some(Body::Goodbye(goodbye)) = packet.body else {
            panic!("{packet:?} is no goodbye");
        };
        goodbye.reason()
    }
}

fn framed(request: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::put_varint(&mut frame, request.len() as u64);
    frame.extend_from_slice(request);
    frame
}

/// A request that no other one is like.
fn request(client: usize, number: usize, length: usize) -> Vec<u8> {
    let mut request = format!("{client} {number} ").into_bytes();
    request.resize(length, number.to_le_bytes()[0]);
    request
}

#[test]
fn two_thousand_clients_of_five_workers_are_answered_or_refused_and_who_tries_again_is_served() {
    // A request takes some milliseconds, so that two thousand at once are far more than the crew can take.
    let server = ExampleProcess::start_with(
        "worker_server",
        &["--workers", "5", "--queue", "5", "--rounds", "2000"],
    );
    server::net::raise_descriptor_limit(3000).unwrap();
    let mut clients: Vec<Client> = (0..2000).map(|_| Client::connect(&server)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask(&request(number, 0, 1000));
    }
    let mut refused = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        match client.answer() {
            Answer::Done(back) => assert_eq!(back, request(number, 0, 1000)),
            Answer::Busy => refused.push(number),
        }
    }
    let answered = clients.len() - refused.len();
    assert!(answered >= 10, "{answered}: five at work and five in the queue at least");
    assert!(refused.len() > 1000, "{} refused: the queue has a bound", refused.len());
    // One after the other there is always room.
    for number in refused.into_iter().take(50) {
        clients[number].ask(&request(number, 1, 10));
        assert_eq!(clients[number].answer(), Answer::Done(request(number, 1, 10)));
    }
}

#[test]
fn sixty_four_requests_in_flight_over_four_workers_are_answered_in_order_a_hundred_times() {
    const LENGTH: usize = 40_000;
    let server = ExampleProcess::start_with("worker_server", &["--workers", "4", "--queue", "4"]);
    // More clients than the queue has places would be refused now and then, in order as well.
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&server)).collect();
    let began = Instant::now();
    for round in 0..100 {
        let mut asked = vec![Vec::new(); clients.len()];
        for (client, bytes) in asked.iter_mut().enumerate() {
            for number in 0..UNANSWERED {
                bytes.extend(framed(&request(client, round * UNANSWERED + number, LENGTH)));
            }
        }
        send_while_reading(&mut clients, &asked, began);
        for (number, client) in clients.iter_mut().enumerate() {
            for answer in 0..UNANSWERED {
                let expected = request(number, round * UNANSWERED + answer, LENGTH);
                assert!(client.answer() == Answer::Done(expected), "round {round}, {answer}");
            }
        }
    }
}

/// Sends all of it and keeps what comes back meanwhile, so that neither side waits for the other.
fn send_while_reading(clients: &mut [Client], asked: &[Vec<u8>], began: Instant) {
    let mut sent = vec![0; clients.len()];
    let mut buffer = vec![0; 1 << 16];
    clients.iter().for_each(|client| client.stream.set_nonblocking(true).unwrap());
    while sent.iter().zip(asked).any(|(sent, bytes)| *sent < bytes.len()) {
        assert!(began.elapsed() < PATIENCE, "the server takes nothing");
        for ((client, bytes), sent) in clients.iter_mut().zip(asked).zip(&mut sent) {
            match client.stream.write(&bytes[*sent..]) {
                Ok(count) => *sent += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            match client.stream.read(&mut buffer) {
                Ok(count) => client.bytes.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }
    clients.iter().for_each(|client| client.stream.set_nonblocking(false).unwrap());
}

#[test]
fn what_is_sent_at_once_after_the_connect_is_answered_a_thousand_of_a_thousand_times() {
    let server = ExampleProcess::start("worker_server");
    for number in 0..1000 {
        let mut client = Client::connect(&server);
        client.ask(&request(number, 0, 100));
        assert_eq!(client.answer(), Answer::Done(request(number, 0, 100)));
    }
}

#[test]
fn who_has_too_much_unanswered_is_told_so_and_the_others_notice_nothing() {
    let server =
        ExampleProcess::start_with("worker_server", &["--workers", "1", "--rounds", "2000"]);
    let mut greedy = Client::connect(&server);
    greedy.stream.write_all(&framed(&request(0, 0, 1000)).repeat(4 * UNANSWERED)).unwrap();
    assert_eq!(greedy.farewell(), Farewell::Flooding);
    let mut modest = Client::connect(&server);
    modest.ask(b"me too");
    assert_eq!(modest.answer(), Answer::Done(b"me too".to_vec()));
}

#[test]
fn a_client_that_closes_its_half_gets_all_its_answers_and_then_the_end() {
    let server = ExampleProcess::start("worker_server");
    let mut client = Client::connect(&server);
    for number in 0..UNANSWERED {
        client.ask(&request(0, number, 500));
    }
    client.stream.shutdown(Shutdown::Write).unwrap();
    for number in 0..UNANSWERED {
        assert_eq!(client.answer(), Answer::Done(request(0, number, 500)));
    }
    assert_eq!(client.farewell(), Farewell::ClientLeft);
}

#[test]
fn who_falls_silent_is_told_so_and_who_does_not_stays() {
    let server = ExampleProcess::start_with("worker_server", &["--heartbeat", "2"]);
    let (mut silent, mut talker) = (Client::connect(&server), Client::connect(&server));
    silent.stream.set_nonblocking(true).unwrap();
    let began = Instant::now();
    let mut byte = [0];
    // A word a twentieth of the time apart, until the other one has been sent away.
    while let Err(error) = silent.stream.peek(&mut byte) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(began.elapsed() < PATIENCE, "nobody minds the silence");
        talker.ask(b"still here");
        assert_eq!(talker.answer(), Answer::Done(b"still here".to_vec()));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "that was too early");
    silent.stream.set_nonblocking(false).unwrap();
    assert_eq!(silent.farewell(), Farewell::Silent);
    talker.ask(b"and on");
    assert_eq!(talker.answer(), Answer::Done(b"and on".to_vec()));
}

#[test]
fn a_server_that_was_killed_with_open_connections_has_its_port_again_at_once() {
    let server = ExampleProcess::start("worker_server");
    let address = server.address;
    let mut clients: Vec<Client> = (0..50).map(|_| Client::connect(&server)).collect();
    for client in &mut clients {
        client.ask(b"before");
        assert_eq!(client.answer(), Answer::Done(b"before".to_vec()));
    }
    drop(server);
    let again = ExampleProcess::start_on("worker_server", address, &[]);
    let mut client = Client::connect(&again);
    client.ask(b"after");
    assert_eq!(client.answer(), Answer::Done(b"after".to_vec()));
}
