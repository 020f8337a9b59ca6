//! What is saved is there again: after an orderly end, while the database stands still, and whatever the content says
//! by then.

use std::sync::mpsc::channel;
use std::thread;

use client_bot::bot::sight::{Point, Sight};
use protocol::v1::server_packet::Body;
use protocol::v1::{
    CharacterDeleted, ChatLine, DeleteCharacter, DropItem, Entered, EntityKind, Farewell,
    Inventory, InventoryChanged, Move, PickUp, Refusal, Say, View,
};
use rand::SeedableRng as _;
use rand_pcg::Pcg32;
use tests::client::Client;
use tests::server::{ServerProcess, ServerSetup};
use tests::small_disk::own_mounts;
use tests::walker::walk;

/// Characters in the world when the server is told to end.
const PLAYERS: usize = 200;

/// Ada's account and character, with a rank, on a server that isn't running.
fn master(setup: &ServerSetup) {
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    ada.leave();
    end(&mut server);
    let rank = setup.run(&["rank", "Ada", "master"]);
    assert!(rank.status.success(), "{rank:?}");
}

/// Ends the server, which must find everything saved.
fn end(server: &mut ServerProcess) {
    assert!(server.stop().success(), "{}", server.log.text());
}

fn audit(setup: &ServerSetup) {
    let audit = setup.run(&["audit"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

fn give(client: &mut Client, item: &str) -> u64 {
    let said = client.command(format!("give Ada {item}"));
    assert!(said.starts_with("Ada has"), "{said}");
    let seen = client.seen.iter().rev().find_map(|packet| match &packet.body {
        Some(Body::InventoryChanged(change)) => Some(change.changed[0].id),
        _ => None,
    });
    seen.unwrap()
}

fn count(setup: &ServerSetup, sql: &str) -> i64 {
    setup.location().open().unwrap().number(sql).unwrap()
}

#[test]
fn told_to_end_with_two_hundred_players_it_saves_each_where_it_was_last_seen() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let address = server.address;
    let (say, ready) = channel();
    let walkers: Vec<_> = (0..PLAYERS)
        .map(|number| {
            let (say, mut rng) = (say.clone(), Pcg32::seed_from_u64(number as u64));
            thread::spawn(move || walk(address, number, &mut rng, || say.send(()).unwrap()))
        })
        .collect();
    assert_eq!(ready.iter().take(PLAYERS).count(), PLAYERS);
    end(&mut server);
    audit(&setup);
    let mut database = setup.location().open().unwrap();
    let mut compared = 0;
    for walker in walkers {
        let trail = walker.join().unwrap();
        assert_eq!(
            trail.farewell.map(|farewell| farewell.reason()),
            Some(Farewell::Shutdown),
            "{}",
            trail.name
        );
        let sql = format!("SELECT x, y FROM characters WHERE id = {}", trail.id);
        let row = &database.rows(&sql).unwrap()[0];
        let saved = Point { x: row.number(0).unwrap(), y: row.number(1).unwrap() };
        let seen = trail.points.last().map(|(_, at)| *at);
        assert!(
            seen.is_none_or(|seen| seen == saved),
            "{}: seen {seen:?}, saved {saved:?}",
            trail.name
        );
        compared += usize::from(seen.is_some());
    }
    assert!(compared > PLAYERS / 2, "only {compared} saw themselves before the end");
}

#[test]
fn what_lies_on_the_ground_lies_there_after_a_restart_and_is_picked_up_as_the_same_item() {
    let setup = ServerSetup::new();
    master(&setup);
    let mut server = setup.start();
    let (mut ada, entered) = Client::enter(server.address, "ada", "Ada");
    let place = ada.look(&mut Sight::new(&entered), |sight| sight.own().map(|own| own.at));
    let sword = give(&mut ada, "rusty_sword");
    ada.send(7, &DropItem { item: sword });
    let (request, dropped) = ada.expect_answer::<InventoryChanged>();
    assert_eq!((request, dropped.removed), (7, vec![sword]));
    end(&mut server);

    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    let (mut ben, entered) = Client::enter(server.address, "ben", "Ben");
    ada.command(format!("teleport Ben {} {}", place.x, place.y));
    let entity = ben.look(&mut Sight::new(&entered), |sight| {
        let near = sight.own().is_some_and(|own| own.at.distance(place) < 1.0);
        let mut items = sight
            .entities()
            .filter(|(_, seen)| near && seen.kind == EntityKind::Item && seen.at == place);
        items.next().map(|(id, _)| id)
    });
    ben.send(8, &PickUp { entity });
    assert_eq!(ben.expect::<InventoryChanged>().changed[0].id, sword);
    end(&mut server);
    audit(&setup);
}

#[test]
fn a_deleted_character_takes_its_items_out_of_the_world_through_the_ledger() {
    let setup = ServerSetup::new();
    master(&setup);
    let mut server = setup.start();
    let (mut ada, Entered { character, .. }) = Client::enter(server.address, "ada", "Ada");
    let sword = give(&mut ada, "rusty_sword");
    ada.leave();
    ada.send(9, &DeleteCharacter { id: character });
    ada.expect::<CharacterDeleted>();
    end(&mut server);
    audit(&setup);
    assert_eq!(count(&setup, "SELECT COUNT(*) FROM items"), 0);
    let gone =
        "SELECT COUNT(*) FROM ledger WHERE to_character IS NULL AND to_zone IS NULL AND item =";
    assert_eq!(count(&setup, &format!("{gone} {sword}")), 1);
}

#[test]
fn while_the_database_stands_still_value_is_refused_and_the_world_goes_on() {
    let setup = ServerSetup::new();
    master(&setup);
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    let items: Vec<u64> = (0..20).map(|_| give(&mut ada, "rusty_sword")).collect();
    ada.seen.clear();

    let standstill = setup.location().stand_still().unwrap();
    let mut sequence = 0;
    for item in items.iter().cycle() {
        ada.send(10, &DropItem { item: *item });
        await_tick(&mut ada, &mut sequence);
        if refused(&ada) {
            break;
        }
    }
    // Once: who speaks in every tick is refused, and hears nothing of it.
    ada.send(0, &Say { text: "does the world go on?".into() });
    assert_eq!(ada.expect::<ChatLine>().text, "does the world go on?");
    assert!(!confirmed(&ada), "nothing is confirmed while nothing is durable");
    drop(standstill);

    // What was under way is confirmed, and it takes new operations without being told to.
    let mut held = items.clone();
    while held.len() == items.len() {
        forget(&mut held, &ada.expect());
    }
    let last = held[held.len() - 1];
    ada.seen.clear();
    while held.contains(&last) {
        ada.send(11, &DropItem { item: last });
        await_tick(&mut ada, &mut sequence);
        for packet in std::mem::take(&mut ada.seen) {
            if let Some(Body::InventoryChanged(change)) = packet.body {
                forget(&mut held, &change);
            }
        }
    }
    end(&mut server);
    audit(&setup);
    let owned = count(&setup, "SELECT COUNT(*) FROM items WHERE owner_character IS NOT NULL");
    assert_eq!(owned, held.len() as i64, "as many as Ada was told she has");
}

/// Waits until a tick has passed, so that who asks again and again doesn't send too much.
fn await_tick(client: &mut Client, sequence: &mut u32) {
    *sequence += 1;
    client.send(0, &Move { heading: 0, walking: *sequence % 2 == 1, sequence: *sequence });
    while client.expect::<View>().ack < *sequence {}
}

fn forget(held: &mut Vec<u64>, change: &InventoryChanged) {
    held.retain(|item| !change.removed.contains(item));
}

fn refused(client: &Client) -> bool {
    client.seen.iter().any(|packet| {
        matches!(&packet.body, Some(Body::Refused(refused)) if refused.reason() == Refusal::StoreBehind)
    })
}

fn confirmed(client: &Client) -> bool {
    client.seen.iter().any(|packet| matches!(packet.body, Some(Body::InventoryChanged(_))))
}

#[test]
fn a_second_server_on_the_same_database_is_refused_in_a_line() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let second = setup.run(&["run"]);
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("in use by") && said.contains(&server.pid().to_string()), "{said}");
    end(&mut server);
}

