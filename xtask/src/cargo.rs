//! Cargo, called the way the rest of the repository was built: with the same toolchain and the same target directory.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// What cargo tells the programs that it runs about their package.
const ABOUT_A_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// A call of the cargo that runs us, as if a person had typed it: the build scripts of some crates (ring) look at
/// what cargo told us about our package, and would build for minutes because it differs.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if ABOUT_A_PACKAGE.iter().any(|prefix| told.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// Where cargo puts what it builds, whatever environment and settings say about it.
///
/// # Errors
/// When cargo doesn't tell.
pub(crate) fn target_directory() -> anyhow::Result<PathBuf> {
    let told = cargo(&["metadata", "--format-version=1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("can't run cargo")?;
    ensure!(told.status.success(), "cargo metadata failed");
    let metadata: serde_json::Value = serde_json::from_slice(&told.stdout)?;
    let directory = metadata["target_directory"].as_str();
    Ok(directory.context("cargo names no target directory")?.into())
}
