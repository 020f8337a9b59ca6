//! Shops: a keeper who stands somewhere, sells at the prices of the content, and pays a share of an item's value for
//! what players bring. Each purchase and each sale is one value operation.

use protocol::v1::{Buy, ListShop, Refusal, Sell, ShopGood, ShopOffers, ShopPrice};
use serde::{Deserialize, Serialize};

use crate::content::{Content, Shop as ShopKind};
use crate::ctx::Ctx;
use crate::ids::{EntityId, ItemId, PlayerId, ZoneName};
use crate::module::{Event, Module, Rate, Refuse, Routes};
use crate::modules::movement::in_reach;
use crate::zone::{EntityKind, Spawn};

/// How near one stands to a keeper, in centimetres: as people who talk do, with room for a crowd.
const TALK_CM: u32 = 600;
/// The list is looked at after each visit, not all the time; it can be long.
const LISTS: Rate = Rate { per_second: 2, burst: 10 };

/// A shop has bought something from a player. It is as durable as the tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold {
    /// Who was paid.
    pub player: PlayerId,
    /// The item's name in the content.
    pub template: String,
    /// Pieces.
    pub quantity: u32,
    /// Gold for all of them.
    pub earned: u64,
}

impl Event for Sold {}

/// The shops of a zone. All that they know is in the content.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shop;

impl Module for Shop {
    const NAME: &'static str = "shop";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(LISTS, Self::list);
        routes.on(Self::buy);
        routes.on(Self::sell);
    }

    fn on_start(&mut self, ctx: &mut Ctx<'_>) {
        let here = ctx.content().zone(ctx.zone());
        let shops = ctx.content().shops().iter().filter(|shop| Some(shop.zone) == here);
        let keepers: Vec<Spawn> = shops.map(keeper).collect();
        for keeper in keepers {
            ctx.spawn(keeper);
        }
    }
}

impl Shop {
    fn list(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: ListShop) -> Result<(), Refuse> {
        let shop = shop_in_reach(ctx, player, wish.entity)?;
        let content = ctx.content();
        let good = |good: &crate::content::Good| {
            let kind = &content[good.item];
            ShopGood {
                template: kind.key.clone(),
                name: kind.name.clone(),
                price: good.price.into(),
                stack: kind.stack,
            }
        };
        let sells = shop.sells.iter().map(good).collect();
        let carried = ctx.player(player).into_iter().flat_map(|player| player.inventory().items());
        let mut carried: Vec<&str> = carried.map(|item| item.template.as_str()).collect();
        carried.sort_unstable();
        carried.dedup();
        let price = |template: &str| {
            let price = shop.pays_for(content.item_kind(template)?)?;
            Some(ShopPrice { template: template.to_owned(), price })
        };
        let buys = carried.into_iter().filter_map(price).collect();
        let offers = ShopOffers { entity: wish.entity, name: shop.name.clone(), sells, buys };
        ctx.reply(player, &offers);
        Ok(())
    }

    fn buy(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: Buy) -> Result<(), Refuse> {
        let shop = shop_in_reach(ctx, player, wish.entity)?;
        let good = shop.sells.iter().find(|good| ctx.content()[good.item].key == wish.template);
        let missing = || Refuse::new(Refusal::NoSuchItem, "that isn't sold here");
        let price = good.ok_or_else(missing)?.price;
        // Of two numbers of 32 bits: it always fits.
        let paid = u64::from(price) * u64::from(wish.quantity);
        let mut deal = ctx.deal("buy", player)?;
        deal.pay(Some(player), None, paid)?;
        deal.create(player, &wish.template, wish.quantity)?;
        deal.close()
    }

