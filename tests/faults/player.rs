//! A client that remembers what it was told it owns, and asks again while nothing can be saved.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use protocol::ClientMessage;
use protocol::v1::server_packet::Body;
use protocol::v1::{ChatLine, Command, Entered, Inventory, InventoryChanged, Refusal, Say};
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

    /// Hears on until `found` finds.
    pub(super) fn hear<T>(&mut self, mut found: impl FnMut(u32, &Body) -> Option<T>) -> T {
        loop {
            let packet = self.client.next().expect("the connection goes on");
            let Some(body) = packet.body else { continue };
            if let Body::InventoryChanged(change) = &body {
                self.note(change);
            }
            if let Some(it) = found(packet.request, &body) {
                return it;
            }
        }
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
    pub(super) fn insist<Q: ClientMessage, T>(
        &mut self,
        question: &Q,
        mut done: impl FnMut(u32, &Body) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.client.send(REQUEST, question);
            let answer = self.hear(|request, body| match body {
                Body::Refused(refused) if request == REQUEST => match refused.reason() {
                    Refusal::StoreBehind | Refusal::TooFast => Some(None),
                    reason => panic!("{} is refused: {reason:?}", Q::INFO.name),
                },
                body => done(request, body).map(Some),
            });
            if let Some(answer) = answer {
                return answer;
            }
        }
        panic!("{} is refused again and again", Q::INFO.name);
    }

    /// Asks for what changes its inventory, until that is confirmed.
    pub(super) fn change<Q: ClientMessage>(&mut self, question: &Q) {
        self.insist(question, |request, body| {
            (request == REQUEST && matches!(body, Body::InventoryChanged(_))).then_some(())
        });
    }

    /// Types a command until it is carried out, and returns what it says.
    pub(super) fn command(&mut self, line: &str) -> String {
        let command = Command { line: line.to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let said = self.insist(&command, |_, body| match body {
                Body::CommandResult(result) => Some(result.text.clone()),
                _ => None,
            });
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

    /// Says something and hears it: the tick that took what was sent before is over.
    pub(super) fn see_a_tick(&mut self) {
        self.client.send(0, &Say { text: "does the world go on?".into() });
        self.client.expect::<ChatLine>();
    }
}
