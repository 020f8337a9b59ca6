//! A character that an operator has deleted in the database while it plays: memory and database disagree, and the
//! database is right.

use protocol::v1::{Farewell, Move};

use super::player::Player;
use super::world::{World, audit, end};

#[test]
fn whose_save_fails_is_sent_away_and_everybody_else_plays_on() {
    let mut world = World::new();
    world.setup = world.setup.set("store.save_interval", "1s");
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    let id = ben.entered.character;
    // Locked first, so that no save of it comes in between.
    world.sql(&format!(
        "SELECT 1 FROM characters WHERE id = {id} FOR UPDATE; \
         DELETE FROM character_modules WHERE character = {id}; DELETE FROM characters WHERE id = {id}"
    ));
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
