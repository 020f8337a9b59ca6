//! The server does what its tests rely on.

use std::process::{Command, Stdio};

use super::{Durability, Server};

/// Set for the process that is killed by its test; says where to write down where the server's files are.
const TO_BE_KILLED: &str = "PRIVATE_POSTGRES_TO_BE_KILLED";

#[test]
fn two_databases_of_the_shared_server_know_nothing_of_each_other() {
    let server = Server::shared().unwrap();
    let (one, other) = (server.create_database().unwrap(), server.create_database().unwrap());
    server.sql(&one.name, "CREATE TABLE items (id BIGINT); INSERT INTO items VALUES (7)").unwrap();
    assert_eq!(server.sql(&one.name, "SELECT id FROM items").unwrap(), "7");
    let refused = server.sql(&other.name, "SELECT id FROM items").unwrap_err().to_string();
    assert!(refused.contains("does not exist"), "{refused}");
}

#[test]
fn what_was_confirmed_is_there_after_an_immediate_stop() {
    let mut server = Server::start(Durability::Full).unwrap();
    let database = server.create_database().unwrap();
    server.sql(&database.name, "CREATE TABLE items (id BIGINT)").unwrap();
    server.sql(&database.name, "INSERT INTO items VALUES (7)").unwrap();
    server.stop_immediately();
    assert!(server.sql(&database.name, "SELECT id FROM items").is_err(), "it still runs");
    server.start_again().unwrap();
    assert_eq!(server.sql(&database.name, "SELECT id FROM items").unwrap(), "7");
    assert_eq!(server.sql(&database.name, "SHOW fsync").unwrap(), "on");
}

#[test]
fn a_paused_server_goes_on_where_it_was_and_can_be_stopped() {
    let mut server = Server::start(Durability::FastForTests).unwrap();
    server.pause().unwrap();
    server.resume().unwrap();
    assert_eq!(server.sql("postgres", "SELECT 7").unwrap(), "7");
    server.pause().unwrap();
    server.stop_immediately();
    server.start_again().unwrap();
    assert_eq!(server.sql("postgres", "SELECT 7").unwrap(), "7");
}

#[test]
fn nothing_is_left_behind_when_the_server_is_dropped() {
    let server = Server::start(Durability::FastForTests).unwrap();
    let files = server.files.clone();
    assert!(files.exists());
    drop(server);
    assert!(!files.exists());
}

#[test]
fn nothing_is_left_behind_when_the_test_is_killed() {
    let note = tempfile::NamedTempFile::new().unwrap();
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::a_server_to_be_killed_with_its_process"])
        .env(TO_BE_KILLED, note.path())
        .stdin(Stdio::null())
        // The shell has it too: it is closed when the last of them is gone.
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = killed.stdout.take().unwrap();
    killed.wait().unwrap();
    std::io::read_to_string(output).unwrap();
    let files = std::fs::read_to_string(note.path()).unwrap();
    assert!(files.contains("private-postgres-"), "no server was started: {files:?}");
    assert!(!std::path::Path::new(&files).exists(), "{files} is still there");
}

/// Only does something as a process of the test above.
#[test]
fn a_server_to_be_killed_with_its_process() {
    let Some(note) = std::env::var_os(TO_BE_KILLED) else {
        return;
    };
    let server = Server::start(Durability::FastForTests).unwrap();
    std::fs::write(note, server.files.to_str().unwrap()).unwrap();
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
}
