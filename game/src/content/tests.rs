//! The shipped world parses, and each mistake that a person can make is found where it is.

use super::*;
use crate::space::Position;

/// A small world in which everything is right.
fn world() -> ContentFiles {
    [
        (
            "player.toml",
            "start_zone = \"field\"\nhp = 100\nspeed_cm_s = 600\ndamage = 10\nattack_range_cm = 300\n\
             attack_cooldown_ms = 1000\ninventory_slots = 24\npick_up_cm = 300\nrespawn_s = 5\n",
        ),
        ("items.toml", "[pelt]\nname = \"Pelt\"\nstack = 20\nvalue = 9\n"),
        (
            "monsters.toml",
            "[wolf]\nname = \"Wolf\"\nhp = 60\nspeed_cm_s = 500\ndamage = 5\nattack_range_cm = 200\n\
             attack_cooldown_ms = 1500\naggro_cm = 1000\nleash_cm = 4000\nwander_cm = 1000\nexperience = 30\n\
             gold = [2, 5]\ndrops = [{ item = \"pelt\", chance = 4000, quantity = [1, 2] }]\n",
        ),
        (
            "zones/field.toml",
            "name = \"Field\"\ntile_cm = 200\nmap = \"maps/field.txt\"\nstart = \"A\"\ngraveyard = [1, 1]\n\
             portals = [\n  { area = \"P\", to = \"den\", arrive = [3, 3] },\n]\n\
             spawns = [\n  { monster = \"wolf\", at = [2, 2], radius_cm = 100, count = 3, respawn_s = 30 },\n]\n",
        ),
        (
            "shops.toml",
            "[stall]\nname = \"Stall\"\nzone = \"field\"\nplace = [2, 1]\nbuys_percent = 50\nsells = [\n  \
             { item = \"pelt\", price = 4 },\n]\n",
        ),
        ("maps/field.txt", "#####\n#.AA#\n#...#\n#~.P#\n#####\n"),
        (
            "zones/den.toml",
            "name = \"Den\"\ntile_cm = 100\nstart = [0, 0, 4, 4]\ngraveyard = [0, 0]\n\n\
             [drawn]\nblank = [8, 8]\nwalls = [[4, 4, 2, 2]]\nponds = [[6, 1, 1]]\n",
        ),
    ]
    .into_iter()
    .collect()
}