    fn sell(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: Sell) -> Result<(), Refuse> {
        let shop = shop_in_reach(ctx, player, wish.entity)?;
        let id = ItemId(wish.item);
        let item = ctx.player(player).and_then(|player| player.inventory().get(id));
        let missing = || Refuse::new(Refusal::NoSuchItem, "you don't have that");
        let kind = ctx.content().item_kind(&item.ok_or_else(missing)?.template);
        let unwanted = || Refuse::new(Refusal::NotAllowed, "nobody here buys that");
        let price = kind.and_then(|kind| shop.pays_for(kind)).ok_or_else(unwanted)?;
        let mut deal = ctx.deal("sell", player)?;
        let item = deal.destroy(player, id)?;
        let overflow = || Refuse::new(Refusal::PurseFull, "no purse holds so much gold");
        let earned = price.checked_mul(item.quantity.into()).ok_or_else(overflow)?;
        deal.pay(None, Some(player), earned)?;
        deal.close()?;
        ctx.emit(Sold { player, template: item.template, quantity: item.quantity, earned });
        Ok(())
    }
}

fn keeper(shop: &ShopKind) -> Spawn {
    let template = shop.key.as_str().into();
    Spawn { template, ..Spawn::new(EntityKind::Npc, shop.name.as_str(), shop.at) }
}

/// The shop whose keeper `entity` is, if the player lives and stands near enough to talk.
fn shop_in_reach<'a>(
    ctx: &'a Ctx<'_>,
    player: PlayerId,
    entity: u64,
) -> Result<&'a ShopKind, Refuse> {
    let absent = || Refuse::new(Refusal::NoSuchTarget, "there is no shop");
    let body = ctx.entity(player.entity()).ok_or_else(absent)?;
    let keeper = ctx.entity(EntityId(entity)).filter(|keeper| keeper.kind() == EntityKind::Npc);
    let keeper = keeper.ok_or_else(absent)?;
    let shop = ctx.content().shop(keeper.template()).ok_or_else(absent)?;
    if body.hp() == 0 {
        return Err(Refuse::new(Refusal::Dead, "the dead need nothing"));
    }
    if !in_reach(ctx, body.position(), keeper.position(), TALK_CM) {
        return Err(Refuse::new(Refusal::OutOfRange, "that is too far away"));
    }
    Ok(shop)
}

#[cfg(test)]
mod tests {
    use protocol::v1::{Attack, InventoryChanged};

    use super::*;
    use crate::record::MAX_GOLD;
    use crate::testing::GameTest;

    /// Ada with 100 gold beside the keeper of the cellar's smithy.
    fn at_the_smithy() -> (GameTest, u64) {
        let mut test = GameTest::new();
        test.player("Ada").give_gold(100).travel("Ada", "cellar");
        let keeper = test.entity_of_kind(EntityKind::Npc);
        (test, keeper.0)
    }

    fn buy(entity: u64, template: &str, quantity: u32) -> Buy {
        Buy { entity, template: template.to_owned(), quantity }
    }

    #[test]
    fn a_shop_tells_what_it_sells_and_what_it_pays_for_what_one_carries() {
        let (mut test, entity) = at_the_smithy();
        test.give("sword", 1).give("copper_coin", 9).give("coin", 2).tick(1);
        test.send(ListShop { entity }).tick(1);
        let offers = test.received::<ShopOffers>().remove(0);
        assert_eq!((offers.entity, offers.name.as_str()), (entity, "Brenna's Smithy"));
        let sells: Vec<_> = offers.sells.iter().map(|good| (&*good.name, good.price)).collect();
        assert_eq!(sells, [("Sword", 30), ("Coin", 1)]);
        // Half a coin's value is less than a piece of gold, and a copper coin has none.
        assert_eq!(offers.buys, [ShopPrice { template: "sword".into(), price: 10 }]);
    }

    #[test]
    fn what_is_bought_is_paid_for_in_one_operation() {
        let (mut test, entity) = at_the_smithy();
        test.request(7, buy(entity, "coin", 40)).tick(1);
        assert_eq!(test.inventory("Ada"), [("coin".to_owned(), 40)]);
        assert_eq!((test.gold("Ada"), test.model().gold_of(test.character("Ada"))), (60, 60));
        test.expect(|change: &InventoryChanged| {
            change.changed.len() == 1 && change.gold == Some(60)
        });
    }

