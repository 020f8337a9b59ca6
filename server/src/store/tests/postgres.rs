//! A PostgreSQL server that isn't as it should be, goes away, comes back or is taken over: what is confirmed is there
//! once, and what can't be helped is said in one line.

use game::record::Change;
use game::{CharacterId, ItemId};
use private_postgres::{Database, Durability, Server};

use super::world::{Home, World, ground, item};
use crate::store::{
    Answer, Breakage, Location, OpenError, OperatorError, PostgresUrl, Store, StoreSettings, audit,
};

fn settings(url: &str) -> StoreSettings {
    StoreSettings::new(Location::Postgres(PostgresUrl::new(url).unwrap()), 1)
}

fn refused(settings: StoreSettings) -> OpenError {
    let error = Store::open(settings, || {}).map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    error
}

/// A new database in the server that all tests share.
fn database() -> (&'static Server, Database) {
    let server = Server::shared().unwrap();
    (server, server.create_database().unwrap())
}

/// Ends the connections to a database as an operator would.
fn cut(server: &Server, database: &Database) {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        database.name
    );
    server.sql("postgres", &sql).unwrap();
}

fn create(world: &mut World, id: u64) {
    world.submit(CharacterId(0), vec![Change::Create(item(id, ground(0)))]);
}

/// Takes answers until the last of `commits` is durable; gives what else was answered.
fn settle(world: &mut World, commits: u64) -> Vec<Answer> {
    let mut others = Vec::new();
    while world.store.durable().0 < commits {
        let answer = world.answer();
        if !matches!(answer, Answer::Durable(_)) {
            others.push(answer);
        }
    }
    others
}

/// Proves that the items from 1 on are there, each made once.
fn assert_items(url: &str, count: u64) {
    let report = audit(&settings(url).place).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.items, report.entries), (count, count));
}

#[test]
fn a_second_server_is_refused_and_told_who_has_the_database() {
    let (_, database) = database();
    let world = World::open(settings(&database.url));
    let error = refused(settings(&database.url));
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    let own = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&own), "{error}");
    world.store.close().unwrap();
    World::open(settings(&database.url)).store.close().unwrap();
}

/// A standby that lags behind, say, and was promoted.
#[test]
fn a_database_that_has_lost_this_start_or_what_it_confirmed_is_said_so_and_not_gone_on_with() {
    for (lost, how) in [
        ("UPDATE epochs SET batch = 0", " came after batch 0"),
        ("DELETE FROM epochs", "epoch 1, which is this start's, isn't in it"),
        ("UPDATE meta SET value = 0 WHERE key = 'epoch'", "it is at epoch 0"),
    ] {
        let (server, database) = database();
        let mut world = World::open(settings(&database.url));
        world.submit(CharacterId(0), Vec::new());
        settle(&mut world, 1);
        server.sql(&database.name, lost).unwrap();
        create(&mut world, 1);
        let Answer::Broken(Breakage::Superseded(reason)) = world.answer() else {
            panic!("it goes on: {lost}");
        };
        assert!(reason.contains(how) && reason.contains("has lost what was confirmed"), "{reason}");
        world.store.close().unwrap_err();
    }
}

#[test]
fn a_connection_that_an_operator_ends_is_made_anew() {
    let (server, database) = database();
    let mut world = World::open(settings(&database.url));
    for id in 1..=5 {
        cut(server, &database);
        create(&mut world, id);
        settle(&mut world, id);
    }
    world.account("anna");
    world.store.close().unwrap();
    assert_items(&database.url, 5);
}

#[test]
fn commits_wait_for_a_server_that_is_down_and_are_neither_lost_nor_doubled() {
    let mut server = Server::start(Durability::Full).unwrap();
    let database = server.create_database().unwrap();
    let mut world = World::open(settings(&database.url));
    let mut made = 0;
    for _ in 0..3 {
        // Some are on their way while it stops.
        for _ in 0..20 {
            made += 1;
            create(&mut world, made);
        }
        server.stop_immediately();
        made += 1;
        create(&mut world, made);
        while world.answer() != Answer::ValueOpen(false) {}
        server.start_again().unwrap();
        let others = settle(&mut world, made);
        // With many waiting, value opens only after the last of them.
        if others.last() != Some(&Answer::ValueOpen(true)) {
            assert_eq!(world.answer(), Answer::ValueOpen(true));
        }
    }
    world.store.close().unwrap();
    assert_items(&database.url, made);
}

#[test]
fn a_server_that_says_nothing_is_noticed_and_waited_for() {
    let server = Server::start(Durability::FastForTests).unwrap();
    let database = server.create_database().unwrap();
    let mut world = World::open(settings(&database.url));
    create(&mut world, 1);
    settle(&mut world, 1);
    server.pause().unwrap();
    create(&mut world, 2);
    assert_eq!(world.answer(), Answer::ValueOpen(false));
    server.resume().unwrap();
    assert_eq!(settle(&mut world, 2), [Answer::ValueOpen(true)]);
    world.store.close().unwrap();
    assert_items(&database.url, 2);
}

