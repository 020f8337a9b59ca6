//! The way around walls: A* over the tiles, then pulled straight.

use pathfinding::directed::astar::astar;

use super::{Map, Tile};
use crate::space::Position;

/// Tiles that one search may look at, unless its caller has a reason: enough to walk around a house of 20 x 20 tiles,
/// and few enough that many monsters that lose sight of their prey in one tick don't make it late.
pub const PATH_NODES: u32 = 1_000;

/// What a step costs: 10 along an axis and 14 across a corner, which is close to the square root of two.
const STRAIGHT: u32 = 10;
const ACROSS: u32 = 14;

/// The eight neighbours in a fixed order, so that of two ways of one length everyone takes the same.
const NEIGHBOURS: [(i32, i32); 8] =
    [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];

pub(super) fn find(map: &Map, from: Position, to: Position, nodes: u32) -> Option<Vec<Position>> {
    if !map.walkable(from) || !map.walkable(to) {
        return None;
    }
    if map.clear_line(from, to) {
        return Some(vec![to]);
    }
    let (start, goal) = (map.tile(from), map.tile(to));
    let mut left = nodes;
    let (tiles, _) = astar(
        &start,
        |&tile| {
            // An exhausted search has no more neighbours and ends by itself.
            let search = left > 0;
            left = left.saturating_sub(1);
            NEIGHBOURS
                .iter()
                .filter(move |_| search)
                .filter_map(move |&step| neighbour(map, tile, step))
        },
        |&tile| octile(tile, goal),
        |&tile| tile == goal,
    )?;
    let inner = tiles.get(1..tiles.len().saturating_sub(1)).unwrap_or_default();
    let mut places: Vec<_> = inner.iter().map(|&tile| map.middle(tile)).collect();
    places.push(to);
    Some(pull(map, from, &places))
}

/// The neighbour of `tile` and what the step costs; none through walls or past their corners.
fn neighbour(map: &Map, tile: Tile, (dx, dy): (i32, i32)) -> Option<(Tile, u32)> {
    let open = |dx, dy| map.open(Tile { x: tile.x + dx, y: tile.y + dy });
    let next = Tile { x: tile.x + dx, y: tile.y + dy };
    let cost = if dx == 0 || dy == 0 { STRAIGHT } else { ACROSS };
    // Along an axis the two beside are the tile itself and the next one.
    (open(dx, 0) && open(0, dy) && map.open(next)).then_some((next, cost))
}

/// The cost between two tiles on open ground: never more than the true one, so that the way found is a shortest one.
fn octile(a: Tile, b: Tile) -> u32 {
    let (x, y) = (a.x.abs_diff(b.x), a.y.abs_diff(b.y));
    ACROSS * x.min(y) + STRAIGHT * (x.max(y) - x.min(y))
}

/// Leaves out the places that the next one can be reached without.
fn pull(map: &Map, from: Position, places: &[Position]) -> Vec<Position> {
    let mut straight = Vec::new();
    let mut anchor = from;
    for pair in places.windows(2) {
        let [here, next] = pair else { continue };
        if !map.clear_line(anchor, *next) {
            straight.push(*here);
            anchor = *here;
        }
    }
    straight.extend(places.last());
    straight
}
