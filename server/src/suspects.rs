//! Packets that a panic was serving. A half-applied tick can't be trusted, so a panic ends the process; the packet
//! kind that it was serving is written down and refused from the next start on, until an operator lifts it, so that
//! one packet can't kill a server twice.

use std::io;
use std::path::{Path, PathBuf};

use game::Serving;

/// The file in the data directory: a line for each packet kind.
const FILE: &str = "suspects.txt";
/// Lines that are kept, the newest; a server that panics on a hundred kinds of packets has another problem.
const MAX_LINES: usize = 100;

/// The list of suspects on disk.
#[derive(Debug, Clone)]
pub struct Suspects {
    path: PathBuf,
}

/// The list can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SuspectsError {
    /// The system refused.
    #[error("the list of suspect packets {}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody has written something else into it.
    #[error(
        "the list of suspect packets {} isn't text; remove it, and no packet is refused", .0.display()
    )]
    NotText(PathBuf),
}

impl SuspectsError {
    fn of(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::InvalidData {
            Self::NotText(path)
        } else {
            Self::System { path, source }
        }
    }
}

impl Suspects {
    /// The list of the server whose data lies in `data_dir`.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE) }
    }

    /// The ids of the packets that are refused, in the order in which they fell under suspicion.
    ///
    /// # Errors
    /// When there is a list that can't be read.
    pub fn ids(&self) -> Result<Vec<u32>, SuspectsError> {
        let id = |line: &str| line.split_whitespace().next().and_then(|word| word.parse().ok());
        Ok(self.text()?.lines().filter_map(id).collect())
    }

    /// The list as a person reads it; empty when nothing is refused.
    ///
    /// # Errors
    /// When there is a list that can't be read.
    pub fn text(&self) -> Result<String, SuspectsError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(SuspectsError::of(&self.path, source)),
        }
    }

    /// Adds what a panic was serving.
    ///
    /// # Errors
    /// When the list can't be written.
    pub fn add(&self, serving: Serving) -> Result<(), SuspectsError> {
        let Serving { packet, account } = serving;
        let mut lines: Vec<String> = self.text()?.lines().map(str::to_owned).collect();
        lines.push(format!("{packet} sent by account {account}"));
        // The newest stays: without it the next start would meet the same packet again.
        lines.drain(..lines.len().saturating_sub(MAX_LINES));
        self.write(&lines)
    }

    /// Takes a packet kind off the list. False if it wasn't on it.
    ///
    /// # Errors
    /// When the list can't be read or written.
    pub fn lift(&self, id: u32) -> Result<bool, SuspectsError> {
        let lines: Vec<String> = self.text()?.lines().map(str::to_owned).collect();
        let first = |line: &String| line.split_whitespace().next().map(str::to_owned);
        let (lifted, kept): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| first(line) == Some(id.to_string()));
        if !lifted.is_empty() {
            self.write(&kept)?;
        }
        Ok(!lifted.is_empty())
    }

    fn write(&self, lines: &[String]) -> Result<(), SuspectsError> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // Whatever happens, the list is the old one or the new one.
        let new = self.path.with_added_extension("new");
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &self.path));
        written.map_err(|source| SuspectsError::of(&self.path, source))
    }
}

#[cfg(test)]
mod tests {
    use game::AccountId;

    use super::*;

    #[test]
    fn a_full_list_forgets_the_oldest_suspect() {
        let directory = tempfile::tempdir().unwrap();
        let suspects = Suspects::of(directory.path());
        let count = u32::try_from(MAX_LINES).unwrap() + 1;
        for packet in 0..count {
            let account = AccountId(9);
            suspects.add(Serving { packet, account }).unwrap();
        }
        let kept: Vec<u32> = (1..count).collect();
        assert_eq!(suspects.ids().unwrap(), kept);
    }

    #[test]
    fn a_list_that_isnt_text_is_said_so_with_the_way_out() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), [0xff]).unwrap();
        let problem = Suspects::of(directory.path()).ids().unwrap_err();
        assert!(problem.to_string().ends_with("remove it, and no packet is refused"), "{problem}");
    }

    #[test]
    fn a_list_that_cant_be_written_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let suspects = Suspects::of(directory.path());
        suspects.add(Serving { packet: 4, account: AccountId(9) }).unwrap();
        std::fs::create_dir(directory.path().join("suspects.txt.new")).unwrap();
        suspects.lift(4).unwrap_err();
        assert_eq!(suspects.ids().unwrap(), [4]);
    }

    #[test]
    fn a_suspect_is_refused_until_it_is_lifted() {
        let directory = tempfile::tempdir().unwrap();
        let suspects = Suspects::of(directory.path());
        assert!(suspects.ids().unwrap().is_empty());
        for packet in [4, 7] {
            suspects.add(Serving { packet, account: AccountId(9) }).unwrap();
        }
        assert_eq!(suspects.ids().unwrap(), [4, 7]);
        assert!(suspects.text().unwrap().contains("account 9"));
        assert!(suspects.lift(4).unwrap());
        assert!(!suspects.lift(4).unwrap());
        assert_eq!(suspects.ids().unwrap(), [7]);
    }
}
