//! The file of a test: read when it has changed, and a list of what came of it beside it.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::plan::{self, Action, Plan};

/// The file, as it was read last.
pub(super) struct Control {
    path: PathBuf,
    /// What `plans` were read from; `None` when there was no file.
    read: Option<Identity>,
    plans: Vec<Plan>,
}

/// Number, length and time of change: another file, or the same with other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        let changed = (file.mtime(), file.mtime_nsec());
        Self { inode: file.ino(), length: file.len(), changed }
    }
}

impl Control {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, read: None, plans: Vec::new() }
    }

    /// The server has come to `point`: what is to happen there. It stands in the list of hits before it happens.
    ///
    /// # Errors
    /// When the file can't be read or has a mistake, or the list can't be written.
    pub(super) fn reach(&mut self, point: &str) -> Result<Option<Action>, String> {
        self.refresh()?;
        let mut due = None;
        for plan in &mut self.plans {
            if plan.is_due(point) {
                due = Some((
                    plan.action,
                    plan.is_news().then(|| format!("{point} {}\n", plan.words)),
                ));
            }
        }
        let Some((action, line)) = due else { return Ok(None) };
        if let Some(line) = line {
            self.append(&line).map_err(|error| error.to_string())?;
        }
        Ok(Some(action))
    }

    /// A file that isn't there asks for nothing.
    fn refresh(&mut self) -> Result<(), String> {
        let now = std::fs::metadata(&self.path).ok().as_ref().map(Identity::of);
        if now == self.read {
            return Ok(());
        }
        let text = match now {
            Some(_) => std::fs::read_to_string(&self.path).map_err(|error| error.to_string())?,
            None => String::new(),
        };
        self.plans = plan::read(&text)?;
        self.read = now;
        Ok(())
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut hits = self.path.clone().into_os_string();
        hits.push(super::HITS);
        OpenOptions::new().create(true).append(true).open(hits)?.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_again_when_it_changes_and_what_happened_is_listed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control");
        let mut control = Control::new(path.clone());
        assert_eq!(control.reach("reader.asked"), Ok(None));
        std::fs::write(&path, "reader.asked = delay(0)\nbroken.two-clocks = on\n").unwrap();
        for _ in 0..2 {
            assert!(matches!(control.reach("reader.asked"), Ok(Some(Action::Delay(_)))));
            assert_eq!(control.reach("broken.two-clocks"), Ok(Some(Action::On)));
        }
        assert_eq!(control.reach("broken.confirm-first"), Ok(None));
        std::fs::write(&path, "reader.asked = nothing\n").unwrap();
        assert!(control.reach("reader.asked").is_err());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(control.reach("broken.two-clocks"), Ok(None));
        let hits = std::fs::read_to_string(directory.path().join("control.hits")).unwrap();
        let once = "broken.two-clocks on\n";
        assert_eq!(hits, format!("reader.asked delay(0)\n{once}reader.asked delay(0)\n"));
    }
}
