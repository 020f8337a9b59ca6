//! The processes of a bench besides the one that was called: each is this program once more, in the part that its first
//! words name, on a core of its own.

use clap::Subcommand;

use crate::accept;
use crate::echo;
use crate::floor::{EchoServer, MixedServer};
use crate::readiness::ReadinessServer;

/// What a child does. It runs until it is killed, or until whoever started it is gone.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    FloorEcho(EchoServer),
    FloorMixed(MixedServer),
    EchoOurs,
    EchoMio,
    EchoTokio,
    AcceptBare,
    AcceptOurs,
    Readiness(ReadinessServer),
}

impl Part {
    /// Plays it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::FloorEcho(server) => server.run(),
            Self::FloorMixed(server) => server.run(),
            Self::EchoOurs => echo::ours::run(),
            Self::EchoMio => echo::on_mio::run(),
            Self::EchoTokio => echo::on_tokio::run(),
            Self::AcceptBare => accept::bare::run(),
            Self::AcceptOurs => accept::ours::run(),
            Self::Readiness(server) => server.run(),
        }
    }
}
