//! A customer's visit to a scripted shop.

use super::*;
use protocol::v1::{Cell, CellState, Entity, EntityKind, ShopGood, ShopOffers, ShopPrice};

fn entity(id: u64, kind: EntityKind, x: u32) -> Entity {
    Entity { id, kind: kind.into(), x, y: 100, ..Entity::default() }
}

/// The bot's next request that isn't a step.
fn next_request(talk: &mut Talk) -> (u32, Body) {
    let found = (0..50).find_map(|_| {
        talk.wait(200);
        talk.said().into_iter().find(|(_, body)| !matches!(body, Body::Move(_) | Body::Ping(_)))
    });
    found.unwrap()
}

#[test]
fn a_customer_sells_what_the_shop_buys_and_spends_what_it_gets() {
    let mut talk = Talk::with_token(Scenario::Shop);
    talk.play();
    let enters = vec![entity(1, EntityKind::Player, 100), entity(8, EntityKind::Npc, 350)];
    talk.hear(View {
        tick: 1,
        anchor: Some(Cell { column: 5, row: 5 }),
        states: vec![CellState {
            column: 5,
            row: 5,
            snapshot: true,
            enters,
            ..CellState::default()
        }],
        ..View::default()
    });
    talk.said();
    let (request, body) = next_request(&mut talk);
    assert!(matches!(body, Body::ListShop(list) if list.entity == 8), "{body:?}");
    let good = ShopGood { template: "rope".into(), price: 3, stack: 5, ..ShopGood::default() };
    let buys = vec![ShopPrice { template: "coin".into(), price: 4 }];
    talk.answer(
        request,
        ShopOffers { entity: 8, sells: vec![good], buys, ..ShopOffers::default() },
    );
    let (request, body) = next_request(&mut talk);
    assert!(matches!(body, Body::Sell(sell) if (sell.entity, sell.item) == (8, 70)), "{body:?}");
    talk.answer(request, InventoryChanged { removed: vec![70], gold: Some(4), changed: vec![] });
    let (request, body) = next_request(&mut talk);
    let Body::Buy(buy) = body else { panic!("{body:?}") };
    assert_eq!((buy.entity, buy.template.as_str(), buy.quantity), (8, "rope", 1));
    talk.answer(
        request,
        InventoryChanged { changed: vec![item(71, 0)], removed: vec![], gold: Some(1) },
    );
    assert_eq!((talk.bot.holdings().gold(), talk.bot.holdings().len()), (1, 1));
    assert_eq!(talk.samples(Metric::Confirm).len(), 2);
    assert_eq!(talk.errors(), [""; 0]);
}
