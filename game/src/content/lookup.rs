//! What the game asks of the content by name.

use std::sync::Arc;

use super::source::NAME_LENGTH;
use super::{Content, ItemKind, MonsterKind, Shop, ZoneContent};
use crate::ids::ZoneName;
use crate::space::Position;
use crate::zone::map::{Area, Map};

/// The bytes at most of the numbers and field keys of one entry in the list of a shop.
const LIST_ENTRY: usize = 32;

impl Content {
    /// The item of that name, itself.
    #[must_use]
    pub fn item_kind(&self, name: &str) -> Option<&ItemKind> {
        self.item(name).map(|index| &self[index])
    }

    /// The monster of that name, itself.
    #[must_use]
    pub fn monster_kind(&self, name: &str) -> Option<&MonsterKind> {
        self.monster(name).map(|index| &self[index])
    }

    /// The shop of that name.
    #[must_use]
    pub fn shop(&self, name: &str) -> Option<&Shop> {
        let found = self.shops().binary_search_by(|shop| shop.key.as_str().cmp(name));
        found.ok().map(|place| &self.shops()[place])
    }

    /// The bytes at most of the list of a shop, which is one message: for what it sells, and for each slot of who asks.
    #[must_use]
    pub fn shop_list_bytes(&self, shop: &Shop) -> usize {
        let sold = shop.sells.iter().map(|good| &self[good.item]);
        let sold: usize = sold.map(|kind| kind.key.len() + kind.name.len() + LIST_ENTRY).sum();
        let slots = usize::try_from(self.player().inventory_slots).unwrap_or(usize::MAX);
        let bought = slots.saturating_mul(NAME_LENGTH + LIST_ENTRY);
        (shop.name.len() + LIST_ENTRY + sold).saturating_add(bought)
    }

    /// The zone of that name, itself.
    #[must_use]
    pub fn zone_content(&self, name: &ZoneName) -> Option<&ZoneContent> {
        self.zone(name).map(|index| &self[index])
    }

    /// The map of a zone, to be shared.
    #[must_use]
    pub fn shared_map(&self, name: &ZoneName) -> Option<Arc<Map>> {
        self.zone_content(name).map(|zone| Arc::new(zone.map.clone()))
    }

    /// The zone in which new characters enter.
    #[must_use]
    pub fn start_zone(&self) -> &ZoneName {
        &self[self.player().start_zone].key
    }

    /// A place in the start area of a zone, the same for the same `seed`.
    #[must_use]
    pub fn start_position(&self, zone: &ZoneName, seed: u64) -> Position {
        self.zone_content(zone).map(|zone| zone.place_in(&zone.start, seed)).unwrap_or_default()
    }
}

impl ZoneContent {
    /// A place to stand in `area`, on no portal if there is another one; the same for the same `seed`: for those who
    /// have no random stream of their own.
    #[must_use]
    pub fn place_in(&self, area: &Area, seed: u64) -> Position {
        let mut draws = 0_u64;
        let draw = |below: u32| {
            draws += 1;
            let mixed = xxhash_rust::xxh3::xxh3_64_with_seed(&draws.to_le_bytes(), seed);
            u32::try_from(mixed % u64::from(below.max(1))).unwrap_or_default()
        };
        let free = |at| !self.portals.iter().any(|portal| portal.area.contains(at));
        self.map.pick(area, free, draw)
    }
}
