//! A world, mostly in a private PostgreSQL, with a game master and whoever else plays there.

use private_postgres::{Database, Server};
use tests::client::Client;
use tests::database_proxy::DatabaseProxy;
use tests::server::{ServerProcess, ServerSetup};

/// A database that tests share the PostgreSQL of, behind a proxy, and the setup of its server.
pub(super) struct World {
    pub(super) database: Database,
    pub(super) proxy: DatabaseProxy,
    pub(super) setup: ServerSetup,
}

impl World {
    /// An empty world. Timed saves are rare, so that a test's own operations are what is committed.
    pub(super) fn new() -> Self {
        let database = Server::shared().unwrap().create_database().unwrap();
        let proxy = DatabaseProxy::before(&database.url).unwrap();
        let setup = arena(&proxy.url).set("store.save_interval", "10m");
        Self { database, proxy, setup }
    }

    /// Runs SQL behind the server's back.
    pub(super) fn sql(&self, sql: &str) -> String {
        Server::shared().unwrap().sql(&self.database.name, sql).unwrap()
    }

    /// A running server in whose database Ada is an admin.
    pub(super) fn start(&self) -> ServerProcess {
        let server = self.setup.start();
        let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
        ada.leave();
        self.sql("UPDATE characters SET rank = 'admin' WHERE name = 'Ada'");
        server
    }

    /// What a character owns by the database: items by id, separated by spaces, and gold.
    pub(super) fn holds(&self, name: &str) -> (String, u64) {
        let items = format!(
            "SELECT COALESCE(string_agg(items.id::text, ' ' ORDER BY items.id), '') FROM items \
             JOIN characters ON owner_character = characters.id WHERE name = '{name}'"
        );
        let gold = format!("SELECT gold FROM characters WHERE name = '{name}'");
        (self.sql(&items), self.sql(&gold).parse().unwrap())
    }
}

/// A server whose world is in this PostgreSQL database.
pub(super) fn setup(url: &str) -> ServerSetup {
    ServerSetup::new().set("store.url", url)
}

/// The same with a small field in which a sword and a coin can be had.
pub(super) fn arena(url: &str) -> ServerSetup {
    let more = "[rusty_sword]\nname = \"Rusty Sword\"\nstack = 1\n\n[copper_coin]\nname = \"Coin\"\nstack = 100\n";
    setup(url).arena_with("items.toml", "[whisker]", &format!("{more}\n[whisker]"))
}

/// Makes these characters, each of an account named like it, and masters of them.
pub(super) fn make_masters(setup: &ServerSetup, names: &[&str]) {
    let mut server = setup.start();
    for name in names {
        let (mut client, _) = Client::enter(server.address, &name.to_lowercase(), name);
        client.leave();
    }
    end(&mut server);
    for name in names {
        let rank = setup.run(&["rank", name, "master"]);
        assert!(rank.status.success(), "{rank:?}");
    }
}

/// Ends the server, which must find everything saved.
pub(super) fn end(server: &mut ServerProcess) {
    assert!(server.stop().success(), "{}", server.log.text());
    server.log.wait_for("all saved");
}

/// The books must balance.
pub(super) fn audit(setup: &ServerSetup) {
    let audit = setup.run(&["audit"]);
    let (said, errors) = (audit.stdout.as_slice(), audit.stderr.as_slice());
    let said = [String::from_utf8_lossy(said), String::from_utf8_lossy(errors)].concat();
    assert!(audit.status.success(), "{said}");
}

/// Waits until the server knows that its database takes nothing.
pub(super) fn wait_for_stall(server: &ServerProcess) {
    server.log.wait_for("the database takes no writes");
}
