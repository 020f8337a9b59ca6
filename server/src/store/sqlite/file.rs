//! A database's file and the write-ahead log beside it. Whether they belong together is looked at before SQLite sees
//! them: it deletes the log beside an empty file, even of a connection that only reads, and plays a log that another
//! database left into whatever has the name now.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;

use crate::store::OpenError;

use super::log_mark::{NEEDS_LOG, WHOLE};

/// Where a database's header says which kind of journal it has been written with (SQLite's file format, section 1.3.3),
/// and what stands there without a log: in a backup, not in what a server has used.
const WRITE_VERSION: usize = 18;
const WITHOUT_LOG: u8 = 1;
/// Where it has its [mark](super::log_mark), four bytes, the highest first.
const MARK: usize = 60;
/// Looks at a file and its log before one is missed: a server that starts changes both.
const LOOKS: u32 = 2;
/// Bytes of the log that are written again at a time.
const LOG_CHUNK: usize = 1 << 20;

/// What a file's own first page says, which isn't the newest one: that may be in the log.
pub(super) struct Header {
    is_empty: bool,
    /// Whether it was written without a log, as a backup is.
    is_without_log: bool,
    /// Whether it has the [mark](super::log_mark) of a file that isn't whole.
    pub(super) needs_log: bool,
}

impl Header {
    /// # Errors
    /// When it can't be read.
    pub(super) fn read(file: &File) -> io::Result<Self> {
        let mut bytes = [0; MARK + 4];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) => return Err(problem),
            }
        }
        let mark = bytes.last_chunk().map_or(WHOLE, |mark| i32::from_be_bytes(*mark));
        let is_without_log = bytes[WRITE_VERSION] == WITHOUT_LOG;
        // A copy that another program has made without a log is whole, whatever the moment says that it was made in.
        let needs_log = mark == NEEDS_LOG && !is_without_log;
        Ok(Self { is_empty: read == 0, is_without_log, needs_log })
    }

    /// Whether it can't be that of a file which a server has open.
    pub(super) const fn is_anothers(&self) -> bool {
        self.is_empty || self.is_without_log
    }
}

/// Opens the file to read its [`Header`] while SQLite has it: before the first connection, and to be closed after the last
/// one, since closing it drops SQLite's locks (fcntl(2)). A pipe isn't waited for.
pub(super) fn open_beside(path: &Path) -> Result<File, OpenError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::NOENT) => Err(OpenError::Missing { place: path.into() }),
        Err(problem) => Err(OpenError::Access { place: path.into(), source: problem.into() }),
    }
}

/// The path without symbolic links: that is where SQLite looks for the log, and where the lock has one name.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The file with `more` behind its name.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Whether a database could have such a file beside it: its log, the log's index, the journal of other modes, the lock.
pub(in crate::store) fn is_reserved(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    ["-wal", "-shm", "-journal", ".lock"].iter().any(|end| name.ends_with(end.as_bytes()))
}

/// Makes an empty file if there is none, and says whether. Its owner alone can read it, since it will hold password hashes;
/// SQLite gives the files beside it the same mode. One that is there keeps its mode.
pub(super) fn provide(path: &Path) -> Result<bool, OpenError> {
    if !path.exists() {
        look(path)?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(true),
        Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(OpenError::Directory { place: path.into(), source }),
    }
}

/// Refuses what isn't a file, and one that has another name, or is bound to another place: the log and the lock lie beside
/// the one that was used, and whoever takes the other sees an older world, or writes into the same file with a second log.
pub(super) fn refuse_odd_file(path: &Path) -> Result<(), OpenError> {
    let about =
        path.metadata().map_err(|source| OpenError::Access { place: path.into(), source })?;
    let detail = if !about.is_file() {
        "not a file; name one in store.url"
    } else if about.nlink() > 1 {
        "the file has more than one name (hard links), and its write-ahead log lies beside one of them; \
         copy it, and its -wal, to a directory of its own, or delete the other names"
    } else if is_mounted_alone(path) {
        "the file is mounted alone, so that its write-ahead log can't lie beside it wherever it is seen; \
         mount the directory that it is in"
    } else {
        return Ok(());
    };
    Err(OpenError::Address { place: path.into(), detail: detail.to_owned() })
}

/// Whether something is mounted at the path: of a file, that it is bound here from another directory.
fn is_mounted_alone(path: &Path) -> bool {
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Looks at a file and its log before SQLite does. Refuses a file without the log that it needs, and one beside which the
/// log of another one lies: its own was lost, or a backup was put in its place. Not to be called where this process has a
/// connection to it: closing the file here would drop SQLite's locks (fcntl(2)), and whoever else looks at the database
/// would delete its log.
pub(super) fn look(path: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Access { place: path.into(), source };
    let mut looks = LOOKS;
    let detail = loop {
        // In this order: a server that starts has something in its log before it marks the file.
        let has_log = match log_of(path).metadata() {
            Ok(log) => log.len() > 0,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => false,
            Err(problem) => return Err(unusable(problem)),
        };
        looks -= 1;
        match File::open(path).and_then(|file| Header::read(&file)) {
            Ok(header) if has_log && header.is_empty => {
                break "the file is empty, but not the write-ahead log beside it";
            }
            Ok(header) if has_log && header.is_without_log => {
                break "the write-ahead log beside it isn't its own";
            }
            Ok(header) if header.needs_log && !has_log => {
                if looks == 0 {
                    return Err(OpenError::NoLog { place: path.into() });
                }
            }
            Ok(_) => return Ok(()),
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                return Err(unusable(problem));
            }
            Err(_) if has_log => {
                break "the file is gone, but not the write-ahead log beside it, which belongs to it: put it back if you can";
            }
            Err(_) => return Ok(()),
        }
    };
    Err(OpenError::Corrupt { place: path.into(), detail: detail.to_owned() })
}

/// The write-ahead log of the database at `path`, if it has one.
fn log_of(path: &Path) -> PathBuf {
    beside(&real(path), "-wal")
}

/// Writes the log that an earlier start left over itself, and syncs it. If that start ended because a sync had failed, what
/// couldn't be written may be in the system's memory alone and be called clean there: SQLite would find it valid and
/// go on behind it, the next sync would leave it out and succeed, and with the power all of it would be gone. Nobody may
/// write to the database meanwhile.
pub(super) fn write_log_again(path: &Path) -> io::Result<()> {
    let log = match OpenOptions::new().read(true).write(true).open(log_of(path)) {
        Ok(log) => log,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let mut chunk = vec![0; LOG_CHUNK];
    let mut at = 0;
    loop {
        let read = log.read_at(&mut chunk, at)?;
        if read == 0 {
            break;
        }
        log.write_all_at(&chunk[..read], at)?;
        at += read as u64;
    }
    if at > 0 { log.sync_all() } else { Ok(()) }
}

/// Which file a name leads to, however often it is moved or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    path: PathBuf,
    device: u64,
    number: u64,
}

impl Identity {
    /// # Errors
    /// When there is none, or it can't be reached.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let about = path.metadata()?;
        Ok(Self { path: path.to_owned(), device: about.dev(), number: about.ino() })
    }

    /// Whether the name still leads there. A disk that doesn't answer is no reason to think that it doesn't.
    pub(super) fn holds(&self) -> bool {
        match Self::of(&self.path) {
            Ok(now) => now == *self,
            Err(problem) => problem.kind() != io::ErrorKind::NotFound,
        }
    }
}
