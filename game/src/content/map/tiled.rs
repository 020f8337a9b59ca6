//! A map of the Tiled editor, as it saves it (`.tmx`) or exports it as JSON (`.json`, `.tmj`). `docs/maps.md` says what
//! makes a wall and what a place; whatever may mean a wall and isn't read is refused or warned about.

mod json;
mod meaning;
mod model;
mod numbers;
mod outline;
mod paint;
mod xml;

#[cfg(test)]
mod tests;

use self::model::{Content, Layer, TiledMap, Tileset};
use super::{Drawing, extension};
use crate::content::ContentFiles;
use crate::content::error::Mistakes;
use crate::content::source::Source;
use crate::zone::map::{MAP_TILES, SIDE_TILES};

/// Reads the map; mistakes are added to `errors`, with the setting of Tiled that avoids them. Tilesets in files of their
/// own are looked up in `files`.
pub(in crate::content) fn read(
    files: &ContentFiles,
    source: Source<'_>,
    errors: &mut Mistakes,
) -> Option<Drawing> {
    let read = if extension(source.file) == "tmx" { xml::map } else { json::map };
    let mut map = read(source, errors)?;
    let before = errors.count();
    check(source, &map, errors);
    fetch_tilesets(files, source, &mut map, errors);
    if errors.count() > before {
        return None;
    }
    let drawing = paint::paint(source, &map, errors);
    (errors.count() == before).then_some(drawing)
}

/// Refuses what Tiled can make and this reader doesn't take.
fn check(source: Source<'_>, map: &TiledMap, errors: &mut Mistakes) {
    let mut refuse = |key: &str, found: &str, expected: &str| {
        errors.push(source.error(source.find(key), found, expected));
    };
    if map.infinite {
        let expected = "a fixed size: in Tiled, Map > Map Properties > Infinite off";
        refuse("infinite", "an infinite map", expected);
        return;
    }
    if map.orientation != "orthogonal" {
        let found = format!("the orientation `{}`", map.orientation);
        let expected = "`orthogonal`: in Tiled, Map > Map Properties > Orientation";
        refuse("orientation", &found, expected);
    }
    let side = 1..=SIDE_TILES;
    let (width, height) = (map.columns, map.rows);
    if !side.contains(&width) || !side.contains(&height) || width * height > MAP_TILES {
        let found = format!("a map of {width} x {height} tiles");
        let expected = format!("sides of 1 to {SIDE_TILES} and at most {MAP_TILES} tiles");
        refuse("width", &found, &expected);
    }
    if map.tile.0 < 1 || map.tile.1 < 1 {
        refuse("tilewidth", "tiles without a size", "at least one pixel");
    }
    if !has(&map.layers, &|layer| matches!(layer.content, Content::Tiles(_))) {
        refuse("layers", "no tile layer", "at least one");
    }
}

/// True if one of the layers, or of those in their groups, is such.
fn has(layers: &[Layer], such: &dyn Fn(&Layer) -> bool) -> bool {
    layers.iter().any(|layer| match &layer.content {
        Content::Group(inner) => such(layer) || has(inner, such),
        Content::Tiles(_) | Content::Objects(_) | Content::Picture => such(layer),
    })
}

/// Reads the tilesets that stand in files of their own.
fn fetch_tilesets(
    files: &ContentFiles,
    source: Source<'_>,
    map: &mut TiledMap,
    errors: &mut Mistakes,
) {
    let says_walls_itself = has(&map.layers, &|layer| meaning::is_collision(&layer.name));
    for set in &mut map.tilesets {
        let Some(outside) = set.source.take() else {
            continue;
        };
        let path = beside(source.file, &outside);
        if let Some((file, text)) = path.as_deref().and_then(|path| files.entry(path)) {
            let read = if extension(file) == "tsx" { xml::tileset } else { json::tileset };
            if let Some(read) = read(Source { file, text }, errors) {
                *set = Tileset { first: set.first, ..read };
            }
            continue;
        }
        let missing = match &path {
            Some(path) => format!("the tileset `{outside}`, but no file {path}"),
            None => format!("the tileset `{outside}`, which isn't below the content directory"),
        };
        let expected =
            "its .tsx or .tsj file there, or Embed tilesets on in Tiled's export options";
        let mistake = source.error(source.find(&outside), missing, expected);
        // A collision layer needs no tileset, but its tiles may be walls as well.
        if says_walls_itself { errors.warn(mistake) } else { errors.push(mistake) }
    }
}

/// The path below the content directory of a file that `file` names relative to itself; `None` if it lies outside.
fn beside(file: &str, relative: &str) -> Option<String> {
    let relative = relative.replace('\\', "/");
    if relative.starts_with('/') || relative.contains(':') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
