//! The zone's map cut into square cells, and who stands in each: what a player can see and what is near is found
//! without looking at everyone.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::EntityId;
use crate::space::Position;
use crate::zone::entities::{Entities, Entity};

/// The most cells of a map. Each costs some bytes per tick even when nobody is there; with cells of 32 m this is a
/// map of 8 km by 8 km.
pub const MAX_CELLS: u32 = 1 << 16;
/// How far, in centimetres, somebody may have walked since the cells were last filled and still be found. At 10
/// ticks a second it is 40 m/s.
const WALKED_SINCE: u32 = 400;
/// The cell of a slot without an entity.
const NOWHERE: u32 = u32::MAX;

/// A square of the grid.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Cell {
    /// Counted from the north edge.
    pub row: u16,
    /// Counted from the west edge.
    pub column: u16,
}

/// A map that can't be cut into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// A side is zero.
    #[error(
        "a map of {width} x {height} cm with cells of {cell_size} cm has no area; all three must be above 0"
    )]
    Empty {
        /// Of the map, in centimetres.
        width: u32,
        /// Of the map, in centimetres.
        height: u32,
        /// Side of a cell, in centimetres.
        cell_size: u32,
    },
    /// More than [`MAX_CELLS`] cells, or a side beyond what a position can name.
    #[error(
        "the map has {cells} cells, the limit is {MAX_CELLS}; make the cells larger or the map smaller"
    )]
    TooLarge {
        /// How many it would have.
        cells: u64,
    },
}

/// Cells in row-major order and their entities in the order of slots, as of the last [`Grid::rebuild`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Grid {
    cell_size: u32,
    columns: u32,
    rows: u32,
    /// By cell: where its members start; one more entry ends the last.
    starts: Vec<u32>,
    members: Vec<EntityId>,
    /// By slot: the cell's index, or [`NOWHERE`].
    cell_of_slot: Vec<u32>,
}

impl Grid {
    /// A map of `width` x `height` cm in cells of `cell_size` cm, the last ones of a row or column cut off by the edge.
    ///
    /// # Errors
    /// When there would be no cell or too many.
    pub fn new(width: u32, height: u32, cell_size: u32) -> Result<Self, GridError> {
        if width == 0 || height == 0 || cell_size == 0 {
            return Err(GridError::Empty { width, height, cell_size });
        }
        let (columns, rows) = (width.div_ceil(cell_size), height.div_ceil(cell_size));
        let cells = u64::from(columns) * u64::from(rows);
        let reachable = i32::try_from(width.max(height)).is_ok();
        // A single row must fit the column's 16 bits too, so the limit itself is one too many there.
        if cells > u64::from(MAX_CELLS) || columns.max(rows) >= MAX_CELLS || !reachable {
            return Err(GridError::TooLarge { cells });
        }
        Ok(Self {
            cell_size,
            columns,
            rows,
            starts: vec![0; (columns * rows) as usize + 1],
            members: Vec::new(),
            cell_of_slot: Vec::new(),
        })
    }

    /// Side of a cell in centimetres.
    #[must_use]
    pub const fn cell_size(&self) -> u32 {
        self.cell_size
    }

    /// How many cells the grid has.
    #[must_use]
    pub const fn cells(&self) -> u32 {
        self.columns * self.rows
    }

    /// The cell in which a position lies. A position outside the map counts to the nearest cell.
    #[must_use]
    pub fn cell_of(&self, position: Position) -> Cell {
        self.cell_at(self.index_of(position))
    }

    /// The entities of a cell.
    #[must_use]
    pub fn members(&self, cell: Cell) -> &[EntityId] {
        self.members_at(self.index(cell))
    }

