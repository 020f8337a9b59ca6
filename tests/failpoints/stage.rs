//! A small world with Ada, who is a master, and Ben beside her; and Dee, who waits at the door. One server on one data
//! directory, started again whenever it has died.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use private_postgres::{Database, Server};
use protocol::v1::server_packet::Body;
use protocol::v1::{
    CharacterDeleted, CharacterList, DeleteCharacter, EnterWorld, InventoryChanged, ListCharacters,
    Ping,
};
use rustix::process::Signal;
use tests::client::{Client, Ended};
use tests::database::Engine;
use tests::failpoints::Failpoints;
use tests::server::{ServerProcess, ServerSetup, copy_directory};

use super::player::Player;
use super::world::World;

/// The character at the door, and its account.
pub(crate) const DEE: (&str, &str) = ("Dee", "dee");

/// A world with players in place.
pub(crate) struct Stage {
    setup: ServerSetup,
    pub(crate) failpoints: Failpoints,
    pub(crate) server: ServerProcess,
    pub(crate) ada: Player,
    pub(crate) ben: Player,
    dee: Option<Client>,
    dee_is_in: bool,
    /// Trades since the start.
    trades: u32,
}

/// A shop beside the place where everybody begins.
const SHOP: &str = r#"
[stall]
name = "The Stall"
zone = "arena"
place = [5, 5]
buys_percent = 50
sells = [{ item = "whisker", price = 3 }]
"#;

/// What is made once and copied for each stage: a data directory in which everybody has a character, Ada her rank, and
/// the database.
pub(crate) struct Settled {
    directory: PathBuf,
    database: Option<Database>,
}

/// Everybody reaches everything, mice die of one blow and leave one whisker and 7 gold each; nothing is saved by the
/// clock.
fn setup(directory: &Path) -> ServerSetup {
    let setup = ServerSetup::new()
        .data_at(directory)
        .arena_with("player.toml", "damage = 20", "damage = 1000")
        .arena_with("player.toml", "attack_range_cm = 300", "attack_range_cm = 5000")
        .arena_with("player.toml", "attack_cooldown_ms = 400", "attack_cooldown_ms = 100")
        .arena_with("player.toml", "pick_up_cm = 300", "pick_up_cm = 5000")
        .arena_with("player.toml", "inventory_slots = 6", "inventory_slots = 256")
        .arena_with("monsters.toml", "quantity = [1, 3]", "quantity = [1, 1]")
        .arena_with("monsters.toml", "experience = 1", "experience = 1\ngold = [7, 7]")
        .arena_with("zones/arena.toml", "respawn_s = 5", "respawn_s = 1")
        .arena_with("zones/arena.toml", "start = [4, 4, 8, 8]", "start = [4, 4, 1, 1]")
        .arena_with("items.toml", "stack = 20", "stack = 20\nvalue = 4")
        .set("world.tick_rate", 30)
        .set("store.save_interval", "10m");
    std::fs::write(directory.join("content/shops.toml"), SHOP).unwrap();
    setup
}

/// Makes it below a directory of the test's own.
pub(crate) fn settle(below: &Path, engine: Engine) -> Settled {
    let directory = below.join("settled");
    std::fs::create_dir(&directory).unwrap();
    let new = || Server::shared().unwrap().create_database().unwrap();
    let database = (engine == Engine::Postgres).then(new);
    let setup = in_database(setup(&directory), database.as_ref());
    let mut server = setup.start();
    for name in ["Ada", "Ben"] {
        Player::enter(server.address, name).client.leave();
    }
    assert!(server.stop().success(), "{}", server.log.text());
    let rank = setup.run(&["rank", "Ada", "master"]);
    assert!(rank.status.success(), "{rank:?}");
    Settled { directory, database }
}

fn in_database(setup: ServerSetup, database: Option<&Database>) -> ServerSetup {
    match database {
        Some(database) => setup.postgres_at(database),
        None => setup,
    }
}

impl Stage {
    /// On a copy, which lies in this directory.
    pub(crate) fn on_copy(settled: &Settled, directory: &Path) -> Self {
        Self::keeping("90d", settled, directory)
    }

    /// The same with a ledger whose entries are folded when they are as old as this.
    pub(crate) fn keeping(retention: &str, settled: &Settled, directory: &Path) -> Self {
        copy_directory(&settled.directory, directory);
        let copy = |original| Server::shared().unwrap().copy_database(original).unwrap();
        let database = settled.database.as_ref().map(copy);
        // The content is copied and edited anew.
        std::fs::remove_dir_all(directory.join("content")).unwrap();
        let setup = setup(directory).set("store.ledger_retention", retention);
        let setup = in_database(setup, database.as_ref());
        let (setup, failpoints) = setup.breakable();
        let server = setup.start();
        let enter = |name| Player::enter(server.address, name);
        let (ada, ben) = (enter("Ada"), enter("Ben"));
        Self { setup, failpoints, server, ada, ben, dee: None, dee_is_in: false, trades: 0 }
    }

