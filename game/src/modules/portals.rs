//! Portals: whoever steps into one comes out in another zone.

use serde::{Deserialize, Serialize};

use crate::content::{Content, Portal};
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{PlayerId, ZoneName};
use crate::module::{Module, Routes};
use crate::player::Player;
use crate::space::{Position, Residue, step};
use crate::zone::Entity;
use crate::zone::map::Area;

/// Sends players who walk into a portal on their way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Portals {
    /// The last tick in which a player stood in a portal whose zone doesn't run here: it is told so once, not in each
    /// tick until it has left.
    refused: EntityMap<u64>,
    /// The last tick in which a player was in a portal and couldn't go, because the database was deciding about
    /// something that it owns. It goes afterwards if it has stayed in the portal, also without walking.
    waiting: EntityMap<u64>,
}

impl Module for Portals {
    const NAME: &'static str = "portals";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self::default()
    }

    fn routes(_routes: &mut Routes<Self>) {}

    fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
        let zone = ctx.content().zone_content(ctx.zone());
        let portals = zone.map(|zone| zone.portals.as_slice()).unwrap_or_default();
        if portals.is_empty() {
            return;
        }
        let step = longest_step(ctx);
        let near = |at| portals.iter().any(|portal| is_near(portal, at, step));
        // Who stands still next to an exit doesn't fall into it: only those who walk go, or have walked in before.
        let goes = |entity: &&Entity| entity.speed() > 0 || self.has_waited(ctx, entity);
        let walkers = ctx.entities().iter().filter(|entity| near(entity.position()));
        let journeys = walkers.filter(goes).filter_map(|walker| journey(ctx, portals, walker));
        for (player, zone, arrival) in journeys.collect::<Vec<_>>() {
            if ctx.player(player).is_some_and(Player::is_pending) {
                self.waiting.insert(player.entity(), ctx.tick());
            } else if ctx.runs_here(&zone) || self.is_new(ctx, player) {
                ctx.travel(player, zone, Some(arrival));
            }
        }
    }
}

impl Portals {
    /// True if the entity has waited for the database in a portal in the last tick, and lives.
    fn has_waited(&self, ctx: &Ctx<'_>, entity: &Entity) -> bool {
        let last = self.waiting.get(entity.id());
        entity.hp() > 0 && last.is_some_and(|last| last + 1 >= ctx.tick())
    }

    /// True if the player has just come into the closed portal, rather than standing in it since the last tick.
    fn is_new(&mut self, ctx: &Ctx<'_>, player: PlayerId) -> bool {
        let last = self.refused.insert(player.entity(), ctx.tick());
        last.is_none_or(|last| last + 1 < ctx.tick())
    }
}

/// How far a player gets in one tick at most, in centimetres.
fn longest_step(ctx: &Ctx<'_>) -> i32 {
    let speed = i64::from(ctx.content().player().speed_cm_s);
    let step = speed * i64::from(ctx.tick_ms()) / 1000 + 1;
    i32::try_from(step).unwrap_or(i32::MAX / 4)
}

/// True if the portal may have been left behind at `at` in one step: most walkers are elsewhere and need no closer look.
const fn is_near(portal: &Portal, at: Position, step: i32) -> bool {
    let Area { min, max } = portal.area;
    at.x >= min.x - step && at.y >= min.y - step && at.x < max.x + step && at.y < max.y + step
}

fn journey(
    ctx: &Ctx<'_>,
    portals: &[Portal],
    walker: &Entity,
) -> Option<(PlayerId, ZoneName, Position)> {
    let player = ctx.player(ctx.player_of(walker.id())?)?;
    let portal = portals.iter().find(|portal| enters(ctx, &portal.area, walker))?;
    let target = &ctx.content()[portal.to];
    let arrival = target.place_in(&portal.arrival, player.character().0);
    Some((player.id(), target.key.clone(), arrival))
}

