//! A map exported from Tiled as JSON. A tile is a wall if a layer called `collision` has something there, or if its
//! tileset gives it the property `walkable = false` or `collides = true`. Named objects are places.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Drawing, Tiles};
use crate::content::error::ContentError;
use crate::content::source::Source;
use crate::zone::map::{MAP_TILES, SIDE_TILES};

/// The upper bits of a tile's number say how it is turned, which changes nothing about walking.
const NUMBER: u32 = 0x0fff_ffff;

#[derive(Deserialize)]
struct Export {
    width: i32,
    height: i32,
    tilewidth: i32,
    tileheight: i32,
    orientation: String,
    #[serde(default)]
    infinite: bool,
    layers: Vec<Layer>,
    #[serde(default)]
    tilesets: Vec<TileSet>,
}

#[derive(Deserialize)]
struct Layer {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    x: f64,
    y: f64,
    #[serde(default)]
    width: f64,
    #[serde(default)]
    height: f64,
}

#[derive(Deserialize)]
struct TileSet {
    firstgid: u32,
    source: Option<String>,
    #[serde(default)]
    tiles: Vec<TileKind>,
}

#[derive(Deserialize)]
struct TileKind {
    id: u32,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    value: Value,
}

/// Reads the map; mistakes are added to `errors`, with the setting of Tiled that avoids them.
pub(in crate::content) fn read(
    source: Source<'_>,
    errors: &mut Vec<ContentError>,
) -> Option<Drawing> {
    let export: Export = match serde_json::from_str(source.text) {
        Ok(export) => export,
        Err(mistake) => {
            errors.push(json_error(source, &mistake));
            return None;
        }
    };
    let before = errors.len();
    check(source, &export, errors);
    if errors.len() > before {
        return None;
    }
    let mut drawing = Drawing::blank(export.width, export.height);
    draw_tiles(source, &export, &mut drawing, errors);
    for layer in export.layers.iter().filter(|layer| layer.kind == "objectgroup") {
        for object in layer.objects.iter().filter(|object| !object.name.is_empty()) {
            drawing.places.insert(object.name.clone(), tiles(&export, object));
        }
    }
    (errors.len() == before).then_some(drawing)
}

/// Refuses what Tiled can export and this reader doesn't take.
fn check(source: Source<'_>, export: &Export, errors: &mut Vec<ContentError>) {
    let mut refuse = |key: &str, found: &str, expected: &str| {
        errors.push(source.error(key_offset(source, key), found, expected));
    };
    if export.infinite {
        let expected = "a fixed size: in Tiled, Map > Map Properties > Infinite off";
        refuse("infinite", "an infinite map", expected);
        return;
    }
    if export.orientation != "orthogonal" {
        let found = format!("the orientation `{}`", export.orientation);
        let expected = "`orthogonal`: in Tiled, Map > Map Properties > Orientation";
        refuse("orientation", &found, expected);
    }
    let side = 1..=SIDE_TILES;
    let (width, height) = (export.width, export.height);
    if !side.contains(&width) || !side.contains(&height) || width * height > MAP_TILES {
        let found = format!("a map of {width} x {height} tiles");
        let expected = format!("sides of 1 to {SIDE_TILES} and at most {MAP_TILES} tiles");
        refuse("width", &found, &expected);
    }
    if export.tilewidth < 1 || export.tileheight < 1 {
        refuse("tilewidth", "tiles without a size", "at least one pixel");
    }
    if let Some(outside) = export.tilesets.iter().find_map(|set| set.source.as_ref())
        && !export.layers.iter().any(is_collision)
    {
        let found = format!("the tileset `{outside}` in a file of its own");
        let expected =
            "Embed tilesets on in Tiled's export options, or a tile layer called `collision`";
        refuse("source", &found, expected);
    }
    if !export.layers.iter().any(|layer| layer.kind == "tilelayer") {
        refuse("layers", "no tile layer", "at least one");
    }
}

fn is_collision(layer: &Layer) -> bool {
    layer.kind == "tilelayer" && layer.name == "collision"
}

/// Blocks every tile that a layer makes a wall and those where no layer has anything.
fn draw_tiles(
    source: Source<'_>,
    export: &Export,
    drawing: &mut Drawing,
    errors: &mut Vec<ContentError>,
) {
    let walls = wall_tiles(export);
    let mut ground = vec![false; drawing.walkable.len()];
    for layer in export.layers.iter().filter(|layer| layer.kind == "tilelayer") {
        let Some(data) = tile_numbers(&layer.data, ground.len()) else {
            let found = if layer.data.is_string() {
                format!("packed data in the layer `{}`", layer.name)
            } else {
                format!("a layer `{}` without one number per tile", layer.name)
            };
            let expected = "plain numbers: in Tiled, Map > Map Properties > Tile Layer Format CSV";
            errors.push(source.error(key_offset(source, "data"), found, expected));
            continue;
        };
        for (index, &number) in data.iter().enumerate().filter(|(_, number)| **number > 0) {
            ground[index] |= !is_collision(layer);
            if is_collision(layer) || walls.contains(&number) {
                drawing.walkable[index] = false;
            }
        }
    }
    for (walkable, ground) in drawing.walkable.iter_mut().zip(ground) {
        *walkable &= ground;
    }
}

fn tile_numbers(data: &Value, count: usize) -> Option<Vec<u32>> {
    let numbers = data.as_array()?.iter().map(|value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(|number| number & NUMBER)
    });
    numbers.collect::<Option<Vec<_>>>().filter(|numbers| numbers.len() == count)
}

fn wall_tiles(export: &Export) -> BTreeSet<u32> {
    let sets = export.tilesets.iter();
    let tiles = sets.flat_map(|set| set.tiles.iter().map(|tile| (set.firstgid, tile)));
    tiles
        .filter(|(_, tile)| {
            let mut properties = tile.properties.iter();
            properties.any(|property| match property.name.as_str() {
                "walkable" => property.value == Value::Bool(false),
                "collides" => property.value == Value::Bool(true),
                _ => false,
            })
        })
        .map(|(first, tile)| first.saturating_add(tile.id))
        .collect()
}

/// The tiles that an object, measured in pixels, touches. One beside the map is found to be so where it is used.
fn tiles(export: &Export, object: &Object) -> Tiles {
    let (wide, high) = (f64::from(export.tilewidth), f64::from(export.tileheight));
    let (x, y) = (tile(object.x / wide), tile(object.y / high));
    // Just before the far edge, so that an object that ends on a tile's edge doesn't touch the next.
    let right = tile(((object.x + object.width) / wide).ceil() - 1.0);
    let bottom = tile(((object.y + object.height) / high).ceil() - 1.0);
    Tiles { x, y, width: (right - x).max(0) + 1, height: (bottom - y).max(0) + 1 }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding down to a tile is what is meant, and the bounds fit"
)]
fn tile(at: f64) -> i32 {
    let far = f64::from(2 * SIDE_TILES);
    at.floor().clamp(-far, far) as i32
}

fn json_error(source: Source<'_>, mistake: &serde_json::Error) -> ContentError {
    let message = mistake.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let (found, expected) =
        message.split_once(", expected ").unwrap_or((message, "a map exported from Tiled as JSON"));
    ContentError {
        file: source.file.to_owned(),
        line: mistake.line().max(1),
        column: mistake.column().max(1),
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}

/// Where a key first stands in the text: close enough for a person to find it.
fn key_offset(source: Source<'_>, key: &str) -> usize {
    source.text.find(&format!("\"{key}\"")).unwrap_or(0)
}