/// What is reported when `old` in a file of the small world is `new` instead.
fn reported(file: &str, old: &str, new: &str) -> Vec<String> {
    let mut files = world();
    let text = files.get(file).unwrap();
    assert!(text.contains(old), "{file} has no {old}");
    let text = text.replacen(old, new, 1);
    files.insert(file, text);
    let errors = Content::parse(&files).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn expect(lines: &[String], expected: &str) {
    let lines = lines.join("\n");
    assert!(
        lines.lines().any(|line| line == expected),
        "reported\n{lines}\ninstead of\n{expected}"
    );
}

#[test]
fn a_world_without_mistakes_parses() {
    let content = Content::parse(&world()).unwrap();
    let field = &content[content.zone(&ZoneName::new("field")).unwrap()];
    assert_eq!(content[field.spawns[0].monster].key, "wolf");
    assert_eq!(content[field.portals[0].to].name, "Den");
    assert_eq!(content[content.player().start_zone].key, field.key);
    let wolf = &content[content.monster("wolf").unwrap()];
    assert_eq!(content[wolf.drops[0].item].stack, 20);
    assert_eq!(wolf.gold, [2, 5]);
    let stall = content.shop("stall").unwrap();
    assert_eq!((stall.at, &content[stall.zone].key), (Position { x: 500, y: 300 }, &field.key));
    assert_eq!(stall.pays_for(content.item_kind("pelt").unwrap()), Some(4));
}

#[test]
fn mistakes_are_reported_with_their_place_and_what_was_expected() {
    let cases = [
        (
            ("items.toml", "stack = 20", "stack = 0"),
            "items.toml:3:9: found integer `0`, expected a whole number from 1 to 10000",
        ),
        (
            ("items.toml", "stack", "stak"),
            "items.toml:3:1: found unknown field `stak`, expected one of `name`, `stack`, `value`",
        ),
        (
            ("items.toml", "[pelt]", "[Pelt]"),
            "items.toml:1:2: found the name `Pelt`, \
             expected a name of 1 to 32 of a-z, 0-9 and _, with a letter first",
        ),
        (
            ("monsters.toml", "hp = 60\n", ""),
            "monsters.toml:1:1: found no `hp`, expected the field `hp`",
        ),
        (
            ("monsters.toml", "item = \"pelt\"", "item = \"plet\""),
            "monsters.toml:13:19: found an unknown item `plet`, expected one of the items: pelt; did you mean `pelt`?",
        ),
        (
            ("monsters.toml", "[1, 2]", "[1, 21]"),
            "monsters.toml:13:53: found a quantity of 1 to 21, \
             expected the smaller number first and no more than a stack, which is 20",
        ),
        (
            ("monsters.toml", "leash_cm = 4000", "leash_cm = 999"),
            "monsters.toml:9:12: found a leash of 999 cm, \
             expected at least 1000, the larger of aggro_cm and wander_cm",
        ),
        (
            ("items.toml", "[pelt]", "[gold]"),
            "items.toml:1:2: found an item called `gold`, \
             expected another name: gold is money and lies in no slot",
        ),
        (
            ("monsters.toml", "[2, 5]", "[6, 5]"),
            "monsters.toml:12:8: found 6 to 5 gold, expected the smaller number first",
        ),
        (
            ("player.toml", "\"field\"", "\"feild\""),
            "player.toml:1:14: found an unknown zone `feild`, expected one of the zones: den, field; did you mean `field`?",
        ),
    ];
    for ((file, old, new), expected) in cases {
        expect(&reported(file, old, new), expected);
    }
}

#[test]
fn mistakes_in_shops_are_reported_where_they_are() {
    let cases = [
        (
            ("item = \"pelt\"", "item = \"plet\""),
            "shops.toml:7:12: found an unknown item `plet`, expected one of the items: pelt; did you mean `pelt`?",
        ),
        (
            ("price = 4", "price = 3"),
            "shops.toml:7:28: found a price of 3, \
             expected at least 4, which a shop pays for one: else it is free gold",
        ),
        (
            ("price = 4 },", "price = 4 },\n  { item = \"pelt\", price = 5 },"),
            "shops.toml:8:12: found `pelt` again, expected each item once",
        ),
        (
            ("zone = \"field\"", "zone = \"feild\""),
            "shops.toml:3:8: found an unknown zone `feild`, expected one of the zones: den, field; did you mean `field`?",
        ),
        (
            ("[2, 1]", "[1, 3]"),
            "shops.toml:4:9: found a place where all is wall or water on maps/field.txt, expected at least one tile to walk on",
        ),
        (
            ("buys_percent = 50", "buys_percent = 101"),
            "shops.toml:5:16: found integer `101`, expected a whole number from 0 to 100",
        ),
    ];
    for ((old, new), expected) in cases {
        expect(&reported("shops.toml", old, new), expected);
    }
}

#[test]
fn a_world_may_have_no_shops() {
    let files = world();
    let without: ContentFiles =
        files.texts.into_iter().filter(|(path, _)| path != "shops.toml").collect();
    assert_eq!(Content::parse(&without).unwrap().shops(), []);
}

#[test]
fn mistakes_in_zones_are_reported_where_they_are() {
    let field = "zones/field.toml";
    let cases = [
        (
            (field, "monster = \"wolf\"", "monster = \"wlf\""),
            "zones/field.toml:10:15: found an unknown monster `wlf`, expected one of the monsters: wolf; did you mean `wolf`?",
        ),
        (
            (field, "to = \"den\"", "to = \"dne\""),
            "zones/field.toml:7:22: found a portal to an unknown zone `dne`, expected one of the zones: den, field; did you mean `den`?",
        ),
        (
            (field, "arrive = [3, 3]", "arrive = [4, 5]"),
            "zones/field.toml:7:38: found a place where all is wall or water on the map drawn in zones/den.toml, expected at least one tile to walk on",
        ),
        (
            (field, "to = \"den\", arrive = [3, 3]", "to = \"field\", arrive = \"P\""),
            "zones/field.toml:7:40: found an arrival on a portal of `field`, \
             expected a place beside its portals, or one would be sent on at once",
        ),
        (
            (field, "graveyard = [1, 1]", "graveyard = [1, 3]"),
            "zones/field.toml:5:13: found a place where all is wall or water on maps/field.txt, expected at least one tile to walk on",
        ),
        (
            (field, "start = \"A\"", "start = \"B\""),
            "zones/field.toml:4:9: found an unknown place `B`, expected one of the places that maps/field.txt names: A, P",
        ),
        (
            (field, "at = [2, 2]", "at = [2, 5]"),
            "zones/field.toml:10:28: found a place that ends at column 3 and row 6, \
             expected one within the 5 x 5 tiles of maps/field.txt",
        ),
        (
            (field, "at = [2, 2]", "at = [2]"),
            "zones/field.toml:10:28: found invalid length 1, \
             expected [x, y] or [x, y, width, height] in tiles, or the name of a place on the map",
        ),
        (
            (field, "maps/field.txt", "maps/filed.txt"),
            "zones/field.toml:3:7: found a map file `maps/filed.txt` that isn't there, \
             expected one of the maps: maps/field.txt; did you mean `maps/field.txt`?",
        ),
        (
            ("zones/den.toml", "[4, 4, 2, 2]", "[4, 4, 5, 2]"),
            "zones/den.toml:8:10: found a wall that ends at column 9 and row 6, \
             expected walls within the 8 x 8 tiles of the map",
        ),
        (
            ("zones/den.toml", "blank = [8, 8]", "blank = [8, 8"),
            "zones/den.toml:8:1: found missing comma between array elements, expected `,`",
        ),
    ];
    for ((file, old, new), expected) in cases {
        expect(&reported(file, old, new), expected);
    }
}

#[test]
fn mistakes_in_a_text_map_are_reported_where_they_are() {
    let cases = [
        (
            ("#...#", "#.x!#"),
            "maps/field.txt:3:4: found `!`, expected `.` to walk on, `#` wall, `~` water or a letter that names a place",
        ),
        (
            ("#...#", "#..#"),
            "maps/field.txt:3:1: found a row of 4 tiles, expected 5, as in most rows",
        ),
        (
            ("#...#", "#.A.#"),
            "maps/field.txt:2:3: found `A` on 3 tiles that aren't one rectangle, \
             expected a letter on one tile or on a full rectangle",
        ),
    ];
    for ((old, new), expected) in cases {
        let found = reported("maps/field.txt", old, new);
        expect(&found, expected);
    }
}

#[test]
fn several_mistakes_are_reported_at_once() {
    let mut files = world();
    files.insert(
        "items.toml",
        "[pelt]\nname = 7\nstack = 20\n\n[fang]\nname = \"Fang\"\nstack = 0\n",
    );
    let den = world().get("zones/den.toml").unwrap().replace("[0, 0]", "[9, 0]");
    files.insert("zones/den.toml", den);
    let errors = Content::parse(&files).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines.join("\n"),
        "items.toml:2:8: found integer `7`, expected a name of 1 to 64 printable characters\n\
         items.toml:7:9: found integer `0`, expected a whole number from 1 to 10000\n\
         zones/den.toml:4:13: found a place that ends at column 10 and row 1, \
         expected one within the 8 x 8 tiles of the map drawn in zones/den.toml"
    );
}