    /// Fills the cells with where everyone stands now: a counting sort by cell, about as cheap as keeping lists
    /// up to date and the same after a restore as before.
    pub fn rebuild(&mut self, entities: &Entities) {
        self.cell_of_slot.clear();
        self.cell_of_slot.resize(entities.slots(), NOWHERE);
        self.starts.fill(0);
        let mut total = 0;
        for entity in entities.iter() {
            let cell = self.index_of(entity.position());
            self.cell_of_slot[entity.id().slot()] = cell;
            self.starts[cell as usize] += 1;
            total += 1;
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        // Each entry is now the end of its cell; filling from the back turns it into the start.
        self.members.resize(total, EntityId(0));
        for slot in (0..self.cell_of_slot.len()).rev() {
            let Some(entity) = entities.in_slot(slot) else {
                continue;
            };
            let end = &mut self.starts[self.cell_of_slot[slot] as usize];
            *end -= 1;
            self.members[*end as usize] = entity.id();
        }
    }

    /// Who is at most `radius` cm from `center`, in the order of ids. Somebody spawned or teleported since the
    /// last rebuild is found from the next one on.
    #[must_use]
    pub fn nearby(&self, entities: &Entities, center: Position, radius: u32) -> Vec<EntityId> {
        let mut found: Vec<_> = self.around(entities, center, radius).map(Entity::id).collect();
        found.sort_unstable();
        found
    }

    /// As [`Self::nearby`], without a list: in the order of cells and slots.
    pub fn around<'a>(
        &'a self,
        entities: &'a Entities,
        center: Position,
        radius: u32,
    ) -> impl Iterator<Item = &'a Entity> {
        let reach = i32::try_from(radius.saturating_add(WALKED_SINCE)).unwrap_or(i32::MAX);
        let corner = |reach: i32| Position {
            x: center.x.saturating_add(reach),
            y: center.y.saturating_add(reach),
        };
        let (first, last) = (self.cell_of(corner(-reach)), self.cell_of(corner(reach)));
        (first.row..=last.row)
            .flat_map(move |row| {
                let start = self.index(Cell { row, column: first.column });
                let end = self.index(Cell { row, column: last.column });
                &self.members
                    [self.starts[start as usize] as usize..self.starts[end as usize + 1] as usize]
            })
            .filter_map(|id| entities.get(*id))
            .filter(move |entity| entity.position().is_within(radius, center))
    }

    pub(crate) fn index_of(&self, position: Position) -> u32 {
        let column = position.x.max(0).unsigned_abs() / self.cell_size;
        let row = position.y.max(0).unsigned_abs() / self.cell_size;
        row.min(self.rows - 1) * self.columns + column.min(self.columns - 1)
    }

    pub(crate) fn index(&self, cell: Cell) -> u32 {
        u32::from(cell.row) * self.columns + u32::from(cell.column)
    }

    /// The cell of an index below [`Self::cells`].
    pub(crate) fn cell_at(&self, index: u32) -> Cell {
        // Rows and columns are below MAX_CELLS, so both fit.
        let narrow = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Cell { row: narrow(index / self.columns), column: narrow(index % self.columns) }
    }

    pub(crate) fn members_at(&self, index: u32) -> &[EntityId] {
        let index = index as usize;
        &self.members[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// The cell's index of the entity in a slot, `None` if the slot is empty.
    pub(crate) fn cell_of_slot(&self, slot: usize) -> Option<u32> {
        self.cell_of_slot.get(slot).copied().filter(|cell| *cell != NOWHERE)
    }

    /// Centimetres from the north-west corner of `cell`; 0 for a position outside the map beyond it.
    pub(crate) fn offset_in(&self, cell: Cell, position: Position) -> (u32, u32) {
        let from = |position: i32, index: u16| {
            position.max(0).unsigned_abs().saturating_sub(u32::from(index) * self.cell_size)
        };
        (from(position.x, cell.column), from(position.y, cell.row))
    }

    /// The cells that a viewer with its anchor in `cell` sees: `cell` and its neighbours, but for those beyond the edge.
    pub(crate) fn square_around(&self, cell: Cell) -> Square {
        let (columns, rows) = (self.columns, self.rows);
        let span = |index: u16, count: u32| {
            let index = u32::from(index);
            index.saturating_sub(1)..(index + 2).min(count)
        };
        Square { columns: span(cell.column, columns), rows: span(cell.row, rows) }
    }

    /// How many entities stand in a rectangle of cells.
    pub(crate) fn members_in(&self, square: &Square) -> usize {
        let rows = square.rows.clone().map(|row| self.row_start(row));
        rows.map(|row| {
            let (first, end) = (row + square.columns.start, row + square.columns.end);
            (self.starts[end as usize] - self.starts[first as usize]) as usize
        })
        .sum()
    }

    /// The indices of the cells of a rectangle, in row order.
    pub(crate) fn cells_in(&self, square: &Square) -> impl Iterator<Item = u32> + use<> {
        let (columns, row_length) = (square.columns.clone(), self.columns);
        square
            .rows
            .clone()
            .flat_map(move |row| columns.clone().map(move |column| row * row_length + column))
    }

    /// The index of the first cell in `row`.
    pub(crate) fn row_start(&self, row: u32) -> u32 {
        row * self.columns
    }
}

/// A rectangle of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Square {
    pub(crate) columns: Range<u32>,
    pub(crate) rows: Range<u32>,
}

