//! The configuration as an operator meets it: every key, every mistake, every layer.

mod layers;
mod mistakes;
mod reference;
mod reload;
mod secrets;

use std::ffi::OsString;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{ConfigError, Fault, Loaded, Sources};

/// Files in a directory that goes with them. The tests run in the crate's directory, which has no default file.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Loads one file.
fn load(text: &str) -> Result<Loaded, ConfigError> {
    let files = Files::new();
    Loaded::load(&Sources::default().file(files.write("server.toml", text)))
}

/// The problems of one file, which must have some, as lines that begin behind the file's name.
fn problems(text: &str) -> Vec<String> {
    let error = load(text).expect_err("the file has a mistake");
    let behind_name = |line: String| match line.split_once("server.toml:") {
        Some((_, rest)) => rest.to_owned(),
        None => line,
    };
    error.problems.iter().map(|problem| behind_name(problem.to_string())).collect()
}

fn variables(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// The keys whose values are wrong, in the order of the report.
fn wrong_keys(error: &ConfigError) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    for problem in &error.problems {
        if let Fault::WrongValue { key, .. } = problem.fault {
            wrong.push(key);
        }
    }
    wrong
}
