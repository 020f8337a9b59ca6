//! A boss and its workers: one thread watches all sockets, and a fixed crew does what takes time, so that a thousand
//! clients who want something calculated neither make a thousand threads nor keep anybody's bytes waiting.
//!
//! Frames are delimited like the game's. Each is a request; its answer says with the first byte whether it was done and
//! then brings its checksum and the request itself, or that everybody is busy. Nothing is ever forgotten:
//!
//! - A client's requests wait for each other, so at most one of them is with the crew: no two workers serve a client
//!   at once, and answers come in the order of the requests.
//! - When a request's turn comes and the queue in front of the workers is full, it is refused, and the client may try
//!   again.
//! - A client that sends more than it may have unanswered is told so and sent away.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::BufMut as _;
use clap::Parser;
use game::SessionId;
use protocol::put_varint;
use protocol::v1::Farewell;
use server::net::{
    CloseReason, Framing, Inbox, Limits, Network, Sessions, goodbye, raise_descriptor_limit,
};

/// Bytes of a request. With [`UNANSWERED`]: 4 MiB for a client.
const LONGEST: usize = 64 << 10;
/// Requests of a client that may wait.
const UNANSWERED: usize = 64;
/// First byte of an answer.
const DONE: u8 = 1;
/// First and only byte of an answer: try again.
const BUSY: u8 = 0;

#[derive(Parser)]
#[command(about = "Calculates a checksum of each frame, with a fixed number of workers")]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7009")]
    listen: SocketAddr,
    /// Threads that calculate.
    #[arg(long, default_value_t = 5)]
    workers: usize,
    /// Requests that may wait for a worker.
    #[arg(long, default_value_t = 5)]
    queue: usize,
    /// How often a worker goes through a request: more takes longer.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Seconds of silence after which a client counts as gone; 0 for any.
    #[arg(long, default_value_t = 0)]
    heartbeat: u64,
}

#[expect(clippy::print_stdout, reason = "the ready line is for whoever started this")]
fn main() -> Result<()> {
    let options = Options::parse();
    let limits = Limits {
        max_sessions: 4_000,
        frame_limit_before_login: LONGEST,
        frame_limit: LONGEST,
        // What a client may have unanswered is also what it may leave unread.
        soft_output_limit: LONGEST * UNANSWERED,
        hard_output_limit: 2 * LONGEST * UNANSWERED,
        login_deadline: None,
        heartbeat_timeout: (options.heartbeat > 0).then(|| Duration::from_secs(options.heartbeat)),
        packet_rate: None,
        byte_rate: None,
        ..Limits::default()
    };
    raise_descriptor_limit(limits.max_sessions)?;
    let mut network = Network::bind(options.listen, Framing::Delimited, limits, Instant::now())?;
    let mut boss = Boss { crew: Crew::hire(&options, &network), clients: HashMap::new() };
    println!("ready on {}", network.local_addr());
    loop {
        network.wait(None)?;
        network.receive(Instant::now(), &mut boss);
        boss.collect(network.sessions());
        network.flush();
    }
}

/// A request on its way to a worker, or its answer on the way back.
type Job = (SessionId, Vec<u8>);

/// The workers, and what lies between them and the boss.
struct Crew {
    jobs: SyncSender<Job>,
    done: Receiver<Job>,
}

impl Crew {
    fn hire(options: &Options, network: &Network) -> Self {
        let (jobs, queue) = sync_channel(options.queue);
        // No bound of its own: a client has one request with the crew at most.
        let (finished, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..options.workers {
            let (queue, finished) = (Arc::clone(&queue), finished.clone());
            let (waker, rounds) = (network.waker(), options.rounds);
            std::thread::spawn(move || {
                while let Some((client, request)) = next_job(&queue) {
                    let answer = answer(&request, rounds);
                    if finished.send((client, answer)).is_err() || waker.wake().is_err() {
                        return;
                    }
                }
            });
        }
        Self { jobs, done }
    }
}

/// One worker at a time waits for a job, the others for their turn to wait.
fn next_job(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn answer(request: &[u8], rounds: u32) -> Vec<u8> {
    let mut answer = Vec::with_capacity(1 + 8 + request.len());
    answer.put_u8(DONE);
    answer.put_u64(checksum(request, rounds));
    answer.put_slice(request);
    answer
}

/// FNV-1a over the request, `rounds` times.
fn checksum(request: &[u8], rounds: u32) -> u64 {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for _ in 0..rounds {
        for byte in request {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    sum
}

/// What a client has sent and isn't answered.
#[derive(Default)]
struct Client {
    is_with_crew: bool,
    waiting: VecDeque<Vec<u8>>,
    /// It will send nothing more, and goes when all is answered.
    is_leaving: bool,
}

struct Boss {
    crew: Crew,
    clients: HashMap<SessionId, Client>,
}

impl Boss {
    /// Brings finished work to its clients. That of a client who is gone is nobody's.
    fn collect(&mut self, sessions: &mut Sessions) {
        while let Ok((id, answer)) = self.crew.done.try_recv() {
            if let Some(client) = self.clients.get_mut(&id) {
                client.is_with_crew = false;
                send(sessions, id, &answer);
                self.go_on(sessions, id);
            }
        }
    }

    /// The client's next request goes to the crew, or is refused.
    fn go_on(&mut self, sessions: &mut Sessions, id: SessionId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        while !client.is_with_crew
            && let Some(request) = client.waiting.pop_front()
        {
            client.is_with_crew = self.crew.jobs.try_send((id, request)).is_ok();
            if !client.is_with_crew {
                send(sessions, id, &[BUSY]);
            }
        }
        if client.is_leaving && !client.is_with_crew {
            sessions.close(id, &goodbye(Farewell::ClientLeft, "all is answered"));
        }
    }
}

impl Inbox for Boss {
    fn opened(&mut self, _: &mut Sessions, id: SessionId, _: SocketAddr) {
        self.clients.insert(id, Client::default());
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, request: &[u8]) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        if client.waiting.len() >= UNANSWERED {
            let last = goodbye(Farewell::Flooding, "too many requests that aren't answered yet");
            return sessions.close(id, &last);
        }
        client.waiting.push_back(request.to_vec());
        self.go_on(sessions, id);
    }

    fn half_closed(&mut self, sessions: &mut Sessions, id: SessionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.is_leaving = true;
        }
        self.go_on(sessions, id);
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, _: CloseReason) {
        self.clients.remove(&id);
    }
}

fn send(sessions: &mut Sessions, to: SessionId, answer: &[u8]) {
    if let Some(out) = sessions.outgoing(to) {
        put_varint(out.tail(), answer.len() as u64);
        out.tail().put_slice(answer);
    }
}