#[test]
fn files_that_nothing_reads_or_that_are_not_toml_are_reported_before_what_they_name() {
    let mut files = world();
    files.insert("items.toml", "[pelt\n");
    files.insert("weather.toml", "");
    files.insert("zones/realm.toml", "");
    let errors = Content::parse(&files).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines.join("\n"),
        "items.toml:1:6: found unclosed table, expected `]`\n\
         weather.toml:1:1: found a file that nothing reads, \
         expected player.toml, items.toml, monsters.toml, shops.toml, zones/NAME.toml or maps/...\n\
         zones/realm.toml:1:1: found a zone called `realm`, expected another name: the realm zone has no map"
    );
}

#[test]
fn a_missing_file_is_named() {
    let errors = Content::parse(&ContentFiles::default()).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines[0],
        "items.toml:1:1: found no such file, expected a file with the items of the world"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn the_hash_tells_any_two_worlds_apart() {
    let mut other = world();
    other.insert("items.toml", "[pelt]\nname = \"Pelt\"\nstack = 21\n");
    let (world, other) = (Content::parse(&world()).unwrap(), Content::parse(&other).unwrap());
    assert_ne!(world.hash(), other.hash());
}

#[test]
fn content_survives_a_snapshot() {
    let content = Content::parse(&world()).unwrap();
    let bytes = postcard::to_stdvec(&content).unwrap();
    assert_eq!(postcard::from_bytes::<Content>(&bytes).unwrap(), content);
}

/// An export of Tiled, 3 x 2 tiles: grass, a rock, and a door on the lower left.
const TILED: &str = r#"{ "width": 3, "height": 2, "tilewidth": 16, "tileheight": 16, "infinite": false,
 "orientation": "orthogonal",
 "layers": [
  { "name": "ground", "type": "tilelayer", "data": [1, 2, 0, 1, 2147483649, 1] },
  { "name": "things", "type": "objectgroup",
    "objects": [{ "name": "door", "x": 0, "y": 16, "width": 32, "height": 16 }] } ],
 "tilesets": [{ "firstgid": 1, "tiles": [
  { "id": 1, "properties": [{ "name": "walkable", "type": "bool", "value": false }] }] }] }"#;

