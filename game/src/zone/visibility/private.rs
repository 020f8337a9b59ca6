//! What a player in a crowd is told whatever the crowd does: where it is itself, whom it fights, and the blows between them.

use protocol::{MotionColumn, put_cell_state, v1};

use super::columns::{complete, motion_of};
use super::near::Near;
use super::turns::MAX_TURNS;
use super::viewer::Shown;
use crate::ids::EntityId;

/// The entries that are written for one view alone. At most nine motions, and as many strikes as fell between the two in a
/// tick.
#[derive(Debug, Default)]
pub(super) struct Private {
    bytes: Vec<u8>,
    motion: MotionColumn,
    state: v1::CellState,
}

impl Private {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            motion: MotionColumn::new(),
            state: v1::CellState {
                column: 0,
                row: 0,
                snapshot: false,
                enters: Vec::new(),
                leaves: Vec::new(),
                vitals: Vec::new(),
                strikes: Vec::new(),
            },
        }
    }

    /// Who `eyes` are and where, for a client that isn't told everything of that cell at once.
    pub(super) fn add_own(&mut self, shown: &Shown<'_>, eyes: EntityId) {
        let Some(entity) = shown.entities.get(eyes) else { return };
        let cell = shown.grid.cell_of(entity.position());
        (self.state.column, self.state.row) = (u32::from(cell.column), u32::from(cell.row));
        self.state.strikes.clear();
        self.state.enters.push(complete(entity, shown.grid, cell, String::new()));
        put_cell_state(&mut self.bytes, &self.state);
        self.state.enters.clear();
    }

    /// Nothing yet for the next view.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Where `eyes` and those whom it fights are, if they stand in one of `cells`. Whoever has stood there for all turns is
    /// known already.
    pub(super) fn add_motions(&mut self, shown: &Shown<'_>, cells: &[u32], eyes: EntityId) {
        let attention = shown.attention.get(eyes);
        let others = attention.into_iter().flat_map(|attention| attention.others(shown.round));
        for id in std::iter::once(eyes).chain(others) {
            let Some(entity) = shown.entities.get(id) else { continue };
            let index = shown.grid.index_of(entity.position());
            if shown.columns.still(id) == MAX_TURNS || !cells.contains(&index) {
                continue;
            }
            let cell = shown.grid.cell_at(index);
            self.motion.begin(u32::from(cell.column), u32::from(cell.row));
            self.motion.push(&motion_of(entity, shown.grid, cell));
            self.motion.put(&mut self.bytes);
        }
    }

    /// The strikes in `cells` that `eyes` struck or that struck it, but for those that are near: they are shown to all
    /// around, and nobody is to see a strike twice.
    pub(super) fn add_strikes(
        &mut self,
        shown: &Shown<'_>,
        cells: &[u32],
        eyes: EntityId,
        near: Option<&Near<'_>>,
    ) {
        for fallen in shown.groups.strikes_of(eyes) {
            let is_near = near.is_some_and(|near| near.holds(fallen.cell, fallen.group));
            if is_near || !cells.contains(&fallen.cell) {
                continue;
            }
            let cell = shown.grid.cell_at(fallen.cell);
            (self.state.column, self.state.row) = (u32::from(cell.column), u32::from(cell.row));
            self.state.strikes.clear();
            self.state.strikes.push(fallen.strike);
            put_cell_state(&mut self.bytes, &self.state);
        }
    }
}
