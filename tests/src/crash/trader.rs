//! Makes, drops and picks up items, one operation after the other, and tells what the server confirmed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use client_bot::bot::event::Confirmation;
use client_bot::bot::sight::{Point, Sight};
use protocol::v1::server_packet::Body;
use protocol::v1::{
    Command, CommandResult, DropItem, Entered, EntityKind, LeaveWorld, LeftWorld, PickUp,
    ServerPacket,
};
use rand::RngExt as _;
use rand::seq::IteratorRandom as _;
use rand_pcg::Pcg32;

use super::{Heard, ready};
use crate::client::Client;
use crate::server::ServerSetup;
use crate::walker::letter;

/// Items that a trader makes out of nothing before it deals with what there is.
const STOCK: usize = 4;
/// How far a trader reaches, in centimetres; the content's pick_up_cm.
const REACH_CM: f64 = 400.0;

/// A client that trades.
struct Trader<'a> {
    name: String,
    character: u64,
    client: Client,
    sight: Sight,
    items: BTreeSet<u64>,
    requests: u32,
    say: &'a Sender<Heard>,
}

fn name(number: usize) -> String {
    format!("Trader{}", letter(number))
}

/// Makes the traders' characters, gives them their rank, and brings them to one place without monsters.
pub(super) fn settle(setup: &ServerSetup, traders: usize) {
    each(setup, traders, |_| ());
    for number in 0..traders {
        let rank = setup.run(&["rank", &name(number), "master"]);
        assert!(rank.status.success(), "{}", String::from_utf8_lossy(&rank.stderr));
    }
    let mut market = None;
    each(setup, traders, |client| {
        client.send(1, &Command { line: "teleport village".into() });
        let entered: Entered = client.expect();
        let Point { x, y } = *market.get_or_insert_with(|| own_place(client, &entered));
        client.send(2, &Command { line: format!("teleport {x} {y}") });
        client.expect::<CommandResult>();
    });
}

fn own_place(client: &mut Client, entered: &Entered) -> Point {
    let mut sight = Sight::new(entered);
    loop {
        sight.apply(&client.expect(), &mut ());
        if let Some(own) = sight.own() {
            return own.at;
        }
    }
}

fn each(setup: &ServerSetup, traders: usize, mut act: impl FnMut(&mut Client)) {
    let mut server = setup.start();
    for number in 0..traders {
        let (mut client, _) = Client::enter(server.address, &account(number), &name(number));
        act(&mut client);
        client.send(3, &LeaveWorld {});
        client.expect::<LeftWorld>();
    }
    assert!(server.stop().success(), "{}", server.log.text());
}

fn account(number: usize) -> String {
    format!("trader-{number}")
}

/// Trades until the connection ends.
pub(super) fn trade(server: SocketAddr, number: usize, rng: &mut Pcg32, say: &Sender<Heard>) {
    let name = name(number);
    let (mut client, entered) = Client::enter(server, &account(number), &name);
    ready(say);
    let seen = std::mem::take(&mut client.seen);
    let sight = Sight::new(&entered);
    let character = entered.character;
    let mut trader =
        Trader { name, character, client, sight, items: BTreeSet::new(), requests: 100, say };
    for packet in seen {
        trader.take(packet);
    }
    while trader.ask(rng).is_some() {}
}

impl Trader<'_> {
    /// One request and its answer. `None` when the connection is over.
    fn ask(&mut self, rng: &mut Pcg32) -> Option<()> {
        self.requests += 1;
        let request = self.requests;
        let ground = self.within_reach(rng);
        let own = self.items.iter().copied().choose(rng);
        match (ground, own) {
            (Some(entity), _) if rng.random_bool(0.5) => {
                self.client.send(request, &PickUp { entity })
            }
            (_, Some(item)) if self.items.len() >= STOCK => {
                self.client.send(request, &DropItem { item })
            }
            _ => {
                let line = format!("give {} rusty_sword", self.name);
                self.client.send(request, &Command { line });
            }
        }
        loop {
            let packet = self.client.next().ok()?;
            if self.take(packet) == Some(request) {
                return Some(());
            }
        }
    }

    fn within_reach(&self, rng: &mut Pcg32) -> Option<u64> {
        let here = self.sight.own()?.at;
        let near = self
            .sight
            .entities()
            .filter(|(_, seen)| seen.kind == EntityKind::Item && here.distance(seen.at) < REACH_CM);
        let mut near: Vec<u64> = near.map(|(id, _)| id).collect();
        near.sort_unstable();
        near.into_iter().choose(rng)
    }

    /// Looks at a packet. Returns the request that it settles.
    fn take(&mut self, packet: ServerPacket) -> Option<u32> {
        match packet.body {
            Some(Body::View(view)) => {
                self.sight.apply(&view, &mut ());
                None
            }
            Some(Body::Inventory(inventory)) => {
                for item in inventory.items {
                    self.gained(item.id, item.quantity);
                }
                None
            }
            Some(Body::InventoryChanged(change)) => {
                for item in change.removed {
                    self.items.remove(&item);
                    self.tell(item, 0);
                }
                for item in change.changed {
                    self.gained(item.id, item.quantity);
                }
                Some(packet.request)
            }
            Some(Body::Refused(_) | Body::CommandResult(_)) => Some(packet.request),
            _ => None,
        }
    }

    fn gained(&mut self, item: u64, quantity: u32) {
        self.items.insert(item);
        self.tell(item, quantity);
    }

    fn tell(&self, item: u64, quantity: u32) {
        let character = self.character;
        // Nobody hears it only when the test has failed already.
        let _ = self.say.send(Heard::Confirmed(Confirmation { character, item, quantity }));
    }
}
