//! Cargo, called from a test as a person would call it.

use std::process::Command;

/// What cargo tells the programs that it runs about their package.
const ABOUT_A_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// Takes from `command` what cargo told this test about its package. The build scripts of some crates (ring) look at
/// it, so a cargo that inherited it would build them again, and everything above them, for minutes.
pub fn as_a_person(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if ABOUT_A_PACKAGE.iter().any(|prefix| told.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}
