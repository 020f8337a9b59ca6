//! A world in which one row of a hundred is of a kind that this build doesn't know, as after a step back to an older build
//! or to older content: it is played, saved, left and audited on either database, and no row is missing afterwards.

use std::thread;

use protocol::v1::{DropItem, Inventory, InventoryChanged, ListMail, MailList, TakeMail};
use tests::client::Client;
use tests::database::{Engine, Row};
use tests::server::{ServerProcess, ServerSetup};

/// Characters, each of an account of its own.
const SETTLERS: u64 = 100;
/// Items: eight in each bag, eight in each letter, which is all that it holds, and the rest on the ground.
const ITEMS: u64 = 2_400;
/// Clients that play at the same time.
const THREADS: usize = 4;
/// What the ids of this world begin with: its node is 1.
const NODE: u64 = 1 << 48;
/// The tables of which nothing may go, and of which nothing comes either while this is played.
const TABLES: [&str; 4] = ["accounts", "characters", "mail", "items"];
/// What is unknown among the items, whoever has it.
const UNKNOWN_ITEMS: &str =
    "SELECT id, template, quantity FROM items WHERE template = 'moon_shard' ORDER BY id";
/// What is unknown among what modules have saved: a module that isn't here, and a version of one that is.
const UNKNOWN_MODULES: &str = "SELECT character, module, version, bytes FROM character_modules \
     WHERE module = 'weaving' OR version = 99 ORDER BY character, module";

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Bag,
    Ground,
    Letter,
}

/// An item of the world.
#[derive(Debug, Clone, Copy)]
struct Thing {
    number: u64,
    place: Place,
    /// Whose the bag or the letter is.
    settler: u64,
    unknown: bool,
}

/// All items: each settler gets one in each round, and in each round one of them is unknown.
fn things() -> impl Iterator<Item = Thing> {
    (0..ITEMS).map(|index| {
        let (round, settler) = (index / SETTLERS, index % SETTLERS);
        let place = [Place::Bag, Place::Ground, Place::Letter][(round % 3) as usize];
        Thing { number: index + 1, place, settler, unknown: settler == 4 * round }
    })
}

fn account(settler: u64) -> String {
    format!("settler-{settler}")
}

/// Names have letters only.
fn name(settler: u64) -> String {
    let letter = |number: u64| char::from(b'a' + (number % 26) as u8);
    format!("Settler{}{}", letter(settler / 26), letter(settler))
}

const fn character(settler: u64) -> u64 {
    NODE | (settler + 1)
}

fn setup(engine: Engine) -> ServerSetup {
    ServerSetup::new()
        .store(engine)
        .arena_with("player.toml", "inventory_slots = 6", "inventory_slots = 40")
        .set("world.tick_rate", 30)
        .set("store.save_interval", "1s")
}

/// Puts all of it into a database that a server has made.
fn settle(setup: &ServerSetup, engine: Engine) {
    let bytes = if engine == Engine::Sqlite { "BLOB" } else { "BYTEA" };
    let mut sql = String::from("UPDATE meta SET value = 100000 WHERE key LIKE 'next_%';\n");
    let mut insert = |into: &str, rows: &mut dyn Iterator<Item = String>| {
        let rows: Vec<String> = rows.map(|row| format!("({row})")).collect();
        sql += &format!("INSERT INTO {into} VALUES {};\n", rows.join(", "));
    };
    insert(
        "accounts (id, name, created_ms)",
        &mut (0..SETTLERS).map(|it| format!("{}, '{}', 1", character(it), account(it))),
    );
    let row = |it| {
        format!("{id}, {id}, '{}', '{}', 1", name(it), name(it).to_lowercase(), id = character(it))
    };
    insert("characters (id, account, name, folded_name, created_ms)", &mut (0..SETTLERS).map(row));
    insert(
        "mail (id, recipient, sender, sender_name, subject, body, gold, sent_ms)",
        &mut (0..SETTLERS)
            .map(|it| format!("{id}, {id}, 1, 'Old', 'Old', '', 0, 1", id = character(it))),
    );
    // Beside the two that each character has of known modules these are one row of a hundred, as of items.
    let saved = [
        format!("{}, 'weaving', 3, CAST('a loom' AS {bytes})", character(0)),
        format!("{}, 'progress', 99, CAST('later' AS {bytes})", character(1)),
    ];
    insert("character_modules (character, module, version, bytes)", &mut saved.into_iter());
    insert(
        "items (id, owner_character, owner_zone, owner_mail, x, y, slot, template, quantity)",
        &mut things().map(|thing| format!("{}, {}", NODE | thing.number, thing.columns())),
    );
    insert(
        "ledger (epoch, sequence, at_ms, cause, actor, kind, change, item, \
         to_character, to_zone, to_mail, to_x, to_y, slot, template, quantity)",
        &mut things().map(|thing| {
            format!(
                "1, 0, 1, 'settled', 0, 'create', 2, {}, {}",
                NODE | thing.number,
                thing.columns()
            )
        }),
    );
    setup.location().change(&sql).unwrap();
}

