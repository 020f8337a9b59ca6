//! Greeting, registering, logging in: with a password, with a token, and what is refused.

use std::time::Duration;

use game::SessionId;
use protocol::v1::{
    Farewell, Hello, Login, Ping, Refusal, Register, TokenLogin, server_packet::Body,
};

use super::rig::*;
use crate::auth::{AuthPool, Secret, mint_token};
use crate::lobby::Settings;
use crate::store::Answer;

fn register(account: &str, password: &str) -> Register {
    Register { account: account.into(), password: password.into() }
}

fn login(account: &str, password: &str) -> Login {
    Login { account: account.into(), password: password.into() }
}

fn token(token: &str) -> TokenLogin {
    TokenLogin { token: token.into() }
}

#[test]
fn hello_is_answered_with_welcome_and_the_wrong_version_with_ours() {
    let mut rig = Rig::new();
    rig.greet(ONE, ELSEWHERE);
    assert!(matches!(rig.last(ONE).body, Some(Body::Welcome(_))));
    rig.open(TWO, ELSEWHERE);
    let hello = Hello { protocol_version: 99, client: String::new() };
    rig.send(TWO, 1, &hello);
    rig.assert_farewell(TWO, Farewell::WrongVersion);
    let Some(Body::Goodbye(goodbye)) = &rig.last(TWO).body else { panic!() };
    assert_eq!(goodbye.protocol_version, 1);
}

#[test]
fn a_registered_account_is_logged_in_and_logs_in_again_with_its_password_alone() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &register("Anna", "correct horse"));
    rig.settle();
    let frames = &rig.seen[&ONE].frames;
    assert!(matches!(&frames[1].body, Some(Body::LoggedIn(l)) if l.name == "anna" && !l.in_world));
    assert!(matches!(&frames[2].body, Some(Body::SessionToken(t)) if t.token.len() == 16));
    rig.close(ONE);

    rig.greet(TWO, HERE);
    rig.send(TWO, 5, &login("anna", "wrong horse"));
    rig.settle();
    rig.assert_refused(TWO, 5, Refusal::BadCredentials);
    rig.send(TWO, 6, &login("ANNA", "correct horse"));
    rig.settle();
    assert_eq!(rig.live(), [TWO]);

    rig.greet(THREE, HERE);
    rig.send(THREE, 7, &register("anna", "another horse"));
    rig.settle();
    rig.assert_refused(THREE, 7, Refusal::AccountExists);
}

#[test]
fn an_unknown_account_costs_a_password_check_like_a_known_one() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &login("nobody", "correct horse"));
    assert!(rig.answer_read());
    assert_eq!(rig.jobs.len(), 1, "the pool is asked all the same");
    rig.settle();
    rig.assert_refused(ONE, 1, Refusal::BadCredentials);
}

#[test]
fn an_account_of_tokens_alone_has_no_password_to_guess() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    rig.greet(TWO, HERE);
    rig.send(TWO, 1, &login("anna", "hash of x"));
    rig.settle();
    rig.assert_refused(TWO, 1, Refusal::BadCredentials);
}

#[test]
fn a_password_on_a_plain_connection_from_elsewhere_is_refused_unread() {
    let mut rig = Rig::new();
    rig.greet(ONE, ELSEWHERE);
    rig.send(ONE, 1, &login("anna", "correct horse"));
    rig.assert_refused(ONE, 1, Refusal::InsecureTransport);
    rig.send(ONE, 2, &register("anna", "correct horse"));
    rig.assert_refused(ONE, 2, Refusal::InsecureTransport);
    assert!(rig.jobs.is_empty() && rig.reads.is_empty());
    rig.greet(TWO, "[::ffff:127.0.0.1]:5000");
    rig.send(TWO, 1, &register("anna", "correct horse"));
    rig.settle();
    assert_eq!(rig.live(), [TWO]);
}

#[test]
fn names_and_passwords_that_break_the_rules_are_refused_in_words() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &register("a b", "correct horse"));
    rig.assert_refused(ONE, 1, Refusal::BadName);
    rig.send(ONE, 2, &register("anna", "short"));
    rig.assert_refused(ONE, 2, Refusal::BadPassword);
}

#[test]
fn too_many_failed_logins_end_the_session() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    for request in 1..=5 {
        assert_eq!(rig.seen[&ONE].farewell, None, "before login {request}");
        rig.send(ONE, request, &login("anna", "guess after guess"));
        rig.settle();
    }
    rig.assert_farewell(ONE, Farewell::TooManyErrors);
    assert_eq!(rig.lobby.stats().refused[&Refusal::BadCredentials], 5);
}

