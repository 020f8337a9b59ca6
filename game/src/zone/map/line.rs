//! Walking along a straight line from tile to tile, in whole numbers, until a wall is met.

use super::{Map, Tile};
use crate::space::Position;

/// What stopped a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wall {
    /// The west or east side of a tile: one can slide north or south along it.
    Upright,
    /// The north or south side of a tile: one can slide west or east along it.
    Level,
    /// A corner with walls on both sides, or the line started in a wall.
    Corner,
}

/// Where a line was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    /// The last place on the line's way that is walkable.
    pub(super) at: Position,
    /// By what.
    pub(super) wall: Wall,
}

/// One direction of a line: along x or along y.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Where the line starts, in centimetres.
    from: i64,
    /// Signed length, in centimetres.
    length: i64,
    /// The tile that the line is in.
    tile: i64,
    /// Tiles still to enter.
    left: i64,
    tile_cm: i64,
}

impl Axis {
    fn new(from: i32, to: i32, tile_cm: i32) -> Self {
        let tile = from.div_euclid(tile_cm);
        Self {
            from: from.into(),
            length: i64::from(to) - i64::from(from),
            tile: tile.into(),
            left: i64::from(to.div_euclid(tile_cm)).abs_diff(tile.into()).cast_signed(),
            tile_cm: tile_cm.into(),
        }
    }

    /// From the start to the edge of the next tile, in centimetres, not negative.
    const fn edge_distance(&self) -> i64 {
        if self.length >= 0 {
            (self.tile + 1) * self.tile_cm - self.from
        } else {
            self.from - self.tile * self.tile_cm
        }
    }

    const fn next(&self) -> i64 {
        self.tile + self.length.signum()
    }

    const fn enter(&mut self) {
        self.tile = self.next();
        self.left -= 1;
    }

    /// The last centimetre of this tile before the next one.
    const fn brink(&self) -> i64 {
        if self.length >= 0 { (self.tile + 1) * self.tile_cm - 1 } else { self.tile * self.tile_cm }
    }

    /// Where this axis is when `other` reaches the edge of its tile, kept within the tile against rounding.
    fn when(&self, other: &Self) -> i64 {
        let at = self.from + self.length * other.edge_distance() / other.length.abs().max(1);
        let tile = self.tile * self.tile_cm;
        at.clamp(tile, tile + self.tile_cm - 1)
    }
}

/// Follows the line from `a` to `b` through the tiles and returns where it was stopped; `None` if it is clear. Takes
/// as many steps as the line crosses tiles on the map.
pub(super) fn trace(map: &Map, a: Position, b: Position) -> Option<Hit> {
    let mut x = Axis::new(a.x, b.x, map.tile_cm);
    let mut y = Axis::new(a.y, b.y, map.tile_cm);
    if !open(map, x.tile, y.tile) {
        return Some(Hit { at: a, wall: Wall::Corner });
    }
    while x.left > 0 || y.left > 0 {
        // Which edge comes first along the line, without a division: compare edge_distance / length crosswise.
        let (to_x, to_y) = (x.edge_distance() * y.length.abs(), y.edge_distance() * x.length.abs());
        let enters_x = x.left > 0 && (y.left == 0 || to_x <= to_y);
        let enters_y = y.left > 0 && (x.left == 0 || to_y <= to_x);
        let beside_x = !enters_x || open(map, x.next(), y.tile);
        let beside_y = !enters_y || open(map, x.tile, y.next());
        let beyond = !(enters_x && enters_y) || open(map, x.next(), y.next());
        let wall = match (beside_x, beside_y, beyond) {
            (true, true, true) => None,
            (false, true, _) => Some(Wall::Upright),
            (true, false, _) => Some(Wall::Level),
            (false, false, _) => Some(Wall::Corner),
            // Head-on into the corner of a lone wall: go past it on the side of the longer way.
            (true, true, false) if x.length.abs() < y.length.abs() => Some(Wall::Upright),
            (true, true, false) => Some(Wall::Level),
        };
        if let Some(wall) = wall {
            return Some(stop(a, &x, &y, enters_x, enters_y, wall));
        }
        if enters_x {
            x.enter();
        }
        if enters_y {
            y.enter();
        }
    }
    None
}

fn stop(a: Position, x: &Axis, y: &Axis, at_x: bool, at_y: bool, wall: Wall) -> Hit {
    let place = |axis: &Axis, other: &Axis, edge: bool| {
        if edge { axis.brink() } else { axis.when(other) }
    };
    // Both lie in a tile of the map, whose coordinates fit.
    Hit {
        at: Position {
            x: i32::try_from(place(x, y, at_x)).unwrap_or(a.x),
            y: i32::try_from(place(y, x, at_y)).unwrap_or(a.y),
        },
        wall,
    }
}

fn open(map: &Map, x: i64, y: i64) -> bool {
    match (i32::try_from(x), i32::try_from(y)) {
        (Ok(x), Ok(y)) => map.open(Tile { x, y }),
        _ => false,
    }
}
