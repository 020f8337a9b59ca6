//! Overload, as players and the operator see it: a server that comes late again and again.

use std::time::Duration;

use client_bot::Scenario;
use protocol::v1::{CharacterCreated, CreateCharacter, EnterWorld, Entered, Queued};
use rustix::process::Signal;
use tests::client::Client;
use tests::server::{ServerProcess, ServerSetup};
use tests::swarm::Bots;

/// Enough of them that the entry may close: with fewer it wouldn't be they who make ticks heavy.
const PLAYERS: usize = 101;

/// The machine gives it no time for some ticks.
fn hold_up(server: &ServerProcess) {
    server.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(700));
    server.signal(Signal::CONT);
}

#[test]
fn a_server_that_comes_late_again_and_again_lets_who_wants_in_wait_for_leavers_until_that_is_over()
{
    let setup = ServerSetup::new()
        .set("world.tick_rate", 5)
        .set("overload.steps", 3)
        .set("overload.climb_after", "100ms")
        .set("overload.descend_after", "3s");
    let mut server = setup.start();
    let bots = Bots::play(server.address, PLAYERS, Scenario::Wander);
    let mut ada = Client::log_in(server.address, "ada");
    ada.send(3, &CreateCharacter { name: "Ada".into() });
    let character = ada.expect::<CharacterCreated>().character.unwrap().id;

    for given_up in [
        "motion in crowds is told in more turns",
        "monsters with nobody near them sleep",
        "waits in a queue",
    ] {
        hold_up(&server);
        server.log.wait_for(given_up);
    }
    ada.send(4, &EnterWorld { character });
    assert_eq!(ada.expect_answer::<Queued>(), (4, Queued { place: 1 }));

    // All of them find their way out meanwhile, and one of them makes room for her.
    bots.stop_unharmed();
    ada.expect::<Entered>();
    server.log.wait_for("overload: over; nothing is given up");
    assert!(server.stop().success(), "{}", server.log.text());
}