/// The small world with a field from Tiled, in which `old` is `new`.
fn tiled(old: &str, new: &str) -> Result<Content, ContentErrors> {
    assert!(TILED.contains(old), "no {old}");
    let mut files = world();
    let field = files.get("zones/field.toml").unwrap();
    let field = field.replace("field.txt", "field.json").replace("\"A\"", "\"door\"");
    let field = field.replace("[1, 1]", "[0, 0]").replace("\"P\"", "[2, 1]");
    files.insert("zones/field.toml", field.replace("[2, 2]", "\"door\""));
    files.insert("maps/field.json", TILED.replacen(old, new, 1));
    Content::parse(&files)
}

#[test]
fn a_map_from_tiled_has_walls_where_its_tileset_says_and_ground_where_it_has_tiles() {
    let content = tiled("", "").unwrap();
    let field = &content[content.zone(&ZoneName::new("field")).unwrap()];
    let walkable = |x, y| field.map.walkable(Position { x, y });
    let row = |y| [walkable(100, y), walkable(300, y), walkable(500, y)];
    assert_eq!([row(100), row(300)], [[true, false, false], [true, true, true]]);
    assert_eq!(
        (field.start.min, field.start.max),
        (Position { x: 0, y: 200 }, Position { x: 400, y: 400 })
    );
}

#[test]
fn of_two_places_with_one_name_none_is_taken() {
    let twice = TILED
        .replace("\"objects\": [", "\"objects\": [{ \"name\": \"door\", \"x\": 0, \"y\": 0 }, ");
    let objects = TILED.split_once("\"objects\": [").unwrap().1;
    let errors = tiled(objects, twice.split_once("\"objects\": [").unwrap().1).unwrap_err();
    let first = errors[0].to_string();
    assert_eq!(
        first,
        "zones/field.toml:4:9: found 2 places called `door` on maps/field.json, expected one"
    );
}

#[test]
fn a_place_far_beside_a_map_from_tiled_is_refused_where_it_is_used() {
    let errors = tiled("\"x\": 0", "\"x\": 1e30").unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    expect(
        &lines,
        "zones/field.toml:4:9: found a place that ends at column 8193 and row 2, \
         expected one within the 3 x 2 tiles of maps/field.json",
    );
}

