//! An echo server in one screen: every byte comes back, in order, to the client that sent it.
//!
//! ```text
//! cargo run --release --example echo_server -- --listen 127.0.0.1:7007
//! nc 127.0.0.1 7007
//! ```
//!
//! The network layer does the hard parts. A client that sends but doesn't read is not read from any more, so it can't
//! make the server buffer without bound; one that closes its half gets what is still on its way and then the end.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use anyhow::Result;
use bytes::BufMut as _;
use clap::Parser;
use game::SessionId;
use protocol::v1::Farewell;
use server::net::{CloseReason, Framing, Inbox, Limits, Network, Sessions};
use server::net::{goodbye, raise_descriptor_limit};

#[derive(Parser)]
#[command(about = "Sends every byte back")]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7007")]
    listen: SocketAddr,
    /// Clients at once.
    #[arg(long, default_value_t = 2_000)]
    max_sessions: usize,
    /// An address that may connect; give it several times for several. Without it everybody may.
    #[arg(long, value_name = "ADDRESS")]
    allow: Vec<IpAddr>,
}

#[expect(clippy::print_stdout, reason = "the ready line is for whoever started this")]
fn main() -> Result<()> {
    let options = Options::parse();
    let limits = Limits {
        max_sessions: options.max_sessions,
        // Whoever connects may be silent for ever and send as much as it reads.
        login_deadline: None,
        heartbeat_timeout: None,
        packet_rate: None,
        byte_rate: None,
        ..Limits::default()
    };
    raise_descriptor_limit(limits.max_sessions)?;
    let mut network = Network::bind(options.listen, Framing::Raw, limits, Instant::now())?;
    println!("ready on {}", network.local_addr());
    let mut echo = Echo { allowed: options.allow };
    loop {
        network.wait(None)?;
        network.receive(Instant::now(), &mut echo);
        network.flush();
    }
}

struct Echo {
    /// Empty for everybody.
    allowed: Vec<IpAddr>,
}

impl Inbox for Echo {
    fn opened(&mut self, sessions: &mut Sessions, id: SessionId, peer: SocketAddr) {
        if !self.allowed.is_empty() && !self.allowed.contains(&peer.ip()) {
            sessions.close(id, &goodbye(Farewell::Kicked, "this address may not connect"));
        }
    }

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, bytes: &[u8]) {
        if let Some(out) = sessions.outgoing(id) {
            out.tail().put_slice(bytes);
        }
    }

    fn read(&mut self, sessions: &mut Sessions, id: SessionId) {
        sessions.flush_session(id);
    }

    fn closed(&mut self, _: &mut Sessions, _: SessionId, _: CloseReason) {}
}
