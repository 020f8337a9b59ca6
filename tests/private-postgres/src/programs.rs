//! PostgreSQL's programs, and the user that they run as.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Where Debian has them, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Who runs the server when we are root, as which PostgreSQL refuses to run. The first one that is there.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Where the programs are and who they are run by.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    user: Option<User>,
}

#[derive(Debug, Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl Programs {
    /// Finds the newest ones.
    pub(crate) fn find() -> Result<Self> {
        let folder = debian().or_else(on_the_path).context(
            "PostgreSQL isn't installed: install Debian's package `postgresql`, or have `initdb` on the PATH",
        )?;
        let root = rustix::process::geteuid().is_root();
        let user = root.then(some_user).transpose()?;
        Ok(Self { folder, user })
    }

    /// One of them, without the settings that a person may have for their own PostgreSQL.
    pub(crate) fn command(&self, program: &str) -> Command {
        without_settings(Command::new(self.folder.join(program)))
    }

    /// One of them, run by somebody who isn't root.
    pub(crate) fn command_as_user(&self, program: &str) -> Command {
        let Some(user) = self.user else {
            return self.command(program);
        };
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", user.id)).arg(format!("--regid={}", user.group));
        command.args(["--clear-groups", "--"]).arg(self.folder.join(program));
        without_settings(command)
    }

    /// Makes a folder that of the user who runs the server.
    pub(crate) fn give_away(&self, folder: &Path) -> Result<()> {
        let Some(user) = self.user else {
            return Ok(());
        };
        chown(folder, Some(user.id), Some(user.group))
            .with_context(|| format!("{} can't be given away", folder.display()))
    }
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
    command
}

fn debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).ok()?.flatten();
    let number = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(number)?;
    has_programs(newest.join("bin"))
}

fn on_the_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find_map(has_programs)
}

/// The server and the maker of clusters; the client alone isn't enough.
fn has_programs(folder: PathBuf) -> Option<PathBuf> {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()).then_some(folder)
}

fn some_user() -> Result<User> {
    let found = USERS.iter().find_map(|name| {
        Some(User { id: number_of(name, "--user")?, group: number_of(name, "--group")? })
    });
    found.with_context(|| format!("none of the users {USERS:?} is there to run PostgreSQL"))
}

fn number_of(user: &str, which: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()?.trim().parse().ok())?
}
