//! What an operator does with a database by hand: prove it, read histories, bring it up to date, keep it and move it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use game::{ItemId, Rank};
use tracing::warn;

use super::ledger::{self, AuditReport, CharacterHistory, History, Quarantined, Watch};
use super::rules::{fold, now_ms};
use super::{Location, OpenError, OperatorError, TransferError, engines, sqlite, transfer};

/// Which versions a migration was from and to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The one that was found.
    pub from: i32,
    /// The newest one of this build.
    pub to: i32,
}

/// Replays the ledger of the database at `place` and proves that every item and all gold is exactly what its history
/// says, that nothing is doubled or missing, and that the sums of each template are conserved. Changes nothing, and may
/// run beside a server: it sees one moment. Not in a server's own process, as nothing here: whatever closes a database file
/// there drops the server's locks on it (`fcntl(2)`).
///
/// # Errors
/// When the database can't be read. What is wrong *in* it is in the report.
pub fn audit(place: &Location) -> Result<AuditReport, OperatorError> {
    audit_watched(place, &mut |_, _| {})
}

/// The same, and `watch` hears how far it is.
///
/// # Errors
/// As for [`audit`].
pub fn audit_watched(
    place: &Location,
    watch: &mut Watch<'_>,
) -> Result<AuditReport, OperatorError> {
    engines::look(place, |snapshot| ledger::audit(snapshot, watch))
}

/// Items whose template isn't among the `known` ones. May run beside a server.
///
/// # Errors
/// When the database can't be read.
pub fn quarantined(
    place: &Location,
    known: &BTreeSet<String>,
) -> Result<Vec<Quarantined>, OperatorError> {
    engines::look(place, |snapshot| ledger::quarantined(snapshot, known))
}

/// What happened to one item; empty when there never was such an item. May run beside a server.
///
/// # Errors
/// When the database can't be read.
pub fn item_history(place: &Location, item: ItemId) -> Result<History, OperatorError> {
    engines::look(place, |snapshot| ledger::item_history(snapshot, item))
}

/// What a character has and had; capitals in `name` don't matter. May run beside a server.
///
/// # Errors
/// When the database can't be read, and when nobody has that name.
pub fn character_history(place: &Location, name: &str) -> Result<CharacterHistory, OperatorError> {
    let found = engines::look(place, |snapshot| ledger::character_history(snapshot, &fold(name)))?;
    found.ok_or_else(|| OperatorError::NoSuchCharacter(name.to_owned()))
}

/// Gives a character a rank; capitals in `name` don't matter. Refused while a server runs on the database: it would
/// not hear of it, and ranks are read when a character enters.
///
/// # Errors
/// When the database is in use or can't be used, and when nobody has that name.
pub fn set_rank(place: &Location, name: &str, rank: Rank) -> Result<(), OperatorError> {
    engines::set_rank(place, name, rank)
}

/// Brings the schema to this build's version; a kill in between leaves the old one. Refused while a server runs.
///
/// # Errors
/// When the database is in use or can't be used.
pub fn migrate(place: &Location) -> Result<Migrated, OperatorError> {
    engines::migrate(place)
}

/// Takes the database's file as it is although the log that it needs is lost, and what was confirmed last with it; `audit`
/// says whether the rest is whole. Refused while a server runs.
///
/// # Errors
/// When the file has the log that it needs, when the database is in use or can't be used, and when it isn't a file: a server
/// looks after its log itself.
pub fn forget_log(place: &Location) -> Result<(), OperatorError> {
    match place {
        Location::File(path) => sqlite::forget_log(path),
        Location::Postgres(_) => Err(OperatorError::NothingToForget { place: place.clone() }),
    }
}

/// Copies one moment of the database to a new file, beside a running server or without. The copy is on the disk, and
/// audited if `verify`, when it gets its name. Until then it has the process id and `.part` behind its name; if it fails
/// that file goes, but a kill leaves it.
///
/// # Errors
/// When there is such a file, when something can't be read or written, and when the copy isn't in order.
///
/// A database on a server can't be copied as a file: its backup is an export.
pub fn backup(
    place: &Location,
    to: &Path,
    verify: bool,
    watch: &mut Watch<'_>,
) -> Result<(), OperatorError> {
    let Location::File(path) = place else { return export(place, to, watch) };
    let part = NewFile::begin(to)?;
    sqlite::copy(path, &part.part, watch).map_err(|mut problem| {
        if let OperatorError::Transfer { file, .. } = &mut problem {
            // The other name is gone when this is read.
            to.clone_into(file);
        }
        problem
    })?;
    if verify {
        let report = audit_watched(&Location::from(part.part.as_path()), watch)
            .map_err(|problem| blame(place, problem))?;
        if !report.is_clean() {
            return Err(OperatorError::Unclean { file: to.to_owned(), report: report.to_string() });
        }
    }
    part.finish()
}

