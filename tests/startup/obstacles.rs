//! What keeps a server from starting although nobody wrote anything wrong.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use tests::server::{ServerSetup, binary, copy_directory, repository};

use super::{complaint, refused};

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let line = refused(&ServerSetup::new().listen(address));
    assert!(line.contains(&format!("{address} is in use")), "{line}");
}

#[test]
fn an_address_of_another_machine_is_named() {
    let line = refused(&ServerSetup::new().listen("192.0.2.1:7777"));
    assert!(line.contains("192.0.2.1:7777 is no address of this machine"), "{line}");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let setup = ServerSetup::new();
    let file = setup.data_dir().join("a file");
    std::fs::write(&file, "").unwrap();
    let inside = file.join("data");
    let line = refused(&setup.data_at(&inside));
    assert!(line.contains(&inside.display().to_string()), "{line}");
    assert!(line.contains("can't be made"), "{line}");
}

/// Root may write everywhere, so it starts the server as nobody, who can read a copy of what the server needs.
#[test]
fn a_data_directory_that_is_read_only_is_named() {
    let setup = ServerSetup::new();
    let home = setup.data_dir();
    std::fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    let (server, content, data) = (home.join("server"), home.join("content"), home.join("data"));
    std::fs::copy(binary("realmbeat-server"), &server).unwrap();
    copy_directory(&repository().join("tests/arena"), &content);
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();

    let mut command = std::process::Command::new(server);
    if rustix::process::getuid().is_root() {
        // nobody
        command.uid(65_534).gid(65_534);
    }
    command
        .current_dir("/")
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .args(["--set", &format!("world.content={}", content.display())]);
    let line = complaint(&command.output().unwrap(), 1);
    assert!(line.contains(&data.display().to_string()), "{line}");
    assert!(line.contains("can't be written"), "{line}");
}

#[test]
fn a_database_of_a_newer_server_is_left_alone() {
    let setup = ServerSetup::new();
    assert!(setup.start().stop().success());
    let database = rusqlite::Connection::open(setup.database()).unwrap();
    let newer = "INSERT INTO refinery_schema_history SELECT 999, name, applied_on, checksum \
                 FROM refinery_schema_history WHERE version = 1";
    assert_eq!(database.execute(newer, ()).unwrap(), 1);
    database.close().unwrap();
    let line = refused(&setup);
    assert!(line.contains("realmbeat.sqlite3: written by a newer server (schema 999"), "{line}");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let setup = ServerSetup::new();
    std::fs::write(setup.database(), "a letter to somebody\n".repeat(500)).unwrap();
    let line = refused(&setup);
    assert!(line.contains("not a Realmbeat database"), "{line}");
    assert!(std::fs::read(setup.database()).unwrap().starts_with(b"a letter"));
}

#[test]
fn a_database_in_use_is_named_with_the_process_that_has_it_and_that_one_plays_on() {
    let setup = ServerSetup::new();
    let server = setup.start();
    let (mut ada, _) = tests::client::Client::enter(server.address, "ada", "Ada");
    let line = refused(&setup);
    assert!(line.contains(&format!("in use by process {}", server.pid())), "{line}");
    let output = setup.run(&["rank", "Ada", "admin"]);
    let line = complaint(&output, 1);
    assert!(line.contains("in use by process"), "{line}");
    ada.ping();
}

#[test]
fn more_sessions_than_descriptors_are_refused_with_what_would_fit() {
    let setup = ServerSetup::new().descriptors(1000);
    let line = refused(&setup);
    assert!(line.contains("10000 sessions need 10256 descriptors"), "{line}");
    assert!(line.contains("max_sessions to 744 or less"), "{line}");
    let mut server = setup.set("network.max_sessions", 744).start();
    assert!(server.stop().success());
}
