//! The maps of the world, in three forms: drawn in the zone's own file, as plain text, or exported from Tiled.

pub(super) mod drawn;
pub(super) mod text;
pub(super) mod tiled;

use std::collections::BTreeMap;

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
}

/// A map as it comes out of any of the three forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) columns: i32,
    pub(super) rows: i32,
    /// Row by row, north first.
    pub(super) walkable: Vec<bool>,
    /// What the map itself gives a name.
    pub(super) places: BTreeMap<String, Tiles>,
}

impl Drawing {
    pub(super) fn blank(columns: i32, rows: i32) -> Self {
        Self {
            columns,
            rows,
            walkable: vec![true; (columns * rows).cast_unsigned() as usize],
            places: BTreeMap::new(),
        }
    }

    /// True if the tile is on the map and walkable.
    pub(super) fn open(&self, x: i32, y: i32) -> bool {
        let inside = (0..self.columns).contains(&x) && (0..self.rows).contains(&y);
        inside && self.walkable[self.index(x, y)]
    }

    /// Makes a tile of the map a wall.
    pub(super) fn block(&mut self, x: i32, y: i32) {
        let index = self.index(x, y);
        self.walkable[index] = false;
    }

    const fn index(&self, x: i32, y: i32) -> usize {
        (y * self.columns + x).cast_unsigned() as usize
    }
}
