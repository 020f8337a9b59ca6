//! Spot checks: where somebody really is, for a client that proves how old the positions are that it is shown.

use prost::Message as _;
use protocol::v1;

use super::viewer::Shown;
use crate::ids::EntityId;
use crate::publication::PublicationBuilder;
use crate::zone::grid::Cell;

/// Checks per cell and view.
const PROBES_PER_CELL: u64 = 2;
/// Odd and without pattern, so that the choice has nothing to do with whose turn it is.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Writes the truth about `eyes` and about some in each of the nine cells of which everything is told, as a run that goes where motion goes: who isn't
/// sent motion can't know any of it.
pub(super) fn put_probes(
    shown: &Shown<'_>,
    anchor: Cell,
    eyes: EntityId,
    is_pending: impl Fn(u32) -> bool,
    out: &mut PublicationBuilder,
) {
    let around = shown.grid.square_around(anchor);
    let known = shown.grid.cells_in(&around).filter(|cell| !is_pending(*cell));
    let some = known.flat_map(|cell| {
        let members = shown.grid.members_at(cell);
        (0..PROBES_PER_CELL).filter_map(move |nth| {
            let number = (shown.round.0 * PROBES_PER_CELL + nth).wrapping_mul(FACTOR) >> 32;
            let index = number.checked_rem(members.len() as u64)?;
            members.get(usize::try_from(index).ok()?).copied()
        })
    });
    let seen = |id: &EntityId| {
        shown
            .entities
            .get(*id)
            .is_some_and(|entity| around.holds(shown.grid.cell_of(entity.position())))
    };
    let probes = std::iter::once(eyes).chain(some).filter(seen);
    let probes = probes.filter_map(|id| probe(shown, id)).collect();
    let start = out.position();
    v1::View { probes, ..v1::View::default() }.encode_raw(out.bytes());
    let index = out.next_cell();
    out.end_cell(start, start);
    out.add_run(index..index + 1);
}

fn probe(shown: &Shown<'_>, id: EntityId) -> Option<v1::Probe> {
    let position = shown.entities.get(id)?.position();
    let cell = shown.grid.cell_of(position);
    let (x, y) = shown.grid.offset_in(cell, position);
    let (column, row) = (u32::from(cell.column), u32::from(cell.row));
    let still = u32::from(shown.columns.still(id));
    Some(v1::Probe { entity: id.0, column, row, x, y, still })
}