#[test]
fn a_login_token_is_good_once() {
    let mut rig = Rig::new();
    for (session, text, reason) in [
        (ONE, "anna:1", None),
        (TWO, "anna:1", Some(Refusal::TokenUsed)),
        (THREE, "expired:2", Some(Refusal::TokenExpired)),
        (SessionId(4), "forged", Some(Refusal::TokenInvalid)),
        (SessionId(5), "no such name!:3", Some(Refusal::TokenInvalid)),
    ] {
        rig.greet(session, ELSEWHERE);
        rig.send(session, 9, &token(text));
        rig.settle();
        match reason {
            Some(reason) => rig.assert_refused(session, 9, reason),
            None => assert!(rig.seen[&session].logged_in),
        }
    }
    assert_eq!(rig.live(), [ONE]);
}

#[test]
fn tokens_verified_by_the_real_pool_are_admitted_once_and_forged_ones_never() {
    let secret = "0123456789abcdef0123456789abcdef";
    let settings = crate::auth::Settings {
        memory_kib: 8,
        passes: 1,
        token_secret: Some(Secret::new(secret.into())),
        ..crate::auth::Settings::default()
    };
    let (wake, woken) = std::sync::mpsc::channel();
    let pool = AuthPool::start(&settings, move || wake.send(()).unwrap()).unwrap();
    let minute = Duration::from_secs(60);
    let good = mint_token(secret.as_bytes(), "realmbeat", "anna", minute).unwrap();
    let elsewhere = mint_token(secret.as_bytes(), "otherworld", "anna", minute).unwrap();
    let forged = mint_token(&[1; 32], "realmbeat", "anna", minute).unwrap();

    let mut rig = Rig::new();
    for (session, text, reason) in [
        (ONE, &good, None),
        (TWO, &good, Some(Refusal::TokenUsed)),
        (THREE, &elsewhere, Some(Refusal::TokenInvalid)),
        (SessionId(4), &forged, Some(Refusal::TokenInvalid)),
    ] {
        rig.greet(session, ELSEWHERE);
        rig.send(session, 9, &token(text));
        pool.submit(rig.jobs.pop_front().unwrap()).unwrap();
        woken.recv_timeout(minute).unwrap();
        rig.lobby.auth_answer(pool.poll().unwrap(), rig.now);
        rig.pump();
        rig.settle();
        match reason {
            Some(reason) => rig.assert_refused(session, 9, reason),
            None => assert!(rig.seen[&session].logged_in),
        }
    }
}

#[test]
fn a_second_request_while_one_is_under_way_is_refused_and_the_first_one_answered() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &token("anna:1"));
    rig.send(ONE, 2, &token("anna:2"));
    rig.assert_refused(ONE, 2, Refusal::Busy);
    rig.send(ONE, 3, &Ping { nonce: 4 });
    assert!(matches!(&rig.last(ONE).body, Some(Body::Pong(pong)) if pong.nonce == 4));
    rig.settle();
    assert!(rig.seen[&ONE].logged_in);
}

#[test]
fn full_queues_refuse_with_a_time_to_come_back_and_lose_nobody() {
    let mut rig = Rig::with(Settings { questions_max: 1, ..settings() });
    rig.greet(ONE, HERE);
    rig.greet(TWO, HERE);
    rig.send(ONE, 1, &token("anna:1"));
    rig.send(TWO, 1, &token("bert:2"));
    rig.assert_refused(TWO, 1, Refusal::Busy);
    let job = rig.jobs.pop_front().unwrap();
    rig.lobby.overloaded(job.ticket);
    rig.pump();
    rig.assert_refused(ONE, 1, Refusal::Busy);
    rig.send(ONE, 2, &token("anna:1"));
    rig.settle();
    assert_eq!(rig.live(), [ONE]);
}

#[test]
fn a_full_server_refuses_accounts_unless_one_only_waits_for_its_client() {
    let mut rig = Rig::with(Settings { logins_max: 1, ..settings() });
    rig.log_in(ONE, "anna");
    rig.greet(TWO, HERE);
    rig.send(TWO, 1, &token("bert:b"));
    rig.settle();
    rig.assert_refused(TWO, 1, Refusal::Busy);
    rig.close(ONE);
    rig.send(TWO, 2, &token("bert:c"));
    rig.settle();
    assert_eq!(rig.live(), [TWO]);
    assert_eq!(rig.lobby.stats().logins, 1);
}

#[test]
fn closed_doors_take_no_login_and_goodbye_says_when_to_come_back() {
    let mut rig = Rig::new();
    rig.log_in(ONE, "anna");
    rig.greet(TWO, HERE);
    rig.send(TWO, 1, &token("bert:b"));
    rig.lobby.close_doors(Duration::from_secs(20));
    rig.settle();
    rig.assert_refused(TWO, 1, Refusal::Busy);
    rig.send(TWO, 2, &token("bert:c"));
    rig.assert_refused(TWO, 2, Refusal::Busy);
    rig.greet(THREE, HERE);
    rig.assert_farewell(THREE, Farewell::Shutdown);
    rig.lobby.say_goodbye(rig.now);
    rig.pump();
    for session in [ONE, TWO] {
        rig.assert_farewell(session, Farewell::Shutdown);
        let Some(Body::Goodbye(goodbye)) = &rig.last(session).body else { panic!() };
        assert_eq!(goodbye.retry_after_ms, 20_000);
    }
}

