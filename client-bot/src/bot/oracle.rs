//! Proves that a bot sees what it must: no entity missing, no ghost, nobody faster than possible, time forwards.

use protocol::v1::{CellDigest, View};

use super::sight::{Oddity, Sight, Sum};

/// Views after which everything must have been told: a crowd of 10,000 takes 820 on the smallest budget.
const MOST_PENDING: u32 = 1200;

/// Checks every view of one stay in a zone. A new one starts with each `Entered`.
#[derive(Debug, Default)]
pub struct Oracle {
    tick: u64,
    ack: u32,
    proved_before: bool,
    /// Views in a row that left something out that is still to come.
    incomplete: u32,
}

impl Oracle {
    /// Applies `view` to `sight` and checks it, telling `finding` what is wrong. Returns how many digests it
    /// compared.
    pub fn apply(
        &mut self,
        sight: &mut Sight,
        view: &View,
        mut finding: impl FnMut(String),
    ) -> u32 {
        let tick = view.tick;
        if tick <= self.tick && self.tick != 0 {
            finding(format!("tick {tick} comes after tick {}", self.tick));
        }
        if view.ack < self.ack {
            finding(format!("tick {tick}: ack {} comes after ack {}", view.ack, self.ack));
        }
        (self.tick, self.ack) = (tick, view.ack);
        let mut oddities: Vec<Oddity> = Vec::new();
        sight.apply(view, &mut oddities);
        for oddity in oddities {
            finding(format!("tick {tick}: {oddity}"));
        }
        if sight.must_see_itself() && sight.own().is_none() {
            finding(format!("tick {tick}: the own entity isn't in sight"));
        }
        self.check_pending(sight, tick, &mut finding);
        for (cell, sum) in sight.cells() {
            if sum.entities > 0 && !sight.sees(cell) {
                finding(format!(
                    "tick {tick}: {} entities in {cell:?}, outside the nine cells",
                    sum.entities
                ));
            }
        }
        self.compare(sight, view, &mut finding)
    }

    /// What is still to come comes in the end, and is of the nine cells.
    fn check_pending(&mut self, sight: &Sight, tick: u64, finding: &mut impl FnMut(String)) {
        for cell in sight.pending().iter().filter(|cell| !sight.sees(**cell)) {
            finding(format!("tick {tick}: cell {cell:?} is still to come, outside the nine cells"));
        }
        self.incomplete = if sight.pending().is_empty() { 0 } else { self.incomplete + 1 };
        if self.incomplete == MOST_PENDING {
            let cells = sight.pending();
            finding(format!("tick {tick}: {cells:?} are still to come after {MOST_PENDING} views"));
        }
    }

    fn compare(&mut self, sight: &Sight, view: &View, finding: &mut impl FnMut(String)) -> u32 {
        let tick = view.tick;
        let none_to_come = sight.pending().is_empty();
        if view.digests.is_empty() && (none_to_come || !self.proved_before) {
            if self.proved_before {
                finding(format!(
                    "tick {tick}: a view without digests, although they were asked for"
                ));
            }
            return 0;
        }
        self.proved_before = true;
        let mut compared = 0;
        for &CellDigest { column, row, entities, hash } in &view.digests {
            let (told, held) = (Sum { entities, hash }, sight.sum((column, row)));
            compared += 1;
            if !sight.sees((column, row)) {
                finding(format!(
                    "tick {tick}: a digest of cell {column},{row}, outside the nine cells"
                ));
            } else if sight.is_pending((column, row)) {
                finding(format!("tick {tick}: a digest of {column},{row}, which is still to come"));
            } else if told != held {
                let ids = ids_of(sight, (column, row));
                finding(format!(
                    "tick {tick}: cell {column},{row} holds {entities} entities (hash {hash:x}), the views told of {} \
                     (hash {:x}): {ids:?}",
                    held.entities, held.hash
                ));
            }
        }
        for (cell, sum) in sight.cells() {
            let named = view.digests.iter().any(|digest| (digest.column, digest.row) == cell);
            if sum.entities > 0 && !named && !sight.is_pending(cell) {
                finding(format!(
                    "tick {tick}: {} entities in {cell:?}, which has no digest",
                    sum.entities
                ));
            }
        }
        compared
    }
}

/// The first ids that the views told of in a cell, enough for a person to start from.
fn ids_of(sight: &Sight, cell: (u32, u32)) -> Vec<u64> {
    const SHOWN: usize = 8;
    let mut ids: Vec<u64> =
        sight.entities().filter(|(_, seen)| seen.cell == cell).map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.truncate(SHOWN);
    ids
}