/// Writes one moment of the world to a new file that either engine can import, beside a running server or without, and
/// reads it back to see that it is whole.
///
/// # Errors
/// When there is such a file, and when something can't be read or written.
pub fn export(place: &Location, to: &Path, watch: &mut Watch<'_>) -> Result<(), OperatorError> {
    let part = NewFile::begin(to)?;
    let failed = |problem| OperatorError::of_transfer(place, to, problem);
    let mut written = Ok(());
    engines::look(place, |snapshot| {
        let file = BufWriter::new(&part.file);
        written = transfer::write(snapshot, sqlite::known_schema(), now_ms(), file, watch);
        Ok(())
    })?;
    written.map_err(failed)?;
    (&part.file).rewind().map_err(|source| failed(source.into()))?;
    let file = BufReader::new(&part.file);
    transfer::check(file, sqlite::known_schema(), None, watch).map_err(failed)?;
    part.finish()
}

/// What is damaged in a copy was damaged before: a copy of pages repeats them as they are.
fn blame(original: &Location, problem: OperatorError) -> OperatorError {
    if let OperatorError::Open(OpenError::Corrupt { detail, .. }) = problem {
        return OpenError::Corrupt { place: original.clone(), detail }.into();
    }
    problem
}

/// Reads a world that was exported into a new database, all of it or nothing, and audits it. It must be of this node.
/// The file is read twice: no database is made for one that isn't whole.
///
/// # Errors
/// When the database isn't empty or can't be used, when the file isn't whole or of another node, and when the audit has findings; in this
/// case the world is there nevertheless.
pub fn import(
    place: &Location,
    from: &Path,
    node: u16,
    watch: &mut Watch<'_>,
) -> Result<AuditReport, OperatorError> {
    let failed = |problem| {
        let of_the_database = |detail| OperatorError::Failed { place: place.clone(), detail };
        if let TransferError::Database(detail) = &problem {
            // It is new: a row of the file breaks its rule.
            return of_the_database(format!("reading {}: {detail}", from.display()));
        }
        if matches!(problem, TransferError::NotEmpty) {
            return of_the_database(problem.to_string());
        }
        OperatorError::of_transfer(place, from, problem)
    };
    let mut file = File::open(from).map_err(|source| failed(source.into()))?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(failed(TransferError::NotAFile));
    }
    let schema = sqlite::known_schema();
    transfer::check(BufReader::new(&file), schema, Some(node), watch).map_err(failed)?;
    file.rewind().map_err(|source| failed(source.into()))?;
    engines::load(place, |loader| {
        transfer::read(BufReader::new(&file), schema, node, loader, watch).map_err(failed)
    })?;
    audit_watched(place, watch)
}

/// A file on its way: it gets its name when all of it is on the disk, and goes if that doesn't come to pass.
struct NewFile {
    name: PathBuf,
    /// The name until then, which no other process chooses.
    part: PathBuf,
    file: File,
    published: bool,
}

impl NewFile {
    fn begin(name: &Path) -> Result<Self, OperatorError> {
        if name.exists() {
            return Err(OperatorError::Exists { file: name.to_owned() });
        }
        if sqlite::is_reserved(name) {
            return Err(OperatorError::Reserved { file: name.to_owned() });
        }
        let mut part = name.as_os_str().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        // For its owner alone, since it holds password hashes; and made here, so that it is no link of somebody else's.
        let made =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&part);
        match made {
            Ok(file) => Ok(Self { name: name.to_owned(), part, file, published: false }),
            Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {
                Err(failed(&part, problem))
            }
            Err(problem) => Err(failed(name, problem)),
        }
    }

    fn finish(mut self) -> Result<(), OperatorError> {
        self.publish().map_err(|problem| failed(&self.name, problem))
    }

    fn publish(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let here = rustix::fs::CWD;
        let never_replace = rustix::fs::RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(here, &self.part, here, &self.name, never_replace)?;
        self.published = true;
        let directory = self.name.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published
            && let Err(problem) = std::fs::remove_file(&self.part)
        {
            let file = self.part.display();
            warn!(%file, %problem, "a file that wasn't finished is left; delete it");
        }
    }
}

fn failed(file: &Path, problem: io::Error) -> OperatorError {
    let file = file.to_owned();
    if problem.kind() == io::ErrorKind::AlreadyExists {
        return OperatorError::Exists { file };
    }
    OperatorError::Transfer { file, problem: problem.into() }
}
