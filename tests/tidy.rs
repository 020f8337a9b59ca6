//! The repository keeps its own rules: what no lint holds about sources, documents and crates is held here.

mod documents;
mod functions;
mod generated;
mod layers;
mod locked;
mod sources;

use std::path::{Path, PathBuf};

use tests::server::repository;

/// Folders that builds, servers and editors fill.
const NOT_OURS: [&str; 3] = ["target", "data", "out"];
/// The folders with a dot that are ours.
const OURS_WITH_A_DOT: [&str; 2] = [".ci", ".cargo"];

/// A text file of the repository.
pub(crate) struct File {
    /// From the root of the repository, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// True if nothing of it is in a program: a test, or what tests need.
    pub(crate) fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.contains(&"tests") || parts.last() == Some(&"tests.rs")
    }

    /// The lines of the program with their numbers from 1: neither comments nor a module of tests at the end.
    pub(crate) fn program(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = || self.text.lines().enumerate();
        let is_test_module = |(_, line): &(usize, &str)| line.trim() == "#[cfg(test)]";
        let end = lines()
            .zip(self.text.lines().skip(1))
            .find(|(line, next)| is_test_module(line) && next.trim_end().ends_with('{'))
            .map_or(usize::MAX, |((number, _), _)| number);
        lines()
            .take(end)
            .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or(line)))
    }
}

/// All text files of the repository, sorted by path.
pub(crate) fn files() -> Vec<File> {
    let root = repository();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository isn't at {}", root.display());
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let hidden = name.starts_with('.') && !OURS_WITH_A_DOT.contains(&name.as_str());
            if !hidden && !NOT_OURS.contains(&name.as_str()) {
                collect(root, &path, found);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap().to_str().unwrap();
            // In a worktree `.git` is a file.
            if path != ".git" {
                found.push(File { path: path.to_owned(), text });
            }
        }
    }
}

/// Fails with all of them, each with what to do.
pub(crate) fn assert_none(what_to_do: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{what_to_do}\n  {}\n", wrong.join("\n  "));
}
