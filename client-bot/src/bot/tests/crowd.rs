//! One of a crowd: the way to the spot, the moving about there, and the blows.

use super::*;
use crate::bot::sight::Point;
use protocol::v1::{Cell, CellState, Entity, EntityKind};

/// The spot is the middle of the map of 40,000 cm: 800 cm into this cell.
const CELL: (u32, u32) = (6, 6);
const MIDDLE: Point = Point { x: 20_000, y: 20_000 };

fn entity(id: u64, kind: EntityKind, x: u32) -> Entity {
    Entity { id, kind: kind.into(), x, y: 800, hp: 10, max_hp: 10, ..Entity::default() }
}

/// The bot stands `x` cm into the cell, `others` around it.
fn standing(x: u32, others: Vec<Entity>) -> Talk {
    let mut talk = Talk::with_token(Scenario::Crowd);
    talk.play();
    let mut enters = vec![entity(1, EntityKind::Player, x)];
    enters.extend(others);
    let (column, row) = CELL;
    let state = CellState { column, row, snapshot: true, enters, ..CellState::default() };
    let anchor = Some(Cell { column, row });
    talk.hear(View { tick: 1, anchor, states: vec![state], ..View::default() });
    talk.said();
    talk
}

#[test]
fn whoever_is_far_from_the_spot_walks_there_straight() {
    let mut talk = standing(3_100, vec![]);
    talk.wait(2_000);
    let said = talk.said();
    let here = Point { x: 6 * 3200 + 3_100, y: MIDDLE.y };
    // From 23 m a spot of 15 m is seen under 2 * 41 degrees; headings are counted from west here.
    let towards = |heading: u32| {
        let west = i64::from(here.heading_to(MIDDLE));
        (i64::from(heading) - west).abs() < 65_536 * 41 / 360
    };
    let all = said
        .iter()
        .all(|(_, body)| matches!(body, Body::Move(step) if step.walking && towards(step.heading)));
    assert!(all && said.len() >= 8, "{said:?}");
}

#[test]
fn whoever_is_there_keeps_moving_and_strikes_what_is_in_reach_once_per_cooldown() {
    let monster = entity(8, EntityKind::Monster, 900);
    let far = entity(9, EntityKind::Monster, 1_500);
    let dead = Entity { hp: 0, ..entity(10, EntityKind::Monster, 810) };
    let mut talk = standing(800, vec![monster, far, dead, entity(11, EntityKind::Player, 820)]);
    talk.wait(5_000);
    let said = talk.said();
    let walked = said.iter().filter(|(_, body)| matches!(body, Body::Move(step) if step.walking));
    assert!((23..=26).contains(&walked.count()), "{said:?}");
    let targets = said.iter().filter_map(|(_, body)| match body {
        Body::Attack(attack) => Some(attack.target),
        _ => None,
    });
    let targets: Vec<u64> = targets.collect();
    assert!((4..=5).contains(&targets.len()) && targets.iter().all(|id| *id == 8), "{targets:?}");
}
