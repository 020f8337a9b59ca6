//! A map as plain text: one character per tile, `.` to walk on, `#` wall, `~` water, and letters for places with names.

use super::{Drawing, Tiles};
use crate::content::error::ContentError;
use crate::content::source::Source;
use crate::zone::map::{MAP_TILES, SIDE_TILES};

/// Reads the map; mistakes are added to `errors`.
pub(in crate::content) fn read(
    source: Source<'_>,
    errors: &mut Vec<ContentError>,
) -> Option<Drawing> {
    let before = errors.len();
    let lines: Vec<&str> = source.text.lines().map(str::trim_end).collect();
    let end = lines.iter().rposition(|line| !line.is_empty());
    let lines = &lines[..end.map_or(0, |last| last + 1)];
    let Some(first) = lines.first() else {
        errors.push(source.error(0, "an empty file", "rows of tiles"));
        return None;
    };
    let size = (i32::try_from(first.len()), i32::try_from(lines.len()));
    let (Ok(columns @ 1..=SIDE_TILES), Ok(rows @ 1..=SIDE_TILES)) = size else {
        let found = format!("a map of {} x {} tiles", first.len(), lines.len());
        errors.push(source.error(0, found, format!("sides of 1 to {SIDE_TILES} tiles")));
        return None;
    };
    if columns * rows > MAP_TILES {
        let found = format!("a map of {columns} x {rows} tiles");
        errors.push(source.error(0, found, format!("at most {MAP_TILES} tiles")));
        return None;
    }
    let mut drawing = Drawing::blank(columns, rows);
    for (y, line) in (0..rows).zip(lines) {
        read_row(source, line, y, &mut drawing, errors);
    }
    check_places(source, lines, &drawing, errors);
    (errors.len() == before).then_some(drawing)
}

fn read_row(
    source: Source<'_>,
    line: &str,
    y: i32,
    drawing: &mut Drawing,
    errors: &mut Vec<ContentError>,
) {
    let width = line.chars().count();
    if i32::try_from(width) != Ok(drawing.columns) {
        errors.push(source.error(
            offset(source, line),
            format!("a row of {width} tiles"),
            format!("{}, as in the first row", drawing.columns),
        ));
        return;
    }
    for (x, (at, tile)) in (0..drawing.columns).zip(line.char_indices()) {
        match tile {
            '.' => {}
            '#' | '~' => drawing.block(x, y),
            letter if letter.is_ascii_alphabetic() => {
                let places = &mut drawing.places;
                let place = places.entry(letter.to_string());
                let place = place.or_insert_with(|| Tiles::one(x, y));
                *place = place.with(x, y);
            }
            other => errors.push(source.error(
                offset(source, line) + at,
                format!("`{other}`"),
                "`.` to walk on, `#` wall, `~` water or a letter that names a place",
            )),
        }
    }
}

/// A letter that stands in two corners of the map would name everything in between.
fn check_places(
    source: Source<'_>,
    lines: &[&str],
    drawing: &Drawing,
    errors: &mut Vec<ContentError>,
) {
    for (name, place) in &drawing.places {
        let tiles: usize = lines.iter().map(|line| line.matches(name.as_str()).count()).sum();
        if i32::try_from(tiles) != Ok(place.count()) {
            let first = source.text.find(name.as_str()).unwrap_or(0);
            let found = format!("`{name}` on {tiles} tiles that aren't one rectangle");
            errors.push(source.error(first, found, "a letter on one tile or on a full rectangle"));
        }
    }
}

/// Where a line of the text begins in it.
fn offset(source: Source<'_>, line: &str) -> usize {
    line.as_ptr() as usize - source.text.as_ptr() as usize
}
