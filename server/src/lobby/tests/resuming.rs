//! Lost connections, take-overs, redirects: who goes on with which character, and which tokens are good.

use std::time::Duration;

use game::{Input, Order, SessionId};
use protocol::v1::{Farewell, Refusal, Resume, server_packet::Body};

use super::rig::*;
use crate::lobby::Settings;

fn resume(rig: &mut Rig, session: SessionId, token: Vec<u8>) {
    rig.greet(session, ELSEWHERE);
    rig.send(session, 4, &Resume { token });
}

fn in_world(rig: &Rig, session: SessionId) -> Option<bool> {
    let frames = &rig.seen[&session].frames;
    frames.iter().find_map(|packet| match &packet.body {
        Some(Body::LoggedIn(logged_in)) => Some(logged_in.in_world),
        _ => None,
    })
}

#[test]
fn a_lost_connection_resumes_in_the_world_within_the_grace_time() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let token = rig.token(ONE);
    rig.close(ONE);
    assert_eq!(rig.world[&mira], None, "stays, played by nobody");
    rig.pass(Duration::from_secs(59));
    resume(&mut rig, TWO, token);
    assert_eq!(in_world(&rig, TWO), Some(true));
    assert_eq!(rig.world[&mira], Some(TWO));
    // The grace time ended with the resumption.
    rig.pass(Duration::from_secs(600));
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn after_the_grace_time_the_character_leaves_and_the_token_has_expired() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let token = rig.token(ONE);
    rig.close(ONE);
    rig.pass(Duration::from_secs(60));
    assert!(rig.world.is_empty());
    resume(&mut rig, TWO, token);
    rig.assert_refused(TWO, 4, Refusal::TokenExpired);
    rig.game_tick();
    assert_eq!(rig.lobby.stats().logins, 1, "its save isn't durable yet");
    rig.sync();
    assert_eq!(rig.lobby.stats().logins, 0);
}

#[test]
fn a_login_in_the_lobby_resumes_in_the_lobby() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    let token = rig.token(ONE);
    rig.close(ONE);
    resume(&mut rig, TWO, token);
    assert_eq!(in_world(&rig, TWO), Some(false));
}

#[test]
fn session_tokens_are_good_once_and_each_use_brings_a_new_one() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    let first = rig.token(ONE);
    resume(&mut rig, TWO, first.clone());
    rig.assert_farewell(ONE, Farewell::TakenOver);
    let second = rig.token(TWO);
    assert_ne!(first, second);
    resume(&mut rig, THREE, first);
    rig.assert_refused(THREE, 4, Refusal::TokenUsed);
    rig.send(THREE, 5, &Resume { token: second });
    assert_eq!(rig.live(), [THREE]);
}

#[test]
fn a_new_login_voids_the_session_token_of_the_one_before() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    let token = rig.token(ONE);
    rig.close(ONE);
    rig.log_in(TWO, "anna");
    resume(&mut rig, THREE, token);
    rig.assert_refused(THREE, 4, Refusal::TokenUsed);
    assert_eq!(rig.live(), [TWO]);
}

#[test]
fn forged_session_tokens_are_invalid_and_guessing_ends_the_session() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    let good = rig.token(ONE);
    let mut flipped = good.clone();
    flipped[0] ^= 1;
    rig.greet(TWO, ELSEWHERE);
    for token in [vec![], vec![0; 16], good[..15].to_vec(), vec![1; 1000], flipped] {
        assert_eq!(rig.seen[&TWO].farewell, None);
        rig.send(TWO, 4, &Resume { token });
    }
    rig.assert_farewell(TWO, Farewell::TooManyErrors);
    assert_eq!(rig.lobby.stats().refused[&Refusal::TokenInvalid], 5);
    assert_eq!(rig.live(), [ONE]);
}

