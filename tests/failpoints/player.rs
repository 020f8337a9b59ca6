//! A client that keeps books: what it was told it owns, and what it sees.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use client_bot::bot::sight::{Seen, Sight};
use protocol::ClientMessage;
use protocol::v1::server_packet::Body;
use protocol::v1::{Command, EntityKind};
use tests::client::{Client, Ended};

/// What a character owns: its items, and its gold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Template and quantity by id.
    pub(crate) items: BTreeMap<u64, (String, u32)>,
    pub(crate) gold: u64,
}

/// A client in the world.
pub(crate) struct Player {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) entity: u64,
    pub(crate) sight: Sight,
    /// As the server told.
    pub(crate) holding: Holding,
}

impl Player {
    /// Enters, and waits until it knows what it owns.
    pub(crate) fn enter(address: SocketAddr, name: &str) -> Self {
        let (mut client, entered) = Client::enter(address, &name.to_lowercase(), name);
        let before = std::mem::take(&mut client.seen);
        let (entity, sight) = (entered.entity, Sight::new(&entered));
        let holding = Holding::default();
        let mut player = Self { client, name: name.to_owned(), entity, sight, holding };
        let told = before.iter().any(|packet| matches!(packet.body, Some(Body::Inventory(_))));
        before.into_iter().filter_map(|packet| packet.body).for_each(|body| player.note(&body));
        if !told {
            player.expect(|_, body| matches!(body, Body::Inventory(_)).then_some(()));
        }
        player
    }

    pub(crate) fn send<M: ClientMessage>(&mut self, message: &M) {
        self.client.send(5, message);
    }

    /// Types a command.
    pub(crate) fn command(&mut self, line: &str) {
        self.send(&Command { line: line.to_owned() });
    }

    /// Reads on until something is found in a packet, or the connection is over.
    pub(crate) fn until<T>(
        &mut self,
        mut found: impl FnMut(&Self, &Body) -> Option<T>,
    ) -> Result<T, Ended> {
        loop {
            let Some(body) = self.client.next()?.body else { continue };
            self.note(&body);
            if let Some(it) = found(self, &body) {
                return Ok(it);
            }
        }
    }

    /// As [`Self::until`]; the connection must not end.
    pub(crate) fn expect<T>(&mut self, found: impl FnMut(&Self, &Body) -> Option<T>) -> T {
        let it = self.until(found);
        it.unwrap_or_else(|Ended| panic!("the connection of {} has ended", self.name))
    }

    /// The next item that becomes its own.
    pub(crate) fn expect_item(&mut self) -> u64 {
        self.expect(|_, body| match body {
            Body::InventoryChanged(change) => change.changed.last().map(|item| item.id),
            _ => None,
        })
    }

    /// An entity of this kind in its sight, for which something holds.
    pub(crate) fn look(&mut self, kind: EntityKind, such: impl Fn(u64, &Seen) -> bool) -> u64 {
        let find = |player: &Self| {
            let mut seen = player.sight.entities().filter(|(_, seen)| seen.kind == kind);
            seen.find(|(id, seen)| such(*id, seen)).map(|(id, _)| id)
        };
        let known = find(self);
        known.unwrap_or_else(|| self.expect(|player, _| find(player)))
    }

    fn note(&mut self, body: &Body) {
        match body {
            Body::View(view) => self.sight.apply(view, &mut ()),
            Body::Entered(entered) => {
                (self.entity, self.sight) = (entered.entity, Sight::new(entered))
            }
            Body::Inventory(all) => {
                let items =
                    all.items.iter().map(|item| (item.id, (item.template.clone(), item.quantity)));
                self.holding = Holding { items: items.collect(), gold: all.gold };
            }
            Body::InventoryChanged(change) => {
                for item in &change.removed {
                    self.holding.items.remove(item);
                }
                for item in &change.changed {
                    self.holding.items.insert(item.id, (item.template.clone(), item.quantity));
                }
                self.holding.gold = change.gold.unwrap_or(self.holding.gold);
            }
            _ => {}
        }
    }
}
