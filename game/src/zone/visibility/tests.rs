//! A client that knows nothing but view.proto keeps up with the truth, whatever happens in the zone.

mod client;
mod crowds;
mod world;

use std::ops::Range;

use proptest::prelude::*;
use protocol::v1;

use crate::ids::SessionId;
use crate::publication::PublicationBuilder;
use crate::space::{Heading, Position};
use crate::zone::{EntityKind, Spawn};
use world::{CELL, MAP, Op, SessionOp, World};

fn place() -> impl Strategy<Value = Position> {
    // Edges are where mistakes live: the map's, and those of cells and anchors.
    let side = prop_oneof![
        4 => 0..i32::try_from(MAP).unwrap(),
        1 => (0..=6_i32, -2..=2_i32).prop_map(|(cell, off)| {
            (cell * i32::try_from(CELL).unwrap() + off).clamp(0, i32::try_from(MAP).unwrap() - 1)
        }),
    ];
    (side.clone(), side).prop_map(|(x, y)| Position { x, y })
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..400_usize;
    let session = 0..20_u64;
    prop_oneof![
        6 => place().prop_map(Op::Spawn),
        3 => who.clone().prop_map(Op::Despawn),
        3 => (who.clone(), place()).prop_map(|(who, to)| Op::Teleport(who, to)),
        8 => (who.clone(), any::<u16>(), 0..9000_u32)
            .prop_map(|(who, heading, speed)| Op::Walk(who, Heading(heading), speed)),
        2 => (who.clone(), 0..200_u32).prop_map(|(who, hp)| Op::Hp(who, hp)),
        1 => (who.clone(), 1..9_u32).prop_map(|(who, count)| Op::Quantity(who, count)),
        2 => (who.clone(), who.clone()).prop_map(|(attacker, target)| Op::Strike(attacker, target)),
        1 => place().prop_map(Op::SpawnAndDespawn),
        9 => (session, session_op(who)).prop_map(|(session, op)| Op::Session(session, op)),
        1 => budget().prop_map(Op::Budget),
        1 => Just(Op::LateTick),
        1 => Just(Op::Restore),
    ]
}

/// From hardly anything to everything: 150 who walk are about 3,500 bytes.
fn budget() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(super::UNLIMITED), 3 => 50..3000_u32]
}