#[test]
fn while_the_store_takes_nothing_whoever_would_be_written_is_told_so_and_spends_no_token() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &register("anna", "correct horse"));
    rig.settle();
    rig.close(ONE);
    rig.lobby.store_answer(Answer::ValueOpen(false), rig.now);
    for session in [ONE, TWO, THREE] {
        rig.greet(session, HERE);
    }
    rig.send(ONE, 2, &token("bert:1"));
    rig.send(TWO, 3, &register("carl", "correct horse"));
    rig.send(THREE, 4, &login("anna", "correct horse"));
    rig.settle();
    rig.assert_refused(ONE, 2, Refusal::StoreBehind);
    rig.assert_refused(TWO, 3, Refusal::StoreBehind);
    assert_eq!(rig.live(), [THREE], "who only looks up gets in");
    rig.lobby.store_answer(Answer::ValueOpen(true), rig.now);
    rig.settle();
    assert_eq!(rig.live(), [THREE], "something was written all the same");
    rig.send(ONE, 5, &token("bert:1"));
    rig.send(TWO, 6, &register("carl", "correct horse"));
    rig.settle();
    assert_eq!(rig.live(), [ONE, TWO, THREE]);
}

#[test]
fn a_password_of_somebody_who_hung_up_is_neither_looked_up_nor_hashed() {
    let mut rig = Rig::new();
    for session in (1..=3).map(SessionId) {
        rig.greet(session, HERE);
    }
    rig.send(ONE, 1, &register("anna", "correct horse"));
    rig.send(TWO, 1, &login("bert", "correct horse"));
    rig.answer_some(Rig::answer_read);
    rig.send(THREE, 1, &login("carl", "correct horse"));
    assert_eq!((rig.jobs.len(), rig.lobby.stats().waiting), (2, 3));
    for session in [ONE, TWO, THREE] {
        rig.close(session);
    }
    assert_eq!((rig.jobs.len(), rig.lobby.stats().waiting), (0, 0));
    rig.answer_some(Rig::answer_read);
    assert_eq!(rig.questions(), 0, "what was looked up is of no use any more");
}

#[test]
fn a_session_that_is_sent_away_leaves_the_queue_of_passwords() {
    let mut rig = Rig::new();
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &register("anna", "correct horse"));
    rig.send_raw(ONE, <Ping as protocol::ClientMessage>::INFO.id, &[0xff]);
    rig.assert_farewell(ONE, Farewell::Undecodable);
    assert!(rig.jobs.is_empty());
}

#[test]
fn an_address_that_guesses_at_an_account_waits_and_its_owner_elsewhere_does_not() {
    let mut rig = Rig::with(Settings { guesses_per_account: 3, ..settings() });
    rig.greet(THREE, "127.0.0.9:1");
    rig.send(THREE, 1, &register("anna", "correct horse"));
    rig.settle();
    rig.close(THREE);
    rig.greet(ONE, HERE);
    for request in 1..=3 {
        rig.send(ONE, request, &login("anna", "guess after guess"));
        rig.settle();
        rig.assert_refused(ONE, request, Refusal::BadCredentials);
    }
    rig.send(ONE, 4, &login("anna", "correct horse"));
    assert_eq!(rig.questions(), 0, "it costs neither a look nor a hash");
    let Some(Body::Refused(refused)) = &rig.last(ONE).body else { panic!() };
    assert_eq!(refused.reason(), Refusal::TooFast);
    assert!(refused.retry_after_ms > 0);
    rig.greet(TWO, "127.0.0.9:2");
    for request in 1..=5 {
        rig.greet(TWO, "127.0.0.9:2");
        rig.send(TWO, request, &login("anna", "correct horse"));
        rig.settle();
        assert!(rig.seen[&TWO].logged_in, "right passwords are no guesses");
        rig.close(TWO);
    }
}

#[test]
fn passwords_that_nobody_looked_at_are_no_guesses() {
    let mut rig = Rig::with(Settings { guesses_per_account: 1, ..settings() });
    rig.greet(ONE, HERE);
    rig.send(ONE, 1, &login("anna", "correct horse"));
    rig.answer_some(Rig::answer_read);
    let job = rig.jobs.pop_front().unwrap();
    rig.lobby.overloaded(job.ticket);
    rig.pump();
    rig.assert_refused(ONE, 1, Refusal::Busy);
    rig.send(ONE, 2, &login("anna", "correct horse"));
    rig.close(ONE);
    rig.greet(TWO, HERE);
    rig.send(TWO, 3, &login("anna", "correct horse"));
    rig.settle();
    rig.assert_refused(TWO, 3, Refusal::BadCredentials);
}
