//! What the documents name exists.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, assert_none, files};
use tests::server::repository;

/// Lines of the map, at most: longer ones aren't read.
const ARCHITECTURE_LINES: usize = 250;
/// What a file's name ends with when a document means a file of this repository.
const OUR_FILES: [&str; 5] = [".rs", ".toml", ".proto", ".sql", ".md"];

/// Those that people read: at the root and in docs/. A change log tells of files that may be gone.
fn documents(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| {
        let ours = !file.path.contains('/') || file.path.starts_with("docs/");
        ours && file.path.ends_with(".md") && file.path != "CHANGELOG.md"
    })
}

/// The lines of a document outside of its blocks of code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        (!fence && !in_code).then_some((number + 1, line))
    })
}

/// What stands in backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Where links lead, unless out of the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split('#').next().unwrap_or(target)).filter(|target| {
        !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
    })
}

/// The path that a span names, if it looks like one of ours.
fn named_path<'a>(span: &'a str, folders: &BTreeSet<&str>) -> Option<&'a str> {
    let strange = |c: char| c.is_whitespace() || "<>{}*$()=\"'|".contains(c);
    if span.contains(strange) {
        return None;
    }
    // `server/src/net.rs:12` and `server/src/net.rs::Network` name a file as well.
    let path = span.split(':').next().unwrap_or(span);
    let (first, rest) = path.split_once('/')?;
    (folders.contains(first) && first != "target" && !rest.is_empty()).then_some(path)
}

#[test]
fn the_files_that_documents_name_exist() {
    let files = files();
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|file| Some(file.path.split_once('/')?.0)).collect();
    let names: BTreeSet<&str> =
        files.iter().map(|file| file.path.rsplit('/').next().unwrap_or(&file.path)).collect();
    let root = repository();
    let mut wrong = Vec::new();
    for document in documents(&files) {
        for (number, line) in prose(&document.text) {
            for span in spans(line) {
                let is_name = OUR_FILES.iter().any(|end| span.ends_with(end))
                    && !span.contains(|c: char| c == '/' || c == '*' || c.is_whitespace());
                let missing = match named_path(span, &folders) {
                    Some(path) => !root.join(path).exists(),
                    None => is_name && !names.contains(span),
                };
                if missing {
                    wrong.push(format!("{}:{number}: {span}", document.path));
                }
            }
        }
    }
    assert_none("These documents name files that don't exist:", wrong);
}

#[test]
fn the_links_in_documents_lead_somewhere() {
    let files = files();
    let root = repository();
    let mut wrong = Vec::new();
    for document in documents(&files) {
        let folder = Path::new(&document.path).parent().unwrap_or_else(|| Path::new(""));
        for (number, line) in prose(&document.text) {
            for target in links(line).filter(|target| !root.join(folder).join(target).exists()) {
                wrong.push(format!("{}:{number}: {target}", document.path));
            }
        }
    }
    assert_none("These links lead nowhere:", wrong);
}

#[test]
fn the_map_stays_a_map() {
    for document in documents(&files()).filter(|document| document.path == "ARCHITECTURE.md") {
        let lines = document.text.lines().count();
        assert!(
            lines <= ARCHITECTURE_LINES,
            "ARCHITECTURE.md has {lines} lines; move what isn't map or invariant to docs/"
        );
    }
}

#[test]
fn paths_are_told_from_other_words() {
    let folders = BTreeSet::from(["server", "game"]);
    let path = |span| named_path(span, &folders);
    assert_eq!(path("server/src/net.rs:12"), Some("server/src/net.rs"));
    assert_eq!(path("game/src/modules/"), Some("game/src/modules/"));
    for other in [
        "and/or",
        "server",
        "game/src/modules/<feature>.rs",
        "cargo run -p server/x",
        "target/release/x",
    ] {
        assert_eq!(path(other), None, "{other}");
    }
    let text = "see `a/b` and [c](d/e.md#f), [g](https://h)\n```sh\n`not/this`\n```\n`i`";
    let lines: Vec<_> = prose(text).collect();
    assert_eq!(lines.iter().map(|line| line.0).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(spans(lines[0].1).collect::<Vec<_>>(), ["a/b"]);
    assert_eq!(links(lines[0].1).collect::<Vec<_>>(), ["d/e.md"]);
}
