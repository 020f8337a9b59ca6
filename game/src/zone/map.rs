//! The ground of a zone: which tiles one can walk on, how far a step gets before it meets a wall, and the way around it.

mod line;
mod path;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::space::Position;

pub use path::PATH_NODES;

/// Tiles along one side at most: 4,096 tiles of the largest size are 40.96 km, so that every distance in centimetres
/// and its square stay far from the limits of i32 and i64.
pub const SIDE_TILES: i32 = 4_096;
/// Tiles of one map at most: 4 Mi tiles are 512 KiB of bits, which every snapshot of a zone carries.
pub const MAP_TILES: i32 = 1 << 22;
/// Centimetres of a tile's side at least: below this a running player crosses several tiles in a tick for nothing.
pub const TILE_CM_MIN: i32 = 50;
/// Centimetres of a tile's side at most: walls coarser than this look wrong beside a 32 m cell of the grid.
pub const TILE_CM_MAX: i32 = 1_000;
/// Places that [`Map::pick`] draws before it takes the first one that it finds: an area that is half walls is missed
/// by all of them once in 65,536 times.
const PICK_DRAWS: u32 = 16;

/// Walkable and other tiles in rows, north first. At least one tile is walkable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    columns: i32,
    rows: i32,
    tile_cm: i32,
    /// A bit per tile, row by row; 1 is walkable.
    walkable: Vec<u64>,
}

/// A tile by column from the west and row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tile {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// A rectangle on a map, in centimetres: `min` is inside, `max` is just outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// The north-west corner.
    pub min: Position,
    /// One past the south-east corner; greater than `min` in both directions.
    pub max: Position,
}

impl Area {
    /// True if `at` lies inside.
    #[must_use]
    pub const fn contains(&self, at: Position) -> bool {
        at.x >= self.min.x && at.y >= self.min.y && at.x < self.max.x && at.y < self.max.y
    }

    /// The place in the middle.
    #[must_use]
    pub const fn centre(&self) -> Position {
        Position {
            x: self.min.x + (self.max.x - self.min.x) / 2,
            y: self.min.y + (self.max.y - self.min.y) / 2,
        }
    }

    /// True if the two have a place in common.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.min.x < other.max.x
            && other.min.x < self.max.x
            && self.min.y < other.max.y
            && other.min.y < self.max.y
    }

    /// True if the straight line from `a` to `b`, both ends included, has a place in common with the rectangle.
    #[must_use]
    pub fn meets_line(&self, a: Position, b: Position) -> bool {
        let (last_x, last_y) = (self.max.x - 1, self.max.y - 1);
        let beside = a.x.max(b.x) < self.min.x
            || a.x.min(b.x) > last_x
            || a.y.max(b.y) < self.min.y
            || a.y.min(b.y) > last_y;
        if beside {
            return false;
        }
        // The line passes by if all four corners lie on one side of it.
        let (along_x, along_y) = b - a;
        let side = |x, y| {
            let (to_x, to_y) = Position { x, y } - a;
            (along_x * to_y - along_y * to_x).signum()
        };
        let corners = [
            side(self.min.x, self.min.y),
            side(last_x, self.min.y),
            side(self.min.x, last_y),
            side(last_x, last_y),
        ];
        !(corners.iter().all(|side| *side > 0) || corners.iter().all(|side| *side < 0))
    }
}

/// Why a map can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No tiles, or too many.
    #[error(
        "a map of {columns} x {rows} tiles: a side has 1 to {SIDE_TILES} tiles and a map at most {MAP_TILES}"
    )]
    Size {
        /// From west to east.
        columns: i32,
        /// From north to south.
        rows: i32,
    },
    /// Tiles of a size that isn't supported.
    #[error("tiles of {0} cm: a tile measures {TILE_CM_MIN} to {TILE_CM_MAX} cm")]
    TileSize(i32),
    /// Nobody could stand anywhere.
    #[error("a map without a walkable tile")]
    NoGround,
}

