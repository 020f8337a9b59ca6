//! What must hold on any map, tried on random ones.

use proptest::prelude::*;

use super::*;

const TILE: i32 = 100;

fn map(rows: &[&str]) -> Map {
    let height = i32::try_from(rows.len()).unwrap();
    let width = i32::try_from(rows[0].len()).unwrap();
    Map::new(width, height, TILE, |x, y| {
        rows[y.cast_unsigned() as usize].as_bytes()[x.cast_unsigned() as usize] == b'.'
    })
    .unwrap()
}

const fn at(x: i32, y: i32) -> Position {
    Position { x, y }
}

#[test]
fn a_line_along_a_wall_is_clear_and_one_through_it_is_not() {
    let map = map(&["....", ".##.", "...."]);
    assert!(map.clear_line(at(0, 50), at(399, 99)));
    assert!(!map.clear_line(at(50, 50), at(350, 250)));
    assert!(!map.clear_line(at(50, 50), at(500, 50)), "leaves the map");
}

#[test]
fn a_line_does_not_slip_between_two_walls_that_touch_at_a_corner() {
    let map = map(&[".#", "#."]);
    assert!(!map.clear_line(at(50, 50), at(150, 150)));
    assert!(!map.clear_line(at(150, 150), at(50, 50)));
}

#[test]
fn a_step_into_a_wall_slides_along_it() {
    let map = map(&["....", "..#.", "...."]);
    // Eastward and south into the west side of the wall: x stops at the wall, y goes on.
    assert_eq!(map.slide(at(150, 120), at(250, 160)), at(199, 160));
    // Straight into it: stops at its foot.
    assert_eq!(map.slide(at(150, 150), at(350, 150)), at(199, 150));
    // Out of the map: stops at the edge.
    assert_eq!(map.slide(at(50, 50), at(-70, 60)), at(0, 60));
}

#[test]
fn who_stands_in_a_wall_is_put_beside_it() {
    let map = map(&["...", ".#.", "..#"]);
    assert_eq!(map.slide(at(150, 199), at(150, 250)), at(150, 250));
    assert_eq!(map.nearest_walkable(at(120, 150)), at(50, 150));
    assert_eq!(map.nearest_walkable(at(-900, 20)), at(0, 20));
}

#[test]
fn a_path_leads_around_a_wall_and_not_across_its_corners() {
    let map = map(&[".....", ".###.", ".#...", ".###.", "....."]);
    let path = map.path(at(50, 250), at(250, 250), PATH_NODES).unwrap();
    assert_eq!(path.last(), Some(&at(250, 250)));
    assert!(path.len() >= 3, "{path:?}");
}

#[test]
fn a_search_gives_up_at_its_limit() {
    let map = map(&[".....", ".###.", ".#...", ".###.", "....."]);
    assert_eq!(map.path(at(50, 250), at(250, 250), 3), None);
}

#[test]
fn a_place_is_picked_on_ground_even_where_little_of_it_is() {
    let map = map(&["####", "###.", "####"]);
    let area = Area { min: at(0, 0), max: at(400, 300) };
    assert_eq!(map.pick(&area, |_| true, |_| 0), at(350, 150));
}

#[test]
fn a_place_is_picked_that_is_free_if_there_is_one() {
    let map = map(&["...."]);
    let area = Area { min: at(0, 0), max: at(400, 100) };
    assert_eq!(map.pick(&area, |place| place.x > 300, |_| 0), at(350, 50));
    assert_eq!(map.pick(&area, |_| false, |_| 0), at(50, 50));
}