    /// The server has aborted: starts it again, and lets everybody in. They are told what the database says.
    pub(crate) fn restart(&mut self) {
        self.server = self.setup.start();
        (self.dee, self.dee_is_in, self.trades) = (None, false, 0);
        let world = self.world();
        for name in ["Ada", "Ben"] {
            let player = Player::enter(self.server.address, name);
            assert_eq!(player.holding, world.holding(name), "{name} is told on entering");
            *self.player(name) = player;
        }
    }

    pub(crate) fn player(&mut self, name: &str) -> &mut Player {
        if name == "Ada" { &mut self.ada } else { &mut self.ben }
    }

    /// What the database says now.
    pub(crate) fn world(&self) -> World {
        World::read(&self.setup.location())
    }

    /// Waits for the end that the failpoint makes.
    pub(crate) fn see_abort(&mut self) {
        let status = self.server.wait();
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{}", self.server.log.text());
        self.bury();
        self.failpoints.disarm();
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
        self.bury();
    }

    /// What was in the dead server's hands is settled: PostgreSQL may still be about the last things that it had asked
    /// for.
    fn bury(&self) {
        drop(self.setup.location().open_after_death().unwrap());
    }

    /// Makes all of the ledger old, behind the server's back.
    pub(crate) fn age_ledger(&self) {
        self.setup.location().change("UPDATE ledger SET at_ms = at_ms - 7200000").unwrap();
    }

    /// The audit of a server that isn't running.
    pub(crate) fn audit(&self, pair: &str) {
        let audit = self.setup.run(&["audit"]);
        assert!(audit.status.success(), "{pair}: {}", String::from_utf8_lossy(&audit.stdout));
    }

    /// A new item for Ada or Ben, durable and told.
    pub(crate) fn give(&mut self, name: &str, quantity: u32) -> u64 {
        self.ada.command(&format!("give {name} whisker {quantity}"));
        self.player(name).expect_item()
    }

    /// Gold for Ada or Ben, durable and told.
    pub(crate) fn pay(&mut self, name: &str, amount: u64) {
        self.ada.command(&format!("give {name} gold {amount}"));
        self.player(name).expect(|_, body| match body {
            Body::InventoryChanged(change) => change.gold,
            _ => None,
        });
    }

    /// Who asks for the next trade, and who is asked: the same one doesn't ask the same twice in a short while.
    pub(crate) fn traders(&mut self) -> (&mut Player, &mut Player) {
        self.trades += 1;
        let (ada, ben) = (&mut self.ada, &mut self.ben);
        if self.trades.is_multiple_of(2) { (ada, ben) } else { (ben, ada) }
    }

    /// The connection of Dee.
    pub(crate) fn door(&mut self) -> &mut Client {
        let address = self.server.address;
        self.dee.get_or_insert_with(|| Client::log_in(address, DEE.1))
    }

    /// Dee anew, with something in the bag, before the door. Gives the character.
    pub(crate) fn new_dee(&mut self) -> u64 {
        if std::mem::take(&mut self.dee_is_in) {
            self.door().leave();
        }
        let door = self.door();
        let list: CharacterList = door.ask(2, &ListCharacters {});
        for character in list.characters {
            door.ask::<_, CharacterDeleted>(3, &DeleteCharacter { id: character.id });
        }
        let character = door.enter_world(DEE.0).character;
        self.ada.command("give Dee whisker");
        self.door().expect::<InventoryChanged>();
        self.door().leave();
        character
    }

    /// Dee asks to be let in.
    pub(crate) fn let_in(&mut self, character: u64) {
        self.dee_is_in = true;
        self.door().send(6, &EnterWorld { character });
    }

    /// Asks a question that the loop answers by itself. True if such a message comes before its answer.
    pub(crate) fn hears_before_a_pong(&mut self, name: &str, such: fn(&Body) -> bool) -> bool {
        let heard = |body: &Body| match body {
            body if such(body) => Some(true),
            Body::Pong(_) => Some(false),
            _ => None,
        };
        if name != DEE.0 {
            let player = self.player(name);
            player.send(&Ping { nonce: 8 });
            return player.expect(|_, body| heard(body));
        }
        let door = self.door();
        door.send(8, &Ping { nonce: 8 });
        loop {
            let packet = door.next().unwrap();
            if let Some(heard) = packet.body.as_ref().and_then(heard) {
                return heard;
            }
        }
    }

    /// Reads what a player is told until such a message comes. False when the connection is over before.
    pub(crate) fn is_told(&mut self, name: &str, such: fn(&Body) -> bool) -> bool {
        if name != DEE.0 {
            return self.player(name).until(|_, body| such(body).then_some(())).is_ok();
        }
        let door = self.door();
        loop {
            match door.next() {
                Ok(packet) if packet.body.as_ref().is_some_and(such) => return true,
                Ok(_) => {}
                Err(Ended) => return false,
            }
        }
    }

    /// Sees all that the loop does now to its end: a later question is answered. False when the server is gone.
    pub(crate) fn ping(&mut self) -> bool {
        self.ada.send(&Ping { nonce: 1 });
        self.ada.until(|_, body| matches!(body, Body::Pong(_)).then_some(())).is_ok()
    }
}