    #[test]
    fn what_fits_on_a_stack_is_bought_with_all_slots_taken() {
        let (mut test, entity) = at_the_smithy();
        test.give("coin", 98).give("sword", 1).give("sword", 1).give("sword", 1).tick(1);
        test.send(buy(entity, "coin", 2)).send(buy(entity, "coin", 1)).tick(1);
        assert_eq!(test.refusals(), [Refusal::InventoryFull]);
        assert_eq!(test.inventory("Ada")[0], ("coin".to_owned(), 100));
        assert_eq!((test.inventory("Ada").len(), test.gold("Ada")), (4, 98));
    }

    #[test]
    fn what_is_sold_leaves_the_world_for_its_price() {
        let (mut test, entity) = at_the_smithy();
        test.give("sword", 1).tick(1);
        let sword = test.items("Ada")[0];
        test.send(Sell { entity, item: sword.0 }).tick(1);
        assert_eq!((test.inventory("Ada"), test.gold("Ada")), (vec![], 110));
        assert_eq!(test.destroyed(), [sword]);
        test.send(Sell { entity, item: sword.0 }).tick(1);
        assert_eq!((test.refusals(), test.gold("Ada")), (vec![Refusal::NoSuchItem], 110));
    }

    #[test]
    fn a_purchase_that_cannot_be_made_changes_nothing() {
        let (mut test, entity) = at_the_smithy();
        let wishes = [
            (buy(entity, "sword", 4), Refusal::NotEnoughGold),
            (buy(entity, "sword", 2), Refusal::BadRequest),
            (buy(entity, "coin", 0), Refusal::BadRequest),
            (buy(entity, "sword", u32::MAX), Refusal::NotEnoughGold),
            (buy(entity, "copper_coin", 1), Refusal::NoSuchItem),
            (buy(entity, "gold", 1), Refusal::NoSuchItem),
            (buy(entity + 1, "sword", 1), Refusal::NoSuchTarget),
        ];
        for (wish, reason) in wishes {
            test.send(wish.clone()).tick(1);
            assert_eq!(test.refusals().last(), Some(&reason), "{wish:?}");
        }
        test.give("coin", 1).give("coin", 1).give("coin", 1).give("coin", 1).tick(1);
        test.send(buy(entity, "sword", 1)).tick(1);
        assert_eq!(test.refusals().last(), Some(&Refusal::InventoryFull));
        test.close_store().send(buy(entity, "sword", 1)).tick(1);
        assert_eq!(test.refusals().last(), Some(&Refusal::StoreBehind));
        assert_eq!((test.gold("Ada"), test.inventory("Ada").len()), (100, 4));
    }

    #[test]
    fn a_sale_that_cannot_be_made_changes_nothing() {
        let (mut test, entity) = at_the_smithy();
        test.give("copper_coin", 9).give("sword", 1).give_gold(MAX_GOLD - 109).tick(1);
        let items = test.items("Ada");
        test.send(Sell { entity, item: items[0].0 }).tick(1);
        test.send(Sell { entity, item: items[1].0 }).tick(1);
        assert_eq!(test.refusals(), [Refusal::NotAllowed, Refusal::PurseFull]);
        assert_eq!((test.gold("Ada"), test.items("Ada")), (MAX_GOLD - 9, items));
    }

    #[test]
    fn a_keeper_serves_the_living_in_reach_and_is_not_fought() {
        let (mut test, entity) = at_the_smithy();
        test.send(Attack { target: entity }).tick(1);
        assert_eq!(test.refusals(), [Refusal::NotAllowed]);
        test.place_apart("Ada", "Ada").send(buy(entity, "sword", 1)).tick(1);
        assert_eq!(test.refusals().last(), Some(&Refusal::OutOfRange));
        assert_eq!(test.inventory("Ada"), []);
    }
}
