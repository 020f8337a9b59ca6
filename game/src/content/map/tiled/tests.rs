//! Maps of 4 x 3 tiles of 16 pixels, with grass everywhere, and a wall or a place said in each of the ways that Tiled has.

use super::*;
use crate::content::map::Tiles;

const WALL: &str = "[0,0,0,0, 0,2,0,0, 0,0,0,0]";

/// A map in JSON with these layers and tilesets.
fn json(layers: &str, tilesets: &str) -> String {
    format!(
        r#"{{ "width": 4, "height": 3, "tilewidth": 16, "tileheight": 16, "infinite": false,
 "orientation": "orthogonal", "layers": [ {}, {layers} ], "tilesets": [ {tilesets} ] }}"#,
        tiles("ground", "[1,1,1,1, 1,1,1,1, 1,1,1,1]", "")
    )
}

/// A tile layer; `more` is further members of it.
fn tiles(name: &str, data: &str, more: &str) -> String {
    format!(r#"{{ "name": "{name}", "type": "tilelayer", "data": {data}{more} }}"#)
}

fn objects(name: &str, objects: &str, more: &str) -> String {
    format!(r#"{{ "name": "{name}", "type": "objectgroup", "objects": [{objects}]{more} }}"#)
}

/// A tileset whose second tile has these members.
fn set(tile: &str) -> String {
    format!(
        r#"{{ "firstgid": 1, "name": "rocks", "tilewidth": 16, "tileheight": 16, "tiles": [{{ "id": 1, {tile} }}] }}"#
    )
}

fn properties(name: &str, kind: &str, value: &str) -> String {
    format!(r#""properties": [{{ "name": "{name}", "type": "{kind}", "value": {value} }}]"#)
}

/// What was read and what was warned about, or the errors.
fn read_with(files: &[(&str, &str)]) -> Result<(Drawing, Vec<String>), Vec<String>> {
    let files: ContentFiles = files.iter().map(|(path, text)| (*path, *text)).collect();
    let map = files.paths().find(|path| path.starts_with("maps/m.")).unwrap();
    let source = Source { file: map, text: files.get(map).unwrap() };
    let mut mistakes = Mistakes::default();
    let drawing = read(&files, source, &mut mistakes);
    let (errors, warnings) = mistakes.into_parts();
    let lines = |errors: &[crate::content::ContentError]| -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    };
    drawing.map(|drawing| (drawing, lines(&warnings))).ok_or_else(|| lines(&errors))
}

fn read_text(text: &str) -> Result<(Drawing, Vec<String>), Vec<String>> {
    let file = if text.starts_with('<') { "maps/m.tmx" } else { "maps/m.json" };
    read_with(&[(file, text)])
}

fn walls(drawing: &Drawing) -> Vec<(i32, i32)> {
    let all = Tiles { x: 0, y: 0, width: drawing.columns, height: drawing.rows };
    all.all().filter(|&(x, y)| !drawing.open(x, y)).collect()
}

#[test]
fn a_wall_is_read_in_whichever_way_it_is_said() {
    let layer = |name: &str, more: &str| tiles(name, WALL, more);
    let group = |name: &str, inner: &str| {
        format!(r#"{{ "name": "{name}", "type": "group", "layers": [{inner}] }}"#)
    };
    let rock = r#"{ "x": 16, "y": 16, "width": 16, "height": 16 }"#;
    let shape = r#""objectgroup": { "type": "objectgroup", "objects": [{ "x": 2, "y": 2, "width": 9, "height": 9 }] }"#;
    let collides = properties("collides", "bool", "true");
    let older =
        r#"{ "firstgid": 1, "tiles": {}, "tileproperties": { "1": { "collides": true } } }"#;
    let older_shape = format!(r#"{{ "firstgid": 1, "tiles": {{ "1": {{ {shape} }} }} }}"#);
    let cases = [
        (layer("collision", ""), String::new(), "layer `collision`"),
        (layer("Collision ", ""), String::new(), "layer `Collision `"),
        (group("logic", &layer("collision", "")), String::new(), "layer `collision`"),
        (group("collision", &layer("rocks", "")), String::new(), "layer `collision`"),
        (layer("x", &format!(", {collides}")), String::new(), "layer `x`, property `collides`"),
        (layer("x", r#", "class": "collision""#), String::new(), "layer `x`"),
        (
            layer("x", r#", "properties": { "collides": true }"#),
            String::new(),
            "layer `x`, property `collides`",
        ),
        (objects("collision", rock, ""), String::new(), "layer `collision`"),
        (layer("x", ""), set(&collides), "layer `x`, property `collides`"),
        (
            layer("x", ""),
            set(&properties("walkable", "bool", "false")),
            "layer `x`, property `walkable`",
        ),
        (
            layer("x", ""),
            set(&properties("Collides", "string", "\"true\"")),
            "layer `x`, property `collides`",
        ),
        (layer("x", ""), set(shape), "layer `x`, collision shapes"),
        (layer("x", ""), older.to_owned(), "layer `x`, property `collides`"),
        (layer("x", ""), older_shape, "layer `x`, collision shapes"),
        (
            objects("x", r#"{ "gid": 2, "x": 16, "y": 32, "width": 16, "height": 16 }"#, ""),
            set(&collides),
            "layer `x`, property `collides`",
        ),
        (
            objects(
                "x",
                &format!(r#"{{ "x": 16, "y": 16, "width": 16, "height": 16, {collides} }}"#),
                "",
            ),
            String::new(),
            "layer `x`, property `collides`",
        ),
        (
            tiles("collision", "[2,0,0,0, 0,0,0,0, 0,0,0,0]", r#", "offsetx": 16, "offsety": 16"#),
            String::new(),
            "layer `collision`",
        ),
    ];
    for (layers, sets, because) in cases {
        let (drawing, warnings) = read_text(&json(&layers, &sets)).unwrap();
        assert_eq!(walls(&drawing), [(1, 1)], "{layers} {sets}");
        let told: Vec<_> =
            drawing.walls.iter().map(|(why, count)| (why.as_str(), *count)).collect();
        if !because.contains("`collision`") || !layers.contains("group\"") {
            assert_eq!(told, [(because, 1)], "{layers} {sets}");
        }
        assert_eq!(warnings, Vec::<String>::new(), "{layers} {sets}");
    }
}

#[test]
fn a_tile_that_says_that_it_can_be_walked_on_is_no_wall_whatever_is_drawn_on_it() {
    let shape = r#""objectgroup": { "objects": [{ "x": 0, "y": 0, "width": 9, "height": 9 }] }"#;
    let bridge = format!("{shape}, {}", properties("walkable", "bool", "true"));
    let (drawing, _) = read_text(&json(&tiles("x", WALL, ""), &set(&bridge))).unwrap();
    assert_eq!(walls(&drawing), []);
}

#[test]
fn what_may_mean_a_wall_and_is_not_read_is_warned_about() {
    let cases = [
        (
            tiles("walls", WALL, ""),
            String::new(),
            "the layer `walls`, of which nothing is read as a wall",
        ),
        (
            objects("Solid things", r#"{ "x": 0, "y": 0 }"#, ""),
            String::new(),
            "the layer `Solid things`, of which nothing is read as a wall",
        ),
        (
            tiles("x", WALL, ""),
            set(&properties("solid", "bool", "true")),
            "`solid` 1 times, first at the tile 1 of the tileset `rocks`, which isn't read",
        ),
        (
            tiles("x", WALL, ""),
            set(&properties("festgestein", "bool", "true")),
            "`festgestein` 1 times, first at the tile 1 of the tileset `rocks`, which isn't read",
        ),
        (
            objects("x", r#"{ "template": "door.tj", "x": 16, "y": 16 }"#, ""),
            String::new(),
            "1 objects from templates, which aren't read",
        ),
        (
            tiles("collision", WALL, r#", "offsetx": 6"#),
            String::new(),
            "the layer `collision` with walls moved by a part of a tile",
        ),
        (tiles("x", WALL, ""), String::new(), "a map on which nothing is a wall"),
    ];
    for (layers, sets, expected) in cases {
        let (_, warnings) = read_text(&json(&layers, &sets)).unwrap();
        let text = warnings.join("\n");
        assert!(text.contains(&format!("found {expected}, expected")), "{expected}\nin\n{text}");
        assert!(warnings.iter().all(|line| line.starts_with("maps/m.json:")), "{text}");
    }
}

#[test]
fn a_wall_that_cannot_be_read_is_refused() {
    let cases = [
        (
            tiles("x", WALL, ""),
            set(&properties("collides", "string", "\"sometimes\"")),
            "`collides = sometimes` at the tile 1 of the tileset `rocks`, expected true or false",
        ),
        (
            objects("collision", r#"{ "template": "rock.tj", "x": 16, "y": 16 }"#, ""),
            String::new(),
            "an object from a template in the layer `collision`, expected Detach templates",
        ),
        (
            r#"{ "name": "collision", "type": "imagelayer" }"#.to_owned(),
            String::new(),
            "the picture `collision` as a wall, expected walls as tiles or objects",
        ),
        (
            tiles("x", "\"eJxjYGBg\"", r#", "encoding": "base64", "compression": "zlib""#),
            String::new(),
            "in the layer `x`, expected one number per tile",
        ),
    ];
    for (layers, sets, expected) in cases {
        let text = read_text(&json(&layers, &sets)).unwrap_err().join("\n");
        assert!(text.contains(expected), "{expected}\nin\n{text}");
    }
}

#[test]
fn a_place_lies_where_tiled_shows_it() {
    let one = Tiles::one(1, 1);
    let cases = [
        (r#""x": 16, "y": 16, "width": 16, "height": 16"#, "", one),
        (r#""gid": 3, "x": 16, "y": 32, "width": 16, "height": 16"#, "", one),
        (r#""x": 32, "y": 16, "width": 16, "height": 16, "rotation": 90"#, "", one),
        (r#""x": 16, "y": 16, "point": true"#, "", one),
        (r#""x": 0, "y": 0, "width": 16, "height": 16"#, r#", "offsetx": 16, "offsety": 16"#, one),
        (
            r#""x": 16, "y": 16, "polygon": [{"x":0,"y":0}, {"x":32,"y":0}, {"x":32,"y":16}, {"x":0,"y":16}]"#,
            "",
            Tiles { x: 1, y: 1, width: 2, height: 1 },
        ),
        (
            r#""x": 10, "y": 16, "width": 16, "height": 20"#,
            "",
            Tiles { x: 0, y: 1, width: 2, height: 2 },
        ),
    ];
    for (object, layer, expected) in cases {
        let object = format!(r#"{{ "name": "door", {object} }}, {{ "x": 5, "y": 5 }}"#);
        let (drawing, _) = read_text(&json(&objects("places", &object, layer), "")).unwrap();
        assert_eq!(drawing.places.len(), 1, "one without a name is no place");
        assert_eq!(drawing.places["door"], [expected], "{object}");
    }
}

/// The same map as Tiled saves it.
const TMX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<map version="1.10" orientation="orthogonal" renderorder="right-down" width="4" height="3" tilewidth="16" tileheight="16" infinite="0">
 <tileset firstgid="1" source="../tiles/rocks.tsx"/>
 <layer id="1" name="ground" width="4" height="3">
  <data encoding="csv">
1,1,1,1,
1,2,1,1,
1,1,1,1
</data>
 </layer>
 <group id="2" name="logic" offsetx="16">
  <objectgroup id="3" name="collision"><object id="1" x="16" y="0"><polyline points="0,0 0,40"/></object></objectgroup>
  <objectgroup id="4" name="places">
   <object id="2" name="door" type="x" x="0" y="32" width="16" height="16"/>
  </objectgroup>
 </group>
 <layer id="5" name="x" width="4" height="3"><data><tile gid="0"/><tile/><tile/><tile/>
  <tile/><tile/><tile/><tile/> <tile/><tile/><tile/><tile gid="2147483650"/></data></layer>
</map>"#;

const TSX: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<tileset version="1.10" name="rocks" tilewidth="16" tileheight="16" tilecount="4" columns="4">
 <image source="rocks.png" width="64" height="16"/>
 <tile id="1"><properties><property name="collides" type="bool" value="true"/></properties></tile>
</tileset>"#;

#[test]
fn a_map_as_tiled_saves_it_is_read_with_the_tileset_beside_it() {
    let (drawing, warnings) = read_with(&[("maps/m.tmx", TMX), ("tiles/rocks.tsx", TSX)]).unwrap();
    assert_eq!(walls(&drawing), [(2, 0), (1, 1), (2, 1), (2, 2), (3, 2)]);
    assert_eq!(drawing.places["door"], [Tiles::one(1, 2)]);
    assert_eq!(warnings, Vec::<String>::new());
    let json_set =
        format!("{{ \"tiles\": [{{ \"id\": 1, {} }}] }}", properties("collides", "bool", "true"));
    let outside = r#"{ "firstgid": 1, "source": "sub\\rocks.tsj" }"#;
    let map = json(&tiles("x", WALL, ""), outside);
    let (drawing, _) =
        read_with(&[("maps/m.json", &map), ("maps/sub/rocks.tsj", &json_set)]).unwrap();
    assert_eq!(walls(&drawing), [(1, 1)]);
}

#[test]
fn a_tileset_that_is_not_there_is_missed_and_only_warned_about_beside_a_collision_layer() {
    let outside = r#"{ "firstgid": 1, "source": "../../rocks.tsx" }"#;
    let errors = read_text(&json(&tiles("x", WALL, ""), outside)).unwrap_err();
    assert_eq!(
        errors,
        [
            "maps/m.json:2:241: found the tileset `../../rocks.tsx`, which isn't below the content directory, \
          expected its .tsx or .tsj file there, or Embed tilesets on in Tiled's export options"
        ]
    );
    let errors = read_text(TMX.split_at(TMX.find(" <group").unwrap()).0).unwrap_err();
    assert!(errors[0].contains("as Tiled saves it"), "{errors:?}");
    let (drawing, warnings) = read_text(TMX).unwrap();
    assert_eq!(walls(&drawing), [(2, 0), (2, 1), (2, 2)]);
    assert!(warnings[0].starts_with("maps/m.tmx:3:"), "{warnings:?}");
    assert!(warnings[0].contains("no file tiles/rocks.tsx"), "{warnings:?}");
}

#[test]
fn a_map_that_is_infinite_or_not_orthogonal_is_refused_with_the_setting_to_change() {
    let map = json(&tiles("x", WALL, ""), "");
    for (old, new, expected) in [
        (
            "\"infinite\": false",
            "\"infinite\": true",
            "maps/m.json:1:63: found an infinite map, \
             expected a fixed size: in Tiled, Map > Map Properties > Infinite off",
        ),
        (
            "orthogonal",
            "hexagonal",
            "maps/m.json:2:2: found the orientation `hexagonal`, \
             expected `orthogonal`: in Tiled, Map > Map Properties > Orientation",
        ),
        (
            "\"width\": 4",
            "\"width\": \"4\"",
            "maps/m.json:1:14: found invalid type: string \"4\", expected i32",
        ),
    ] {
        assert_eq!(read_text(&map.replacen(old, new, 1)).unwrap_err(), [expected]);
    }
    for (old, new, expected) in [
        ("infinite=\"0\"", "infinite=\"1\"", "maps/m.tmx:2:"),
        ("width=\"4\"", "width=\"x\"", "maps/m.tmx:2:1: found no whole number for the map's width"),
        ("<group", "<grp", "maps/m.tmx:"),
    ] {
        let errors = read_text(&TMX.replacen(old, new, 1)).unwrap_err();
        assert!(errors[0].starts_with(expected), "{errors:?}");
    }
}
