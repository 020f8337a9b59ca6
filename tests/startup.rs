//! What an operator meets at the start and the end of a server: one clear line for what is wrong, the right exit code,
//! a configuration that can be looked at and read again, and an end that everybody is told of.

use std::process::{Command, Output};

use tests::server::ServerSetup;

mod configuration;
mod ends;
mod log;
mod obstacles;

/// What an exit code of 78 (`EX_CONFIG` of sysexits.h) means: a file that a person wrote is wrong.
const WRONG_CONFIGURATION: i32 = 78;

/// The one line that says why the server didn't start, behind this exit code.
fn complaint(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(output.stdout.is_empty(), "it was never ready: {output:?}");
    let said = text.lines().filter(|line| line.starts_with("realmbeat-server: "));
    let [line] = said.collect::<Vec<_>>()[..] else { panic!("more or less than one line: {text}") };
    line.to_owned()
}

/// The complaint of a setup that can't start, for another reason than its configuration.
fn refused(setup: &ServerSetup) -> String {
    complaint(&setup.run(&[]), 1)
}

/// The server without any flags of the tests.
fn bare() -> Command {
    Command::new(tests::server::binary("realmbeat-server"))
}
