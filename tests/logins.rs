//! Who may play what: accounts, take-overs, resuming, characters, the way out of the world and back, redirects.

use protocol::v1::{
    Entered, Farewell, LeaveWorld, LeftWorld, LoggedIn, Login, Refusal, Register, Resume,
    SessionToken, TokenLogin, Who, WhoList,
};
use tests::client::{Client, mint};
use tests::server::ServerSetup;

mod burst;
mod characters;
mod redirect;

/// Greets and resumes. The client has the next token.
fn resume(address: std::net::SocketAddr, token: &[u8]) -> (Client, LoggedIn) {
    let mut client = Client::greet(address);
    let token = token.to_vec();
    let logged_in = client.ask(1, &Resume { token });
    client.token = client.expect::<SessionToken>().token;
    (client, logged_in)
}

#[test]
fn an_account_is_registered_once_and_logged_in_to_with_its_password() {
    let server = ServerSetup::new().start();
    let register = Register { account: "Zoe_1".into(), password: "correct horse".into() };
    let mut client = Client::greet(server.address);
    let made: LoggedIn = client.ask(1, &register);
    assert_eq!((made.name.as_str(), made.in_world), ("zoe_1", false));
    assert!(!client.expect::<SessionToken>().token.is_empty());

    let mut second = Client::greet(server.address);
    assert_eq!(second.refusal(2, &register), Refusal::AccountExists);
    let login = |password: &str| Login { account: "ZOE_1".into(), password: password.into() };
    assert_eq!(second.refusal(3, &login("wrong horse")), Refusal::BadCredentials);
    let again: LoggedIn = second.ask(4, &login("correct horse"));
    assert_eq!(again.account, made.account);
}

#[test]
fn where_accounts_are_not_made_nobody_registers() {
    let server = ServerSetup::new().set("auth.new_accounts", false).start();
    let register = Register { account: "zoe".into(), password: "correct horse".into() };
    let refusal = Client::greet(server.address).refusal(1, &register);
    assert_eq!(refusal, Refusal::NotAllowed);
    let _ = Client::log_in(server.address, "zoe");
}

#[test]
fn a_second_login_takes_the_character_over_and_the_first_is_told() {
    let server = ServerSetup::new().start();
    let (mut first, before) = Client::enter(server.address, "ada", "Ada");
    let mut second = Client::greet(server.address);
    let token = mint("ada");
    let logged_in: LoggedIn = second.ask(1, &TokenLogin { token });
    assert!(logged_in.in_world);
    let after = second.expect::<Entered>();
    assert_eq!(after.character, before.character);
    assert_eq!(after.entity, before.entity, "the same body in the world");
    let farewell = first.read_to_end().unwrap();
    assert_eq!(farewell.reason(), Farewell::TakenOver);
    let list: WhoList = second.ask(2, &Who {});
    assert_eq!(list.online, 1);
}

#[test]
fn of_sixteen_logins_of_one_account_at_once_exactly_one_lives_and_the_others_know_why() {
    let server = ServerSetup::new().start();
    let address = server.address;
    for _ in 0..4 {
        let clients: Vec<Client> = (0..16).map(|_| Client::greet(address)).collect();
        let tokens: Vec<String> = (0..16).map(|_| mint("ada")).collect();
        let all_together = std::sync::Barrier::new(16);
        let gone = std::sync::mpsc::channel();
        let live = std::thread::scope(|scope| {
            for (mut client, token) in clients.into_iter().zip(tokens) {
                let (barrier, gone) = (&all_together, gone.0.clone());
                scope.spawn(move || {
                    barrier.wait();
                    let _: LoggedIn = client.ask(1, &TokenLogin { token });
                    client.expect::<SessionToken>();
                    // The one that lives stays until the others are gone and is ended from outside.
                    let farewell = client.read_to_end();
                    let _ = gone.send(farewell.map(|farewell| farewell.reason()));
                });
            }
            for _ in 0..15 {
                assert_eq!(gone.1.recv().unwrap(), Some(Farewell::TakenOver));
            }
            assert!(gone.1.try_recv().is_err(), "one is left");
            let winner = Client::log_in(address, "ada");
            assert_eq!(gone.1.recv().unwrap(), Some(Farewell::TakenOver));
            winner
        });
        drop(live);
    }
}

#[test]
fn who_lost_the_connection_resumes_in_the_running_character_with_a_token_that_is_good_once() {
    let server = ServerSetup::new().start();
    let (first, before) = Client::enter(server.address, "ada", "Ada");
    let token = first.token.clone();
    first.reset();

    let (mut second, logged_in) = resume(server.address, &token);
    assert!(logged_in.in_world);
    let after = second.expect::<Entered>();
    assert_eq!((after.character, after.entity), (before.character, before.entity));
    assert_ne!(second.token, token, "each is good once");

    let mut thief = Client::greet(server.address);
    assert_eq!(thief.refusal(5, &Resume { token }), Refusal::TokenUsed);
    second.ping();

    let next = second.token.clone();
    drop(second);
    let (mut third, logged_in) = resume(server.address, &next);
    assert!(logged_in.in_world);
    assert_eq!(third.expect::<Entered>().entity, before.entity);
}

#[test]
fn after_the_grace_the_character_is_out_of_the_world_and_the_token_is_worth_nothing() {
    let server = ServerSetup::new().set("auth.grace", "1s").start();
    let (mut witness, _) = Client::enter(server.address, "bob", "Bob");
    let (ada, before) = Client::enter(server.address, "ada", "Ada");
    let token = ada.token.clone();
    ada.reset();
    // Within a second of grace she is there, and then she isn't.
    while witness.ask::<_, WhoList>(3, &Who {}).online == 2 {
        std::thread::sleep(std::time::Duration::from_millis(400));
    }
    let mut late = Client::greet(server.address);
    assert_eq!(late.refusal(4, &Resume { token }), Refusal::TokenExpired);
    let (_, again) = Client::enter(server.address, "ada", "Ada");
    assert_eq!(again.character, before.character);
    assert_ne!(again.entity, before.entity, "another body");
}

#[test]
fn who_leaves_the_world_is_in_the_lobby_and_may_enter_again_at_once() {
    let server = ServerSetup::new().start();
    let (mut ada, first) = Client::enter(server.address, "ada", "Ada");
    for _ in 0..3 {
        let _: LeftWorld = ada.ask(11, &LeaveWorld {});
        assert_eq!(ada.refusal(12, &LeaveWorld {}), Refusal::WrongPhase);
        let again = ada.enter_world("Ada");
        assert_eq!(again.character, first.character);
        ada.ping();
    }
}
