//! Views put together by hand, and what a client must know after each.

use super::*;
use protocol::v1::{Cell, Departure, Motion, Vitals};

const SIDE: u32 = 3200;

pub(crate) fn entered() -> Entered {
    Entered { entity: 1, tick_ms: 100, cell_size: SIDE, max_speed: 500, ..Entered::default() }
}

fn entity(id: u64, x: u32, y: u32) -> Entity {
    Entity { id, kind: EntityKind::Monster.into(), x, y, hp: 10, max_hp: 10, ..Entity::default() }
}

fn cell((column, row): CellId) -> Cell {
    Cell { column, row }
}

fn state((column, row): CellId) -> CellState {
    CellState { column, row, ..CellState::default() }
}

fn entering(at: CellId, ids: &[u64]) -> CellState {
    CellState { enters: ids.iter().map(|id| entity(*id, 100, 100)).collect(), ..state(at) }
}

fn snapshot(at: CellId, ids: &[u64]) -> CellState {
    CellState { snapshot: true, ..entering(at, ids) }
}

fn leaving(at: CellId, entity: u64, to: Option<CellId>) -> CellState {
    CellState { leaves: vec![Departure { entity, to: to.map(cell) }], ..state(at) }
}

fn motion((column, row): CellId, entity: u64, x: u32) -> CellMotion {
    let motions = vec![Motion { entity, x, y: 100, ..Motion::default() }];
    CellMotion { column, row, motions }
}

fn view(tick: u64, states: Vec<CellState>) -> View {
    View { tick, states, ..View::default() }
}

/// Stands around anchor (5, 5) with 1 and 2 in the middle and 3 in the north-west cell.
fn settled() -> Sight {
    let mut sight = Sight::new(&entered());
    let first = View {
        reset: true,
        anchor: Some(cell((5, 5))),
        ..view(10, vec![snapshot((5, 5), &[1, 2]), snapshot((4, 4), &[3])])
    };
    assert_eq!(oddities(&mut sight, &first), []);
    sight
}

fn oddities(sight: &mut Sight, view: &View) -> Vec<Oddity> {
    let mut seen = Vec::new();
    sight.apply(view, &mut seen);
    seen
}

fn ids(sight: &Sight) -> Vec<u64> {
    let mut ids: Vec<u64> = sight.entities().map(|(id, _)| id).collect();
    ids.sort_unstable();
    for (at, sum) in sight.cells() {
        let held = sight.entities().filter(|(_, seen)| seen.cell == at).map(|(id, _)| id_hash(id));
        assert_eq!(
            sum.hash,
            held.fold(0, |hash, id| hash ^ id),
            "the sum of {at:?} is kept by hand"
        );
    }
    ids
}

#[test]
fn snapshots_replace_what_was_known_of_their_cell() {
    let mut sight = settled();
    sight.apply(&view(11, vec![snapshot((5, 5), &[1, 4])]), &mut ());
    assert_eq!(ids(&sight), [1, 3, 4]);
}

#[test]
fn a_new_anchor_forgets_the_cells_that_are_no_longer_among_the_nine() {
    let mut sight = settled();
    sight.apply(&View { anchor: Some(cell((6, 5))), ..view(11, vec![]) }, &mut ());
    assert_eq!(ids(&sight), [1, 2]);
}

#[test]
fn a_reset_forgets_everything() {
    let mut sight = settled();
    sight.apply(&View { reset: true, ..view(11, vec![]) }, &mut ());
    assert_eq!(ids(&sight), [0_u64; 0]);
}

#[test]
fn who_leaves_stays_in_sight_only_if_it_went_to_one_of_the_nine_cells() {
    let mut sight = settled();
    sight.apply(&view(11, vec![leaving((5, 5), 2, Some((7, 5)))]), &mut ());
    assert_eq!(ids(&sight), [1, 3], "gone out of sight");
    sight.apply(&view(12, vec![leaving((4, 4), 3, None)]), &mut ());
    assert_eq!(ids(&sight), [1], "gone from the zone");
}

#[test]
fn crossing_a_border_within_sight_gives_the_same_in_either_order_of_the_cells() {
    let leaves = leaving((5, 5), 2, Some((6, 5)));
    let enters = entering((6, 5), &[2]);
    for states in [vec![leaves.clone(), enters.clone()], vec![enters, leaves]] {
        let mut sight = settled();
        assert_eq!(oddities(&mut sight, &view(11, states)), []);
        assert_eq!(ids(&sight), [1, 2, 3]);
        assert_eq!(sight.entity(2).unwrap().cell, (6, 5));
        assert_eq!(sight.sum((6, 5)), Sum { entities: 1, hash: id_hash(2) });
        assert_eq!(sight.sum((5, 5)), Sum { entities: 1, hash: id_hash(1) });
    }
}

#[test]
fn somebody_unknown_may_move_only_where_not_everything_was_told_yet() {
    let moves = |pending: Vec<Cell>| View {
        pending,
        motions: vec![motion((5, 5), 77, 100)],
        ..view(11, vec![])
    };
    assert_eq!(oddities(&mut settled(), &moves(vec![cell((5, 5))])), []);
    assert_eq!(oddities(&mut settled(), &moves(vec![cell((4, 4))])), [Oddity::UnknownMoves(77)]);
    let mut sight = settled();
    sight.apply(&View { pending: vec![cell((5, 5))], ..view(11, vec![]) }, &mut ());
    let rest =
        View { motions: vec![motion((5, 5), 4, 100)], ..view(12, vec![entering((5, 5), &[4])]) };
    assert_eq!(oddities(&mut sight, &rest), []);
    assert_eq!(ids(&sight), [1, 2, 3, 4], "the rest of a cell adds to it");
}