#[test]
fn a_second_login_takes_the_character_over_and_the_first_session_is_told() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    assert!(rig.log_in(TWO, "anna").in_world);
    rig.assert_farewell(ONE, Farewell::TakenOver);
    assert_eq!(rig.world[&mira], Some(TWO));
    // The end of the first connection is no longer the character's business.
    rig.close(ONE);
    assert_eq!(rig.world[&mira], Some(TWO));
    assert!(!rig.inputs.iter().any(|input| matches!(input, Input::Detach { .. })));
}

#[test]
fn a_take_over_while_the_character_is_loading_leaves_the_new_session_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.send(ONE, 3, &protocol::v1::EnterWorld { character: mira.0 });
    let load = rig.reads.pop_front().unwrap();
    assert!(!rig.log_in(TWO, "anna").in_world);
    rig.reads.push_back(load);
    rig.settle();
    assert!(rig.world.is_empty(), "nobody is there to play it");
    rig.enter(TWO, mira);
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn a_failed_entry_after_a_take_over_tells_the_new_session_that_it_is_in_the_lobby() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.zone_gone = true;
    rig.enter(ONE, mira);
    assert!(rig.log_in(TWO, "anna").in_world);
    rig.game_tick();
    rig.assert_refused(TWO, 0, Refusal::ZoneUnavailable);
    rig.sync();
    assert!(matches!(rig.last(TWO).body, Some(Body::LeftWorld(_))));
}

#[test]
fn a_redirected_session_gets_a_token_that_resumes_in_the_world_and_is_closed_if_it_stays() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.game_tick();
    let address = Some("192.0.2.1:7000".to_owned());
    rig.order(&Order::Redirect { session: ONE, address });
    assert_eq!(rig.world[&mira], None, "nothing more of value comes after the redirect");
    // Not durable yet: the redirect is held, and so is the deadline.
    rig.pass(Duration::from_secs(30));
    assert!(!matches!(rig.last(ONE).body, Some(Body::Redirect(_))));
    rig.sync();
    let Some(Body::Redirect(redirect)) = rig.last(ONE).body.clone() else {
        panic!("{:?}", rig.last(ONE))
    };
    assert_eq!(redirect.address, "192.0.2.1:7000");
    resume(&mut rig, TWO, redirect.token);
    assert_eq!(rig.world[&mira], Some(TWO));
    rig.pass(Duration::ZERO);
    rig.pass(Duration::from_secs(4));
    assert_eq!(rig.seen[&ONE].farewell, None);
    rig.pass(Duration::from_secs(1));
    rig.assert_farewell(ONE, Farewell::Redirected);
    assert_eq!(rig.world[&mira], Some(TWO));
}

#[test]
fn a_redirect_without_an_address_names_this_server() {
    let mut rig = Rig::new();
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    rig.order(&Order::Redirect { session: ONE, address: None });
    rig.sync();
    let Some(Body::Redirect(redirect)) = &rig.last(ONE).body else { panic!("{:?}", rig.last(ONE)) };
    assert_eq!(redirect.address, settings().address.unwrap().to_string());
}

#[test]
fn nobody_is_redirected_to_where_no_client_gets() {
    let mut rig = Rig::with(Settings { address: None, ..settings() });
    let mira = rig.character("anna", "Mira");
    rig.log_in(ONE, "anna");
    rig.enter(ONE, mira);
    let frames = rig.seen[&ONE].frames.len();
    for address in [None, Some("0.0.0.0:7777"), Some("play.example.org"), Some(",,,")] {
        rig.order(&Order::Redirect { session: ONE, address: address.map(str::to_owned) });
        rig.sync();
    }
    assert_eq!(rig.seen[&ONE].frames.len(), frames);
    assert_eq!(rig.world[&mira], Some(ONE), "she plays on");
    let address = Some("play.example.org:7777".to_owned());
    rig.order(&Order::Redirect { session: ONE, address });
    rig.sync();
    let Some(Body::Redirect(redirect)) = &rig.last(ONE).body else { panic!("{:?}", rig.last(ONE)) };
    assert_eq!(redirect.address, "play.example.org:7777");
}
