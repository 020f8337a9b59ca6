//! While the server is overloaded, who wants into the world waits for its turn and is told its place.

use std::time::Duration;

use game::{CharacterId, SessionId};
use protocol::v1::{LeaveWorld, ListCharacters, Refusal, server_packet::Body};

use super::rig::*;
use crate::lobby::Settings;

const TICK: Duration = Duration::from_millis(100);

/// A lobby that may keep everybody out.
fn rig(settings: Settings) -> Rig {
    Rig::with(Settings { entry_floor: 0, ..settings })
}

/// Session `number` asks for the world with a character of an account of its own.
fn ask(rig: &mut Rig, number: u64) -> CharacterId {
    let (session, account) = (SessionId(number), format!("account{number}"));
    let character = rig.character(&account, &format!("Name{number}"));
    rig.log_in(session, &account);
    rig.enter(session, character);
    character
}

/// The places that a session was told, in order.
fn places(rig: &Rig, session: SessionId) -> Vec<u32> {
    let place = |body: &Option<Body>| match body {
        Some(Body::Queued(queued)) => Some(queued.place),
        _ => None,
    };
    rig.seen[&session].frames.iter().filter_map(|packet| place(&packet.body)).collect()
}

/// The character of a session leaves, and is saved.
fn leave(rig: &mut Rig, session: SessionId) {
    rig.send(session, 9, &LeaveWorld {});
    rig.game_tick();
    rig.sync();
    rig.pass(TICK);
    rig.settle();
}

#[test]
fn who_leaves_makes_room_for_the_first_in_the_queue_and_the_others_move_up() {
    let mut rig = rig(settings());
    ask(&mut rig, 1);
    rig.lobby.restrict_entry(true, false);
    let [second, third, fourth] = [2, 3, 4].map(|number| ask(&mut rig, number));
    rig.pass(TICK);
    assert!([second, third, fourth].iter().all(|waits| !rig.world.contains_key(waits)));
    assert_eq!([TWO, THREE, SessionId(4)].map(|session| places(&rig, session)), [[1], [2], [3]]);
    leave(&mut rig, ONE);
    assert_eq!(rig.world.get(&second), Some(&Some(TWO)));
    assert_eq!(rig.world.len(), 1);
    assert_eq!(places(&rig, THREE), [2, 1]);
    assert_eq!(places(&rig, SessionId(4)), [3, 2]);
}

/// A tick of a server that is as loaded as this.
fn tick(rig: &mut Rig, restricted: bool, pressed: bool) {
    rig.pass(TICK);
    rig.settle();
    rig.lobby.restrict_entry(restricted, pressed);
}

#[test]
fn when_it_is_over_the_world_grows_by_one_in_each_tick_and_nobody_passes_those_who_wait() {
    let mut rig = rig(settings());
    rig.lobby.restrict_entry(true, false);
    let waiting: Vec<_> = (1..=5).map(|number| ask(&mut rig, number)).collect();
    rig.lobby.restrict_entry(false, false);
    let late = ask(&mut rig, 6);
    assert!(rig.world.is_empty());
    for here in 1..=6 {
        tick(&mut rig, false, false);
        assert_eq!(rig.world.len(), here);
        assert!(waiting.iter().take(here).all(|first| rig.world.contains_key(first)));
    }
    assert!(rig.world.contains_key(&late));
    let at_once = [7, 8, 9].map(|number| ask(&mut rig, number));
    assert!(at_once.iter().all(|new| rig.world.contains_key(new)), "the queue is gone");
}

#[test]
fn a_relapse_on_the_way_back_stops_the_growth_where_it_is() {
    let mut rig = rig(settings());
    rig.lobby.restrict_entry(true, false);
    for number in 1..=6 {
        ask(&mut rig, number);
    }
    rig.lobby.restrict_entry(false, false);
    tick(&mut rig, false, false);
    tick(&mut rig, false, true);
    assert_eq!(rig.world.len(), 2, "room that was there already");
    for _ in 0..5 {
        tick(&mut rig, false, true);
    }
    for _ in 0..5 {
        tick(&mut rig, true, false);
    }
    assert_eq!(rig.world.len(), 2);
}