#[test]
fn a_line_meets_a_rectangle_that_it_crosses_touches_or_ends_in() {
    let area = Area { min: at(100, 100), max: at(200, 150) };
    for (from, to) in [
        (at(0, 120), at(300, 120)),
        (at(120, 0), at(130, 300)),
        (at(150, 120), at(150, 120)),
        (at(0, 0), at(199, 149)),
        (at(50, 110), at(110, 50)),
        (at(100, 149), at(0, 149)),
    ] {
        let meets = area.meets_line(from, to) && area.meets_line(to, from);
        // The fifth passes the corner at a distance of 28 cm.
        assert_eq!(meets, (from, to) != (at(50, 110), at(110, 50)), "{from:?} to {to:?}");
    }
    for (from, to) in [
        (at(0, 150), at(300, 150)),
        (at(200, 0), at(200, 300)),
        (at(0, 90), at(90, 0)),
        (at(0, 250), at(90, 120)),
    ] {
        assert!(!area.meets_line(from, to) && !area.meets_line(to, from), "{from:?} to {to:?}");
    }
}

/// A map of 12 x 12 tiles, two thirds of them walkable.
fn any_map() -> impl Strategy<Value = Map> {
    proptest::collection::vec(0..3_u8, 144).prop_map(|tiles| {
        Map::new(12, 12, TILE, |x, y| {
            (x, y) == (0, 0) || tiles[(y * 12 + x).cast_unsigned() as usize] > 0
        })
        .unwrap()
    })
}

fn any_place() -> impl Strategy<Value = Position> {
    // Edges and corners of tiles are where mistakes live.
    let coordinate = prop_oneof![
        -50..1_250_i32,
        (0..13_i32).prop_map(|tile| tile * TILE),
        (0..13_i32).prop_map(|tile| tile * TILE - 1),
    ];
    (coordinate.clone(), coordinate).prop_map(|(x, y)| Position { x, y })
}

proptest! {
    #[test]
    fn no_step_ends_in_a_wall(map in any_map(), from in any_place(), to in any_place()) {
        prop_assert!(map.walkable(map.slide(from, to)));
    }

    #[test]
    fn no_step_passes_through_a_wall(map in any_map(), from in any_place(), to in any_place()) {
        prop_assume!(map.walkable(from));
        let end = map.slide(from, to);
        let (x, y) = (at(end.x, from.y), at(from.x, end.y));
        // Straight there, or to the wall and then along it, which a search finds too.
        prop_assert!(map.clear_line(from, end) || map.path(from, end, 144).is_some(), "{x:?} {y:?}");
    }

    #[test]
    fn a_step_never_goes_further_than_asked(map in any_map(), from in any_place(), to in any_place()) {
        prop_assume!(map.walkable(from));
        let end = map.slide(from, to);
        prop_assert!((end.x - from.x).abs() <= (to.x - from.x).abs());
        prop_assert!((end.y - from.y).abs() <= (to.y - from.y).abs());
    }

    #[test]
    fn a_line_is_as_clear_forth_as_back(map in any_map(), a in any_place(), b in any_place()) {
        prop_assert_eq!(map.clear_line(a, b), map.clear_line(b, a));
    }

    #[test]
    fn every_place_on_a_clear_line_is_walkable(
        map in any_map(),
        a in any_place(),
        (dx, dy) in (-250..250_i32, -250..250_i32),
    ) {
        let b = at(a.x + dx, a.y + dy);
        let steps = if map.clear_line(a, b) { 0..201 } else { 0..0 };
        for step in steps {
            // Rounded down, which keeps it in the tile that the exact place lies in.
            let along = |from: i32, to: i32| from + ((to - from) * step).div_euclid(200);
            prop_assert!(map.walkable(at(along(a.x, b.x), along(a.y, b.y))));
        }
    }

    #[test]
    fn every_leg_of_a_path_is_clear(map in any_map(), from in any_place(), to in any_place()) {
        let found = map.path(from, to, PATH_NODES);
        prop_assert_eq!(&found, &map.path(from, to, PATH_NODES));
        let mut here = from;
        for next in found.unwrap_or_default() {
            prop_assert!(map.clear_line(here, next), "{:?} to {:?}", here, next);
            here = next;
        }
    }
}
