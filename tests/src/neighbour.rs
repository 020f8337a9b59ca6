//! A player who goes about its own business while others misbehave, and notices when that harms it.

use std::net::SocketAddr;

use protocol::v1::{Entered, Move, View};

use crate::client::Client;

/// Somebody in the world who does nothing wrong.
pub struct Neighbour {
    /// Its connection.
    pub client: Client,
    /// Where it entered.
    pub entered: Entered,
    sequence: u32,
}

impl Neighbour {
    /// Logs in and enters with a character of this name.
    ///
    /// # Panics
    /// When the server doesn't let it in.
    #[must_use]
    pub fn enter(address: SocketAddr, name: &str) -> Self {
        let (client, entered) = Client::enter(address, &name.to_lowercase(), name);
        Self { client, entered, sequence: 0 }
    }

    /// Pings, turns around, and sees the world take the turn.
    ///
    /// # Panics
    /// When the server has anything against that, or doesn't answer.
    pub fn plays(&mut self) {
        self.client.ping();
        self.sequence += 1;
        let step =
            Move { heading: self.sequence % 2 * 32_768, walking: true, sequence: self.sequence };
        self.client.send(0, &step);
        while self.client.expect::<View>().ack < self.sequence {}
        self.client.seen.clear();
    }
}