#[test]
fn motions_and_vitals_move_and_hurt() {
    let mut sight = settled();
    let hurt = CellState { vitals: vec![Vitals { entity: 2, hp: 3, max_hp: 10 }], ..state((5, 5)) };
    let moved = View { motions: vec![motion((5, 5), 2, 150)], ..view(11, vec![hurt]) };
    assert_eq!(oddities(&mut sight, &moved), []);
    let seen = sight.entity(2).unwrap();
    assert_eq!((seen.hp, seen.at.x), (3, 5 * 3200 + 150));
}

#[test]
fn speed_is_measured_over_the_ticks_since_the_last_position() {
    // 500 cm/s for 0.1 s with the margin is 75 cm a tick, and 50 cm of slack.
    let run = |ticks: u64, x: u32| {
        let moved = View { motions: vec![motion((5, 5), 2, x)], ..view(10 + ticks, vec![]) };
        oddities(&mut settled(), &moved).len()
    };
    assert_eq!(run(1, 100 + 125), 0);
    assert_eq!(run(1, 100 + 126), 1);
    assert_eq!(run(4, 100 + 350), 0, "skipped motion isn't speed");
}

#[test]
fn who_has_stood_for_long_cant_have_gone_far_since_the_last_view() {
    let mut sight = settled();
    sight.apply(&view(1010, vec![]), &mut ());
    let moved = |tick, x| View { motions: vec![motion((5, 5), 2, x)], ..view(tick, vec![]) };
    assert_eq!(oddities(&mut sight, &moved(1011, 100 + 125)), []);
    assert_eq!(oddities(&mut sight, &moved(1012, 225 + 126)).len(), 1);
}

#[test]
fn who_is_shown_complete_may_be_anywhere() {
    let mut sight = settled();
    let elsewhere = CellState { enters: vec![entity(2, 3000, 100)], ..state((5, 5)) };
    assert_eq!(oddities(&mut sight, &view(11, vec![elsewhere])), []);
}

/// A view that tells motion in turns.
fn in_turns(tick: u64, turns: u32) -> View {
    View { turns, ..view(tick, vec![]) }
}

#[test]
fn in_a_crowd_who_was_not_told_of_may_have_gone_as_far_as_its_turns_allow() {
    let moved = |tick, x| View { motions: vec![motion((5, 5), 2, x)], ..view(tick, vec![]) };
    let mut sight = settled();
    for tick in 11..=14 {
        assert_eq!(oddities(&mut sight, &in_turns(tick, 4)), []);
    }
    // Its place is that of tick 11 at the earliest: 4 ticks of 75 cm and 50 cm of slack.
    assert_eq!(oddities(&mut sight, &moved(15, 100 + 350)), []);
    assert_eq!(oddities(&mut sight, &moved(16, 450 + 126)).len(), 1, "it has been told in tick 15");
}

#[test]
fn a_position_that_is_older_than_its_turns_allow_is_found_out() {
    let probe =
        |entity: u64, x: u32, still: u32| Probe { entity, column: 5, row: 5, x, y: 100, still };
    let found = |turns: u32, probe: Probe| {
        let mut sight = settled();
        for tick in 11..=20 {
            sight.apply(&in_turns(tick, turns), &mut ());
        }
        oddities(&mut sight, &View { probes: vec![probe], ..in_turns(21, turns) }).len()
    };
    assert_eq!(found(0, probe(2, 100, 0)), 0);
    assert_eq!(found(0, probe(2, 101, 0)), 1, "without a crowd it is known at once");
    assert_eq!(found(4, probe(2, 100 + 275, 0)), 0, "three publications behind");
    assert_eq!(found(4, probe(2, 100 + 276, 0)), 1);
    assert_eq!(found(4, probe(2, 101, 3)), 1, "it has stood for as long as its turn may take");
    assert_eq!(found(4, probe(1, 101, 0)), 1, "the own place is known at once");
    assert_eq!(found(4, probe(77, 100, 0)), 1, "nobody told of it");
    assert_eq!(found(4, Probe { row: 4, ..probe(2, 100, 0) }), 1, "it is known elsewhere");
}

#[test]
fn what_cant_be_is_told() {
    let odd = |view: View| oddities(&mut settled(), &view);
    assert_eq!(odd(view(11, vec![state((9, 9))])), [Oddity::CellOutside((9, 9))]);
    let motions = |motions| View { motions, ..view(11, vec![]) };
    assert_eq!(odd(motions(vec![motion((5, 5), 77, 100)])), [Oddity::UnknownMoves(77)]);
    let elsewhere = Oddity::MovesElsewhere { entity: 2, told: (5, 6), known: (5, 5) };
    assert_eq!(odd(motions(vec![motion((5, 6), 2, 100)])), [elsewhere]);
    let off = CellState { enters: vec![entity(8, SIDE, 0)], ..state((5, 5)) };
    assert_eq!(odd(view(11, vec![off])).len(), 1);
}

#[test]
fn headings_run_clockwise_from_east() {
    let from = Point { x: 0, y: 0 };
    for (x, y, heading) in [(10, 0, 0), (0, 10, 16384), (-10, 0, 32768), (0, -10, 49152)] {
        assert_eq!(from.heading_to(Point { x, y }), heading, "to {x},{y}");
    }
}
