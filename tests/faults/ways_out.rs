//! Nobody leaves the world before the last commit is durable: who asks to go in the middle of an outage hears so when
//! the database is back, and comes back to nothing older.

use std::net::SocketAddr;

use protocol::v1::server_packet::Body;
use protocol::v1::{
    Command, DropItem, EnterWorld, Entered, Inventory, LeaveWorld, LeftWorld, LoggedIn, Redirect,
    Resume, ServerPacket, SessionToken,
};
use tests::client::Client;

use super::player::Player;
use super::world::{World, audit, end, wait_for_stall};

/// Greets and resumes. Says whether the character is in the world.
fn resume(address: SocketAddr, token: &[u8]) -> (Client, bool) {
    let mut client = Client::greet(address);
    let resumed: LoggedIn = client.ask(1, &Resume { token: token.to_vec() });
    client.expect::<SessionToken>();
    (client, resumed.in_world)
}

/// Lets two ticks go by, by a clock that plays on: whoever asked for something before it would have it by now. Then
/// takes all that the client was sent.
fn after_two_ticks(clock: &mut Player, client: &mut Client) -> Vec<ServerPacket> {
    client.ping();
    clock.see_a_tick();
    clock.see_a_tick();
    client.ping();
    std::mem::take(&mut client.seen)
}

#[test]
fn who_leaves_in_an_outage_hears_so_when_it_is_over_and_comes_back_to_nothing_older() {
    let world = World::new();
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    let swords = [ada.sword(), ada.sword()];
    world.proxy.cut_off();
    ada.client.send(8, &DropItem { item: swords[0] });
    wait_for_stall(&server);
    ada.client.send(9, &LeaveWorld {});
    let seen = after_two_ticks(&mut ben, &mut ada.client);
    assert!(!seen.iter().any(|packet| [8, 9].contains(&packet.request)), "{seen:?}");

    // Another connection takes over, and waits at the door until the old state is saved.
    let (mut again, in_world) = resume(server.address, &ada.client.token);
    assert!(!in_world, "it is on its way out");
    again.send(10, &EnterWorld { character: ada.entered.character });
    let seen = after_two_ticks(&mut ben, &mut again);
    assert!(!seen.iter().any(|packet| packet.request == 10), "{seen:?}");
    world.proxy.restore();
    again.expect::<Entered>();
    let inventory: Inventory = again.expect();
    let owned: Vec<u64> = inventory.items.iter().map(|item| item.id).collect();
    assert_eq!(owned, swords[1..], "the drop is part of what was saved");
    end(&mut server);
    audit(&world.setup);
}

#[test]
fn left_world_comes_after_the_database_is_back() {
    let world = World::new();
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    let sword = ada.sword();
    world.proxy.cut_off();
    ada.client.send(8, &DropItem { item: sword });
    wait_for_stall(&server);
    ada.client.send(9, &LeaveWorld {});
    let seen = after_two_ticks(&mut ben, &mut ada.client);
    let left = |packet: &ServerPacket| matches!(packet.body, Some(Body::LeftWorld(_)));
    assert!(!seen.iter().any(left), "it was told that it had left before that was saved");
    world.proxy.restore();
    assert_eq!(ada.client.expect_answer(), (9, LeftWorld {}));
    end(&mut server);
    audit(&world.setup);
    assert_eq!(world.holds("Ada").0, "");
}

#[test]
fn who_is_sent_elsewhere_in_an_outage_goes_when_it_is_over() {
    let world = World::new();
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    let coins = ada.command("give Ben copper_coin 5");
    assert!(coins.starts_with("Ben has"), "{coins}");
    world.proxy.cut_off();
    ada.client.send(8, &Command { line: "give Ben rusty_sword".into() });
    wait_for_stall(&server);
    ada.client.send(9, &Command { line: "redirect Ben".into() });
    // Away from the world it isn't answered any more: what it was sent by now is all that can be asked.
    ada.see_a_tick();
    ada.see_a_tick();
    let seen = ben.client.arrived();
    let sent = |packet: &ServerPacket| matches!(packet.body, Some(Body::Redirect(_)));
    assert!(!seen.iter().any(sent), "it was sent away before what it owns was saved");
    world.proxy.restore();
    let redirect: Redirect = ben.client.expect();
    let (mut ben, in_world) = resume(server.address, &redirect.token);
    assert!(in_world);
    let inventory: Inventory = ben.expect();
    let mut owned: Vec<&str> = inventory.items.iter().map(|item| item.template.as_str()).collect();
    owned.sort_unstable();
    assert_eq!(owned, ["copper_coin", "rusty_sword"]);
    end(&mut server);
    audit(&world.setup);
}