#[test]
fn a_start_whose_world_another_server_has_claimed_writes_nothing_more() {
    let (server, database) = database();
    let mut world = World::open(settings(&database.url));
    create(&mut world, 1);
    settle(&mut world, 1);
    // As another server does that finds the lock free while our connection is broken.
    server.sql(&database.name, "UPDATE meta SET value = value + 1 WHERE key = 'epoch'").unwrap();
    create(&mut world, 2);
    let Answer::Broken(Breakage::Superseded(reason)) = world.answer() else {
        panic!("it goes on");
    };
    assert!(reason.contains("another server has taken over"), "{reason}");
    assert!(world.store.close().is_err());
    assert_items(&database.url, 1);
}

#[test]
fn a_start_that_finds_another_server_after_an_outage_gives_up() {
    let (server, database) = database();
    let mut first = World::open(settings(&database.url));
    create(&mut first, 1);
    settle(&mut first, 1);
    cut(server, &database);
    let second = World::open(settings(&database.url));
    create(&mut first, 2);
    while !matches!(first.answer(), Answer::Broken(_)) {}
    assert!(first.store.close().is_err());
    second.store.close().unwrap();
    assert_items(&database.url, 1);
}

#[test]
fn another_programs_database_is_left_alone() {
    let (server, database) = database();
    server.sql(&database.name, "CREATE TABLE invoices (id BIGINT)").unwrap();
    let error = refused(settings(&database.url));
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql(&database.name, tables).unwrap(), "invoices");
}

#[test]
fn a_newer_or_changed_schema_is_refused_by_server_and_audit() {
    let (server, database) = database();
    World::open(settings(&database.url)).store.close().unwrap();
    let later =
        "INSERT INTO refinery_schema_history VALUES (99, 'later', '2026-01-01T00:00:00Z', '1')";
    server.sql(&database.name, later).unwrap();
    let error = refused(settings(&database.url));
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error}");
    assert!(matches!(
        audit(&settings(&database.url).place),
        Err(OperatorError::Open(OpenError::NewerSchema { found: 99, .. }))
    ));
    let changed = "DELETE FROM refinery_schema_history WHERE version = 99; \
                   UPDATE refinery_schema_history SET checksum = '1'";
    server.sql(&database.name, changed).unwrap();
    let error = refused(settings(&database.url));
    assert!(matches!(error, OpenError::OtherSchema { .. }), "{error}");
}

#[test]
fn an_audit_of_nothing_makes_no_tables() {
    let (server, database) = database();
    assert!(matches!(
        audit(&settings(&database.url).place),
        Err(OperatorError::Open(OpenError::Empty { .. }))
    ));
    let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql(&database.name, tables).unwrap(), "0");
}

#[test]
fn a_server_that_loses_what_it_confirms_is_refused() {
    let (server, database) = database();
    let sql = format!("ALTER DATABASE {} SET realmbeat.accept_loss = off", database.name);
    server.sql("postgres", &sql).unwrap();
    let error = refused(settings(&database.url));
    assert!(matches!(error, OpenError::NoSync { .. }), "{error}");
}

#[test]
fn each_address_that_cannot_be_used_is_said_so() {
    let (_, database) = database();
    let wrong = [
        (format!("{}?sslmode=require", database.url), "speaks no TLS"),
        (format!("{}?sslmode=verify-full", database.url), "sslmode"),
        (format!("{}?port=99999", database.url), "port"),
    ];
    for (url, says) in wrong {
        let error = refused(settings(&url));
        assert!(matches!(error, OpenError::Address { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let nobody = "postgres://ann:hunter2@127.0.0.1:1/world";
    for url in [nobody.to_owned(), format!("{}nothing", database.url)] {
        let error = refused(settings(&url));
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_user_without_rights_is_told_what_is_missing() {
    let (server, database) = database();
    server.sql("postgres", &format!("CREATE ROLE {}_guest LOGIN", database.name)).unwrap();
    let url = database.url.replace("postgres@", &format!("{}_guest@", database.name));
    let error = refused(settings(&url));
    assert!(matches!(error, OpenError::Rights { .. }), "{error}");
}

#[test]
fn a_text_that_postgres_cannot_hold_harms_nobody() {
    let home = Home::postgres();
    let mut world = home.open();
    let account = world.account("an\0na");
    assert_eq!(home.count("accounts", "TRUE"), 1);
    assert_ne!(account.0, 0);
    create(&mut world, 1);
    settle(&mut world, 1);
    assert_eq!(home.history(ItemId(1)).len(), 1);
}