#[test]
fn a_name_that_shows_nothing_or_is_too_long_is_refused() {
    let long = "x".repeat(NAME_CHARS + 1);
    for (name, found) in [
        ("", "an empty name".to_owned()),
        ("  ", "a name of spaces".to_owned()),
        (long.as_str(), format!("a name of {} characters", NAME_CHARS + 1)),
        ("a\\u0000b", "a name with the character U+0000".to_owned()),
        ("\\u202Eflow", "a name with the character U+202E".to_owned()),
    ] {
        for (file, old, column) in [
            ("monsters.toml", "\"Wolf\"", 8),
            ("items.toml", "\"Pelt\"", 8),
            ("zones/den.toml", "\"Den\"", 8),
            ("shops.toml", "\"Stall\"", 8),
        ] {
            let line = if file.starts_with("zones") { 1 } else { 2 };
            let expected = format!(
                "{file}:{line}:{column}: found {found}, expected a name of 1 to 64 printable characters"
            );
            expect(&reported(file, old, &format!("\"{name}\"")), &expected);
        }
    }
    let mut files = world();
    let named = files.get("items.toml").unwrap().replace("Pelt", &"é".repeat(NAME_CHARS));
    files.insert("items.toml", named);
    assert!(Content::parse(&files).is_ok());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let marked: ContentFiles =
        world().texts.into_iter().map(|(path, text)| (path, format!("\u{feff}{text}"))).collect();
    assert_eq!(Content::parse(&marked).unwrap(), Content::parse(&world()).unwrap());
}

#[test]
fn a_slip_in_each_of_thousands_of_entries_is_counted_and_shown_some_dozens_of_times() {
    let mut files = world();
    let slips: String = (0..20_000)
        .map(|number| format!("[item_{number}]\nname = \"Item\"\nstak = 1\nvalue = 1\n"))
        .collect();
    files.insert("items.toml", format!("{}{slips}", files.get("items.toml").unwrap()));
    let errors = Content::parse(&files).unwrap_err();
    assert_eq!((errors.len(), errors.total()), (ERRORS_SHOWN, 20_000));
    assert!(errors.to_string().ends_with("\nand 19950 more"));
}

#[test]
fn a_row_of_a_text_map_that_is_too_short_is_the_only_one_reported() {
    let lines = reported("maps/field.txt", "#####\n#.AA#", "####\n#.AA#");
    assert_eq!(lines, ["maps/field.txt:1:1: found a row of 4 tiles, expected 5, as in most rows"]);
}

#[test]
fn the_longest_list_of_a_shop_is_not_longer_than_is_said() {
    use prost::Message as _;
    use protocol::v1::{ShopGood, ShopOffers, ShopPrice};

    let name = "\u{1f43a}".repeat(NAME_CHARS);
    let key = |number: usize| format!("item_{number:0>27}");
    let mut files = world();
    let items = (0..SHOP_GOODS).map(|item| {
        format!("[{}]\nname = \"{name}\"\nstack = 10000\nvalue = 1000000000\n", key(item))
    });
    files.insert(
        "items.toml",
        format!("{}{}", files.get("items.toml").unwrap(), items.collect::<String>()),
    );
    let goods =
        (0..SHOP_GOODS).map(|item| format!("{{ item = \"{}\", price = 1000000000 }},", key(item)));
    let goods: String = goods.collect();
    let stall = files.get("shops.toml").unwrap().replace("{ item = \"pelt\", price = 4 },", &goods);
    files.insert("shops.toml", stall);
    let content = Content::parse(&files).unwrap();
    let (entity, template) = (u64::MAX, key(0));
    let good =
        ShopGood { template: key(0), name: name.clone(), price: 1_000_000_000, stack: 10_000 };
    let slots = content.player().inventory_slots as usize;
    let offers = ShopOffers {
        entity,
        name: "Stall".to_owned(),
        sells: vec![good; SHOP_GOODS],
        buys: vec![ShopPrice { template, price: u64::from(u32::MAX) }; slots],
    };
    let said = content.shop_list_bytes(content.shop("stall").unwrap());
    let bytes = offers.encode_to_vec().len();
    assert!(bytes <= said && said < bytes + bytes / 8, "{bytes} of {said}");
}
