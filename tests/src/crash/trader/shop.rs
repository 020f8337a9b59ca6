//! What a trader does at a shop.

use protocol::v1::server_packet::Body;
use protocol::v1::{Buy, EntityKind, ListShop, Sell};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_pcg::Pcg32;

use super::Trader;
use crate::crash::deed::Deed;

impl Trader<'_> {
    /// Asks the shopkeeper, if one is near, what there is.
    pub(in crate::crash) fn look_at_offers(&mut self) -> Option<()> {
        let Some(entity) = self.within_reach(EntityKind::Npc).first().copied() else {
            return Some(());
        };
        let request = self.send(&ListShop { entity });
        self.offers = self.wait(|packet| match &packet.body {
            Some(Body::ShopOffers(offers)) => Some(Some(offers.clone())),
            Some(Body::Refused(_)) => (packet.request == request).then_some(None),
            _ => None,
        })?;
        Some(())
    }

    /// An item of its own that the shop here buys.
    pub(super) fn something_to_sell(&self, rng: &mut Pcg32) -> Option<u64> {
        let buys = &self.offers.as_ref()?.buys;
        let item =
            self.chest.find(rng, |item| buys.iter().any(|buy| buy.template == item.template));
        item.map(|item| item.id)
    }

    pub(super) fn sell(&mut self, item: u64) -> Option<()> {
        let entity = self.offers.as_ref()?.entity;
        self.ask(Deed::Sell, &Sell { entity, item }).map(drop)
    }

    pub(super) fn buy(&mut self, rng: &mut Pcg32) -> Option<()> {
        let gold = self.chest.gold();
        let offers = self.offers.as_ref()?;
        let affordable: Vec<_> = offers.sells.iter().filter(|good| good.price <= gold).collect();
        let Some(good) = affordable.choose(rng) else {
            return self.give(rng);
        };
        let most = (gold / good.price.max(1)).min(good.stack.into()).try_into().unwrap_or(1);
        let (template, quantity) = (good.template.clone(), rng.random_range(1..=most));
        let entity = offers.entity;
        self.ask(Deed::Buy, &Buy { entity, template, quantity }).map(drop)
    }
}
