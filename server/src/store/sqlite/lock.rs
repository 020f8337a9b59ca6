//! One process owns a database: an exclusive lock on a file beside it, which the system gives back however the
//! process ends.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::store::OpenError;

use super::file::{beside, real};

/// Held for as long as the database is in use.
pub(super) struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes the lock of the database at `path`, or says who has it. Makes the directory if need be.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory { place: path.into(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(unusable)?;
        }
        let name = lock_path(&real(path));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&name)
            .map_err(|source| {
                match name.exists() && source.kind() != ErrorKind::ReadOnlyFilesystem {
                    true => OpenError::Beside { file: name.clone(), source },
                    false => unusable(source),
                }
            })?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(OpenError::InUse { place: path.into(), holder: holder(&mut file) });
            }
            Err(problem) => return Err(unusable(problem.into())),
        }
        // Only a courtesy to whoever comes next; the lock holds without it.
        let _ = sign(&mut file);
        Ok(Self { file })
    }
}

impl Drop for FileLock {
    /// Given back expressly: closing the file isn't enough while a process that was just forked still shares it.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// The lock can't be on the database itself: SQLite uses locks of its own there.
fn lock_path(path: &Path) -> PathBuf {
    beside(path, ".lock")
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match (read, text.parse::<u32>()) {
        (Ok(_), Ok(process)) => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}
