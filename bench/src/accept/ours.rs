//! Accepts by our listener: limits, addresses and a session for each.

use std::net::SocketAddr;
use std::time::Instant;

use game::SessionId;
use server::net::{CloseReason, Framing, Inbox, Network, Sessions, raise_descriptor_limit};

use super::obey;
use crate::echo::ours::limits;

/// Runs until nobody speaks to it.
pub(crate) fn run() -> anyhow::Result<()> {
    let limits = limits();
    raise_descriptor_limit(limits.max_sessions)?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut network = Network::bind(any, Framing::Delimited, limits, Instant::now())?;
    println!("ready {}", network.local_addr());
    let mut door = Door { opened: 0 };
    obey(|count| {
        let all = door.opened + count;
        while door.opened < all {
            network.wait(None)?;
            network.receive(Instant::now(), &mut door);
            network.flush();
        }
        Ok(())
    })
}

/// Counts who came in.
struct Door {
    opened: usize,
}

impl Inbox for Door {
    fn opened(&mut self, sessions: &mut Sessions, id: SessionId, _: SocketAddr) {
        self.opened += 1;
        sessions.mark_logged_in(id);
    }

    fn frame(&mut self, _: &mut Sessions, _: SessionId, _: &[u8]) {}

    fn closed(&mut self, _: &mut Sessions, _: SessionId, _: CloseReason) {}
}
