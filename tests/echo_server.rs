//! The echo server: every byte comes back, exactly and in order, whatever the others do.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use socket2::{Domain, Socket, Type};

use crate::example_process::ExampleProcess;

/// Time until a test gives up: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with so much to say that neither side can wait for the other to finish.
struct Talker {
    stream: TcpStream,
    says: Vec<u8>,
    /// Bytes of one write; 1 dribbles.
    step: usize,
    sent: usize,
    heard: usize,
    done: bool,
}

impl Talker {
    fn new(server: &ExampleProcess, length: usize, seed: usize, step: usize) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_nonblocking(true).unwrap();
        let says = (0..length).map(|n| ((n * 31 + seed * 7) % 251).to_le_bytes()[0]);
        Self { stream, says: says.collect(), step, sent: 0, heard: 0, done: false }
    }

    /// Writes and reads what is possible now, and closes its half after the last byte.
    fn talk(&mut self, buffer: &mut [u8]) {
        let end = self.says.len().min(self.sent + self.step);
        if self.sent < end {
            match self.stream.write(&self.says[self.sent..end]) {
                Ok(count) => self.sent += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if self.sent == self.says.len() {
                self.stream.shutdown(Shutdown::Write).unwrap();
            }
        }
        match self.stream.read(buffer) {
            Ok(0) => {
                assert_eq!(self.heard, self.says.len(), "the end came too early");
                self.done = true;
            }
            Ok(count) => {
                let expected = &self.says[self.heard..self.heard + count];
                assert!(buffer[..count] == *expected, "another byte came back");
                self.heard += count;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

fn talk_until_done(talkers: &mut [Talker]) {
    let start = Instant::now();
    let mut buffer = vec![0; 1 << 16];
    while talkers.iter().any(|talker| !talker.done) {
        assert!(start.elapsed() < PATIENCE, "bytes are missing");
        for talker in talkers.iter_mut().filter(|talker| !talker.done) {
            talker.talk(&mut buffer);
        }
    }
}

/// One byte there and back: whatever was sent to the server before has reached it.
fn round_trip(stream: &mut TcpStream) {
    stream.write_all(&[42]).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

fn wait_for_descriptors(server: &ExampleProcess, base: usize, witness: &mut TcpStream) {
    let start = Instant::now();
    while server.descriptors() > base {
        let left = server.descriptors() - base;
        assert!(start.elapsed() < PATIENCE, "{left} descriptors are left over");
        round_trip(witness);
    }
}

#[test]
fn a_thousand_clients_get_back_what_they_sent_and_leave_nothing_behind() {
    let server = ExampleProcess::start("echo_server");
    let mut witness = TcpStream::connect(server.address).unwrap();
    round_trip(&mut witness);
    let base = server.descriptors();
    let mut talkers: Vec<Talker> = (0..1000)
        .map(|number| Talker::new(&server, 1 + number * 65_535 / 999, number, 1 << 16))
        .collect();
    talkers.push(Talker::new(&server, 500, 1, 1));
    talk_until_done(&mut talkers);
    drop(talkers);
    wait_for_descriptors(&server, base, &mut witness);
    assert!(server.memory() < 64 << 10, "{} KiB", server.memory());
}

#[test]
fn clients_that_vanish_or_reset_do_not_disturb_those_who_stay() {
    let server = ExampleProcess::start("echo_server");
    let mut witness = TcpStream::connect(server.address).unwrap();
    round_trip(&mut witness);
    let base = server.descriptors();
    for _ in 0..20 {
        for number in 0..50 {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(&vec![1; number * 40]).unwrap();
            if number % 2 == 0 {
                let socket = Socket::from(stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        round_trip(&mut witness);
    }
    wait_for_descriptors(&server, base, &mut witness);
}

#[test]
fn a_thousand_signals_under_load_change_nothing() {
    let server = ExampleProcess::start("echo_server");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A stop and a continue end a sleep in the poll early, as any signal with a handler does.
        let signals = scope.spawn(|| {
            for sent in 0..500 {
                kill_process(server.pid(), Signal::STOP).unwrap();
                kill_process(server.pid(), Signal::CONT).unwrap();
                if over.load(Ordering::Relaxed) && sent > 400 {
                    break;
                }
            }
        });
        let mut talkers: Vec<Talker> =
            (0..100).map(|number| Talker::new(&server, 200_000, number, 4096)).collect();
        talk_until_done(&mut talkers);
        over.store(true, Ordering::Relaxed);
        signals.join().unwrap();
        let mut late = Talker::new(&server, 1000, 3, 100);
        talk_until_done(std::slice::from_mut(&mut late));
    });
}

#[test]
fn whose_address_is_not_allowed_is_hung_up_on_and_the_others_are_served() {
    let server = ExampleProcess::start_with("echo_server", &["--allow", "127.0.0.2"]);
    let from = |source: &str| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let source: SocketAddr = source.parse().unwrap();
        socket.bind(&source.into()).unwrap();
        socket.connect(&server.address.into()).unwrap();
        TcpStream::from(socket)
    };
    let (mut allowed, mut stranger) = (from("127.0.0.2:0"), from("127.0.0.3:0"));
    assert_eq!(stranger.read(&mut [0; 10]).unwrap(), 0, "nothing and the end");
    round_trip(&mut allowed);
}
