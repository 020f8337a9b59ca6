//! The server ends in the middle of an outage: told to, with and without the database coming back in time, and because
//! another server has taken over.

use protocol::v1::server_packet::Body;
use protocol::v1::{DropItem, Farewell, ServerPacket};
use rustix::process::Signal;
use tests::client::Client;
use tests::server::ServerProcess;

use super::player::Player;
use super::world::{World, arena, audit, end, wait_for_stall};

/// Ada has a sword and has dropped it, which the database that is out of reach doesn't know.
fn drop_in_an_outage(world: &World, server: &ServerProcess) -> (Player, u64) {
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let sword = ada.sword();
    world.proxy.cut_off();
    ada.client.send(8, &DropItem { item: sword });
    wait_for_stall(server);
    (ada, sword)
}

/// Whether something was confirmed before the connection ended, and the farewell.
fn last_words(mut player: Player) -> (bool, Option<Farewell>) {
    let farewell = player.client.read_to_end().map(|farewell| farewell.reason());
    let confirmed = |packet: &ServerPacket| matches!(packet.body, Some(Body::InventoryChanged(_)));
    (player.client.seen.iter().any(confirmed), farewell)
}

#[test]
fn an_end_in_an_outage_comes_at_the_deadline_and_says_what_is_not_saved() {
    let mut world = World::new();
    world.setup = world.setup.set("shutdown.deadline", "2s");
    let mut server = world.start();
    let (ada, sword) = drop_in_an_outage(&world, &server);
    let status = server.stop();
    assert_eq!(status.code(), Some(1), "{}", server.log.text());
    server.log.wait_for("the shutdown deadline of 2s passed: ");
    server.log.wait_for(" requests aren't saved");
    assert_eq!(last_words(ada), (false, None));

    world.proxy.restore();
    let mut server = world.setup.start();
    let ada = Player::enter(server.address, "ada", "Ada");
    assert!(ada.items.contains(&sword), "what wasn't saved hasn't happened");
    end(&mut server);
    audit(&world.setup);
}

#[test]
fn who_takes_longer_for_a_goodbye_than_the_end_may_take_is_left_behind() {
    let world = World::new();
    let (setup, failpoints) = world.setup.breakable();
    let setup = setup.set("shutdown.deadline", "8s").set("network.goodbye_timeout", "8s");
    let mut server = setup.start();
    // Reads its goodbye and doesn't hang up.
    let ada = Player::enter(server.address, "ada", "Ada");
    // The last save takes so much of the end's time, and the goodbye may take all of it once more.
    failpoints.arm("writer.taken = delay(2000)");
    assert!(server.stop().success(), "{}", server.log.text());
    server.log.wait_for("not every client took its goodbye in time");
    server.log.wait_for("all saved");
    assert_eq!(last_words(ada), (false, Some(Farewell::Shutdown)));
    audit(&setup);
}

#[test]
fn an_end_in_an_outage_that_is_over_in_time_saves_everything() {
    let mut world = World::new();
    world.setup = world.setup.set("shutdown.deadline", "60s");
    let mut server = world.start();
    let (ada, _) = drop_in_an_outage(&world, &server);
    server.signal(Signal::TERM);
    server.log.wait_for("shutting down");
    world.proxy.restore();
    assert_eq!(last_words(ada), (true, Some(Farewell::Shutdown)));
    assert!(server.wait().success(), "{}", server.log.text());
    server.log.wait_for("all saved");
    audit(&world.setup);
    assert_eq!(world.holds("Ada").0, "");
}

#[test]
fn a_server_whose_world_another_one_has_taken_over_ends_and_writes_nothing_more() {
    let world = World::new();
    let mut first = world.start();
    let mut ada = Player::enter(first.address, "ada", "Ada");
    let sword = ada.sword();
    let marks = "SELECT batch, commits, operations FROM epochs WHERE epoch = 1";
    let written = world.sql(marks);

    first.signal(Signal::STOP);
    world.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE 'realmbeat%'",
    );
    let second = arena(&world.database.url);
    let mut heir = second.start();
    ada.client.send(8, &DropItem { item: sword });
    first.signal(Signal::CONT);

    assert_eq!(first.wait().code(), Some(65), "{}", first.log.text());
    first.log.wait_for("another server has taken over");
    assert_eq!(last_words(ada), (false, None));
    assert_eq!(world.sql(marks), written, "the first server wrote after it was replaced");
    let (_again, _) = Client::enter(heir.address, "ada", "Ada");
    end(&mut heir);
    audit(&second);
    assert_eq!(world.holds("Ada").0, sword.to_string());
}
