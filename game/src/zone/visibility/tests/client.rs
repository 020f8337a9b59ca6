//! What a client does with a View, word for word as view.proto says.

use std::collections::{BTreeMap, VecDeque};

use protocol::v1;

/// A client's picture of the zone.
#[derive(Debug, Default, Clone)]
pub(super) struct Client {
    pub(super) anchor: Option<v1::Cell>,
    /// By id: the cell it is kept under, and what is known of it.
    pub(super) entities: BTreeMap<u64, (v1::Cell, v1::Entity)>,
    pub(super) digests: Vec<v1::CellDigest>,
    /// Motion was withheld: positions may be old until the next reset.
    pub(super) skipped_motion: bool,
    pub(super) skip_motion: bool,
    /// The server was told; the next view must be a reset.
    pub(super) stale: bool,
    pub(super) ack: u32,
    /// In how many turns the motion of each of the last publications was told, 1 for no turns, last first.
    turns: VecDeque<usize>,
    /// Who was said to be where, at the last publication.
    pub(super) probes: Vec<v1::Probe>,
    /// Cells of which not everything was told yet.
    pub(super) pending: Vec<v1::Cell>,
}

impl Client {
    /// A publication begins: digests are of one view, and whoever gets none has none to compare.
    pub(super) fn begin(&mut self) {
        self.digests.clear();
        self.probes.clear();
        self.turns.push_front(1);
        self.turns.truncate(super::super::MAX_TURNS.into());
    }

    /// From how many publications ago the positions may be at the most, this one being the first.
    pub(super) fn patience(&self) -> usize {
        self.turns.iter().copied().max().unwrap_or(1)
    }

    pub(super) fn apply(&mut self, view: v1::View, with_motion: bool) {
        self.skipped_motion |= !with_motion;
        self.digests.clone_from(&view.digests);
        self.ack = view.ack;
        if view.turns > 0 {
            self.turns[0] = usize::try_from(view.turns).unwrap();
        }
        self.probes.clone_from(&view.probes);
        assert!(view.reset || !self.stale, "a stale client needs a reset");
        if view.reset {
            self.stale = false;
            self.entities.clear();
            self.skipped_motion = !with_motion;
        }
        if let Some(anchor) = view.anchor {
            self.anchor = Some(anchor);
            self.entities.retain(|_, (cell, _)| sees(anchor, *cell));
        }
        for state in view.states {
            // Health of somebody who is told of for the first time in the same view.
            let new = view.reset || view.anchor.is_some();
            self.apply_state(state, new);
        }
        self.pending = view.pending;
        for cell in view.motions {
            let pending = self.is_pending(v1::Cell { column: cell.column, row: cell.row });
            for motion in cell.motions {
                let Some((kept, entity)) = self.entities.get_mut(&motion.entity) else {
                    assert!(pending, "only what stands in the cell moves in it");
                    continue;
                };
                assert_eq!((kept.column, kept.row), (cell.column, cell.row));
                (entity.x, entity.y) = (motion.x, motion.y);
                (entity.heading, entity.speed) = (motion.heading, motion.speed);
            }
        }
    }

    pub(super) fn is_pending(&self, cell: v1::Cell) -> bool {
        self.pending.contains(&cell)
    }

    fn apply_state(&mut self, state: v1::CellState, new: bool) {
        let cell = v1::Cell { column: state.column, row: state.row };
        let anchor = self.anchor.expect("the first view brings the anchor");
        assert!(sees(anchor, cell), "{cell:?} isn't among the nine of {anchor:?}");
        if state.snapshot {
            self.entities.retain(|_, (kept, _)| *kept != cell);
        }
        for entity in state.enters {
            self.entities.insert(entity.id, (cell, entity));
        }
        for departure in state.leaves {
            if !departure.to.is_some_and(|to| sees(anchor, to)) {
                self.entities.remove(&departure.entity);
            }
        }
        for vitals in state.vitals {
            let Some((_, entity)) = self.entities.get_mut(&vitals.entity) else {
                assert!(new || self.is_pending(cell), "health of somebody unknown");
                continue;
            };
            (entity.hp, entity.max_hp) = (vitals.hp, vitals.max_hp);
        }
    }
}

/// True if `cell` is among the nine around `anchor`.
pub(super) fn sees(anchor: v1::Cell, cell: v1::Cell) -> bool {
    anchor.column.abs_diff(cell.column) <= 1 && anchor.row.abs_diff(cell.row) <= 1
}
