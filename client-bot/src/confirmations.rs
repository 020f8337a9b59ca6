//! The bots' own list of what the server confirmed, on disk before it counts as seen: what a crash test holds the
//! server's database against.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::bot::event::{Confirmation, Purse};

/// A file with a line per confirmation: `<character> <item> gained <quantity>` or `<character> <item> lost 0`, and for a
/// purse `<character> gold <amount>`, which is all that it holds.
///
/// A line is on disk before the swarm counts the confirmation, so that the list never knows less than a player
/// who was told. A quantity that changes is told as `gained` with the new quantity.
#[derive(Debug)]
pub struct Confirmations {
    file: File,
    batch: Vec<u8>,
    waiting: u64,
}

impl Confirmations {
    /// Appends to the file at `path`, which is made if it isn't there.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, batch: Vec::new(), waiting: 0 })
    }

    /// Takes a confirmation into the batch of this pass.
    pub fn push(&mut self, confirmation: Confirmation) {
        let Confirmation { character, item, quantity } = confirmation;
        let what = if quantity == 0 { "lost" } else { "gained" };
        // Writing to memory doesn't fail.
        let _ = writeln!(self.batch, "{character} {item} {what} {quantity}");
        self.waiting += 1;
    }

    /// Takes what a purse holds into the batch of this pass.
    pub fn push_purse(&mut self, purse: Purse) {
        let Purse { character, gold } = purse;
        // Writing to memory doesn't fail.
        let _ = writeln!(self.batch, "{character} gold {gold}");
        self.waiting += 1;
    }

    /// Makes the batch durable, and returns how many confirmations it held. One sync per pass of the loop.
    ///
    /// # Errors
    /// When the disk fails; then nothing of the batch counts as seen, and the run must stop.
    pub fn sync(&mut self) -> io::Result<u64> {
        if self.waiting == 0 {
            return Ok(0);
        }
        self.file.write_all(&self.batch)?;
        self.file.sync_data()?;
        self.batch.clear();
        Ok(std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_in_the_file_once_it_counts_and_a_second_run_appends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for quantity in [2, 0] {
            let mut list = Confirmations::open(file.path()).unwrap();
            list.push(Confirmation { character: 1, item: 9, quantity });
            list.push_purse(Purse { character: 1, gold: 70 });
            assert_eq!(list.sync().unwrap(), 2);
            assert_eq!(list.sync().unwrap(), 0);
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text, "1 9 gained 2\n1 gold 70\n1 9 lost 0\n1 gold 70\n");
    }
}
