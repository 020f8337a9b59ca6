//! Maps and tilesets as Tiled writes them in JSON: `.json`, `.tmj` and `.tsj`, since Tiled 1.0.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::model::{
    Content, Layer, Object, Property, Shape, TileData, TileKind, TiledMap, Tileset,
};
use crate::content::error::Mistakes;
use crate::content::source::Source;

#[derive(Deserialize)]
struct JsonMap {
    width: i32,
    height: i32,
    tilewidth: i32,
    tileheight: i32,
    orientation: String,
    #[serde(default)]
    infinite: bool,
    layers: Vec<JsonLayer>,
    #[serde(default)]
    tilesets: Vec<JsonTileset>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct JsonLayer {
    name: String,
    class: String,
    #[serde(rename = "type")]
    kind: String,
    data: Value,
    compression: String,
    objects: Vec<JsonObject>,
    layers: Vec<Self>,
    offsetx: f64,
    offsety: f64,
    properties: JsonProperties,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonObject {
    name: String,
    #[serde(alias = "class")]
    r#type: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    rotation: f64,
    gid: Option<u32>,
    point: bool,
    ellipse: bool,
    polygon: Option<Vec<JsonPoint>>,
    polyline: Option<Vec<JsonPoint>>,
    template: Option<String>,
    properties: JsonProperties,
}

#[derive(Deserialize)]
struct JsonPoint {
    x: f64,
    y: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonTileset {
    firstgid: u32,
    name: String,
    source: Option<String>,
    tilewidth: f64,
    tileheight: f64,
    objectalignment: String,
    tiles: JsonTiles,
    /// Before Tiled 1.2, by the number of the tile.
    tileproperties: BTreeMap<String, JsonProperties>,
}

/// A list since Tiled 1.2; by their number before.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonTiles {
    List(Vec<JsonTile>),
    ByNumber(BTreeMap<String, JsonTile>),
}

impl Default for JsonTiles {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JsonTile {
    id: u32,
    properties: JsonProperties,
    objectgroup: Option<JsonLayer>,
}

/// A list since Tiled 1.2; by their name before.
#[derive(Deserialize)]
#[serde(untagged)]
enum JsonProperties {
    List(Vec<JsonProperty>),
    ByName(BTreeMap<String, Value>),
}

impl Default for JsonProperties {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
struct JsonProperty {
    name: String,
    #[serde(default)]
    value: Value,
}

/// Reads a map; a mistake is added to `errors`.
pub(super) fn map(source: Source<'_>, errors: &mut Mistakes) -> Option<TiledMap> {
    let map: JsonMap = parse(source, "a map exported from Tiled as JSON", errors)?;
    Some(TiledMap {
        columns: map.width,
        rows: map.height,
        tile: (map.tilewidth, map.tileheight),
        orientation: map.orientation,
        infinite: map.infinite,
        layers: map.layers.into_iter().map(|layer| read_layer(source, layer)).collect(),
        tilesets: map.tilesets.into_iter().map(read_tileset).collect(),
    })
}

/// Reads a tileset in a file of its own; a mistake is added to `errors`.
pub(super) fn tileset(source: Source<'_>, errors: &mut Mistakes) -> Option<Tileset> {
    parse(source, "a tileset exported from Tiled as JSON", errors).map(read_tileset)
}

fn parse<'a, T: Deserialize<'a>>(
    source: Source<'a>,
    what: &str,
    errors: &mut Mistakes,
) -> Option<T> {
    let mistake = match serde_json::from_str(source.text) {
        Ok(read) => return Some(read),
        Err(mistake) => mistake,
    };
    let message = mistake.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, what));
    let at = source.offset(mistake.line(), mistake.column());
    errors.push(source.error(at, found, expected));
    None
}

fn read_layer(source: Source<'_>, layer: JsonLayer) -> Layer {
    let content = match layer.kind.as_str() {
        "tilelayer" => Content::Tiles(tile_data(layer.data, layer.compression)),
        "objectgroup" => Content::Objects(layer.objects.into_iter().map(read_object).collect()),
        "group" => {
            let inner = layer.layers.into_iter();
            Content::Group(inner.map(|inner| read_layer(source, inner)).collect())
        }
        _ => Content::Picture,
    };
    // Close enough for a person to find it.
    let quoted = Value::String(layer.name.clone()).to_string();
    Layer {
        at: source.text.find(&quoted).unwrap_or(0),
        name: layer.name,
        class: layer.class,
        offset: (layer.offsetx, layer.offsety),
        properties: read_properties(layer.properties),
        content,
    }
}

fn tile_data(data: Value, compression: String) -> TileData {
    match data {
        Value::String(base64) => TileData::Packed { compression, base64 },
        Value::Array(values) => {
            let number = |value: &Value| u32::try_from(value.as_u64()?).ok();
            match values.iter().map(number).collect() {
                Some(numbers) => TileData::Numbers(numbers),
                None => TileData::Unread("data that isn't numbers".to_owned()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            TileData::Unread("no data".to_owned())
        }
    }
}

fn read_object(object: JsonObject) -> Object {
    let points = |points: Vec<JsonPoint>| points.iter().map(|point| (point.x, point.y)).collect();
    let shape = match (object.polygon, object.polyline) {
        (Some(corners), _) => Shape::Polygon(points(corners)),
        (None, Some(corners)) => Shape::Line(points(corners)),
        (None, None) if object.ellipse => Shape::Ellipse,
        (None, None) if object.point => Shape::Point,
        (None, None) => Shape::Box,
    };
    Object {
        name: object.name,
        class: object.r#type,
        x: object.x,
        y: object.y,
        width: object.width,
        height: object.height,
        rotation: object.rotation,
        tile: object.gid,
        shape,
        template: object.template.is_some(),
        properties: read_properties(object.properties),
    }
}

fn read_tileset(set: JsonTileset) -> Tileset {
    let tiles: Vec<(u32, JsonTile)> = match set.tiles {
        JsonTiles::List(tiles) => tiles.into_iter().map(|tile| (tile.id, tile)).collect(),
        JsonTiles::ByNumber(tiles) => by_number(tiles).collect(),
    };
    let tiles = tiles.into_iter().map(|(id, tile)| TileKind {
        id,
        properties: read_properties(tile.properties),
        shapes: tile
            .objectgroup
            .map(|group| group.objects.into_iter().map(read_object).collect())
            .unwrap_or_default(),
    });
    let older = by_number(set.tileproperties);
    let older = older.map(|(id, properties)| TileKind {
        id,
        properties: read_properties(properties),
        shapes: Vec::new(),
    });
    Tileset {
        name: set.name,
        first: set.firstgid,
        source: set.source,
        tile: (set.tilewidth, set.tileheight),
        alignment: set.objectalignment,
        tiles: tiles.chain(older).collect(),
    }
}

fn by_number<T>(values: BTreeMap<String, T>) -> impl Iterator<Item = (u32, T)> {
    values.into_iter().filter_map(|(number, value)| Some((number.parse().ok()?, value)))
}

fn read_properties(properties: JsonProperties) -> Vec<Property> {
    let values: Vec<(String, Value)> = match properties {
        JsonProperties::List(list) => list.into_iter().map(|one| (one.name, one.value)).collect(),
        JsonProperties::ByName(map) => map.into_iter().collect(),
    };
    let mut read = Vec::new();
    for (name, value) in values {
        add_property(name, value, &mut read);
    }
    read
}

/// Properties of a class of properties are read as if they stood outside of it.
fn add_property(name: String, value: Value, read: &mut Vec<Property>) {
    let value = match value {
        Value::Object(members) => {
            return members.into_iter().for_each(|(name, value)| add_property(name, value, read));
        }
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    };
    read.push(Property { name, value });
}
