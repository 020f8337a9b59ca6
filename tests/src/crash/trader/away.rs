//! What a trader does with its stacks, and how it goes to another zone while something of its is under way.

use protocol::v1::server_packet::Body;
use protocol::v1::{Command, DropItem, EntityKind, MergeStacks, ServerPacket, SplitStack};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::{STACK, Trader};
use crate::crash::deed::Deed;
use crate::crash::promises::Told;

/// Where traders deal with each other.
pub(in crate::crash) const MARKET: &str = "village";
/// Where they go for a moment and come back from.
const ELSEWHERE: &str = "meadow";

impl Trader<'_> {
    pub(super) fn split(&mut self, rng: &mut Pcg32) -> Option<()> {
        let Some(stack) = self.chest.find(rng, |item| item.quantity > 1) else {
            return self.give(rng);
        };
        let split = SplitStack { item: stack.id, quantity: rng.random_range(1..stack.quantity) };
        self.ask(Deed::Split, &split).map(drop)
    }

    pub(super) fn merge(&mut self, rng: &mut Pcg32) -> Option<()> {
        let small = self.chest.find(rng, |item| item.quantity < STACK).cloned();
        let other = small.as_ref().and_then(|small| {
            self.chest.find(rng, |item| {
                let fits = item.quantity + small.quantity <= STACK;
                item.id != small.id && item.template == small.template && fits
            })
        });
        match (small, other) {
            (Some(small), Some(other)) => {
                let merge = MergeStacks { item: small.id, into: other.id };
                self.ask(Deed::Merge, &merge).map(drop)
            }
            _ => self.give(rng),
        }
    }

    /// Goes to another zone in the same moment as something of its changes, and comes back.
    pub(super) fn cross(&mut self, rng: &mut Pcg32) -> Option<()> {
        let (request, deed) = match self.chest.any(rng).filter(|_| rng.random_bool(0.5)) {
            Some(item) => (self.send(&DropItem { item }), Deed::Drop),
            None => {
                let gift = self.gift(rng);
                (self.send(&gift), Deed::Give)
            }
        };
        let home = self.place()?;
        let journey = self.send(&Command { line: format!("teleport {ELSEWHERE}") });
        let settled = self.wait(|packet| super::settlement(packet, request))?;
        self.done(deed, settled);
        if !self.arrive(journey)? {
            return Some(());
        }
        self.tell(Told::Done { character: self.character, deed: Deed::Cross });
        self.go_to_market()?;
        self.command(format!("teleport {} {}", home.x, home.y))
    }

    /// Is in the zone of the market after this.
    pub(in crate::crash) fn go_to_market(&mut self) -> Option<()> {
        while self.zone != MARKET {
            let journey = self.send(&Command { line: format!("teleport {MARKET}") });
            self.arrive(journey)?;
        }
        Some(())
    }

    /// Waits until it is in another zone and sees itself. False if it stays where it is.
    fn arrive(&mut self, journey: u32) -> Option<bool> {
        let arrived = self.wait(|packet| match packet.body {
            Some(Body::Entered(_)) => Some(true),
            Some(Body::Refused(_)) => (packet.request == journey).then_some(false),
            _ => None,
        })?;
        while arrived && self.place().is_none() {
            self.wait(is_view)?;
        }
        Some(arrived)
    }

    /// Goes to the shopkeeper, once that one is in sight.
    pub(in crate::crash) fn go_to_shopkeeper(&mut self) -> Option<()> {
        loop {
            let keeper = self.sight.entities().find(|(_, seen)| seen.kind == EntityKind::Npc);
            if let Some((_, keeper)) = keeper {
                let line = format!("teleport {} {}", keeper.at.x, keeper.at.y);
                return self.command(line);
            }
            self.wait(is_view)?;
        }
    }
}

fn is_view(packet: &ServerPacket) -> Option<()> {
    matches!(packet.body, Some(Body::View(_))).then_some(())
}
