//! The floor of a world: at every tick each client is sent some bytes, and in between everybody's inputs are read. What
//! a game server adds to this is its own.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;

use super::players::Players;
use super::{Bare, bare, count, listen, us};
use crate::cores::{Cores, Pinned};
use crate::load::Connections;
use crate::process::{Child, Spent};

/// The traffic of a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixed {
    pub(crate) connections: usize,
    /// Ticks a second.
    pub(crate) rate: u32,
    /// To each client and tick.
    pub(crate) bytes: usize,
    /// Inputs of each client and second.
    pub(crate) inputs: u32,
    /// Bytes of an input.
    pub(crate) input_bytes: usize,
    /// Threads of the server, each with its share of the connections.
    pub(crate) threads: usize,
    /// How long it is measured.
    pub(crate) time: Duration,
}

/// What a server spent on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Played {
    pub(crate) spent: Spent,
    /// Times that a client was sent its bytes: one per client and tick.
    pub(crate) sends: f64,
}

impl Mixed {
    /// What most worlds do: 10 Hz, 5 inputs a second of 12 bytes, which a move has, and one thread.
    pub(crate) const fn at(connections: usize, bytes: usize, time: Duration) -> Self {
        Self { connections, rate: 10, bytes, inputs: 5, input_bytes: 12, threads: 1, time }
    }

    /// Measures a bare server with this traffic.
    ///
    /// # Errors
    /// When the server or its load fails.
    pub(crate) fn measure(&self) -> anyhow::Result<Played> {
        let cores = Cores::choose()?;
        let _pinned = Pinned::to(cores.load)?;
        let [connections, rate] = [self.connections.to_string(), self.rate.to_string()];
        let [bytes, threads] = [self.bytes.to_string(), self.threads.to_string()];
        let part = ["floor-mixed", &connections, &rate, &bytes, &threads];
        let mut server = Child::part(cores.of_server(self.threads), &part)?;
        let mut load = Connections::to(server.hear_after("ready")?.parse()?, self.connections)?;
        load.dial(self.connections)?;
        let mut players = Players::new(load.into_non_blocking()?, self)?;
        // Until every client has met its first ticks.
        players.play(Duration::from_millis(500))?;
        players.forget();
        let ((), spent) = server.measure(|| players.play(self.time))?;
        ensure!(players.received > 0, "nothing came from the server");
        let sends = bytes_as_sends(players.received, self.bytes);
        Ok(Played { spent, sends })
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn bytes_as_sends(received: u64, each: usize) -> f64 {
    received as f64 / count(each)
}

impl Played {
    /// Microseconds of server CPU per client and tick, the client's inputs included.
    pub(crate) fn cpu_per_send(&self) -> f64 {
        us(self.spent.cpu) / self.sends
    }

    /// Cores that the server kept busy.
    pub(crate) fn busy(&self) -> f64 {
        self.spent.busy()
    }

    /// The part of what should have been sent in this time that was: 1 when the server and its load kept up.
    pub(crate) fn delivered(&self, mixed: &Mixed) -> f64 {
        let expected = self.spent.wall.as_secs_f64() * f64::from(mixed.rate);
        self.sends / (expected * count(mixed.connections))
    }
}

/// The server. Ticks begin when everybody is there.
#[derive(Debug, Args)]
pub(crate) struct MixedServer {
    connections: usize,
    rate: u32,
    bytes: usize,
    threads: usize,
}

impl MixedServer {
    /// Runs until it is killed.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let listener = listen()?;
        let mut shares: Vec<Vec<TcpStream>> =
            (0..self.threads.max(1)).map(|_| Vec::new()).collect();
        for index in 0..self.connections {
            let socket = bare::accept(&listener)?.context("nobody waits")?;
            bare::welcome(&socket)?;
            let share = index % shares.len();
            shares[share].push(socket);
        }
        std::thread::scope(|scope| {
            let spawn = |share| scope.spawn(move || self.tick(share));
            let threads: Vec<_> = shares.into_iter().map(spawn).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
            })
        })
    }

    fn tick(&self, share: Vec<TcpStream>) -> anyhow::Result<()> {
        let mut bare = Bare::new()?;
        share.into_iter().try_for_each(|socket| bare.add(socket))?;
        let (view, period) = (vec![7; self.bytes], Duration::from_secs(1) / self.rate.max(1));
        let mut due = Instant::now() + period;
        loop {
            let now = Instant::now();
            if now >= due {
                bare.broadcast(&view);
                // A tick that came too late is left out, and shows in what was delivered.
                due = (due + period).max(now);
            }
            // Inputs are read and forgotten: what a world does with them is its own.
            bare.pass(Some(due.saturating_duration_since(Instant::now())), None, |_, _| {})?;
        }
    }
}
