//! What each cell holds, in a number, so that a client can prove that it sees what it must.

use protocol::v1;

use super::columns::wire_cell;
use crate::zone::entities::Entities;
use crate::zone::grid::Grid;

/// Odd and without pattern, so that each id turns other bits of the digest; view.proto promises this number.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Counts and hashes by cell. They come from where each entity stands and neither from the grid's lists nor from what
/// was encoded, so that a client finds an error in either.
#[derive(Debug, Default)]
pub(super) struct Digests {
    cells: Vec<(u32, u64)>,
}

impl Digests {
    pub(super) const fn new() -> Self {
        Self { cells: Vec::new() }
    }

    pub(super) fn fill(&mut self, entities: &Entities, grid: &Grid) {
        self.cells.clear();
        self.cells.resize(grid.cells() as usize, (0, 0));
        for entity in entities.iter() {
            let (count, hash) = &mut self.cells[grid.index_of(entity.position()) as usize];
            *count += 1;
            *hash ^= entity.id().0.wrapping_mul(FACTOR);
        }
    }

    pub(super) fn of(&self, grid: &Grid, index: u32) -> v1::CellDigest {
        let cell = wire_cell(grid.cell_at(index));
        let (entities, hash) = self.cells[index as usize];
        v1::CellDigest { column: cell.column, row: cell.row, entities, hash }
    }
}
