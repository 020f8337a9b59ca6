//! Makes a running test build of the server fail where a test wants it to, and tells what has happened.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use server::failpoints::HITS;

use crate::server::PATIENCE;

/// How often a test that waits looks again.
const LOOK: Duration = Duration::from_millis(2);

/// The file that a test build of the server obeys; [`server::failpoints`] has its words.
#[derive(Debug, Clone)]
pub struct Failpoints {
    file: PathBuf,
}

impl Failpoints {
    pub(crate) const fn at(file: PathBuf) -> Self {
        Self { file }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// From now on this happens, and nothing else. The list of hits begins anew.
    ///
    /// # Panics
    /// When the file can't be written.
    pub fn arm(&self, plans: &str) {
        self.forget(&self.hits_file());
        // The server must never see half of it.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, plans).expect("the test's directory takes files");
        fs::rename(draft, &self.file).expect("the test's directory takes files");
    }

    /// From now on nothing happens.
    ///
    /// # Panics
    /// When the file can't be removed.
    pub fn disarm(&self) {
        self.forget(&self.file);
    }

    /// What has happened since [`Self::arm`]: a line for each time, the point's name first.
    ///
    /// # Panics
    /// When the list can't be read.
    #[must_use]
    pub fn hits(&self) -> Vec<String> {
        match fs::read_to_string(self.hits_file()) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until something has happened at one of the points.
    ///
    /// # Panics
    /// When it doesn't in time.
    pub fn wait_for(&self, points: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        let among = |hit: &String| hit.split(' ').next().is_some_and(|hit| points.contains(&hit));
        while !self.hits().iter().any(among) {
            assert!(Instant::now() < deadline, "nothing happens at {points:?}");
            thread::sleep(LOOK);
        }
    }

    fn hits_file(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(HITS);
        name.into()
    }

    fn forget(&self, file: &Path) {
        match fs::remove_file(file) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
}
