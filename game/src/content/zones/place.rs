//! Places on a map as a zone's file names them: a tile, a rectangle of tiles, or what the map itself gives a name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;

use crate::content::error::Mistakes;
use crate::content::map::{Drawing, Tiles};
use crate::content::source::Source;
use crate::content::whole::Whole;
use crate::space::Position;
use crate::zone::map::{Area, SIDE_TILES};

/// A place as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::content) enum Place {
    /// `"A"`: a letter of a text map or an object of Tiled.
    Named(String),
    /// `[x, y]` or `[x, y, width, height]`, in tiles.
    Tiles(Tiles),
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AnyForm;

        impl<'de> Visitor<'de> for AnyForm {
            type Value = Place;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(
                    "[x, y] or [x, y, width, height] in tiles, or the name of a place on the map",
                )
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Place, E> {
                Ok(Place::Named(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Place, A::Error> {
                let mut tiles = Vec::new();
                while let Some(number) = numbers.next_element::<Whole<0, LIMIT>>()? {
                    tiles.push(number.signed());
                }
                match tiles[..] {
                    [x, y] => Ok(Place::Tiles(Tiles::one(x, y))),
                    [x, y, width, height] if width > 0 && height > 0 => {
                        Ok(Place::Tiles(Tiles { x, y, width, height }))
                    }
                    _ => Err(A::Error::invalid_length(tiles.len(), &self)),
                }
            }
        }

        input.deserialize_any(AnyForm)
    }
}

const LIMIT: u32 = SIDE_TILES.cast_unsigned();

/// A map on which places are looked up.
pub(in crate::content) struct Ground {
    /// What people call the map, such as `maps/cave.txt`.
    pub(in crate::content) map: String,
    pub(in crate::content) drawing: Drawing,
    pub(in crate::content) tile_cm: i32,
}

impl Ground {
    /// The area of a place that has ground; a mistake is added to `errors`.
    pub(in crate::content) fn area(
        &self,
        source: Source<'_>,
        place: &Spanned<Place>,
        errors: &mut Mistakes,
    ) -> Option<Area> {
        let tiles = self.tiles(source, place, errors)?;
        let drawing = &self.drawing;
        let (right, bottom) = (tiles.x + tiles.width, tiles.y + tiles.height);
        let at = place.span().start;
        if tiles.x < 0 || tiles.y < 0 || right > drawing.columns || bottom > drawing.rows {
            let found = format!("a place that ends at column {right} and row {bottom}");
            let (columns, rows) = (drawing.columns, drawing.rows);
            let expected = format!("one within the {columns} x {rows} tiles of {}", self.map);
            errors.push(source.error(at, found, expected));
            return None;
        }
        if !tiles.all().any(|(x, y)| drawing.open(x, y)) {
            let found = format!("a place where all is wall or water on {}", self.map);
            errors.push(source.error(at, found, "at least one tile to walk on"));
            return None;
        }
        let corner = |x: i32, y: i32| Position { x: x * self.tile_cm, y: y * self.tile_cm };
        Some(Area { min: corner(tiles.x, tiles.y), max: corner(right, bottom) })
    }

    /// The walkable middle of a place; a mistake is added to `errors`.
    pub(in crate::content) fn point(
        &self,
        source: Source<'_>,
        place: &Spanned<Place>,
        errors: &mut Mistakes,
    ) -> Option<Position> {
        let middle = self.area(source, place, errors)?.centre();
        let (x, y) = (middle.x / self.tile_cm, middle.y / self.tile_cm);
        if self.drawing.open(x, y) {
            return Some(middle);
        }
        let map = &self.map;
        let found =
            format!("a place whose middle, column {x} and row {y}, is wall or water on {map}");
        errors.push(source.error(place.span().start, found, "a middle to walk on"));
        None
    }

    /// The tiles of an area of this map.
    pub(in crate::content) const fn tiles_of(&self, area: &Area) -> Tiles {
        let Area { min, max } = area;
        Tiles {
            x: min.x / self.tile_cm,
            y: min.y / self.tile_cm,
            width: (max.x - min.x) / self.tile_cm,
            height: (max.y - min.y) / self.tile_cm,
        }
    }

    fn tiles(
        &self,
        source: Source<'_>,
        place: &Spanned<Place>,
        errors: &mut Mistakes,
    ) -> Option<Tiles> {
        let name = match place.get_ref() {
            Place::Tiles(tiles) => return Some(*tiles),
            Place::Named(name) => name,
        };
        let places = &self.drawing.places;
        match places.get(name).map(Vec::as_slice) {
            Some([tiles]) => return Some(*tiles),
            Some(several) => {
                let found = format!("{} places called `{name}` on {}", several.len(), self.map);
                errors.push(source.error(place.span().start, found, "one"));
            }
            None => {
                let known = places.keys().map(String::as_str);
                let what = format!("the places that {} names", self.map);
                let found = format!("an unknown place `{name}`");
                errors.unknown((source, place.span().start), found, (&what, name), known);
            }
        }
        None
    }
}