impl Map {
    /// A map of `columns` x `rows` tiles of `tile_cm` centimetres, walkable where `walkable(column, row)` says so.
    ///
    /// # Errors
    /// If the size is outside the limits above or no tile is walkable.
    pub fn new(
        columns: i32,
        rows: i32,
        tile_cm: i32,
        walkable: impl Fn(i32, i32) -> bool,
    ) -> Result<Self, MapError> {
        let side = 1..=SIDE_TILES;
        if !side.contains(&columns) || !side.contains(&rows) || columns * rows > MAP_TILES {
            return Err(MapError::Size { columns, rows });
        }
        if !(TILE_CM_MIN..=TILE_CM_MAX).contains(&tile_cm) {
            return Err(MapError::TileSize(tile_cm));
        }
        let mut map = Self {
            columns,
            rows,
            tile_cm,
            walkable: vec![0; (columns * rows).cast_unsigned().div_ceil(64) as usize],
        };
        for y in 0..rows {
            for x in (0..columns).filter(|&x| walkable(x, y)) {
                let (word, bit) = map.bit(Tile { x, y });
                map.walkable[word] |= bit;
            }
        }
        if map.walkable.iter().all(|&word| word == 0) {
            return Err(MapError::NoGround);
        }
        Ok(map)
    }

    /// From the west to the east edge, in centimetres.
    #[must_use]
    pub const fn width_cm(&self) -> i32 {
        self.columns * self.tile_cm
    }

    /// From the north to the south edge, in centimetres.
    #[must_use]
    pub const fn height_cm(&self) -> i32 {
        self.rows * self.tile_cm
    }

    /// The side of a tile, in centimetres.
    #[must_use]
    pub const fn tile_cm(&self) -> i32 {
        self.tile_cm
    }

    /// True if one can stand at `at`. Nobody can stand outside the map.
    #[must_use]
    pub fn walkable(&self, at: Position) -> bool {
        self.open(self.tile(at))
    }

    /// The place nearest to `at` where one can stand: `at` itself, or the middle of a near walkable tile. For a
    /// character that was saved where a wall has been built since.
    #[must_use]
    pub fn nearest_walkable(&self, at: Position) -> Position {
        let within = self.clamp(at);
        if self.walkable(within) {
            return within;
        }
        let middle = self.tile(within);
        for ring in 1..self.columns.max(self.rows) {
            let rows = middle.y - ring..=middle.y + ring;
            let tiles = rows.flat_map(|y| {
                // Of the rows between the first and the last of a ring just both ends belong to it.
                let inner = (y - middle.y).abs() < ring;
                let step = if inner { 2 * ring } else { 1 };
                (middle.x - ring..=middle.x + ring)
                    .step_by(step.cast_unsigned() as usize)
                    .map(move |x| Tile { x, y })
            });
            let free = tiles.filter(|&tile| self.open(tile));
            if let Some(tile) = free.min_by_key(|&tile| distance(self.middle(tile), within)) {
                return self.middle(tile);
            }
        }
        within
    }

    /// True if nothing is in the way between `a` and `b`: every tile that the line touches is walkable, and where it
    /// passes exactly through a corner, all tiles at that corner are. The same in both directions.
    #[must_use]
    pub fn clear_line(&self, a: Position, b: Position) -> bool {
        line::trace(self, a, b).is_none()
    }

    /// Where a step from `from` towards `to` ends: at `to`, or at the wall in between, having slid along it. Never in a
    /// wall and never outside, also if `from` is.
    #[must_use]
    pub fn slide(&self, from: Position, to: Position) -> Position {
        if !self.walkable(from) {
            return self.nearest_walkable(from);
        }
        let Some(hit) = line::trace(self, from, to) else {
            return to;
        };
        let along = match hit.wall {
            line::Wall::Upright => Position { x: hit.at.x, y: to.y },
            line::Wall::Level => Position { x: to.x, y: hit.at.y },
            line::Wall::Corner => return hit.at,
        };
        line::trace(self, hit.at, along).map_or(along, |second| second.at)
    }