/// As containers do it: its log would lie beside another name.
#[test]
fn a_database_that_is_mounted_without_its_directory_is_refused() {
    let setup = ServerSetup::new();
    end(&mut setup.start());
    let file = setup.data_dir().join("realmbeat.sqlite3").display().to_string();
    let mount = r#"mount --bind "$0" "$0" || exit 99; exec "$@""#;
    let launcher = [own_mounts(), &["sh", "-c", mount, &file]].concat();
    let outcome = setup.through(launcher).run(&["run"]);
    let said = String::from_utf8_lossy(&outcome.stderr);
    if outcome.status.code() == Some(99) || said.starts_with("unshare") {
        println!("nothing can be mounted by this user, so this isn't tested here");
        return;
    }
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    assert!(said.contains("the file is mounted alone"), "{said}");
}

#[test]
fn an_end_that_misses_the_log_has_the_exit_code_that_asks_for_a_look() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    std::fs::remove_file(setup.data_dir().join("realmbeat.sqlite3-wal")).unwrap();
    assert_eq!(server.stop().code(), Some(65), "{}", server.log.text());
    server.log.wait_for("all that was confirmed is in the database now");
    audit(&setup);
}

/// What was confirmed last is in the log: the file alone would be an older world.
#[test]
fn a_database_that_a_kill_left_without_its_log_is_no_world_until_somebody_says_so() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    server.kill();
    std::fs::remove_file(setup.data_dir().join("realmbeat.sqlite3-wal")).unwrap();
    let outcome = setup.run(&["run"]);
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(65), "{said}");
    assert!(said.contains("isn't beside it") && said.contains("forget-log"), "{said}");
    let outcome = setup.run(&["forget-log"]);
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    audit(&setup);
    end(&mut setup.start());
}

