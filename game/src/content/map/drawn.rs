//! A map drawn in the zone's own file: a blank field, rectangles of wall and round ponds, all in tiles.

use serde::Deserialize;
use toml::Spanned;

use super::Drawing;
use crate::content::error::Mistakes;
use crate::content::source::Source;
use crate::content::whole::Whole;
use crate::zone::map::{MAP_TILES, SIDE_TILES};

const SIDE: u32 = SIDE_TILES.cast_unsigned();
type Coordinate = Whole<0, SIDE>;
type Length = Whole<1, SIDE>;

/// `[drawn]` of a zone file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::content) struct Drawn {
    /// Columns and rows.
    blank: Spanned<[Length; 2]>,
    /// West edge, north edge, width and height of each.
    #[serde(default)]
    walls: Vec<Spanned<(Coordinate, Coordinate, Length, Length)>>,
    /// Column and row of the middle, and radius, of each.
    #[serde(default)]
    ponds: Vec<Spanned<(Coordinate, Coordinate, Length)>>,
}

/// Draws the map; mistakes are added to `errors`.
pub(in crate::content) fn draw(
    source: Source<'_>,
    drawn: &Drawn,
    errors: &mut Mistakes,
) -> Option<Drawing> {
    let [columns, rows] = drawn.blank.get_ref().map(Whole::signed);
    if columns * rows > MAP_TILES {
        errors.push(source.error(
            drawn.blank.span().start,
            format!("a map of {columns} x {rows} tiles"),
            format!("at most {MAP_TILES} tiles"),
        ));
        return None;
    }
    let mut drawing = Drawing::blank(columns, rows);
    let ground = drawing.ground();
    for wall in &drawn.walls {
        let &(x, y, width, height) = wall.get_ref();
        let (x, y, right, bottom) =
            (x.signed(), y.signed(), x.signed() + width.signed(), y.signed() + height.signed());
        if right > columns || bottom > rows {
            errors.push(source.error(
                wall.span().start,
                format!("a wall that ends at column {right} and row {bottom}"),
                format!("walls within the {columns} x {rows} tiles of the map"),
            ));
            continue;
        }
        for (y, x) in (y..bottom).flat_map(|y| (x..right).map(move |x| (y, x))) {
            drawing.block(x, y);
        }
    }
    let dry = drawing.ground();
    for pond in &drawn.ponds {
        let &(x, y, radius) = pond.get_ref();
        let (x, y, radius) = (x.signed(), y.signed(), radius.signed());
        if x - radius < 0 || y - radius < 0 || x + radius >= columns || y + radius >= rows {
            errors.push(source.error(
                pond.span().start,
                format!("a pond of radius {radius} around column {x} and row {y}"),
                format!("ponds within the {columns} x {rows} tiles of the map"),
            ));
            continue;
        }
        let reach = -radius..=radius;
        for (dy, dx) in reach.clone().flat_map(|dy| reach.clone().map(move |dx| (dy, dx))) {
            if dx * dx + dy * dy <= radius * radius {
                drawing.block(x + dx, y + dy);
            }
        }
    }
    let left = drawing.ground();
    for (what, count) in [("walls", ground - dry), ("ponds", dry - left)] {
        if count > 0 {
            drawing.walls.insert(what.to_owned(), count);
        }
    }
    Some(drawing)
}
