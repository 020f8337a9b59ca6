//! Overload, as players and the operator see it: a server that comes late again and again.

use client_bot::Scenario;
use protocol::v1::{CharacterCreated, CreateCharacter, EnterWorld, Entered, Queued};
use rustix::process::Signal;
use tests::client::Client;
use tests::server::{ServerProcess, ServerSetup};
use tests::swarm::Bots;

/// Enough of them that the entry may close: with fewer it wouldn't be they who make ticks heavy.
const PLAYERS: usize = 101;

/// Moves of all players in so many of its ticks as it misses at a time, four at least.
const MISSED_MOVES: u64 = PLAYERS as u64 * 4;

/// The machine gives it no time for some ticks, which the players go on counting with their moves.
fn hold_up(server: &ServerProcess, bots: &Bots) {
    let before = bots.counts().frames_out;
    server.signal(Signal::STOP);
    bots.wait_until(|now| now.frames_out >= before + MISSED_MOVES);
    server.signal(Signal::CONT);
}

#[test]
fn a_server_that_comes_late_again_and_again_lets_who_wants_in_wait_until_somebody_leaves() {
    let setup = ServerSetup::new()
        .set("world.tick_rate", 5)
        .set("overload.steps", 3)
        // Less than it is held up for, and more than a busy machine does to it by itself.
        .set("overload.climb_after", "500ms")
        // It takes nothing back here, so that it is a leaver who makes room.
        .set("overload.descend_after", "10m");
    let mut server = setup.start();
    let bots = Bots::play(server.address, PLAYERS, Scenario::Wander);
    let mut ada = Client::log_in(server.address, "ada");
    ada.send(3, &CreateCharacter { name: "Ada".into() });
    let character = ada.expect::<CharacterCreated>().character.unwrap().id;

    for given_up in [
        "motion in crowds is told in more turns",
        "monsters with nobody near them sleep",
        "who wants into the world waits in a queue",
    ] {
        hold_up(&server, &bots);
        server.log.wait_for(given_up);
    }
    ada.send(4, &EnterWorld { character });
    assert_eq!(ada.expect_answer::<Queued>(), (4, Queued { place: 1 }));

    bots.stop_unharmed();
    ada.expect::<Entered>();
    assert!(server.stop().success(), "{}", server.log.text());
}
