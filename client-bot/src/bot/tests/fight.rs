//! A fighter's moves, blows and pick-ups against a scripted world.

use super::*;
use protocol::v1::{Cell, CellState, Departure, Entity, EntityKind};

const CELL: (u32, u32) = (5, 5);

fn entity(id: u64, kind: EntityKind, x: u32) -> Entity {
    Entity { id, kind: kind.into(), x, y: 100, hp: 10, max_hp: 10, ..Entity::default() }
}

fn cell_state() -> CellState {
    CellState { column: CELL.0, row: CELL.1, ..CellState::default() }
}

/// The bot stands at x 100; `others` are around it.
fn surrounded_by(others: Vec<Entity>) -> Talk {
    let mut talk = Talk::with_token(Scenario::Fight);
    talk.play();
    let mut enters = vec![entity(1, EntityKind::Player, 100)];
    enters.extend(others);
    talk.hear(View {
        tick: 1,
        anchor: Some(Cell { column: CELL.0, row: CELL.1 }),
        states: vec![CellState { snapshot: true, enters, ..cell_state() }],
        ..View::default()
    });
    talk.said();
    talk
}

#[test]
fn a_fighter_walks_to_the_nearest_monster() {
    let far = entity(8, EntityKind::Monster, 900);
    let dead = Entity { hp: 0, ..entity(9, EntityKind::Monster, 300) };
    let mut talk = surrounded_by(vec![far, dead]);
    talk.wait(1200);
    let said = talk.said();
    let east = said
        .iter()
        .all(|(_, body)| matches!(body, Body::Move(step) if step.walking && step.heading == 0));
    assert!(east && !said.is_empty(), "{said:?}");
}

#[test]
fn a_fighter_in_reach_strikes_once_per_cooldown() {
    let mut talk = surrounded_by(vec![entity(8, EntityKind::Monster, 150)]);
    talk.wait(5000);
    let said = talk.said();
    let strikes =
        said.iter().filter(|(_, body)| matches!(body, Body::Attack(attack) if attack.target == 8));
    assert!((3..=5).contains(&strikes.count()), "{said:?}");
}

#[test]
fn a_fighter_takes_what_lies_near_and_times_the_confirmation() {
    let monster = entity(8, EntityKind::Monster, 150);
    let mut talk = surrounded_by(vec![monster, entity(9, EntityKind::Item, 130)]);
    let asked = (0..20).find_map(|_| {
        talk.wait(200);
        let said = talk.said().into_iter();
        said.into_iter().find_map(|(request, body)| match body {
            Body::PickUp(pick_up) => Some((request, pick_up.entity)),
            _ => None,
        })
    });
    let (request, entity) = asked.unwrap();
    assert_eq!(entity, 9);
    talk.answer(request, InventoryChanged { changed: vec![item(71, 1)], ..Default::default() });
    assert_eq!(talk.samples(Metric::Confirm).len(), 1);
    let leaves = vec![Departure { entity: 9, to: None }];
    talk.hear(View {
        tick: 2,
        states: vec![CellState { leaves, ..cell_state() }],
        ..View::default()
    });
    assert!(talk.bot.sight().unwrap().entity(9).is_none());
    assert_eq!(talk.bot.holdings().len(), 2);
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_refused_pick_up_is_part_of_the_game_and_the_monster_is_next() {
    let monster = entity(8, EntityKind::Monster, 150);
    let mut talk = surrounded_by(vec![monster, entity(9, EntityKind::Item, 130)]);
    talk.wait(1000);
    let said = talk.said();
    let pick_up = said.iter().find(|(_, body)| matches!(body, Body::PickUp(_))).unwrap();
    talk.answer(pick_up.0, Refused { reason: Refusal::NoSuchTarget.into(), ..Refused::default() });
    talk.wait(2000);
    assert!(talk.said().iter().any(|(_, body)| matches!(body, Body::Attack(_))));
    assert_eq!(talk.errors(), [""; 0]);
}