fn session_op(who: Range<usize>) -> impl Strategy<Value = SessionOp> {
    prop_oneof![
        4 => who.prop_map(SessionOp::Look),
        1 => Just(SessionOp::Leave),
        1 => (0..20_u64).prop_map(SessionOp::Rebind),
        1 => Just(SessionOp::Stale),
        1 => Just(SessionOp::SkipMotion),
        1 => any::<bool>().prop_map(SessionOp::Digest),
        1 => any::<u32>().prop_map(SessionOp::Ack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_client_sees_exactly_what_stands_in_its_nine_cells(
        budget in budget(),
        start in proptest::collection::vec((place(), any::<u16>(), 0..900_u32), 0..150),
        ticks in proptest::collection::vec(proptest::collection::vec(op(), 0..12), 1..60),
    ) {
        let mut world = World::with_budget(budget);
        for (who, (position, heading, speed)) in start.into_iter().enumerate() {
            world.apply(Op::Spawn(position));
            world.apply(Op::Walk(who, Heading(heading), speed));
        }
        for ops in ticks {
            for op in ops {
                world.apply(op);
            }
            world.tick()?;
        }
        world.halt();
        for _ in 0..super::MAX_TURNS * 2 {
            world.tick()?;
        }
        world.everybody_knows_everything()?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_restored_zone_publishes_the_same_bytes(
        budget in budget(),
        ticks in proptest::collection::vec(proptest::collection::vec(op(), 0..12), 1..60),
    ) {
        let (mut straight, mut restored) = (World::with_budget(budget), World::with_budget(budget));
        for ops in ticks {
            for op in ops.into_iter().filter(|op| !matches!(op, Op::Restore)) {
                straight.apply(op.clone());
                restored.apply(op);
                restored.apply(Op::Restore);
            }
            straight.walk();
            restored.walk();
            let (one, other) = (straight.publish(), restored.publish());
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }
}

#[test]
fn hundreds_of_walkers_and_tens_of_viewers_stay_exact_for_hundreds_of_ticks() {
    let mut world = World::new();
    let mut number = 7_u32;
    let mut random = move |below: u32| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 8) % below
    };
    let mut place = move || Position {
        x: i32::try_from(random(MAP)).unwrap(),
        y: i32::try_from(random(MAP)).unwrap(),
    };
    for index in 0..300 {
        world.apply(Op::Spawn(place()));
        let heading = Heading(u16::try_from(index * 211).unwrap());
        world.apply(Op::Walk(index, heading, 500));
    }
    for session in 0..30 {
        let eyes = usize::try_from(session * 7).unwrap();
        world.apply(Op::Session(session, SessionOp::Look(eyes)));
        world.apply(Op::Session(session, SessionOp::Digest(session % 2 == 0)));
    }
    for _ in 0..300 {
        world.tick().unwrap();
    }
}

fn two_who_stand_together() -> World {
    let mut world = World::new();
    let middle = i32::try_from(MAP / 2).unwrap();
    world.apply(Op::Spawn(Position::new(middle, middle)));
    world.apply(Op::Spawn(Position::new(middle + 10, middle)));
    world.apply(Op::Session(1, SessionOp::Look(0)));
    world.tick().unwrap();
    world
}

#[test]
fn nothing_is_sent_while_nothing_changes_and_an_ack_alone_is() {
    let mut world = two_who_stand_together();
    assert_eq!(world.views(), [], "nothing has changed");
    world.apply(Op::Session(1, SessionOp::Ack(5)));
    let views = world.views();
    assert_eq!(views.len(), 1);
    let (session, view) = &views[0];
    assert_eq!((*session, view.ack), (SessionId(1), 5));
    assert_eq!((&view.states, &view.motions), (&vec![], &vec![]));
    assert_eq!(world.views(), [], "the ack has been told");
}

#[test]
fn who_wants_no_digests_any_more_is_sent_nothing_while_nothing_changes() {
    let mut world = two_who_stand_together();
    world.apply(Op::Session(1, SessionOp::Digest(true)));
    world.tick().unwrap();
    world.apply(Op::Session(1, SessionOp::Digest(false)));
    world.tick().unwrap();
    assert_eq!(world.views(), []);
}

#[test]
fn the_anchor_follows_only_past_the_margin() {
    let mut world = World::new();
    let edge = i32::try_from(CELL).unwrap() * 3;
    let margin = i32::try_from(super::DEFAULT_MARGIN).unwrap();
    world.apply(Op::Spawn(Position::new(edge - 1, edge - 1)));
    world.apply(Op::Session(1, SessionOp::Look(0)));
    world.tick().unwrap();
    let mut anchor_at = |x: i32| {
        world.apply(Op::Teleport(0, Position::new(x, edge - 1)));
        let (_, view) = world.views().remove(0);
        view.anchor.map(|cell| cell.column)
    };
    assert_eq!(anchor_at(edge + margin - 1), None);
    assert_eq!(anchor_at(edge + margin), Some(3));
    assert_eq!(anchor_at(edge - margin), None, "the margin holds on the way back too");
    assert_eq!(anchor_at(edge - margin - 1), Some(2));
}

#[test]
fn who_walks_to_the_next_cell_gets_three_snapshots_and_no_reset() {
    let mut world = World::new();
    let size = i32::try_from(CELL).unwrap();
    world.apply(Op::Spawn(Position::new(size * 2 + 10, size * 2 + 10)));
    world.apply(Op::Session(1, SessionOp::Look(0)));
    world.tick().unwrap();
    world.apply(Op::Teleport(0, Position::new(size * 3 + 900, size * 2 + 10)));
    let (_, view) = world.views().remove(0);
    let fresh: Vec<_> = view.states.iter().filter(|state| state.snapshot).collect();
    assert!(!view.reset);
    assert_eq!(fresh.iter().map(|state| state.column).collect::<Vec<_>>(), [4, 4, 4]);
    assert_eq!(fresh.iter().map(|state| state.row).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_killed_target_is_struck_where_it_was_last_seen_and_then_leaves_the_zone() {
    let mut world = two_who_stand_together();
    let target = world.id(1);
    world.apply(Op::Strike(0, 1));
    world.apply(Op::Despawn(1));
    let (_, view) = world.views().remove(0);
    let [state] = &view.states[..] else { panic!("one cell has changed: {view:?}") };
    assert_eq!(state.strikes[0].target, target.0);
    let gone = v1::Departure { entity: target.0, to: None };
    assert_eq!(state.leaves, [gone]);
}

#[test]
fn what_came_and_went_within_a_tick_is_never_shown() {
    let mut world = two_who_stand_together();
    let middle = i32::try_from(MAP / 2).unwrap();
    world.apply(Op::SpawnAndDespawn(Position::new(middle, middle)));
    assert_eq!(world.views(), []);
}

#[test]
fn a_slot_reused_within_a_tick_shows_one_leaving_and_another_coming() {
    let mut world = two_who_stand_together();
    let (old, position) = (world.id(1), Position::new(0, 0));
    world.entities.despawn(old).unwrap();
    let new = world.entities.spawn(Spawn::new(EntityKind::Item, "coin", position)).unwrap();
    assert_eq!(old.slot(), new.slot());
    let (_, view) = world.views().remove(0);
    assert_eq!(view.states[0].leaves[0].entity, old.0);
    assert_eq!(view.states[0].leaves[0].to, None);
}

#[test]
fn a_viewer_whose_entity_is_gone_goes_on_seeing_the_place() {
    let mut world = two_who_stand_together();
    let gone = world.id(0);
    world.apply(Op::Despawn(0));
    let (_, view) = world.views().remove(0);
    assert_eq!(view.states[0].leaves[0].entity, gone.0);
    world.apply(Op::Hp(0, 1));
    assert_eq!(world.views().len(), 1, "who remains is still seen");
}

#[test]
fn zones_share_a_publication_and_each_viewer_sees_its_own() {
    let (mut one, mut other) = (two_who_stand_together(), two_who_stand_together());
    other.apply(Op::Session(1, SessionOp::Rebind(2)));
    other.tick().unwrap();
    one.apply(Op::Hp(1, 11));
    other.apply(Op::Hp(1, 22));
    let mut builder = PublicationBuilder::new();
    one.publish_into(&mut builder);
    other.publish_into(&mut builder);
    let publication = builder.finish(1);
    let seen = publication.deliveries.iter().map(|delivery| {
        let view = world::view(&publication, delivery, true);
        (delivery.session.0, view.states[0].vitals[0].hp)
    });
    assert_eq!(seen.collect::<Vec<_>>(), [(1, 11), (2, 22)]);
}
