//! The shops of the world: `shops.toml`, one table each. The file may be missing: then nothing is for sale.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::Mistakes;
use super::items::ItemKind;
use super::name::Name;
use super::source::{Entry, Source};
use super::whole::Whole;
use super::zones::{Ground, Place};
use super::{ItemIndex, ZoneIndex, index_of};
use crate::space::Position;

/// Kinds that one shop sells at most: all of them go into one message.
pub const SHOP_GOODS: usize = 256;

/// A shop and where its keeper stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shop {
    /// What files call it, such as `general_store`.
    pub key: String,
    /// What players read.
    pub name: String,
    /// Where its keeper stands.
    pub zone: ZoneIndex,
    /// There; walkable.
    pub at: Position,
    /// What one can buy, in the order of the file; each kind once.
    pub sells: Vec<Good>,
    /// How much of an item's value it pays, in hundredths; 0 if it buys nothing.
    pub buys_percent: u32,
}

/// Something that a shop sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// What.
    pub item: ItemIndex,
    /// Gold for a piece, at least 1.
    pub price: u32,
}

impl Shop {
    /// The gold that it pays for a piece of `item`; `None` if it doesn't buy it.
    #[must_use]
    pub fn pays_for(&self, item: &ItemKind) -> Option<u64> {
        Some(payment(item.value, self.buys_percent)).filter(|price| *price > 0)
    }
}

/// A share of a value, rounded down, so that many small sales never bring more than a large one.
fn payment(value: u32, percent: u32) -> u64 {
    u64::from(value) * u64::from(percent) / 100
}

/// What shops speak of, each by its name and in the order of the names.
pub(super) struct World<'a> {
    /// `None` for an item whose mistakes have been reported.
    pub(super) items: &'a [(String, Option<ItemKind>)],
    pub(super) item_names: &'a [&'a str],
    pub(super) zones: &'a [&'a str],
    /// Of each zone; `None` where it couldn't be read.
    pub(super) grounds: &'a [Option<Ground>],
}

/// A shop as it is written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Name,
    zone: Spanned<String>,
    place: Spanned<Place>,
    sells: Spanned<Vec<WrittenGood>>,
    buys_percent: Whole<0, 100>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGood {
    item: Spanned<String>,
    price: Spanned<Whole<1, 1_000_000_000>>,
}

/// Every shop of the file that has no mistakes; mistakes are added to `errors`.
pub(super) fn read(source: Source<'_>, world: &World<'_>, errors: &mut Mistakes) -> Vec<Shop> {
    let entries: Vec<Entry<Written>> = source.entries(errors);
    let written: Vec<(String, Written)> =
        entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
    let best = written.iter().map(|(_, shop)| shop.buys_percent.0).max().unwrap_or_default();
    let reader = Reader { source, world, best };
    written.into_iter().filter_map(|(key, shop)| reader.shop(key, shop, errors)).collect()
}

/// What is known while one shop is read.
struct Reader<'a> {
    source: Source<'a>,
    world: &'a World<'a>,
    /// The most that any shop pays, in hundredths of the value.
    best: u32,
}

impl Reader<'_> {
    fn shop(&self, key: String, written: Written, errors: &mut Mistakes) -> Option<Shop> {
        let goods = written.sells.get_ref();
        if goods.len() > SHOP_GOODS {
            let (at, found) = (written.sells.span().start, format!("{} goods", goods.len()));
            errors.push(self.source.error(at, found, format!("at most {SHOP_GOODS}")));
        }
        let mut sells: Vec<Good> = Vec::new();
        for good in goods {
            let Some(read) = self.good(good, errors) else {
                continue;
            };
            if sells.iter().any(|earlier| earlier.item == read.item) {
                let (at, name) = (good.item.span().start, good.item.get_ref());
                errors.push(self.source.error(at, format!("`{name}` again"), "each item once"));
            }
            sells.push(read);
        }
        let zone = written.zone.get_ref();
        let Some(index) = index_of(self.world.zones, zone) else {
            let found = format!("an unknown zone `{zone}`");
            let at = (self.source, written.zone.span().start);
            errors.unknown(at, found, ("the zones", zone), self.world.zones.iter().copied());
            return None;
        };
        // Of a zone with mistakes of its own no place can be checked.
        let ground = self.world.grounds.get(usize::from(index))?.as_ref()?;
        let at = ground.point(self.source, &written.place, errors)?;
        let buys_percent = written.buys_percent.0;
        Some(Shop { key, name: written.name.0, zone: ZoneIndex(index), at, sells, buys_percent })
    }

    fn good(&self, written: &WrittenGood, errors: &mut Mistakes) -> Option<Good> {
        let item = written.item.get_ref();
        let Some(index) = index_of(self.world.item_names, item) else {
            let found = format!("an unknown item `{item}`");
            let at = (self.source, written.item.span().start);
            errors.unknown(at, found, ("the items", item), self.world.item_names.iter().copied());
            return None;
        };
        let price = written.price.get_ref().0;
        let value = self.world.items[usize::from(index)].1.as_ref().map_or(0, |kind| kind.value);
        let least = payment(value, self.best);
        if u64::from(price) < least {
            let found = format!("a price of {price}");
            let expected =
                format!("at least {least}, which a shop pays for one: else it is free gold");
            errors.push(self.source.error(written.price.span().start, found, expected));
        }
        Some(Good { item: ItemIndex(index), price })
    }
}