/// Another program that looks at one moment of the database for as long as it likes.
fn reader(setup: &ServerSetup) -> impl Sized {
    let mut reader = setup.location().open_as_one_moment().unwrap();
    reader.number("SELECT COUNT(*) FROM epochs").unwrap();
    reader
}

#[test]
fn a_command_that_writes_beside_who_reads_the_database_says_that_the_log_belongs_to_it() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    Client::enter(server.address, "ada", "Ada").0.leave();
    end(&mut server);
    let reader = reader(&setup);
    let outcome = setup.run(&["rank", "Ada", "guide"]);
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(
        outcome.status.success() && said.contains("neither is whole without the other"),
        "{said}"
    );
    drop(reader);
}

#[test]
fn an_end_beside_who_reads_the_database_says_that_the_log_belongs_to_it() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let reader = reader(&setup);
    end(&mut server);
    server.log.wait_for("neither is whole without the other");
    drop(reader);
}

#[test]
fn items_that_the_content_no_longer_knows_are_kept_and_not_shown() {
    let setup = ServerSetup::new().edit_content("items.toml", "Rusty Sword", "Rusty Sword");
    master(&setup);
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    let (kept, dropped) = (give(&mut ada, "rusty_sword"), give(&mut ada, "rusty_sword"));
    ada.send(7, &DropItem { item: dropped });
    ada.expect::<InventoryChanged>();
    end(&mut server);

    let rename = |setup: ServerSetup, from, to| {
        let setup = setup.edit_content("items.toml", from, to);
        setup.edit_content("monsters.toml", from, to).edit_content("shops.toml", from, to)
    };
    let setup = rename(setup, "rusty_sword", "blunt_sword");
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    assert_eq!(ada.expect::<Inventory>().items, [], "the new content has no such item");
    ada.leave();
    end(&mut server);
    audit(&setup);
    assert_eq!(count(&setup, "SELECT COUNT(*) FROM items WHERE template = 'rusty_sword'"), 2);

    let setup = rename(setup, "blunt_sword", "rusty_sword");
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    assert_eq!(ada.expect::<Inventory>().items[0].id, kept);
    end(&mut server);
}

#[test]
fn what_a_module_that_is_not_here_has_saved_stays() {
    let setup = ServerSetup::new();
    master(&setup);
    let database = rusqlite::Connection::open(setup.database()).unwrap();
    let sql = "INSERT INTO character_modules SELECT id, 'weaving', 3, x'0102' FROM characters";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    ada.leave();
    end(&mut server);
    let kept = "SELECT COUNT(*) FROM character_modules WHERE module = 'weaving' AND version = 3 AND bytes = x'0102'";
    assert_eq!(count(&setup, kept), 1);
}
