//! A battle in one spot: what each of hundreds and thousands is sent, and what nobody may miss.

use std::collections::BTreeMap;

use prost::Message as _;
use protocol::v1;

use super::world::{self, CELL, Op, SessionOp, World};
use crate::space::{Heading, Position};

/// 64 KiB/s at 10 ticks a second.
const BUDGET: u32 = 6553;
/// Half the side of the spot, in centimetres.
const SPOT: i32 = 1200;
/// Struck by everybody.
const TARGETS: usize = 10;
/// So that each turn has come.
const TICKS: u64 = 64;

fn middle() -> i32 {
    i32::try_from(CELL * 7 / 2).unwrap()
}

/// Without pattern, and the same each time.
fn random(number: usize) -> usize {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// `count` who walk to and fro within a spot of 24 m, all with clients, who strike ten among them once a second.
struct Battle {
    world: World,
    tick: usize,
}

/// What went to the clients in some ticks.
#[derive(Default)]
struct Sent {
    /// Of all of them together.
    bytes: usize,
    /// Of the longest view beyond its state.
    longest: usize,
}

impl Battle {
    fn new(count: usize, budget: u32) -> Self {
        let mut world = World::with_budget(budget);
        for who in 0..count {
            let place =
                |nth| middle() - SPOT + i32::try_from(random(who * 2 + nth)).unwrap() % (2 * SPOT);
            world.apply(Op::Spawn(Position::new(place(0), place(1))));
            world.apply(Op::Session(who as u64, SessionOp::Look(who)));
        }
        Self { world, tick: 0 }
    }

    /// A tenth turn and a tenth strike; who has come to the edge of the spot turns back.
    fn act(&mut self) {
        let edge = |at: i32| (at - middle()).abs() > SPOT;
        let positions: Vec<_> =
            self.world.entities.iter().map(crate::zone::Entity::position).collect();
        for (who, at) in positions.into_iter().enumerate() {
            let turns = who % 10 == self.tick % 10;
            if edge(at.x) || edge(at.y) {
                let back = crate::space::heading_towards(at, Position::new(middle(), middle()));
                self.world.apply(Op::Walk(who, back.unwrap_or(Heading(0)), 600));
            } else if turns {
                let heading = u16::try_from(random(who + self.tick) % 65_536).unwrap();
                self.world.apply(Op::Walk(who, Heading(heading), 600));
            }
            if turns {
                self.world.apply(Op::Strike(who, who % TARGETS));
            }
        }
        for target in 0..TARGETS {
            self.world.apply(Op::Hp(target, u32::try_from(self.tick % 2).unwrap() + 1));
        }
        self.tick += 1;
        self.world.walk();
    }

    fn run(&mut self, ticks: u64) -> Sent {
        let mut sent = Sent::default();
        for _ in 0..ticks {
            self.act();
            let publication = self.world.publish();
            for delivery in &publication.deliveries {
                let view = world::view(&publication, delivery, true);
                let state: usize = view.states.iter().map(state_bytes).sum();
                let whole = view.encoded_len();
                sent.bytes += whole;
                sent.longest = sent.longest.max(whole - state);
            }
        }
        sent
    }
}

/// What may not be left out.
fn state_bytes(state: &v1::CellState) -> usize {
    v1::CellState { strikes: vec![], ..state.clone() }.encoded_len()
}

#[test]
fn however_many_fight_in_one_spot_each_is_sent_its_budget_and_no_more() {
    let mut each = BTreeMap::new();
    for count in [250, 500, 1000, 2000] {
        let mut battle = Battle::new(count, BUDGET);
        battle.run(2);
        let sent = battle.run(TICKS);
        assert!(sent.longest <= BUDGET as usize, "{} bytes for one of {count}", sent.longest);
        each.insert(count, sent.bytes / count);
    }
    assert!(each[&250] < each[&500], "250 aren't a crowd yet: {each:?}");
    assert!(each[&2000] < each[&500] * 5 / 4, "all together grow with their number: {each:?}");
    assert!(each[&2000] > each[&500] / 2, "and the budget is used: {each:?}");
}

#[test]
fn without_a_budget_each_is_sent_what_all_do() {
    let [few, many] = [100, 400].map(|count| {
        let mut battle = Battle::new(count, super::super::UNLIMITED);
        battle.run(2);
        battle.run(8).bytes / count
    });
    assert!(many > few * 3, "{few} bytes among 100, {many} among 400");
}

#[test]
fn everybody_sees_its_own_blows_once_each_and_far_ones_are_left_out() {
    let mut battle = Battle::new(600, 1500);
    battle.run(2);
    let (mut own, mut others) = (0, 0);
    for _ in 0..20 {
        battle.act();
        let tick = battle.tick - 1;
        let publication = battle.world.publish();
        for delivery in &publication.deliveries {
            let me = usize::try_from(delivery.session.0).unwrap();
            let id = battle.world.id(me).0;
            let view = world::view(&publication, delivery, true);
            let strikes = view.states.iter().flat_map(|state| &state.strikes);
            let (mine, theirs): (Vec<&v1::Strike>, Vec<&v1::Strike>) =
                strikes.partition(|strike| strike.attacker == id);
            let expected = usize::from(me % 10 == tick % 10);
            assert_eq!(mine.len(), expected, "{me} in tick {tick}");
            own += mine.len();
            others += theirs.len();
        }
    }
    assert_eq!(own, 600 * 2);
    assert!(others < 600 * 20 * 60 / 4, "{others} strikes of others were shown");
}

#[test]
fn what_is_near_is_told_more_often_than_what_is_far() {
    let mut battle = Battle::new(1000, BUDGET);
    // Until all walk.
    battle.run(12);
    let (mut near, mut far) = ((0, 0), (0, 0));
    for _ in 0..32 {
        battle.act();
        let publication = battle.world.publish();
        for delivery in publication.deliveries.iter().step_by(50) {
            let me = usize::try_from(delivery.session.0).unwrap();
            let here = battle.world.entities.get(battle.world.id(me)).unwrap().position();
            let view = world::view(&publication, delivery, true);
            assert!(view.turns > 1, "a thousand are a crowd");
            let told: std::collections::BTreeSet<u64> = view
                .motions
                .iter()
                .flat_map(|cell| &cell.motions)
                .map(|motion| motion.entity)
                .collect();
            for entity in battle.world.entities.iter() {
                let heard = if entity.position().is_within(200, here) {
                    &mut near
                } else if entity.position().is_within(1500, here) {
                    continue;
                } else {
                    &mut far
                };
                heard.0 += usize::from(told.contains(&entity.id().0));
                heard.1 += 1;
            }
        }
    }
    let share = |(told, all): (usize, usize)| told * 100 / all;
    assert!(share(near) > 95, "{}% of the near", share(near));
    assert!((3..30).contains(&share(far)), "{}% of the far", share(far));
}

#[test]
fn a_crowd_that_stands_still_is_soon_silent() {
    let mut battle = Battle::new(600, 1500);
    battle.run(4);
    battle.world.halt();
    for _ in 0..=super::super::MAX_TURNS {
        battle.world.publish();
    }
    assert_eq!(battle.world.views(), []);
}

/// The most that snapshots and all else may be in a view: its budget, and the last part that was begun.
const MOST: usize = BUDGET as usize + 2 * 1024;

/// What one who looks anew is sent of `count` who stand in one spot: the longest view, and how many until nothing is to come.
fn looks_anew(world: &mut World, session: u64) -> (usize, usize) {
    world.apply(Op::Session(session, SessionOp::Stale));
    let (mut longest, mut views) = (0, 0);
    loop {
        let view = world.tick_for(session);
        (longest, views) = (longest.max(view.encoded_len()), views + 1);
        assert_eq!(view.reset, views == 1, "it is shown everything once");
        if view.pending.is_empty() {
            return (longest, views);
        }
    }
}

#[test]
fn a_snapshot_too_long_for_a_view_comes_in_parts_within_the_budget_and_once() {
    let mut world = World::with_budget(BUDGET);
    for who in 0..1000_usize {
        let place =
            |nth| middle() - SPOT + i32::try_from(random(who * 2 + nth)).unwrap() % (2 * SPOT);
        world.apply(Op::Spawn(Position::new(place(0), place(1))));
    }
    for session in 0..2 {
        world.apply(Op::Session(session, SessionOp::Look(7)));
        world.apply(Op::Session(session, SessionOp::Digest(session > 0)));
    }
    world.tick().unwrap();
    for walking in [0, 600] {
        for who in (0..1000).step_by(3) {
            let heading = u16::try_from(random(who) % 65_536).unwrap();
            world.apply(Op::Walk(who, Heading(heading), walking));
        }
        let (longest, views) = looks_anew(&mut world, 0);
        assert!(longest <= MOST, "{longest} bytes, walking at {walking}");
        assert!((5..60).contains(&views), "{views} views, walking at {walking}");
    }
    // Without a budget it is still no more than a client takes at once.
    world.apply(Op::Budget(super::super::UNLIMITED));
    world.halt();
    for _ in 0..super::super::MAX_TURNS {
        world.tick().unwrap();
    }
    let (longest, views) = looks_anew(&mut world, 0);
    assert!(longest < 36 << 10, "{longest} bytes");
    assert!((2..10).contains(&views), "{views} views");
}

#[test]
fn the_own_cell_is_shown_first_and_the_cells_beside_it_before_those_at_the_corners() {
    let mut world = World::with_budget(1500);
    let size = i32::try_from(CELL).unwrap();
    for who in 0..450 {
        let (column, row) = (2 + who % 9 % 3, 2 + who % 9 / 3);
        world.apply(Op::Spawn(Position::new(column * size + who, row * size + who)));
    }
    world.tick().unwrap();
    world.apply(Op::Session(1, SessionOp::Look(4)));
    let distance = |cell: &v1::Cell| cell.column.abs_diff(3) + cell.row.abs_diff(3);
    let mut farthest = 0;
    loop {
        let view = world.tick_for(1);
        for state in view.states.iter().filter(|state| state.enters.len() > 1) {
            let cell = v1::Cell { column: state.column, row: state.row };
            assert!(distance(&cell) >= farthest, "{cell:?}");
            farthest = distance(&cell);
        }
        if view.pending.is_empty() {
            break;
        }
        assert!(view.pending.iter().all(|cell| distance(cell) >= farthest));
    }
    assert_eq!(farthest, 2);
}

#[test]
fn somebody_who_walks_on_before_everything_was_shown_is_shown_everything_in_the_end() {
    let mut world = World::with_budget(800);
    let size = i32::try_from(CELL).unwrap();
    for who in 0..600 {
        let at = |factor: usize| i32::try_from(random(who * factor) % 12_000).unwrap() + size;
        world.apply(Op::Spawn(Position::new(at(3), at(7))));
    }
    world.apply(Op::Session(1, SessionOp::Look(0)));
    world.apply(Op::Session(1, SessionOp::Digest(true)));
    for step in 0..40_i32 {
        let along = size + step * 300;
        world.apply(Op::Teleport(0, Position::new(along, along)));
        world.apply(Op::Teleport(
            usize::try_from(step).unwrap() * 7 + 1,
            Position::new(along, size),
        ));
        world.apply(Op::Hp(usize::try_from(step).unwrap() * 5 + 1, 3));
        world.tick().unwrap();
    }
    for _ in 0..60 {
        world.tick().unwrap();
    }
    world.everybody_knows_everything().unwrap();
}
