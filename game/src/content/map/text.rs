//! A map as plain text: one character per tile, `.` to walk on, `#` wall, `~` water, and letters for places with names.

use std::collections::BTreeMap;

use super::{Drawing, Tiles};
use crate::content::error::Mistakes;
use crate::content::source::Source;
use crate::zone::map::{MAP_TILES, SIDE_TILES};

/// Reads the map; mistakes are added to `errors`.
pub(in crate::content) fn read(source: Source<'_>, errors: &mut Mistakes) -> Option<Drawing> {
    let before = errors.count();
    let lines: Vec<&str> = source.text.lines().map(str::trim_end).collect();
    let end = lines.iter().rposition(|line| !line.is_empty());
    let lines = &lines[..end.map_or(0, |last| last + 1)];
    let Some(width) = usual_width(lines) else {
        errors.push(source.error(0, "an empty file", "rows of tiles"));
        return None;
    };
    let size = (i32::try_from(width), i32::try_from(lines.len()));
    let (Ok(columns @ 1..=SIDE_TILES), Ok(rows @ 1..=SIDE_TILES)) = size else {
        let found = format!("a map of {width} x {} tiles", lines.len());
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
    for wall in ['#', '~'] {
        let count: usize = lines.iter().map(|line| line.matches(wall).count()).sum();
        if count > 0 {
            drawing.walls.insert(format!("`{wall}`"), count);
        }
    }
    check_places(source, lines, &drawing, errors);
    (errors.count() == before).then_some(drawing)
}

/// The width of most rows: one row that is too long or short is reported itself, not all the others.
fn usual_width(lines: &[&str]) -> Option<usize> {
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    for line in lines {
        *widths.entry(line.chars().count()).or_default() += 1;
    }
    widths.into_iter().max_by_key(|(_, rows)| *rows).map(|(width, _)| width)
}

fn read_row(source: Source<'_>, line: &str, y: i32, drawing: &mut Drawing, errors: &mut Mistakes) {
    let width = line.chars().count();
    if i32::try_from(width) != Ok(drawing.columns) {
        errors.push(source.error(
            offset(source, line),
            format!("a row of {width} tiles"),
            format!("{}, as in most rows", drawing.columns),
        ));
        return;
    }
    for (x, (at, tile)) in (0..drawing.columns).zip(line.char_indices()) {
        match tile {
            '.' => {}
            '#' | '~' => drawing.block(x, y),
            letter if letter.is_ascii_alphabetic() => {
                let places = &mut drawing.places;
                let place = places.entry(letter.to_string()).or_default();
                match place.first_mut() {
                    Some(tiles) => *tiles = tiles.with(x, y),
                    None => place.push(Tiles::one(x, y)),
                }
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
fn check_places(source: Source<'_>, lines: &[&str], drawing: &Drawing, errors: &mut Mistakes) {
    for (name, place) in &drawing.places {
        let tiles: usize = lines.iter().map(|line| line.matches(name.as_str()).count()).sum();
        let count: i32 = place.iter().map(Tiles::count).sum();
        if i32::try_from(tiles) != Ok(count) {
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