/// True if the walker stands in the portal or has walked across it in this tick: a step may be longer than a portal is
/// wide.
fn enters(ctx: &Ctx<'_>, portal: &Area, walker: &Entity) -> bool {
    let at = walker.position();
    if portal.contains(at) {
        return true;
    }
    let origin = Position::default();
    let (way, _) =
        step(origin, Residue::default(), walker.heading(), walker.speed(), ctx.tick_ms());
    let walked = |x: i32, y: i32| {
        let from = Position { x: at.x - x, y: at.y - y };
        portal.meets_line(from, at) && ctx.map().clear_line(from, at)
    };
    // One that stands against a wall has slid along it, west to east or north to south.
    let wall = |x: i32, y: i32| !ctx.map().walkable(Position { x: at.x + x, y: at.y + y });
    match (wall(way.x.signum(), 0), wall(0, way.y.signum())) {
        (false, false) => walked(way.x, way.y),
        (true, false) => walked(0, way.y),
        (false, true) => walked(way.x, 0),
        (true, true) => walked(way.x, 0) || walked(0, way.y),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::ClientMessage as _;
    use protocol::v1::{Entered, Move, Refusal};

    use super::*;
    use crate::content::ContentFiles;
    use crate::ids::{AccountId, CharacterId, Rank, SessionId};
    use crate::input::Input;
    use crate::record::{CharacterRecord, Place};
    use crate::testing::{GameTest, small_world};
    use crate::{Game, Settings};

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

    const EAST: Move = Move { heading: 0, walking: true, sequence: 1 };

    /// A zone `hall` of 100 x 100 tiles with one portal, and a `den` where it leads. Players run 50 m/s, 5 m a tick.
    fn hall(tile_cm: i32, rest: &str) -> GameTest {
        let places = "start = [3, 50]\ngraveyard = [3, 3]";
        let hall = format!(
            "name = \"Hall\"\ntile_cm = {tile_cm}\n{places}\n{rest}\n[drawn]\nblank = [100, 100]\n"
        );
        let den = format!("name = \"Den\"\ntile_cm = 200\n{places}\n[drawn]\nblank = [100, 100]\n");
        let player = include_str!("../testing/player.toml");
        let player = player.replace("\"field\"", "\"hall\"").replace("= 500", "= 5000");
        let files = ContentFiles::from_iter([
            ("player.toml", player),
            ("items.toml", String::new()),
            ("monsters.toml", String::new()),
            ("zones/hall.toml", hall),
            ("zones/den.toml", den),
        ]);
        GameTest::with(Content::parse(&files).unwrap(), crate::modules::all())
    }

    #[test]
    fn nobody_walks_across_a_portal_that_is_narrower_than_a_step() {
        let portal = "portals = [{ area = [50, 0, 1, 100], to = \"den\", arrive = [1, 1] }]";
        for shift in (0..500).step_by(50) {
            let mut test = hall(100, portal);
            test.player("Ada").tick(1);
            test.place("Ada", Position { x: 4_000 + shift, y: 5_000 }).send(EAST).tick(6);
            assert_eq!(test.zone_of("Ada").as_deref(), Some("den"), "from {shift} cm");
        }
    }

    #[test]
    fn a_step_along_a_wall_across_a_narrow_portal_is_a_way_into_it() {
        let portal = "portals = [{ area = [50, 0, 1, 1], to = \"den\", arrive = [1, 1] }]";
        let mut test = hall(100, portal);
        test.player("Ada").tick(1);
        // To the north-east, into the north edge of the map and along it.
        test.place("Ada", Position { x: 4_600, y: 20 });
        test.send(Move { heading: 65_536 - 8_192, ..EAST }).tick(6);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("den"));
    }

    #[test]
    fn a_walk_past_a_portal_or_on_the_other_side_of_a_wall_is_no_way_into_it() {
        let portal = "portals = [{ area = [50, 10, 1, 40], to = \"den\", arrive = [1, 1] }]";
        let mut test = hall(100, portal);
        test.player("Ada").tick(1);
        for y in [999, 5_000] {
            test.place("Ada", Position { x: 4_000, y }).send(EAST).tick(6);
            assert_eq!(test.zone_of("Ada").as_deref(), Some("hall"), "at {y} cm");
        }
        // Put beyond the portal by a game master, who isn't a step.
        test.place("Ada", Position { x: 4_000, y: 3_000 }).send(EAST);
        test.place("Ada", Position { x: 6_000, y: 3_000 }).tick(1);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("hall"));
    }

    #[test]
    fn a_portal_to_a_zone_that_does_not_run_here_refuses_once_for_each_walk_into_it() {
        let content = Arc::new(small_world());
        let field = ZoneName::new("field");
        let portal = content.zone_content(&field).unwrap().portals[0].area;
        let table = Arc::new(crate::modules::all().check().unwrap());
        let settings = Settings { zones: vec![field.clone()], ..Settings::default() };
        let mut game = Game::new(settings, content, table).unwrap();
        let session = SessionId(1);
        let character = CharacterRecord {
            id: CharacterId(1),
            account: AccountId(1),
            name: "Ada".into(),
            rank: Rank::Player,
            place: Some(Place {
                zone: field,
                x: portal.min.x - 100,
                y: portal.min.y + 100,
                heading: 0,
            }),
            modules: std::collections::BTreeMap::new(),
            items: Vec::new(),
            gold: 0,
        };
        game.tick([Input::Enter { session, character: Box::new(character) }], 1);
        for (heading, refusals) in [(0, 1), (32_768, 2)] {
            let payload = prost::Message::encode_to_vec(&Move { heading, ..EAST }).into();
            game.tick([Input::Packet { session, request: 0, id: Move::INFO.id, payload }], 1);
            for _ in 0..20 {
                game.tick([], 1);
            }
            assert_eq!(game.refusals().get(&Refusal::ZoneUnavailable), Some(&refusals));
        }
    }
}
