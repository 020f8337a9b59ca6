//! While the server is overloaded, who wants into the world waits for its turn and is told its place.

use std::time::Duration;

use game::{CharacterId, SessionId};
use protocol::v1::{LeaveWorld, ListCharacters, Refusal, server_packet::Body};

use super::rig::*;

const TICK: Duration = Duration::from_millis(100);

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
    let mut rig = Rig::new();
    ask(&mut rig, 1);
    rig.lobby.restrict_entry(true);
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

#[test]
fn when_it_is_over_those_who_wait_are_let_in_a_few_in_each_tick_and_nobody_passes_them() {
    let mut rig = Rig::new();
    rig.lobby.restrict_entry(true);
    let waiting: Vec<_> = (1..=45).map(|number| ask(&mut rig, number)).collect();
    rig.lobby.restrict_entry(false);
    let late = ask(&mut rig, 46);
    assert!(rig.world.is_empty());
    for here in [20, 40, 46] {
        rig.pass(TICK);
        rig.settle();
        assert_eq!(rig.world.len(), here);
        assert!(waiting.iter().take(here).all(|first| rig.world.contains_key(first)));
    }
    assert!(rig.world.contains_key(&late));
    let at_once = ask(&mut rig, 47);
    assert!(rig.world.contains_key(&at_once), "the queue is gone");
}

#[test]
fn who_goes_while_it_waits_holds_nobody_up_and_one_that_waits_has_no_other_request() {
    let mut rig = Rig::new();
    rig.lobby.restrict_entry(true);
    ask(&mut rig, 1);
    let second = ask(&mut rig, 2);
    rig.send(TWO, 5, &ListCharacters {});
    rig.assert_refused(TWO, 5, Refusal::Busy);
    rig.close(ONE);
    rig.pass(TICK);
    assert_eq!(places(&rig, TWO), [2, 1]);
    rig.lobby.restrict_entry(false);
    rig.pass(TICK);
    rig.settle();
    assert_eq!(rig.world.keys().collect::<Vec<_>>(), [&second]);
}

#[test]
fn a_server_that_ends_lets_nobody_wait() {
    let mut rig = Rig::new();
    rig.lobby.restrict_entry(true);
    ask(&mut rig, 1);
    rig.lobby.close_doors(Duration::from_secs(1));
    rig.pump();
    rig.assert_refused(ONE, 3, Refusal::Busy);
    rig.lobby.restrict_entry(false);
    rig.pass(TICK);
    rig.settle();
    assert!(rig.world.is_empty());
}
