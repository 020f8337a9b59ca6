//! docs/first-module.md as its reader follows it: what it shows is built and tested, and what it says to type works.

use std::path::Path;
use std::process::Command;

use tests::cargo::as_a_person;
use tests::client::Client;
use tests::server::{TOKEN_SECRET, repository};

use crate::example_process::{ExampleProcess, build};

/// Where the code of the page comes from; both are built, and their tests run with all others.
const SOURCES: [&str; 2] = ["server/examples/first_module.rs", "game/src/record.rs"];

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// The fenced blocks of the page in this language.
fn blocks(language: &str) -> Vec<String> {
    let page = read("docs/first-module.md");
    let fence = format!("```{language}\n");
    let rest = page.split(&fence).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Without indentation: the page shows methods that stand inside of an `impl`.
fn flat(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_code_that_first_module_shows_is_code_that_is_tested() {
    let sources = SOURCES.map(|path| flat(&read(path)));
    let shown = blocks("rust");
    assert!(shown.len() > 5, "the page has lost its code");
    for block in shown {
        let found = sources.iter().any(|source| source.contains(flat(&block).trim()));
        assert!(found, "docs/first-module.md shows what is in none of {SOURCES:?}:\n{block}");
    }
    let lines = read(SOURCES[0]).lines().count();
    for page in ["docs/first-module.md", "README.md"] {
        assert!(read(page).contains(&format!("{lines} lines")), "{page}: it is {lines} lines long");
    }
}

#[test]
fn a_crate_of_ones_own_has_all_that_the_example_uses() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(repository(), folder.path().join("realmbeat")).unwrap();
    let mine = folder.path().join("my-world");
    let example = read(SOURCES[0]);
    std::fs::create_dir_all(mine.join("src")).unwrap();
    std::fs::write(mine.join("src/main.rs"), &example).unwrap();
    std::fs::write(mine.join("Cargo.lock"), read("Cargo.lock")).unwrap();
    let [dependencies] = &blocks("toml")[..] else { panic!("one manifest is shown") };
    // What `cargo new` writes.
    let package = "[package]\nname = \"my-world\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    std::fs::write(mine.join("Cargo.toml"), format!("{package}{dependencies}")).unwrap();

    let mut tree = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    tree.args(["tree", "--offline", "--quiet", "--depth", "1", "--prefix", "none"]);
    let output = as_a_person(&mut tree).current_dir(&mine).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in example.lines().filter_map(|line| line.strip_prefix("use ")) {
        let used = line.split("::").next().unwrap();
        let there = found.lines().any(|line| line.starts_with(&format!("{used} v")));
        assert!(there, "{used} isn't among the dependencies that the page names:\n{found}");
    }
}

#[test]
fn the_command_of_the_first_module_answers_a_guide() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("first-world");
    let content = format!("world.content={}", repository().join("config/content").display());
    let secret = format!("auth.token_secret={TOKEN_SECRET}");
    let flags = ["--data-dir", data.to_str().unwrap(), "--set", &content, "--set", &secret];
    let visit = |line: &str| {
        let server = ExampleProcess::start_with("first_module", &flags);
        let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
        ada.command(line)
    };
    // Without a rank it is no command at all; the character is there from now on.
    assert!(!visit("kills Ada").starts_with('0'));
    let ranked = Command::new(build("first_module"))
        .args(flags)
        .args(["rank", "Ada", "guide"])
        .current_dir(Path::new(&repository()))
        .status()
        .unwrap();
    assert!(ranked.success());
    assert_eq!(visit("kills Ada"), "0");
}
