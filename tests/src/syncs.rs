//! What a server asks its system to bring to disk: watched by strace, and failing where a test wants it to.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// The calls that bring a file to disk. SQLite takes one or the other as it was built.
const CALLS: &str = "fsync,fdatasync";

/// The list of a server's syncs. Each stands in it before the server hears of it.
pub struct Syncs {
    directory: TempDir,
    /// The first that fails, counted in each thread from its beginning.
    fails_from: Option<u32>,
}

impl Syncs {
    /// Of a server whose disk is sound.
    ///
    /// # Panics
    /// When there is no directory for the list.
    #[must_use]
    pub fn watch() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        Self { directory, fails_from: None }
    }

    /// Of a server for whose every thread this sync, counted from 1, and all later ones fail with EIO.
    ///
    /// # Panics
    /// When there is no directory for the list.
    #[must_use]
    pub fn failing_from(first: u32) -> Self {
        Self { fails_from: Some(first), ..Self::watch() }
    }

    /// The command that the server's own is to follow. It stays beside the server, not before it.
    #[must_use]
    pub fn launcher(&self) -> Vec<String> {
        let list = self.list().display().to_string();
        let mut command: Vec<String> =
            ["strace", "-D", "-f", "-qq", "-o", &list, "-e"].map(Into::into).into();
        command.push(format!("trace={CALLS}"));
        if let Some(first) = self.fails_from {
            command.extend(["-e".to_owned(), format!("inject={CALLS}:error=EIO:when={first}+")]);
        }
        command
    }

    /// How many have brought something to disk so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.lines_with("= 0")
    }

    /// How many have failed so far.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.lines_with("(INJECTED)")
    }

    fn lines_with(&self, end: &str) -> usize {
        let list = fs::read_to_string(self.list()).unwrap_or_default();
        // The last line may be on its way.
        let whole = list.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter(|line| line.contains("sync") && line.ends_with(end)).count()
    }

    fn list(&self) -> PathBuf {
        self.directory.path().join("syncs")
    }
}
