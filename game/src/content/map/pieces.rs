//! Pieces of ground: tiles between which one can walk. From one piece to another leads no way but a portal.

use std::collections::BTreeSet;

use super::{Drawing, Tiles};

/// Which piece each tile of a map belongs to.
pub(in crate::content) struct Pieces {
    /// By tile: 0 for a wall, else a piece and one.
    of: Vec<u32>,
    /// Tiles of each.
    sizes: Vec<u32>,
}

impl Pieces {
    pub(in crate::content) fn of(drawing: &Drawing) -> Self {
        let mut pieces = Self { of: vec![0; drawing.walkable.len()], sizes: Vec::new() };
        let all = Tiles { x: 0, y: 0, width: drawing.columns, height: drawing.rows };
        for (x, y) in all.all() {
            if drawing.open(x, y) && pieces.of[drawing.index(x, y)] == 0 {
                pieces.fill(drawing, (x, y));
            }
        }
        pieces
    }

    /// Makes all tiles to which a way leads from `from` a piece. A step across a corner needs both tiles beside it, so
    /// the four neighbours are enough.
    fn fill(&mut self, drawing: &Drawing, from: (i32, i32)) {
        self.sizes.push(0);
        let number = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        let mut open = vec![from];
        self.of[drawing.index(from.0, from.1)] = number;
        while let Some((x, y)) = open.pop() {
            if let Some(size) = self.sizes.last_mut() {
                *size += 1;
            }
            for (x, y) in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)] {
                if drawing.open(x, y) && self.of[drawing.index(x, y)] == 0 {
                    self.of[drawing.index(x, y)] = number;
                    open.push((x, y));
                }
            }
        }
    }

    pub(in crate::content) const fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The piece of a tile of the map; `None` for a wall.
    pub(in crate::content) fn at(&self, drawing: &Drawing, x: i32, y: i32) -> Option<usize> {
        let number = self.of[drawing.index(x, y)];
        number.checked_sub(1).map(|piece| piece as usize)
    }

    /// The pieces that tiles of the map belong to.
    pub(in crate::content) fn among(&self, drawing: &Drawing, tiles: Tiles) -> BTreeSet<usize> {
        let mut pieces = BTreeSet::new();
        for (x, y) in tiles.all() {
            pieces.extend(self.at(drawing, x, y));
        }
        pieces
    }

    /// The largest of the pieces that tiles of the map belong to.
    pub(in crate::content) fn largest(&self, drawing: &Drawing, tiles: Tiles) -> Option<usize> {
        self.among(drawing, tiles).into_iter().max_by_key(|piece| self.sizes[*piece])
    }
}
