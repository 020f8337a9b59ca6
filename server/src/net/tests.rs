//! The network layer over real loopback sockets. One thread plays the loop and the clients, and time is passed in, so
//! nothing here waits for a clock. What doesn't look into sessions runs without I/O threads, with one, and with two.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use game::SessionId;
use prost::Message as _;
use protocol::v1::{Farewell, Goodbye, ServerPacket, server_packet::Body};

use super::{
    Clients, CloseReason, Framing, Limits, NetStats, Reception, Sessions, Triage, Urgency,
};

mod admission;
mod counts;
mod deadlines;
mod descriptors;
mod endings;
mod io_threads;
mod reading;
mod writing;

/// Passes until a test gives up: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Each of these tests, without I/O threads, with one, and with two.
macro_rules! with_io_threads {
    ($($test:ident),* $(,)?) => {
        with_io_threads!(@ on_the_loop, 0: $($test),*);
        with_io_threads!(@ on_one_io_thread, 1: $($test),*);
        with_io_threads!(@ on_two_io_threads, 2: $($test),*);
    };
    (@ $name:ident, $threads:literal: $($test:ident),*) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    super::$test($threads);
                }
            )*
        }
    };
}
use with_io_threads;

/// Writes down what it is told.
#[derive(Default)]
struct Recorder {
    opened: Vec<SessionId>,
    packets: Vec<(SessionId, Vec<u8>)>,
    recovered: Vec<SessionId>,
    full: bool,
    closed: Vec<(SessionId, CloseReason)>,
}

impl Reception for Recorder {
    fn opened(&mut self, id: SessionId, _: SocketAddr) {
        self.opened.push(id);
    }

    fn packet(&mut self, id: SessionId, packet: &[u8]) -> Result<(), Goodbye> {
        self.packets.push((id, packet.to_vec()));
        Ok(())
    }

    fn recovered(&mut self, id: SessionId) {
        self.recovered.push(id);
    }

    fn is_full(&self) -> bool {
        self.full
    }

    fn closed(&mut self, id: SessionId, reason: CloseReason) {
        self.closed.push((id, reason));
    }
}

impl<T> Triage for T
where
    T: Fn(&[u8]) -> Result<Urgency, Goodbye> + Clone + Send + 'static,
{
    fn urgency(&self, packet: &[u8]) -> Result<Urgency, Goodbye> {
        self(packet)
    }
}

/// Clients as the server sees them, what it hears of them, and its clock.
struct Rig {
    clients: Clients,
    inbox: Recorder,
    clock: Arc<Mutex<Instant>>,
    /// Packets are answered with themselves.
    echoes: bool,
    answered: usize,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        Self::on(0, limits)
    }

    fn on(io_threads: u8, limits: Limits) -> Self {
        Self::with(io_threads, Framing::Delimited, limits)
    }

    fn with(io_threads: u8, framing: Framing, limits: Limits) -> Self {
        Self::triaged(io_threads, framing, limits, &|_: &[u8]| Ok(Urgency::Now))
    }

    fn triaged(io_threads: u8, framing: Framing, limits: Limits, triage: &impl Triage) -> Self {
        let now = Instant::now();
        let any = "127.0.0.1:0".parse().unwrap();
        let clock = Arc::new(Mutex::new(now));
        let clients = Clients::bind(any, framing, limits, now).unwrap();
        let time = Arc::clone(&clock);
        let clients =
            clients.with_io_threads(io_threads, triage, &move || *time.lock().unwrap()).unwrap();
        let inbox = Recorder::default();
        Self { clients, inbox, clock, echoes: false, answered: 0 }
    }

    /// The sessions of the loop.
    fn sessions(&mut self) -> &mut Sessions {
        self.clients.network.sessions()
    }

    /// Connects without being accepted yet.
    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.clients.local_addr()).unwrap();
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
        self.clients.wait(Some(Duration::from_millis(5))).unwrap();
        let now = *self.clock.lock().unwrap();
        self.clients.receive(now, &mut self.inbox);
        if self.echoes {
            let framing = self.sessions().framing;
            for (id, packet) in &self.inbox.packets[self.answered..] {
                let answer = match framing {
                    Framing::Delimited => framed(packet),
                    Framing::Raw => packet.clone(),
                };
                self.clients.send(*id, &answer);
            }
            self.answered = self.inbox.packets.len();
        }
        self.clients.flush();
    }

    fn until(&mut self, done: impl Fn(&Recorder) -> bool) {
        self.until_rig(|rig| done(&rig.inbox));
    }

    fn until_rig(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "it never came to pass");
            self.pass();
        }
    }

    /// Passes until no session is left.
    fn until_empty(&mut self) {
        self.until_rig(|rig| rig.clients.is_empty());
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

    /// Lets time pass in ordinary passes, and everybody notice.
    fn advance(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(1));
            self.stand_still(step);
            left -= step;
        }
    }

    /// Lets time pass without a pass of anybody, and everybody notice.
    fn stand_still(&mut self, time: Duration) {
        self.settle();
        *self.clock.lock().unwrap() += time;
        self.pass();
        self.settle();
        self.pass();
    }

    /// Lets each I/O thread do all that it was told, and tell what it has done. Its first pass may have begun before, and
    /// its last one may not have told its news yet.
    fn settle(&mut self) {
        self.clients.flush();
        let before = self.wakeups();
        self.until_rig(|rig| {
            rig.clients.threads.wake();
            let now = rig.wakeups();
            now.iter().zip(&before).all(|(now, before)| *now >= before + 3)
        });
    }

    /// Lets each I/O thread make passes while the loop makes none.
    fn settle_threads(&self) {
        let (start, before) = (Instant::now(), self.wakeups());
        while !self.wakeups().iter().zip(&before).all(|(now, before)| *now >= before + 3) {
            assert!(start.elapsed() < PATIENCE, "a thread makes no passes");
            self.clients.threads.wake();
            std::thread::yield_now();
        }
    }

    /// How often each I/O thread was awake.
    fn wakeups(&self) -> Vec<u64> {
        self.clients.threads.stats().map(|stats| stats.wakeups).collect()
    }

    fn stats(&self) -> NetStats {
        self.clients.stats()
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
