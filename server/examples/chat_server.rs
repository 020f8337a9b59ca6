//! A chat server with rooms that sleeps until somebody speaks.
//!
//! Frames are delimited like the game's: a varint length and that many bytes. A client's first frame names its room,
//! and comes back to say that it is in; each one after that goes to everybody else in the room, and to nobody outside. Each sender's frames arrive in its
//! order, because there is one loop and one queue per reader. A member that doesn't read is told so and sent away at the
//! hard limit, and its neighbours notice nothing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use bytes::BufMut as _;
use clap::Parser;
use game::SessionId;
use protocol::put_varint;
use protocol::v1::Farewell;
use server::net::{CloseReason, Framing, Inbox, Limits, Network, Sessions};
use server::net::{goodbye, raise_descriptor_limit};

#[derive(Parser)]
#[command(about = "Passes each line on to all others in the room")]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7008")]
    listen: SocketAddr,
}

#[expect(clippy::print_stdout, reason = "the ready line is for whoever started this")]
fn main() -> Result<()> {
    let options = Options::parse();
    let limits = Limits {
        max_sessions: 2_000,
        // With no deadline to watch, the loop sleeps until there is input, however long that takes.
        login_deadline: None,
        heartbeat_timeout: None,
        ..Limits::default()
    };
    raise_descriptor_limit(limits.max_sessions)?;
    let mut network = Network::bind(options.listen, Framing::Delimited, limits, Instant::now())?;
    println!("ready on {}", network.local_addr());
    let mut chat = Chat::default();
    loop {
        network.wait(None)?;
        network.receive(Instant::now(), &mut chat);
        network.flush();
    }
}

/// Who is where.
#[derive(Default)]
struct Chat {
    /// Members in the order in which they joined.
    rooms: HashMap<String, Vec<SessionId>>,
    room_of: HashMap<SessionId, String>,
}

impl Chat {
    fn join(&mut self, sessions: &mut Sessions, id: SessionId, name: &[u8]) {
        let Ok(room) = std::str::from_utf8(name) else {
            let unnamed = goodbye(Farewell::Malformed, "a room's name is UTF-8");
            return sessions.close(id, &unnamed);
        };
        self.rooms.entry(room.to_owned()).or_default().push(id);
        self.room_of.insert(id, room.to_owned());
        send(sessions, id, name);
    }
}

impl Inbox for Chat {
    fn opened(&mut self, _: &mut Sessions, _: SessionId, _: SocketAddr) {}

    fn frame(&mut self, sessions: &mut Sessions, id: SessionId, packet: &[u8]) {
        let Some(room) = self.room_of.get(&id) else {
            return self.join(sessions, id, packet);
        };
        let members = self.rooms.get(room).map_or(&[][..], Vec::as_slice);
        for &member in members.iter().filter(|member| **member != id) {
            send(sessions, member, packet);
        }
    }

    fn closed(&mut self, _: &mut Sessions, id: SessionId, _: CloseReason) {
        let Some(room) = self.room_of.remove(&id) else {
            return;
        };
        if let Some(members) = self.rooms.get_mut(&room) {
            members.retain(|member| *member != id);
            if members.is_empty() {
                self.rooms.remove(&room);
            }
        }
    }
}

fn send(sessions: &mut Sessions, to: SessionId, packet: &[u8]) {
    if let Some(out) = sessions.outgoing(to) {
        put_varint(out.tail(), packet.len() as u64);
        out.tail().put_slice(packet);
    }
}