#[cfg(test)]
mod tests {
    use super::super::sight::id_hash;
    use super::*;
    use protocol::v1::{Cell, CellState, Departure, Entered, Entity};

    const SIDE: u32 = 3200;

    fn entity(id: u64) -> Entity {
        Entity { id, x: 1, y: 1, ..Entity::default() }
    }

    fn digest(ids: &[u64]) -> CellDigest {
        let hash = ids.iter().fold(0, |hash, id| hash ^ id_hash(*id));
        let entities = u32::try_from(ids.len()).unwrap();
        CellDigest { column: 5, row: 5, entities, hash }
    }

    fn first_view() -> View {
        View {
            tick: 10,
            ack: 4,
            anchor: Some(Cell { column: 5, row: 5 }),
            states: vec![CellState {
                column: 5,
                row: 5,
                snapshot: true,
                enters: vec![entity(1), entity(2)],
                ..CellState::default()
            }],
            digests: vec![digest(&[1, 2])],
            ..View::default()
        }
    }

    /// The findings of `views` after a first one that is right.
    fn findings(views: &[View]) -> Vec<String> {
        let entered = Entered {
            entity: 1,
            tick_ms: 100,
            cell_size: SIDE,
            max_speed: 500,
            ..Entered::default()
        };
        let (mut sight, mut oracle, mut found) =
            (Sight::new(&entered), Oracle::default(), Vec::new());
        assert_eq!(oracle.apply(&mut sight, &first_view(), |finding| found.push(finding)), 1);
        assert_eq!(found, [""; 0], "the first view is right");
        for view in views {
            oracle.apply(&mut sight, view, |finding| found.push(finding));
        }
        found
    }

    fn next(ids: &[u64]) -> View {
        View { tick: 11, ack: 4, digests: vec![digest(ids)], ..View::default() }
    }

    #[test]
    fn a_view_that_tells_all_has_no_findings() {
        assert_eq!(findings(&[next(&[1, 2])]), [""; 0]);
    }

    #[test]
    fn a_missing_entity_and_a_ghost_are_found() {
        assert_eq!(findings(&[next(&[1, 2, 3])]).len(), 1, "3 was never told");
        assert_eq!(findings(&[next(&[1])]).len(), 1, "2 is a ghost");
        assert_eq!(findings(&[next(&[1, 3])]).len(), 1, "the same number, another entity");
    }

    #[test]
    fn time_and_acknowledgements_run_forwards() {
        assert_eq!(findings(&[View { tick: 10, ..next(&[1, 2]) }]).len(), 1);
        assert_eq!(findings(&[View { ack: 3, ..next(&[1, 2]) }]).len(), 1);
    }

    #[test]
    fn digests_that_stop_or_leave_out_a_cell_are_found() {
        assert_eq!(findings(&[View { digests: vec![], ..next(&[]) }]).len(), 1);
        let elsewhere = CellDigest { column: 4, ..digest(&[]) };
        assert_eq!(findings(&[View { digests: vec![elsewhere], ..next(&[]) }]).len(), 1);
    }

    #[test]
    fn a_cell_that_is_still_to_come_has_no_digest_and_comes_in_the_end() {
        let cell = |column| Cell { column, row: 5 };
        let pending = |tick, digests| View { tick, pending: vec![cell(5)], digests, ..next(&[]) };
        assert_eq!(findings(&[pending(11, vec![])]), [""; 0]);
        assert_eq!(findings(&[pending(11, vec![digest(&[1, 2])])]).len(), 1, "both");
        let elsewhere = View { pending: vec![cell(7)], ..next(&[1, 2]) };
        assert_eq!(findings(&[elsewhere]).len(), 1);
        let views: Vec<_> =
            (11..11 + u64::from(MOST_PENDING)).map(|tick| pending(tick, vec![])).collect();
        assert_eq!(findings(&views[1..]), [""; 0]);
        assert_eq!(findings(&views).len(), 1, "it never came");
    }

    #[test]
    fn a_bot_must_see_itself_unless_it_was_told_that_it_left() {
        let reset = View { reset: true, digests: vec![digest(&[])], ..next(&[]) };
        assert_eq!(findings(&[reset]), ["tick 11: the own entity isn't in sight"]);
        let leaves = vec![Departure { entity: 1, to: None }];
        let states = vec![CellState { column: 5, row: 5, leaves, ..CellState::default() }];
        assert_eq!(findings(&[View { states, ..next(&[2]) }]), [""; 0]);
    }
}
