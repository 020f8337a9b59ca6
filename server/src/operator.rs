//! The commands that look after a world's database. Results go to standard output, how far it is to standard error.

mod progress;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use game::{ItemId, Rank};

use crate::cli::AuditSubject;
use crate::config::Config;
use crate::launch::{EX_DATAERR, fail, say};
use crate::server::{StartError, database, read_content};
use crate::store::{self, AuditReport, Location, OperatorError};
use progress::Progress;

/// Proves the database, or tells a history of it. Exit code 1 if there are findings.
pub(crate) fn audit(config: &Config, subject: Option<AuditSubject>) -> ExitCode {
    let place = database(config);
    match subject {
        None => match store::audit_watched(&place, &mut Progress::new("audit").watch()) {
            Ok(report) => told(&report, &quarantine(config)),
            Err(error) => failed(&error),
        },
        Some(AuditSubject::Item { id }) => match store::item_history(&place, ItemId(id)) {
            Ok(history) if history.is_empty() => fail(
                format_args!("the ledger knows no item {id}; `audit character NAME` lists ids"),
                1,
            ),
            history => answer(history),
        },
        Some(AuditSubject::Character { name }) => answer(store::character_history(&place, &name)),
    }
}

/// Brings the schema up to date.
pub(crate) fn migrate(config: &Config) -> ExitCode {
    answer(store::migrate(&database(config)).map(|store::Migrated { from, to }| match from == to {
        true => format!("nothing to do: the database has schema {to}\n"),
        false => format!("migrated from schema {from} to {to}\n"),
    }))
}

/// Takes the database's file without the log that it needs.
pub(crate) fn forget_log(config: &Config) -> ExitCode {
    let taken = "the file is taken as it is; run audit before you start the server\n";
    answer(store::forget_log(&database(config)).map(|()| taken))
}

/// Copies the database.
pub(crate) fn backup(config: &Config, file: &Path, verify: bool) -> ExitCode {
    let mut progress = Progress::new("backup");
    let done = store::backup(&database(config), file, verify, &mut progress.watch());
    let verified = match (database(config), verify) {
        (Location::Postgres(_), _) => ", the portable format, read back",
        (Location::File(_), true) => ", audited",
        (Location::File(_), false) => ", not audited",
    };
    answer(done.map(|()| format!("{}: the database as it is now{verified}\n", file.display())))
}

/// Writes the world to a file.
pub(crate) fn export(config: &Config, file: &Path) -> ExitCode {
    let mut progress = Progress::new("export");
    let done = store::export(&database(config), file, &mut progress.watch());
    answer(done.map(|()| format!("{}: the world as it is now\n", file.display())))
}

/// Reads a world from a file. Exit code 1 if what came has findings.
pub(crate) fn import(config: &Config, file: &Path) -> ExitCode {
    let mut progress = Progress::new("import");
    match store::import(&database(config), file, config.server.node, &mut progress.watch()) {
        Ok(report) => {
            let kept = "the world was taken as it is in the file, findings included\n";
            told(&report, if report.is_clean() { "" } else { kept })
        }
        Err(error) => failed(&error),
    }
}

/// Gives a character a rank.
pub(crate) fn rank(config: &Config, name: &str, rank: Rank) -> ExitCode {
    let done = store::set_rank(&database(config), name, rank);
    answer(done.map(|()| format!("{name} is {rank:?} from the next login on\n")))
}

fn answer(result: Result<impl std::fmt::Display, OperatorError>) -> ExitCode {
    match result {
        Ok(text) => say(text),
        Err(error) => failed(&error),
    }
}

fn failed(error: &OperatorError) -> ExitCode {
    fail(error, if error.is_damage() { EX_DATAERR } else { 1 })
}

fn told(report: &AuditReport, more: &str) -> ExitCode {
    let _ = say(format!("{report}\n{more}"));
    ExitCode::from(u8::from(!report.is_clean()))
}

/// The section of an audit about items that the content doesn't know. They are kept, so it isn't a finding.
fn quarantine(config: &Config) -> String {
    let unknown = match known_templates(config) {
        Ok(known) => store::quarantined(&database(config), &known),
        Err(problem) => return format!("unknown templates weren't looked for: {problem}\n"),
    };
    match unknown {
        Ok(unknown) if unknown.is_empty() => String::new(),
        Ok(unknown) => {
            let mut text = "kept, but unknown to the content:\n".to_owned();
            for each in unknown {
                let _ = writeln!(text, "  {each}");
            }
            text
        }
        Err(problem) => format!("unknown templates weren't looked for: {problem}\n"),
    }
}

fn known_templates(config: &Config) -> Result<BTreeSet<String>, StartError> {
    let content = read_content(config)?.content;
    Ok(content.items().iter().map(|item| item.key.clone()).collect())
}
