//! Places: what may not stand on a portal, and ground to which no way leads.

use super::*;
use crate::content::{Checked, Content, ContentErrors, MonsterKind};

/// A zone `field` of 20 x 20 tiles of 2 m, with these places and walls, and a plain zone `den`.
fn check(places: &str, walls: &str) -> Result<Checked, ContentErrors> {
    let zone = |places: &str, walls: &str| {
        format!(
            "name = \"Zone\"\ntile_cm = 200\n{places}\n[drawn]\nblank = [20, 20]\nwalls = [{walls}]\n"
        )
    };
    let files: ContentFiles = [
        ("player.toml", include_str!("../../testing/player.toml").to_owned()),
        ("items.toml", include_str!("../../testing/items.toml").to_owned()),
        ("monsters.toml", include_str!("../../testing/monsters.toml").to_owned()),
        ("zones/field.toml", zone(places, walls)),
        ("zones/den.toml", zone("start = [1, 1]\ngraveyard = [1, 1]", "")),
    ]
    .into_iter()
    .collect();
    Content::check(&files)
}

fn field(checked: &Checked) -> &ZoneContent {
    checked.content.zone_content(&ZoneName::new("field")).unwrap()
}

/// A portal at `area`.
fn portal(area: &str) -> String {
    format!("{{ area = {area}, to = \"den\", arrive = [3, 3] }}")
}

/// A closed room of 3 x 3 tiles, from column and row 11.
const ROOM: &str = "[10, 10, 5, 1], [10, 14, 5, 1], [10, 11, 1, 3], [14, 11, 1, 3]";

#[test]
fn nothing_may_stand_on_a_portal_that_people_come_to() {
    let one = portal("[8, 8, 4, 4]");
    for (start, graveyard, portals, expected) in [
        ("[1, 1]", "[9, 9]", one.clone(), "4:13: found a graveyard on a portal"),
        ("[1, 1]", "[7, 7, 2, 2]", one.clone(), "4:13: found a graveyard on a portal"),
        (
            "[8, 8, 2, 2]",
            "[1, 1]",
            one.clone(),
            "3:9: found a start of which everything is on portals",
        ),
        (
            "[1, 1]",
            "[1, 1]",
            format!("{one}, {}", portal("[11, 11]")),
            "5:75: found a portal on another portal",
        ),
    ] {
        let places = format!("start = {start}\ngraveyard = {graveyard}\nportals = [{portals}]");
        let errors = check(&places, "").unwrap_err().to_string();
        assert!(errors.starts_with(&format!("zones/field.toml:{expected}")), "{errors}");
    }
}

#[test]
fn nobody_begins_on_a_portal_that_lies_in_a_large_start() {
    let places =
        format!("start = [0, 0, 5, 5]\ngraveyard = [9, 9]\nportals = [{}]", portal("[0, 0, 5, 4]"));
    let checked = check(&places, "").unwrap();
    let (field, name) = (field(&checked), ZoneName::new("field"));
    for seed in 0..200 {
        let at = checked.content.start_position(&name, seed);
        assert!(field.start.contains(at) && !field.portals[0].area.contains(at), "{at:?}");
    }
}

#[test]
fn a_closed_pocket_is_no_ground_for_anybody() {
    let checked = check("start = [0, 0, 20, 20]\ngraveyard = [0, 0]", ROOM).unwrap();
    let field = field(&checked);
    for seed in 0..200 {
        let at = checked.content.start_position(&ZoneName::new("field"), seed);
        assert!(field.map.path(Position { x: 100, y: 100 }, at, 400).is_some(), "{at:?}");
    }
    assert!(!field.map.walkable(Position { x: 2_500, y: 2_500 }));
    let report = &checked.zones[1];
    assert_eq!((report.pockets, report.walkable), ((1, 9), 20 * 20 - 25));
    assert_eq!(checked.warnings.to_string(), "");
}

#[test]
fn a_room_that_a_portal_leads_to_stays_and_a_start_that_reaches_into_it_is_warned_about() {
    let portals = "portals = [{ area = [5, 5], to = \"field\", arrive = [12, 12] }]";
    let places = format!("start = [0, 0, 20, 20]\ngraveyard = [0, 0]\n{portals}");
    let checked = check(&places, ROOM).unwrap();
    assert!(field(&checked).map.walkable(Position { x: 2_500, y: 2_500 }));
    assert_eq!(checked.zones[1].pockets, (0, 0));
    assert_eq!(
        checked.warnings.to_string(),
        "zones/field.toml:3:9: found a start on 2 pieces of ground of the map drawn in zones/field.toml \
         without a way between them, expected one piece, or each with a way out"
    );
}

#[test]
fn monsters_and_portals_to_which_no_way_leads_are_warned_about() {
    let monster =
        "spawns = [{ monster = \"rat\", at = [12, 12], radius_cm = 0, count = 1, respawn_s = 5 }]";
    let places = format!(
        "start = [0, 0]\ngraveyard = [0, 0]\n{monster}\nportals = [{}]",
        portal("[11, 11]")
    );
    let checked = check(&places, ROOM).unwrap();
    let rat: &MonsterKind = checked.content.monster_kind("rat").unwrap();
    assert_eq!(rat.key, "rat");
    let warnings = checked.warnings.to_string();
    for found in
        ["5:35: found monsters to which no way leads", "6:21: found a portal to which no way leads"]
    {
        assert!(
            warnings.contains(&format!("zones/field.toml:{found} on the map drawn in")),
            "{warnings}"
        );
    }
}

#[test]
fn a_report_says_size_walls_pockets_and_places() {
    let places =
        format!("start = [0, 0]\ngraveyard = [1, 0]\nportals = [{}]", portal("[5, 5, 2, 1]"));
    let checked = check(&places, ROOM).unwrap();
    assert_eq!(
        checked.zones[1].to_string(),
        "zone field: the map drawn in zones/field.toml, 20 x 20 tiles of 200 cm, 375 of 400 walkable\n  \
         walls: walls 16\n  \
         closed pockets, read as walls: 1 with 9 tiles\n  \
         places: start [0, 0, 1, 1], graveyard [1, 0, 1, 1], portal to den [5, 5, 2, 1]\n"
    );
}
