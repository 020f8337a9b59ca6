//! How a trader goes to another zone while something of its is under way, and to the market.

use client_bot::bot::sight::Point;
use protocol::v1::server_packet::Body;
use protocol::v1::{Command, DropItem, EntityKind, ServerPacket};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::Trader;
use crate::crash::deed::Deed;
use crate::crash::promises::Told;

/// Where traders deal with each other.
pub(in crate::crash) const MARKET: &str = "village";
/// Where they go for a moment and come back from.
const ELSEWHERE: &str = "meadow";

impl Trader<'_> {
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
        if !self.arrive(ELSEWHERE, journey)? {
            return Some(());
        }
        self.tell(Told::Done { character: self.character, deed: Deed::Cross });
        self.go_to_market()?;
        self.go_to(home)
    }

    /// Is in the zone of the market after this.
    pub(in crate::crash) fn go_to_market(&mut self) -> Option<()> {
        while self.zone != MARKET {
            let journey = self.send(&Command { line: format!("teleport {MARKET}") });
            self.arrive(MARKET, journey)?;
        }
        Some(())
    }

    /// Waits until it is in this zone and sees itself. False if it stays where it is.
    fn arrive(&mut self, zone: &str, journey: u32) -> Option<bool> {
        // It may have arrived while it waited for something else.
        while self.zone != zone {
            let refused = self.wait(|packet| match packet.body {
                Some(Body::Entered(_)) => Some(false),
                Some(Body::Refused(_)) => (packet.request == journey).then_some(true),
                _ => None,
            })?;
            if refused {
                return Some(false);
            }
        }
        while self.place().is_none() {
            self.wait(is_view)?;
        }
        Some(true)
    }

    /// Goes to the shopkeeper, once that one is in sight.
    pub(in crate::crash) fn go_to_shopkeeper(&mut self) -> Option<()> {
        loop {
            if let Some(keeper) = self.shopkeeper() {
                return self.go_to(keeper);
            }
            self.wait(is_view)?;
        }
    }

    /// Where the shopkeeper is, if that one is in sight.
    pub(super) fn shopkeeper(&self) -> Option<Point> {
        let mut seen = self.sight.entities().map(|(_, seen)| seen);
        seen.find(|seen| seen.kind == EntityKind::Npc).map(|keeper| keeper.at)
    }

    /// To a place in the same zone, which the next view shows.
    pub(super) fn go_to(&mut self, place: Point) -> Option<()> {
        self.command(format!("teleport {} {}", place.x, place.y))
    }
}

fn is_view(packet: &ServerPacket) -> Option<()> {
    matches!(packet.body, Some(Body::View(_))).then_some(())
}
