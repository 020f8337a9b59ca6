//! The network layer, from readable sockets to written answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bytes::BufMut as _;
use game::SessionId;
use protocol::put_varint;
use server::net::{CloseReason, Framing, Inbox, Limits, Network, Sessions};

const CLIENTS: usize = 100;
/// Frames that each client sends at once: several for one read.
const FRAMES: usize = 5;
const BYTES: usize = 64;
const WARM_UP: usize = 20;
const COUNTED: usize = 200;
/// Time until the test gives up: a bound on a hang, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers each frame with itself.
#[derive(Default)]
struct Echo {
    opened: usize,
    frames: usize,
}

impl Inbox for Echo {
    fn opened(&mut self, _: &mut Sessions, _: SessionId, _: SocketAddr) {
        self.opened += 1;
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        self.frames += 1;
        if let Some(out) = sessions.outgoing(id) {
            put_varint(out.tail(), packet.len() as u64);
            out.tail().put_slice(packet);
        }
    }

    fn closed(&mut self, _: &mut Sessions, _: SessionId, _: CloseReason) {}
}

struct Rig {
    network: Network,
    echo: Echo,
    clients: Vec<TcpStream>,
    began: Instant,
}

impl Rig {
    fn new() -> Self {
        let limits = Limits { packet_rate: None, byte_rate: None, ..Limits::default() };
        let (any, began) = ("127.0.0.1:0".parse().unwrap(), Instant::now());
        let network = Network::bind(any, Framing::Delimited, limits, began).unwrap();
        let connect = |_| TcpStream::connect(network.local_addr()).unwrap();
        let clients = (0..CLIENTS).map(connect).collect();
        let mut rig = Self { network, echo: Echo::default(), clients, began };
        rig.until(|echo| echo.opened == CLIENTS);
        rig
    }

    /// Everybody sends, the server answers, everybody reads. Allocations of the server's part.
    fn round(&mut self, bytes: &[u8], answer: &mut [u8]) -> u64 {
        for client in &mut self.clients {
            client.write_all(bytes).unwrap();
        }
        let wanted = self.echo.frames + CLIENTS * FRAMES;
        let counted = measure(|| self.until(|echo| echo.frames == wanted));
        for client in &mut self.clients {
            client.read_exact(answer).unwrap();
            assert_eq!(answer, bytes);
        }
        counted.count_total
    }

    fn until(&mut self, done: impl Fn(&Echo) -> bool) {
        while !done(&self.echo) {
            assert!(self.began.elapsed() < PATIENCE, "it never came to pass");
            self.network.wait(Some(Duration::from_millis(5))).unwrap();
            self.network.receive(Instant::now(), &mut self.echo);
            self.network.flush();
        }
    }
}

#[test]
fn reading_frames_and_answering_them_allocates_nothing() {
    let mut rig = Rig::new();
    let mut frame = Vec::new();
    put_varint(&mut frame, BYTES as u64);
    frame.resize(frame.len() + BYTES, 7);
    let bytes = frame.repeat(FRAMES);
    let mut answer = vec![0; bytes.len()];
    for _ in 0..WARM_UP {
        rig.round(&bytes, &mut answer);
    }
    let allocated: Vec<u64> = (0..COUNTED).map(|_| rig.round(&bytes, &mut answer)).collect();
    assert_eq!(allocated, vec![0; COUNTED]);
}
