//! The maps of the world, in three forms: drawn in the zone's own file, as plain text, or from the Tiled editor.

pub(super) mod drawn;
pub(super) mod pieces;
pub(super) mod text;
pub(super) mod tiled;

use std::collections::BTreeMap;
use std::fmt;

/// A rectangle of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiles {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Tiles {
    pub(super) const fn one(x: i32, y: i32) -> Self {
        Self { x, y, width: 1, height: 1 }
    }

    /// The smallest rectangle around this one and a tile.
    pub(super) fn with(self, x: i32, y: i32) -> Self {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        let (left, top) = (self.x.min(x), self.y.min(y));
        Self { x: left, y: top, width: right.max(x + 1) - left, height: bottom.max(y + 1) - top }
    }

    pub(super) const fn count(&self) -> i32 {
        self.width * self.height
    }

    /// True if all of it is part of `other`.
    pub(super) const fn is_within(&self, other: Self) -> bool {
        self.x >= other.x
            && self.y >= other.y
            && self.x + self.width <= other.x + other.width
            && self.y + self.height <= other.y + other.height
    }

    /// Its tiles, row by row.
    pub(super) fn all(self) -> impl Iterator<Item = (i32, i32)> + Clone {
        let rows = self.y..self.y + self.height;
        rows.flat_map(move |y| (self.x..self.x + self.width).map(move |x| (x, y)))
    }
}

impl fmt::Display for Tiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, width, height } = self;
        write!(out, "[{x}, {y}, {width}, {height}]")
    }
}

/// What a file's name ends with, in lower case, without the dot.
pub(super) fn extension(file: &str) -> String {
    file.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
}

/// A map as it comes out of any of the three forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) columns: i32,
    pub(super) rows: i32,
    /// Row by row, north first.
    pub(super) walkable: Vec<bool>,
    /// What the map itself gives a name, and all places that have it.
    pub(super) places: BTreeMap<String, Vec<Tiles>>,
    /// How many tiles are walls, by what makes them so.
    pub(super) walls: BTreeMap<String, usize>,
}

impl Drawing {
    pub(super) fn blank(columns: i32, rows: i32) -> Self {
        Self {
            columns,
            rows,
            walkable: vec![true; (columns * rows).cast_unsigned() as usize],
            places: BTreeMap::new(),
            walls: BTreeMap::new(),
        }
    }

    /// True if the tile is on the map and walkable.
    pub(super) fn open(&self, x: i32, y: i32) -> bool {
        let inside = (0..self.columns).contains(&x) && (0..self.rows).contains(&y);
        inside && self.walkable[self.index(x, y)]
    }

    /// Tiles that one can walk on.
    pub(super) fn ground(&self) -> usize {
        self.walkable.iter().filter(|walkable| **walkable).count()
    }

    /// Makes a tile of the map a wall.
    pub(super) fn block(&mut self, x: i32, y: i32) {
        let index = self.index(x, y);
        self.walkable[index] = false;
    }

    pub(super) const fn index(&self, x: i32, y: i32) -> usize {
        (y * self.columns + x).cast_unsigned() as usize
    }
}
