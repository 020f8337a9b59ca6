//! Portals: whoever steps into one comes out in another zone.

use serde::{Deserialize, Serialize};

use crate::content::{Content, Portal};
use crate::ctx::Ctx;
use crate::ids::{PlayerId, ZoneName};
use crate::module::{Module, Routes};
use crate::space::Position;
use crate::zone::Entity;

/// Sends players who stand in a portal on their way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Portals;

impl Module for Portals {
    const NAME: &'static str = "portals";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(_routes: &mut Routes<Self>) {}

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let zone = ctx.content().zone_content(ctx.zone());
        let portals = zone.map(|zone| zone.portals.as_slice()).unwrap_or_default();
        if portals.is_empty() {
            return;
        }
        // Who stands still next to an exit doesn't fall into it: only those who walk go.
        let walkers = ctx.entities().iter().filter(|entity| entity.speed() > 0);
        let journeys: Vec<_> = walkers.filter_map(|walker| journey(ctx, portals, walker)).collect();
        for (player, zone, arrival) in journeys {
            ctx.travel(player, zone, Some(arrival));
        }
    }
}

fn journey(
    ctx: &Ctx<'_>,
    portals: &[Portal],
    walker: &Entity,
) -> Option<(PlayerId, ZoneName, Position)> {
    let portal = portals.iter().find(|portal| portal.area.contains(walker.position()))?;
    let player = ctx.player(ctx.player_of(walker.id())?)?;
    let target = &ctx.content()[portal.to];
    let arrival = target.place_in(&portal.arrival, player.character().0);
    Some((player.id(), target.key.clone(), arrival))
}

#[cfg(test)]
mod tests {
    use protocol::v1::{Entered, Move};

    use crate::testing::GameTest;

    #[test]
    fn who_walks_into_a_portal_is_in_the_other_zone_with_all_it_owns() {
        let mut test = GameTest::new();
        test.player("Ada").give("sword", 1).tick(1);
        test.place("Ada", test.portal("field", "cellar"));
        test.send(Move { heading: 0, walking: true, sequence: 1 }).tick(5);
        assert_eq!(test.zone_of("Ada"), Some("cellar".to_owned()));
        assert_eq!(test.received::<Entered>().last().unwrap().zone, "cellar");
        assert_eq!(test.inventory("Ada"), [("sword".to_owned(), 1)]);
        assert_eq!(test.population(), 1);
    }

    #[test]
    fn a_traveler_whose_letter_is_lost_comes_home() {
        let mut test = GameTest::new();
        test.player("Ada").tick(1).lose_letters(true);
        test.place("Ada", test.portal("field", "cellar"));
        test.send(Move { heading: 0, walking: true, sequence: 1 }).tick(20);
        assert_eq!(test.zone_of("Ada"), None, "between the zones");
        test.tick(60);
        assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
    }
}
