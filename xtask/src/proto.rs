//! `cargo xtask proto`: generates what follows from the `.proto` files, in this repository or for a game with messages of
//! its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use protocol_build::Features;

/// Generate packet.proto, message_ids.txt and the tables of docs/protocol.md from the options of the messages.
///
/// With --with and --out: write the packet.proto of a game instead, whose clients also know the messages in its folders.
#[derive(Debug, clap::Args)]
pub(crate) struct Proto {
    /// Add the messages of all .proto files below this folder; may be given several times
    #[arg(long, value_name = "DIR", value_parser = absolute, requires = "out")]
    with: Vec<PathBuf>,
    /// Write the packet.proto of Realmbeat and these folders to this file, and nothing else
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    out: Option<PathBuf>,
}

/// Arguments mean the folder where the command was called; it runs in the repository's.
fn absolute(path: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}

impl Proto {
    /// Writes the files that aren't up to date, and names them.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(out) = self.out {
            let folders: Vec<&Path> = self.with.iter().map(PathBuf::as_path).collect();
            let envelope = Features::read(&folders)?.envelope();
            if let Some(folder) = out.parent() {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            std::fs::write(&out, envelope).with_context(|| out.display().to_string())?;
            println!("wrote {}", out.display());
            return Ok(ExitCode::SUCCESS);
        }
        for file in protocol_build::generated_files()? {
            if file.is_stale()? {
                file.write()?;
                println!("wrote {}", file.path);
            } else {
                println!("{} is up to date", file.path);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
