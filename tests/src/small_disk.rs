//! A small file system that those alone see who are let in. A test can fill it, and harms nobody else.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;
use tempfile::TempDir;

/// Mounts it, says so, and holds the namespace until nobody wants it any more.
const HOLD: &str = r#"mount -t tmpfs -o size="$0" none "$1" && echo mounted && exec cat"#;

/// The command that runs the one behind it where what it mounts harms nobody else.
#[must_use]
pub fn own_mounts() -> &'static [&'static str] {
    match geteuid().is_root() {
        true => &["unshare", "--mount"],
        // Who isn't root is root in a user namespace.
        false => &["unshare", "--mount", "--user", "--map-root-user"],
    }
}

/// In memory, in a mount namespace of its own. It is gone with this and the last process in it.
pub struct SmallDisk {
    directory: TempDir,
    holder: Child,
}

impl SmallDisk {
    /// Of so many bytes. `None` where the system lets this user mount nothing.
    ///
    /// # Panics
    /// When there is no directory to mount it at.
    #[must_use]
    pub fn mount(bytes: usize) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let (unshare, namespace) = own_mounts().split_first().expect("a command");
        let mut holder = Command::new(unshare)
            .args(namespace)
            .args(["sh", "-c", HOLD, &bytes.to_string()])
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let said = holder.stdout.take().and_then(|out| BufReader::new(out).lines().next());
        let disk = Self { directory, holder };
        matches!(said, Some(Ok(line)) if line == "mounted").then_some(disk)
    }

    /// Where it is, for those who are in.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The command that lets in the one behind it.
    #[must_use]
    pub fn entrance(&self) -> Vec<OsString> {
        let mut command = vec!["nsenter".to_owned(), "--mount".to_owned()];
        if !geteuid().is_root() {
            command.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        command.extend(["--target".to_owned(), self.holder.id().to_string()]);
        command.into_iter().map(Into::into).collect()
    }

    /// Takes all space that is left, to the last byte.
    ///
    /// # Panics
    /// When no file can be made there.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("it takes a file");
        let mut piece = vec![1; 1 << 20];
        while !piece.is_empty() {
            if ballast.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    /// Gives back what [`Self::fill`] took.
    ///
    /// # Panics
    /// When it took nothing.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    /// Seen from outside.
    fn ballast(&self) -> PathBuf {
        let inside = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        let path = self.path();
        inside.join(path.strip_prefix("/").unwrap_or(path)).join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
