//! Faults at every step between a value operation and its confirmation, in a test build of the server.

#![allow(
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "tests say how far they are, and look at what they wait for"
)]

mod deed;
mod faults;
mod fold;
mod operations;
mod pairs;
mod player;
mod stage;
mod world;

use server::failpoints::ALL;
use tests::server::{binary, repository};

/// The sources of the server, but for the list of points itself.
fn sources() -> String {
    let mut folders = vec![repository().join("server/src")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("failpoints") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.ends_with("failpoints.rs")
            {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_point_of_the_list_is_at_one_place_of_the_sources_and_no_other_is() {
    let sources = sources();
    for point in ALL {
        let name = format!("(\"{}\")", point.name);
        let calls = ["pass", "meet", "is_on"].map(|call| format!("failpoints::{call}{name}"));
        let places: usize = calls.iter().map(|call| sources.matches(call).count()).sum();
        assert_eq!(places, 1, "{} is at {places} places", point.name);
    }
    assert_eq!(sources.matches("failpoints::").count(), 1 + ALL.len(), "one that is in no list");
}

#[test]
fn the_server_for_players_has_no_point_at_all() {
    let of = |name| {
        let program = std::fs::read(binary(name)).unwrap();
        String::from_utf8_lossy(&program).into_owned()
    };
    let (players, breakable) = (of("realmbeat-server"), of("realmbeat-server-failpoints"));
    for point in ALL {
        assert!(!players.contains(point.name), "{}", point.name);
        assert!(breakable.contains(point.name), "{}", point.name);
    }
}