    /// A way from `from` to `to` as places to walk to one after the other, each in a clear line from the one before;
    /// the last is `to`. `None` if there is none or more than `nodes` tiles had to be looked at to find it:
    /// [`PATH_NODES`] is the usual bound.
    #[must_use]
    pub fn path(&self, from: Position, to: Position, nodes: u32) -> Option<Vec<Position>> {
        path::find(self, from, to, nodes)
    }

    /// A walkable place in `area`, one that is `free` if there is one. `draw(n)` gives an even random number below `n`.
    /// Falls back to the first free walkable tile of the area, to the first walkable one and then to the one nearest to
    /// it, so that an answer is always ground.
    pub fn pick(
        &self,
        area: &Area,
        free: impl Fn(Position) -> bool,
        mut draw: impl FnMut(u32) -> u32,
    ) -> Position {
        let wide = (area.max.x - area.min.x).max(1).cast_unsigned();
        let high = (area.max.y - area.min.y).max(1).cast_unsigned();
        for _ in 0..PICK_DRAWS {
            let at = Position {
                x: area.min.x + draw(wide).cast_signed(),
                y: area.min.y + draw(high).cast_signed(),
            };
            if self.walkable(at) && free(at) {
                return at;
            }
        }
        let first = self.middles(area).find(|&middle| free(middle));
        let first = first.or_else(|| self.first_walkable(area));
        first.unwrap_or_else(|| self.nearest_walkable(area.centre()))
    }

    /// The middle of the first walkable tile in `area`, in rows from the north-west; `None` if it is all wall.
    #[must_use]
    pub fn first_walkable(&self, area: &Area) -> Option<Position> {
        self.middles(area).next()
    }

    /// The middles of the walkable tiles in `area`, in rows from the north-west.
    fn middles(&self, area: &Area) -> impl Iterator<Item = Position> + '_ {
        let first = self.tile(self.clamp(area.min));
        let last = self.tile(self.clamp(Position { x: area.max.x - 1, y: area.max.y - 1 }));
        (first.y..=last.y)
            .flat_map(move |y| (first.x..=last.x).map(move |x| Tile { x, y }))
            .filter(|&tile| self.open(tile))
            .map(|tile| self.middle(tile))
    }

    /// The tile in which `at` lies; may be outside the map.
    pub(crate) const fn tile(&self, at: Position) -> Tile {
        Tile { x: at.x.div_euclid(self.tile_cm), y: at.y.div_euclid(self.tile_cm) }
    }

    /// The middle of a tile of the map.
    pub(crate) const fn middle(&self, tile: Tile) -> Position {
        Position {
            x: tile.x * self.tile_cm + self.tile_cm / 2,
            y: tile.y * self.tile_cm + self.tile_cm / 2,
        }
    }

    /// True if `tile` is on the map and walkable.
    pub(crate) fn open(&self, tile: Tile) -> bool {
        let inside = (0..self.columns).contains(&tile.x) && (0..self.rows).contains(&tile.y);
        inside && {
            let (word, bit) = self.bit(tile);
            self.walkable[word] & bit != 0
        }
    }

    fn clamp(&self, at: Position) -> Position {
        Position { x: at.x.clamp(0, self.width_cm() - 1), y: at.y.clamp(0, self.height_cm() - 1) }
    }

    fn bit(&self, tile: Tile) -> (usize, u64) {
        let index = (tile.y * self.columns + tile.x).cast_unsigned() as usize;
        (index / 64, 1 << (index % 64))
    }
}

/// The square of the distance, in square centimetres.
fn distance(a: Position, b: Position) -> i64 {
    let (x, y) = (i64::from(a.x) - i64::from(b.x), i64::from(a.y) - i64::from(b.y));
    x * x + y * y
}
