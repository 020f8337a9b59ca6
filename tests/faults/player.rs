//! A client that remembers what it was told it owns, and asks again while nothing can be saved.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use prost::Message as _;
use protocol::v1::server_packet::Body;
use protocol::v1::{
    ChatLine, Command, CommandResult, DropItem, Entered, Inventory, InventoryChanged, Move,
    Refusal, Say, ServerPacket, View,
};
use protocol::{ClientMessage, Envelope, ServerMessage};
use tests::client::Client;
use tests::server::PATIENCE;

/// The number of the request that a player waits for.
const REQUEST: u32 = 40;

pub(super) struct Player {
    pub(super) client: Client,
    pub(super) entered: Entered,
    /// By id.
    pub(super) items: BTreeSet<u64>,
    pub(super) gold: u64,
}

impl Player {
    /// Enters the world and hears what it owns.
    pub(super) fn enter(address: SocketAddr, account: &str, name: &str) -> Self {
        let (mut client, entered) = Client::enter(address, account, name);
        let inventory: Inventory = client.expect();
        let items = inventory.items.iter().map(|item| item.id).collect();
        Self { client, entered, items, gold: inventory.gold }
    }

    /// What it owns, as the database would say it.
    pub(super) fn holds(&self) -> (String, u64) {
        let items: Vec<String> = self.items.iter().map(u64::to_string).collect();
        (items.join(" "), self.gold)
    }

    /// Hears on until `found` finds in a message of kind `M`.
    pub(super) fn hear<M: ServerMessage + Default, T>(
        &mut self,
        mut found: impl FnMut(M) -> Option<T>,
    ) -> T {
        loop {
            let packet = self.next();
            if let Some(it) = message(&packet).and_then(&mut found) {
                return it;
            }
        }
    }

    fn next(&mut self) -> ServerPacket {
        let packet = self.client.next().expect("the connection goes on");
        if let Some(Body::InventoryChanged(change)) = &packet.body {
            self.note(change);
        }
        packet
    }

    /// Takes a confirmation.
    pub(super) fn note(&mut self, change: &InventoryChanged) {
        self.items.extend(change.changed.iter().map(|item| item.id));
        for gone in &change.removed {
            self.items.remove(gone);
        }
        self.gold = change.gold.unwrap_or(self.gold);
    }

    /// Asks until it is done, again whenever nothing can be saved or it was too fast. Another refusal is an error.
    pub(super) fn insist<Q: ClientMessage, M: ServerMessage + Default, T>(
        &mut self,
        question: &Q,
        mut done: impl FnMut(M) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.client.send(REQUEST, question);
            while let Some(packet) = self.not_refused(Q::INFO.name) {
                if let Some(it) = message(&packet).and_then(&mut done) {
                    return it;
                }
            }
        }
        panic!("{} is refused again and again", Q::INFO.name);
    }

    /// The next packet; `None` when it asks for patience.
    fn not_refused(&mut self, question: &str) -> Option<ServerPacket> {
        let packet = self.next();
        if packet.request == REQUEST
            && let Some(Body::Refused(refused)) = &packet.body
        {
            let reason = refused.reason();
            let patience = matches!(reason, Refusal::StoreBehind | Refusal::TooFast);
            assert!(patience, "{question} is refused: {reason:?}");
            return None;
        }
        Some(packet)
    }

    /// Drops an item, until that is confirmed.
    pub(super) fn drop(&mut self, item: u64) {
        let gone = |change: InventoryChanged| change.removed.contains(&item).then_some(());
        self.insist(&DropItem { item }, gone);
    }

    /// Types a command until it is carried out, and returns what it says.
    pub(super) fn command(&mut self, line: &str) -> String {
        let command = Command { line: line.to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let said = self.insist(&command, |result: CommandResult| Some(result.text));
            if !said.contains("could not be saved") {
                return said;
            }
        }
        panic!("{line:?} is refused again and again");
    }

    /// A new sword of its own, by a master's command.
    pub(super) fn sword(&mut self) -> u64 {
        let said = self.command("give Ada rusty_sword");
        let id = said.rsplit(' ').next().and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("{said}"))
    }

    /// Drops one thing after the other, while it walks, until a drop is refused because it couldn't be saved.
    /// Returns what will be gone: drops that weren't refused and aren't confirmed.
    pub(super) fn drop_until_refused(&mut self) -> BTreeSet<u64> {
        let mut asked = BTreeSet::new();
        for (sequence, item) in (1..).zip(self.items.clone()) {
            self.client.send(10, &DropItem { item });
            self.client.send(0, &Move { heading: 0, walking: sequence % 2 == 1, sequence });
            while self.client.expect::<View>().ack < sequence {}
            let mut refused = false;
            for packet in std::mem::take(&mut self.client.seen) {
                match packet.body {
                    Some(Body::Refused(refusal)) => {
                        assert_eq!(refusal.reason(), Refusal::StoreBehind);
                        refused = true;
                    }
                    Some(Body::InventoryChanged(_)) => panic!("confirmed before it is durable"),
                    _ => {}
                }
            }
            if refused {
                return asked;
            }
            asked.insert(item);
        }
        panic!("{} operations were taken and none refused", asked.len());
    }

    /// Says something and hears it: the tick that took what was sent before is over.
    pub(super) fn see_a_tick(&mut self) {
        self.client.send(0, &Say { text: "does the world go on?".into() });
        self.client.expect::<ChatLine>();
    }
}

/// The message of a packet, if it is of kind `M`.
fn message<M: ServerMessage + Default>(packet: &ServerPacket) -> Option<M> {
    let bytes = packet.encode_to_vec();
    let envelope = Envelope::parse(&bytes).expect("a packet has an envelope");
    let right = envelope.id == M::INFO.id;
    right.then(|| M::decode(envelope.payload).expect("a body is what its id says"))
}
