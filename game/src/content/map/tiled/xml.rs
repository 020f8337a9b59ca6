//! Maps and tilesets as Tiled saves them, in XML: `.tmx` and `.tsx`.

use std::str::FromStr;

use roxmltree::{Document, Node, ParsingOptions};

use super::model::{
    Content, Layer, Object, Property, Shape, TileData, TileKind, TiledMap, Tileset,
};
use crate::content::error::Mistakes;
use crate::content::source::Source;

/// Reads a map; mistakes are added to `errors`.
pub(super) fn map(source: Source<'_>, errors: &mut Mistakes) -> Option<TiledMap> {
    let document = parse(source, errors)?;
    let map = root(source, &document, "map", errors)?;
    let before = errors.count();
    let mut need = |name: &str| {
        let number = map.attribute(name).and_then(|text| text.parse().ok());
        if number.is_none() {
            let found = format!("no whole number for the map's {name}");
            errors.push(source.error(map.range().start, found, "a map saved by Tiled"));
        }
        number.unwrap_or_default()
    };
    let (columns, rows) = (need("width"), need("height"));
    let tile = (need("tilewidth"), need("tileheight"));
    let sets = map.children().filter(|node| node.has_tag_name("tileset"));
    let read = TiledMap {
        columns,
        rows,
        tile,
        orientation: text(map, "orientation"),
        infinite: text(map, "infinite") == "1",
        layers: layers(map),
        tilesets: sets.map(read_tileset).collect(),
    };
    (errors.count() == before).then_some(read)
}

/// Reads a tileset in a file of its own; a mistake is added to `errors`.
pub(super) fn tileset(source: Source<'_>, errors: &mut Mistakes) -> Option<Tileset> {
    let document = parse(source, errors)?;
    root(source, &document, "tileset", errors).map(read_tileset)
}

fn parse<'a>(source: Source<'a>, errors: &mut Mistakes) -> Option<Document<'a>> {
    // Tiled once named a document type; roxmltree bounds what its entities may become.
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let parsed = Document::parse_with_options(source.text, options);
    let add = |mistake: roxmltree::Error| {
        let at = mistake.pos();
        let at = source.offset(at.row as usize, at.col as usize);
        errors.push(source.error(at, mistake.to_string(), "XML as Tiled saves it"));
    };
    parsed.map_err(add).ok()
}

fn root<'a, 'input>(
    source: Source<'_>,
    document: &'a Document<'input>,
    name: &str,
    errors: &mut Mistakes,
) -> Option<Node<'a, 'input>> {
    let root = document.root_element();
    if root.has_tag_name(name) {
        return Some(root);
    }
    let found = format!("<{}>", root.tag_name().name());
    errors.push(source.error(root.range().start, found, format!("<{name}>, as Tiled saves it")));
    None
}

/// The layers of a map or of a group.
fn layers(parent: Node<'_, '_>) -> Vec<Layer> {
    parent.children().filter_map(read_layer).collect()
}

fn read_layer(node: Node<'_, '_>) -> Option<Layer> {
    let content = match node.tag_name().name() {
        "layer" => Content::Tiles(tile_data(node)),
        "objectgroup" => Content::Objects(objects(node)),
        "group" => Content::Group(layers(node)),
        "imagelayer" => Content::Picture,
        _ => return None,
    };
    Some(Layer {
        name: text(node, "name"),
        class: text(node, "class"),
        at: node.range().start,
        offset: (number(node, "offsetx"), number(node, "offsety")),
        properties: properties(node),
        content,
    })
}

fn tile_data(layer: Node<'_, '_>) -> TileData {
    let Some(data) = child(layer, "data") else {
        return TileData::Unread("no data".to_owned());
    };
    let content = data.text().unwrap_or_default();
    let numbers: Option<Vec<u32>> = match data.attribute("encoding") {
        Some("base64") => {
            let compression = text(data, "compression");
            return TileData::Packed { compression, base64: content.to_owned() };
        }
        Some("csv") => content
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().ok())
            .collect(),
        Some(other) => return TileData::Unread(format!("data in the encoding `{other}`")),
        None => {
            let tiles = data.children().filter(|node| node.has_tag_name("tile"));
            Some(tiles.map(|tile| number(tile, "gid")).collect())
        }
    };
    numbers
        .map_or_else(|| TileData::Unread("data that isn't numbers".to_owned()), TileData::Numbers)
}

fn objects(layer: Node<'_, '_>) -> Vec<Object> {
    layer.children().filter(|node| node.has_tag_name("object")).map(read_object).collect()
}

fn read_object(node: Node<'_, '_>) -> Object {
    let corners = |shape: Node<'_, '_>| {
        let pairs = text(shape, "points");
        let corner = |pair: &str| {
            let (x, y) = pair.split_once(',')?;
            Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
        };
        pairs.split_whitespace().filter_map(corner).collect()
    };
    let shape = if let Some(polygon) = child(node, "polygon") {
        Shape::Polygon(corners(polygon))
    } else if let Some(line) = child(node, "polyline") {
        Shape::Line(corners(line))
    } else if child(node, "ellipse").is_some() {
        Shape::Ellipse
    } else if child(node, "point").is_some() {
        Shape::Point
    } else {
        Shape::Box
    };
    let class = text(node, "class");
    Object {
        name: text(node, "name"),
        class: if class.is_empty() { text(node, "type") } else { class },
        x: number(node, "x"),
        y: number(node, "y"),
        width: number(node, "width"),
        height: number(node, "height"),
        rotation: number(node, "rotation"),
        tile: node.attribute("gid").and_then(|gid| gid.parse().ok()),
        shape,
        template: node.attribute("template").is_some(),
        properties: properties(node),
    }
}

fn read_tileset(node: Node<'_, '_>) -> Tileset {
    let tiles = node.children().filter(|node| node.has_tag_name("tile"));
    let tiles = tiles.map(|tile| TileKind {
        id: number(tile, "id"),
        properties: properties(tile),
        shapes: child(tile, "objectgroup").map(objects).unwrap_or_default(),
    });
    Tileset {
        name: text(node, "name"),
        first: number(node, "firstgid"),
        source: node.attribute("source").map(str::to_owned),
        tile: (number(node, "tilewidth"), number(node, "tileheight")),
        alignment: text(node, "objectalignment"),
        tiles: tiles.collect(),
    }
}

/// The custom properties of a node; those of a class of properties as if they stood outside of it.
fn properties(node: Node<'_, '_>) -> Vec<Property> {
    let Some(list) = child(node, "properties") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for property in list.children().filter(|node| node.has_tag_name("property")) {
        let inner = properties(property);
        if inner.is_empty() {
            // A text of several lines stands between the tags.
            let value = property.attribute("value").or_else(|| property.text());
            let value = value.unwrap_or_default().to_owned();
            read.push(Property { name: text(property, "name"), value });
        }
        read.extend(inner);
    }
    read
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn text(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}

/// The number of an attribute; the usual one, which Tiled leaves out, if it isn't there.
fn number<T: FromStr + Default>(node: Node<'_, '_>, name: &str) -> T {
    node.attribute(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}
