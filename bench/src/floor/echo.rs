//! The floor of an echo: one read and one write a message.

use std::io::Write as _;

use clap::Args;

use super::{Bare, listen};
use crate::cores::{Cores, Pinned};
use crate::load::Connections;
use crate::process::{Child, Spent};

/// What a bare server spends on echoing `message` on each of so many connections, so many times.
///
/// # Errors
/// When the server or its load fails.
pub(crate) fn echo(connections: usize, message: &[u8], rounds: usize) -> anyhow::Result<Spent> {
    measure(&["floor-echo"], connections, message, rounds)
}

/// The same for any part that echoes and says where it listens.
///
/// # Errors
/// When the server or its load fails.
pub(crate) fn measure(
    part: &[&str],
    connections: usize,
    message: &[u8],
    rounds: usize,
) -> anyhow::Result<Spent> {
    let cores = Cores::choose()?;
    let _pinned = Pinned::to(cores.load)?;
    let mut server = Child::part(cores.server, part)?;
    let mut load = Connections::to(server.hear_after("ready")?.parse()?, connections)?;
    load.dial(connections)?;
    // The first round finds nothing in any cache and is no measure.
    load.echo_at_once(&server, 1, message)?;
    Ok(server.measure(|| load.echo_at_once(&server, rounds, message))?.1)
}

/// The server: everything comes back at once. Short messages alone, which a socket always takes.
#[derive(Debug, Args)]
pub(crate) struct EchoServer {}

impl EchoServer {
    /// Runs until it is killed.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let listener = listen()?;
        let mut bare = Bare::new()?;
        bare.watch(&listener)?;
        loop {
            bare.pass(None, Some(&listener), |socket, bytes| {
                // A client that is gone shows at the next read.
                let _ = socket.write(bytes);
            })?;
        }
    }
}
