//! The network layer over real loopback sockets. One thread plays both sides, and time is passed in, so nothing here
//! waits for a clock.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use game::SessionId;
use prost::Message as _;
use protocol::v1::{Farewell, Goodbye, ServerPacket, server_packet::Body};

use super::{CloseReason, Framing, Inbox, Limits, NetStats, Network, Sessions};

mod admission;
mod deadlines;
mod endings;
mod reading;
mod writing;

/// Passes until a test gives up: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes down what it is told; packets are answered with themselves if `echoes`, after each read if `at_once`.
#[derive(Default)]
struct Recorder {
    opened: Vec<SessionId>,
    packets: Vec<(SessionId, Vec<u8>)>,
    recovered: Vec<SessionId>,
    closed: Vec<(SessionId, CloseReason)>,
    echoes: bool,
    at_once: bool,
}

impl Inbox for Recorder {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, _: SocketAddr) {
        self.opened.push(id);
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        self.packets.push((id, packet.to_vec()));
        if self.echoes {
            let answer = match sessions.framing {
                Framing::Delimited => framed(packet),
                Framing::Raw => packet.to_vec(),
            };
            sessions.send(id, &answer);
        }
    }

    fn read(&mut self, sessions: &mut Sessions, id: SessionId) {
        if self.at_once {
            sessions.flush_session(id);
        }
    }

    fn recovered(&mut self, _: &mut Sessions, id: SessionId) {
        self.recovered.push(id);
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, reason: CloseReason) {
        self.closed.push((id, reason));
    }
}

/// A network, its inbox and its clock.
struct Rig {
    network: Network,
    inbox: Recorder,
    now: Instant,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        Self::with(Framing::Delimited, limits)
    }

    fn with(framing: Framing, limits: Limits) -> Self {
        let now = Instant::now();
        let any = "127.0.0.1:0".parse().unwrap();
        Self {
            network: Network::bind(any, framing, limits, now).unwrap(),
            inbox: Recorder::default(),
            now,
        }
    }

    /// Connects without being accepted yet.
    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.network.local_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn connect(&mut self) -> (TcpStream, SessionId) {
        let known = self.inbox.opened.len();
        let stream = self.dial();
        self.until(|inbox| inbox.opened.len() > known);
        (stream, self.inbox.opened[known])
    }

    fn pass(&mut self) {
        self.network.wait(Some(Duration::from_millis(5))).unwrap();
        self.network.receive(self.now, &mut self.inbox);
        self.network.flush();
    }

    fn until(&mut self, done: impl Fn(&Recorder) -> bool) {
        let start = Instant::now();
        while !done(&self.inbox) {
            assert!(start.elapsed() < PATIENCE, "it never came to pass");
            self.pass();
        }
    }

    /// Passes until no session is left.
    fn until_empty(&mut self) {
        let start = Instant::now();
        while !self.network.sessions().is_empty() {
            assert!(start.elapsed() < PATIENCE, "sessions were left over");
            self.pass();
        }
    }

    /// Runs the loop until the client has read its end of stream; returns all it has read.
    fn read_to_end(&mut self, client: &mut TcpStream) -> Vec<u8> {
        self.read(client, usize::MAX)
    }

    /// Runs the loop until the client has read `count` bytes or the end of the stream.
    fn read(&mut self, client: &mut TcpStream, count: usize) -> Vec<u8> {
        let start = Instant::now();
        client.set_nonblocking(true).unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while bytes.len() < count {
            assert!(start.elapsed() < PATIENCE, "{} bytes came", bytes.len());
            match client.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pass(),
                Err(error) => panic!("{error} after {} bytes", bytes.len()),
            }
        }
        client.set_nonblocking(false).unwrap();
        bytes
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        self.pass();
    }

    fn stats(&self) -> &NetStats {
        self.network.stats()
    }
}

fn framed(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    protocol::put_varint(&mut frame, packet.len() as u64);
    frame.extend_from_slice(packet);
    frame
}

/// The `Goodbye` that `bytes` consist of.
fn read_goodbye(bytes: &[u8]) -> Goodbye {
    let packet = ServerPacket::decode_length_delimited(bytes).unwrap();
    let Some(Body::Goodbye(goodbye)) = packet.body else {
        panic!("{packet:?} is no goodbye");
    };
    assert_eq!(packet_len(&bytes), bytes.len(), "nothing follows a goodbye");
    goodbye
}

fn packet_len(bytes: &&[u8]) -> usize {
    let frame = protocol::split_frame(bytes, usize::MAX).unwrap();
    frame.map_or(0, |frame| frame.consumed)
}

fn told(reason: Farewell) -> CloseReason {
    CloseReason::Told(reason)
}

/// Closes with a reset instead of an orderly end.
fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Sends with the peer's loop running, so that neither side waits for the other.
fn send_slowly(rig: &mut Rig, client: &mut TcpStream, bytes: &[u8]) {
    for byte in bytes {
        client.write_all(&[*byte]).unwrap();
        rig.pass();
    }
}
