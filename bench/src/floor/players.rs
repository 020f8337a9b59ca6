//! Clients of a bare world: they take what they are sent, and send their inputs evenly over time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::Mixed;

/// How long they sleep at most: inputs leave in portions of this time.
const SLICE: Duration = Duration::from_millis(5);
/// Events taken at once.
const EVENTS: usize = 1_024;
/// Bytes read at once: more than a client is sent between two looks.
const READ: usize = 64 << 10;

/// All of them, on one epoll.
pub(super) struct Players {
    epoll: OwnedFd,
    events: Vec<Event>,
    streams: Vec<TcpStream>,
    buffer: Box<[u8]>,
    input: Vec<u8>,
    /// Inputs of all of them together, per second.
    rate: f64,
    /// Whose turn it is to send one.
    next: usize,
    /// Bytes that have come.
    pub(super) received: u64,
    /// Inputs that were sent.
    inputs: u64,
}

impl Players {
    pub(super) fn new(streams: Vec<TcpStream>, mixed: &Mixed) -> anyhow::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (token, stream) in (0..).zip(&streams) {
            let edges = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&epoll, stream, EventData::new_u64(token), edges)?;
        }
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS),
            rate: f64::from(mixed.inputs) * super::count(streams.len()),
            streams,
            buffer: vec![0; READ].into_boxed_slice(),
            input: vec![7; mixed.input_bytes],
            next: 0,
            received: 0,
            inputs: 0,
        })
    }

    /// Begins to count anew.
    pub(super) const fn forget(&mut self) {
        self.received = 0;
    }

    /// Plays for so long.
    pub(super) fn play(&mut self, time: Duration) -> anyhow::Result<()> {
        let (began, before) = (Instant::now(), self.inputs);
        loop {
            let elapsed = began.elapsed();
            if elapsed >= time {
                return Ok(());
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "inputs of some seconds"
            )]
            let due = (elapsed.as_secs_f64() * self.rate) as u64;
            while self.inputs - before < due {
                self.send_one()?;
            }
            self.take(SLICE.min(time.saturating_sub(elapsed)))?;
        }
    }

    fn send_one(&mut self) -> anyhow::Result<()> {
        let stream = &mut self.streams[self.next];
        match stream.write(&self.input) {
            Ok(_) => {}
            // A server that doesn't read any more has enough to do.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the server is gone"),
        }
        self.inputs += 1;
        self.next = (self.next + 1) % self.streams.len();
        Ok(())
    }

    fn take(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.events.clear();
        let patience = Timespec::try_from(patience)?;
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&patience)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("can't wait"),
        }
        for event in &self.events {
            let stream = &mut self.streams[usize::try_from(event.data.u64())?];
            loop {
                match stream.read(&mut self.buffer) {
                    Ok(0) => anyhow::bail!("the server has closed a connection"),
                    Ok(read) => {
                        self.received += read as u64;
                        if read < READ {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error).context("the server is gone"),
                }
            }
        }
        Ok(())
    }
}
