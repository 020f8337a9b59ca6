//! What a client gets for bad input: a typed reason, the end of its own session at most, a count and a line in the log;
//! and what its neighbour notices of it: nothing.

use protocol::v1::{Farewell, Goodbye};
use tests::client::Client;
use tests::neighbour::Neighbour;
use tests::server::{ServerProcess, ServerSetup};

mod frames;
mod limits;
mod messages;
mod names_and_tokens;
mod records;
mod slow_reader;

/// A server, and a player in its world who does nothing wrong.
struct Scene {
    server: ServerProcess,
    neighbour: Neighbour,
}

impl Scene {
    fn new() -> Self {
        Self::with(|setup| setup)
    }

    /// With changes to the configuration.
    fn with(change: impl FnOnce(ServerSetup) -> ServerSetup) -> Self {
        let server = change(ServerSetup::new()).start();
        let neighbour = Neighbour::enter(server.address, "Nora");
        Self { server, neighbour }
    }

    /// The client's session ends with this reason, and its neighbour's goes on.
    fn ends(&mut self, client: &mut Client, reason: Farewell) -> Goodbye {
        let farewell = client.read_to_end();
        let farewell = farewell.unwrap_or_else(|| panic!("no farewell; {:?}", client.seen));
        assert_eq!(farewell.reason(), reason, "{farewell:?}");
        assert!(!farewell.message.is_empty());
        self.neighbour.plays();
        farewell
    }
}