impl Thing {
    /// Owner, place, slot, template and quantity, as items and the ledger have them.
    fn columns(self) -> String {
        let owner = match self.place {
            Place::Bag => format!("{}, NULL, NULL, NULL, NULL", character(self.settler)),
            // In another cell than the start, where everybody lays something down.
            Place::Ground => format!("NULL, 'arena', NULL, {}, 1000", 3_300 + self.number % 1_400),
            Place::Letter => format!("NULL, NULL, {}, NULL, NULL", character(self.settler)),
        };
        let slot = if self.place == Place::Ground { 0 } else { (self.number - 1) / SETTLERS / 3 };
        let template = if self.unknown { "moon_shard" } else { "whisker" };
        format!("{owner}, {slot}, '{template}', 2")
    }
}

/// What a settler has and is shown in its bag and in its letter.
fn shown(settler: u64) -> [usize; 2] {
    [Place::Bag, Place::Letter].map(|place| {
        let its = things().filter(|thing| thing.settler == settler && thing.place == place);
        its.filter(|thing| !thing.unknown).count()
    })
}

/// Everybody comes, lays something down and takes what is in its letter; one half leaves, the other stays.
fn play(server: &ServerProcess) -> Vec<Client> {
    let address = server.address;
    let live = move |settler: u64| {
        let (mut client, _) = Client::enter(address, &account(settler), &name(settler));
        let [bag, letter] = shown(settler);
        let owned: Inventory = client.expect();
        assert_eq!(owned.items.len(), bag, "{}", name(settler));
        let dropped: InventoryChanged = client.ask(5, &DropItem { item: owned.items[0].id });
        assert_eq!(dropped.removed, [owned.items[0].id]);
        assert_eq!(client.ask::<_, MailList>(6, &ListMail {}).mails.len(), 1);
        let taken: InventoryChanged = client.ask(7, &TakeMail { mail: character(settler) });
        assert_eq!(taken.changed.len(), letter, "{}", name(settler));
        if settler.is_multiple_of(2) {
            return Some(client);
        }
        client.leave();
        None
    };
    let some = |first| {
        move || (first as u64..SETTLERS).step_by(THREADS).filter_map(live).collect::<Vec<_>>()
    };
    let players: Vec<_> = (0..THREADS).map(|first| thread::spawn(some(first))).collect();
    players.into_iter().flat_map(|player| player.join().unwrap()).collect()
}

fn end(server: &mut ServerProcess) {
    assert!(server.stop().success(), "{}", server.log.text());
}

fn rows(setup: &ServerSetup, sql: &str) -> Vec<Row> {
    setup.location().open().unwrap().rows(sql).unwrap()
}

/// How many rows tables have.
fn counts(setup: &ServerSetup) -> Vec<i64> {
    let mut database = setup.location().open().unwrap();
    let mut count = |table| database.number(&format!("SELECT COUNT(*) FROM {table}")).unwrap();
    TABLES.into_iter().map(&mut count).collect()
}

/// What the audit says, which must find nothing wrong.
fn audit(setup: &ServerSetup) -> String {
    let audit = setup.run(&["audit"]);
    let said = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.status.success(), "{said}");
    said
}

/// Plays a world whose every hundredth row is unknown, until it is known again.
fn no_row_is_lost_on(engine: Engine) {
    let setup = setup(engine);
    end(&mut setup.start());
    settle(&setup, engine);
    let (before, items, modules) =
        (counts(&setup), rows(&setup, UNKNOWN_ITEMS), rows(&setup, UNKNOWN_MODULES));
    assert_eq!((items.len(), modules.len()), (24, 2));
    let said = audit(&setup);
    assert!(
        said.contains("moon_shard: 24 items, 8 with characters, 8 on the ground, 8 in letters"),
        "{said}"
    );

    let mut server = setup.start();
    let stayed = play(&server);
    end(&mut server);
    drop(stayed);
    assert_eq!(counts(&setup), before);
    assert_eq!(rows(&setup, UNKNOWN_ITEMS), items);
    assert_eq!(rows(&setup, UNKNOWN_MODULES), modules);
    let saved = "SELECT COUNT(*) FROM character_modules";
    let saved = setup.location().open().unwrap().number(saved).unwrap();
    assert!(saved > 200, "everybody was saved");
    let said = audit(&setup);
    assert!(
        said.contains("moon_shard: 24 items, 16 with characters, 8 on the ground, 0 in letters"),
        "{said}"
    );

    // Content that knows them again shows them to those who kept them without seeing them.
    let shard = "[moon_shard]\nname = \"Moon Shard\"\nstack = 20\n\n[whisker]";
    let setup = setup.arena_with("items.toml", "[whisker]", shard);
    let mut server = setup.start();
    for settler in
        things().filter(|it| it.unknown && it.place != Place::Ground).map(|it| it.settler)
    {
        let (mut client, _) = Client::enter(server.address, &account(settler), &name(settler));
        let owned: Inventory = client.expect();
        assert!(owned.items.iter().any(|item| item.template == "moon_shard"), "{}", name(settler));
        client.leave();
    }
    end(&mut server);
    assert_eq!(counts(&setup), before);
    assert!(!audit(&setup).contains("unknown"));
}

#[test]
fn a_world_with_unknown_rows_loses_none_of_them_in_play() {
    no_row_is_lost_on(Engine::Sqlite);
}

#[test]
fn a_world_with_unknown_rows_on_postgresql_loses_none_of_them_in_play() {
    no_row_is_lost_on(Engine::Postgres);
}
