//! A character that an operator has deleted in the database while it plays: memory and database disagree, and the
//! database is right. Where it is about a place, that character goes; where it is about value, the server stops.

use protocol::v1::server_packet::Body;
use protocol::v1::{Command, Farewell, Move};

use super::player::Player;
use super::world::{World, audit, end};

/// Locked first, so that no save of it comes in between.
fn delete(world: &World, id: u64) {
    world.sql(&format!(
        "SELECT 1 FROM characters WHERE id = {id} FOR UPDATE; \
         DELETE FROM character_modules WHERE character = {id}; DELETE FROM characters WHERE id = {id}"
    ));
}

#[test]
fn whose_save_fails_is_sent_away_and_everybody_else_plays_on() {
    let mut world = World::new();
    world.setup = world.setup.set("store.save_interval", "1s");
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    let id = ben.entered.character;
    delete(&world, id);
    ben.client.send(1, &Move { heading: 0, walking: true, sequence: 1 });
    let farewell = ben.client.read_to_end().map(|farewell| farewell.reason());
    assert_eq!(farewell, Some(Farewell::Kicked));
    server.log.wait_for("the database refuses this character's save");
    ada.sword();
    end(&mut server);
    audit(&world.setup);
    assert_eq!(world.holds("Ada"), ada.holds());
    assert_eq!(world.sql("SELECT COUNT(*) FROM characters"), "1");
}

#[test]
fn who_gets_something_when_it_is_gone_stops_the_server_which_says_why_and_has_lost_nothing() {
    let world = World::new();
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let ben = Player::enter(server.address, "ben", "Ben");
    ada.sword();
    let id = ben.entered.character;
    delete(&world, id);
    ada.client.send(8, &Command { line: "give Ben rusty_sword".into() });
    assert_eq!(server.wait().code(), Some(1), "{}", server.log.text());
    server.log.wait_for("the store broke and the server stopped at once");
    server.log.wait_for(&format!("there is no character {id}"));
    for mut player in [ada, ben] {
        player.client.read_to_end();
        let seen = &player.client.seen;
        let told = |body: &Body| matches!(body, Body::InventoryChanged(_));
        assert!(!seen.iter().filter_map(|packet| packet.body.as_ref()).any(told), "{seen:?}");
        assert!(!seen.iter().any(|packet| packet.request == 8), "{seen:?}");
    }

    let mut server = world.setup.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    assert_eq!(ada.items.len(), 1, "what she was told is hers");
    ada.sword();
    end(&mut server);
    audit(&world.setup);
    assert_eq!(world.holds("Ada"), ada.holds());
}