impl Square {
    /// Without a cell.
    pub(crate) const EMPTY: Self = Self { columns: 0..0, rows: 0..0 };

    /// True if `cell` is one of its cells.
    pub(crate) fn holds(&self, cell: Cell) -> bool {
        self.columns.contains(&cell.column.into()) && self.rows.contains(&cell.row.into())
    }

    /// The cells that are in `other` too.
    pub(crate) fn overlap(&self, other: &Self) -> Self {
        let common = |one: &Range<u32>, other: &Range<u32>| {
            let start = one.start.max(other.start);
            start..one.end.min(other.end).max(start)
        };
        Self {
            columns: common(&self.columns, &other.columns),
            rows: common(&self.rows, &other.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::entities::{EntityKind, Spawn};
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Position> {
        // Some lie outside the map of 5000 x 3000 cm.
        (-500..5500_i32, -500..3500_i32).prop_map(|(x, y)| Position { x, y })
    }

    fn filled(places: &[Position]) -> (Entities, Grid) {
        let (mut entities, mut grid) = (Entities::new(), Grid::new(5000, 3000, 800).unwrap());
        for position in places {
            let spawn = Spawn::new(EntityKind::Monster, "wolf", *position);
            entities.spawn(spawn).unwrap();
        }
        grid.rebuild(&entities);
        (entities, grid)
    }

    proptest! {
        #[test]
        fn everyone_is_in_the_one_cell_where_it_stands_in_the_order_of_slots(
            places in proptest::collection::vec(place(), 0..200),
        ) {
            let (entities, grid) = filled(&places);
            let mut total = 0;
            for index in 0..grid.cells() {
                let cell = grid.cell_at(index);
                let members = grid.members(cell);
                prop_assert!(members.is_sorted_by_key(|id| id.slot()));
                for id in members {
                    prop_assert_eq!(grid.cell_of(entities.get(*id).unwrap().position()), cell);
                }
                total += members.len();
            }
            prop_assert_eq!(total, places.len());
        }

        #[test]
        fn nearby_finds_whom_a_search_through_all_finds(
            places in proptest::collection::vec(place(), 0..200),
            steps in proptest::collection::vec((-400..=400_i32, -400..=400_i32), 200),
            center in place(),
            radius in 0..3000_u32,
        ) {
            let (mut entities, grid) = filled(&places);
            for (entity, (x, y)) in entities.iter_mut().zip(steps) {
                let at = entity.position();
                entity.set_position(Position::new(at.x + x, at.y + y));
            }
            let all = entities.iter().filter(|entity| entity.position().is_within(radius, center));
            let mut all: Vec<_> = all.map(Entity::id).collect();
            all.sort();
            prop_assert_eq!(grid.nearby(&entities, center, radius), all);
        }
    }

    #[test]
    fn cells_at_an_edge_are_cut_off_and_still_cells() {
        let grid = Grid::new(5000, 3000, 800).unwrap();
        assert_eq!((grid.columns, grid.rows, grid.cells()), (7, 4, 28));
        let last = Cell { row: 3, column: 6 };
        assert_eq!(grid.cell_of(Position::new(4999, 2999)), last);
        assert_eq!(grid.cell_of(Position::new(i32::MAX, i32::MAX)), last);
        assert_eq!(grid.cell_of(Position::new(-1, i32::MIN)), Cell::default());
    }

    #[test]
    fn maps_without_area_or_with_too_many_cells_are_refused() {
        for (width, height, cell) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            assert!(matches!(Grid::new(width, height, cell), Err(GridError::Empty { .. })));
        }
        assert!(Grid::new(256, 256, 1).is_ok());
        let cells = 257 * 256;
        assert_eq!(Grid::new(257, 256, 1).unwrap_err(), GridError::TooLarge { cells });
        assert!(Grid::new(u32::MAX, u32::MAX, 1).is_err());
        assert!(Grid::new(1, 1 << 16, 1).is_err(), "a row's number must fit 16 bits");
        assert!(Grid::new(u32::MAX, 1, u32::MAX).is_err(), "positions end at 2^31");
    }
}