#[test]
fn who_leaves_makes_no_room_while_the_server_is_pressed_nor_afterwards() {
    let mut rig = rig(settings());
    let [first, _, third] = [1, 2, 3].map(|number| ask(&mut rig, number));
    rig.lobby.restrict_entry(true, true);
    let fourth = ask(&mut rig, 4);
    rig.send(ONE, 9, &LeaveWorld {});
    rig.game_tick();
    rig.sync();
    rig.lobby.restrict_entry(true, true);
    for _ in 0..3 {
        tick(&mut rig, true, false);
    }
    assert!(!rig.world.contains_key(&first) && !rig.world.contains_key(&fourth));
    assert_eq!(rig.world.len(), 2);
    leave(&mut rig, THREE);
    assert!(!rig.world.contains_key(&third));
    assert!(rig.world.contains_key(&fourth), "one leaves, one comes");
}

#[test]
fn an_entry_that_closes_on_an_empty_world_still_lets_a_few_in() {
    let mut rig = Rig::with(Settings { entry_floor: 2, ..settings() });
    rig.lobby.restrict_entry(true, true);
    let [first, second, third] = [1, 2, 3].map(|number| ask(&mut rig, number));
    tick(&mut rig, true, true);
    assert!(rig.world.contains_key(&first) && rig.world.contains_key(&second));
    assert!(!rig.world.contains_key(&third));
    leave(&mut rig, ONE);
    assert!(rig.world.contains_key(&third));
}

#[test]
fn a_full_queue_refuses_the_next_and_says_when_to_ask_again() {
    let mut rig = rig(Settings { queue_max: 2, ..settings() });
    rig.lobby.restrict_entry(true, false);
    for number in 1..=3 {
        ask(&mut rig, number);
    }
    assert_eq!(places(&rig, TWO), [2]);
    rig.assert_refused(THREE, 3, Refusal::Busy);
    rig.close(ONE);
    let character = rig.character("account3", "Again");
    rig.enter(THREE, character);
    assert_eq!(places(&rig, THREE), [2]);
}

#[test]
fn who_hasnt_been_told_for_long_is_told_next_though_the_queue_moves() {
    let mut rig = Rig::with(Settings { entry_floor: 20, ..settings() });
    for number in 1..=20 {
        ask(&mut rig, number);
    }
    rig.lobby.restrict_entry(true, false);
    for number in 21..=170 {
        ask(&mut rig, number);
    }
    // A hundred places are told in a tick, and the first ten go before the second.
    rig.pass(TICK);
    for number in 21..=30 {
        rig.close(SessionId(number));
    }
    rig.pass(TICK);
    for number in 31..=170 {
        let now = u32::try_from(number - 30).unwrap();
        let told = places(&rig, SessionId(number));
        let known = told.last().copied();
        assert!(known == Some(now) || number <= 120, "{number} is {now} and was told {told:?}");
    }
}

#[test]
fn who_goes_while_it_waits_holds_nobody_up_and_one_that_waits_has_no_other_request() {
    let mut rig = rig(settings());
    rig.lobby.restrict_entry(true, false);
    ask(&mut rig, 1);
    let second = ask(&mut rig, 2);
    rig.send(TWO, 5, &ListCharacters {});
    rig.assert_refused(TWO, 5, Refusal::Busy);
    rig.close(ONE);
    rig.pass(TICK);
    assert_eq!(places(&rig, TWO), [2, 1]);
    rig.lobby.restrict_entry(false, false);
    rig.pass(TICK);
    rig.settle();
    assert_eq!(rig.world.keys().collect::<Vec<_>>(), [&second]);
}

#[test]
fn a_server_that_ends_lets_nobody_wait() {
    let mut rig = rig(settings());
    rig.lobby.restrict_entry(true, false);
    ask(&mut rig, 1);
    rig.lobby.close_doors(Duration::from_secs(1));
    rig.pump();
    rig.assert_refused(ONE, 3, Refusal::Busy);
    rig.lobby.restrict_entry(false, false);
    rig.pass(TICK);
    rig.settle();
    assert!(rig.world.is_empty());
}
