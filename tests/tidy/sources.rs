//! What holds for each source file: it says what it is for, it is short, and it stays in its layer.

use super::functions::functions;
use super::{File, assert_none, files};

/// Lines of a file, at most: what one sitting can take in.
const FILE_LINES: usize = 500;
/// Lines of a function, at most: what one screen shows.
const FUNCTION_LINES: usize = 70;
/// Lines of THE LOOP, at most.
const LOOP_LINES: usize = 30;

fn sources() -> impl Iterator<Item = File> {
    files().into_iter().filter(File::is_rust)
}

/// Where a line of a program outside of `home` says one of `words`.
fn said_outside(home: &str, inside: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources() {
        let concerned = inside.iter().any(|folder| file.path.starts_with(folder));
        if !concerned || file.is_test() || file.path.starts_with(home) {
            continue;
        }
        for (number, line) in file.program() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    found
}

#[test]
fn every_source_file_begins_with_what_it_is_for() {
    let silent = sources().filter(|file| !file.text.starts_with("//! "));
    assert_none(
        "Begin these files with a `//! ` sentence that a player or an operator understands:",
        silent.map(|file| file.path).collect(),
    );
}

#[test]
fn no_source_file_is_too_long_for_one_sitting() {
    let long = sources().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES).then(|| format!("{}: {lines} lines", file.path))
    });
    assert_none(
        &format!("Split these files, each part doing one thing, below {FILE_LINES} lines:"),
        long.collect(),
    );
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let long = sources().flat_map(|file| {
        let long = functions(&file.text)
            .into_iter()
            .filter(|function| function.lines > FUNCTION_LINES)
            .map(|function| {
                let (line, name) = (function.line, function.name);
                format!("{}:{line}: {name} has {} lines", file.path, function.lines)
            });
        long.collect::<Vec<_>>()
    });
    assert_none(
        &format!(
            "Name the steps of these functions, so that each has at most {FUNCTION_LINES} lines:"
        ),
        long.collect(),
    );
}

#[test]
fn the_loop_fits_on_one_screen() {
    let file = sources()
        .find(|file| file.path == "server/src/event_loop.rs")
        .expect("THE LOOP is in server/src/event_loop.rs");
    let run = functions(&file.text)
        .into_iter()
        .find(|function| function.name == "run")
        .expect("THE LOOP is a function named run");
    assert!(
        run.lines <= LOOP_LINES,
        "{}:{}: THE LOOP has {} lines; at most {LOOP_LINES}, a phase each",
        file.path,
        run.line,
        run.lines
    );
}

#[test]
fn sql_lives_in_the_store_alone() {
    let programs = ["protocol/", "game/", "server/", "client-bot/", "xtask/"];
    let words = [
        "rusqlite",
        "refinery::",
        "postgres::",
        "SELECT ",
        "INSERT INTO ",
        "DELETE FROM ",
        "PRAGMA ",
    ];
    assert_none(
        "Ask the store for this (server/src/store.rs) and write the SQL in server/src/store/:",
        said_outside("server/src/store", &programs, &words),
    );
}

#[test]
fn nats_lives_in_the_bus_alone() {
    let programs = ["protocol/", "game/", "server/", "client-bot/", "xtask/"];
    assert_none(
        "Send this through the bus (server/src/bus.rs), which alone knows NATS:",
        said_outside("server/src/bus", &programs, &["async_nats::"]),
    );
}

#[test]
fn nothing_outside_of_the_server_is_unsafe() {
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
    let programs = ["protocol/", "game/", "client-bot/", "tests/", "xtask/"];
    // The words are in this file.
    let found = said_outside("tests/tidy", &programs, &words);
    assert_none("Do this without `unsafe`, or in the server:", found);
}

#[test]
fn the_game_has_no_clock_no_socket_no_file_no_thread_and_no_order_by_chance() {
    let words = [
        "HashMap",
        "HashSet",
        "Instant",
        "SystemTime",
        "std::net",
        "std::fs",
        "std::thread",
        "std::env",
        "rand::rng()",
    ];
    assert_none(
        "The same inputs must give the same world: pass this to the game as an `Input`, or use a BTreeMap or a Lookup:",
        said_outside("game/src/lookup.rs", &["game/src/"], &words),
    );
}

#[test]
fn no_file_knows_where_somebody_works() {
    // In two parts, or this file would be found.
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut found = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(
        "These paths are on one machine only; name them from the root of the repository:",
        found,
    );
}
