//! Who sees a place: asked by modules between publications.

use super::Visibility;
use crate::ids::SessionId;
use crate::zone::{Cell, Grid};

impl Visibility {
    /// How far a viewer goes beyond its anchor cell before the anchor follows, in centimetres.
    #[must_use]
    pub fn margin(&self) -> u32 {
        self.margin
    }

    /// True if `cell` was among the nine cells of anybody at the last publication.
    #[must_use]
    pub fn is_watched(&self, grid: &Grid, cell: Cell) -> bool {
        let around = grid.square_around(cell);
        let mut rows = around.rows.map(|row| grid.row_start(row));
        rows.any(|start| {
            let cells =
                (start + around.columns.start) as usize..(start + around.columns.end) as usize;
            let anchors = self.anchors.get(cells).unwrap_or_default();
            anchors.iter().any(|&anchors| anchors > 0)
        })
    }

    /// True if the session's nine cells include `cell`.
    #[must_use]
    pub fn sees(&self, session: SessionId, cell: Cell) -> bool {
        let Ok(index) = self.find(session) else {
            return false;
        };
        let Some(anchor) = self.viewers[index].anchor() else {
            return false;
        };
        anchor.row.abs_diff(cell.row) <= 1 && anchor.column.abs_diff(cell.column) <= 1
    }
}
