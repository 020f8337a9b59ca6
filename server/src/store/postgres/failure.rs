//! Which of PostgreSQL's errors pass and which don't, and what they are called. Values of rows, which may be secret,
//! are never repeated.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::store::error::EngineError;

/// Why the database didn't do as it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// It said so, or the connection ended.
    Refused(tokio_postgres::Error),
    /// It said nothing for so long.
    Silent(Duration),
    /// The system didn't give what a connection takes.
    System(io::Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(problem: tokio_postgres::Error) -> Self {
        Self::Refused(problem)
    }
}

impl Failure {
    /// What PostgreSQL called it; `None` when it wasn't PostgreSQL that said it.
    pub(super) fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Refused(problem) => problem.code(),
            Self::Silent(_) | Self::System(_) => None,
        }
    }

    /// Whether trying again later, on a new connection if need be, may help.
    fn passes(&self) -> bool {
        let Self::Refused(problem) = self else {
            return true;
        };
        match problem.code() {
            Some(state) => state_passes(state),
            None => {
                problem.is_closed()
                    || problem.source().is_some_and(|source| source.is::<io::Error>())
            }
        }
    }
}

/// By the first two letters the class of an error (PostgreSQL's manual, appendix A).
fn state_passes(state: &SqlState) -> bool {
    // The connection; a transaction that was rolled back for another's sake; disk, memory or connections used up; a
    // server that is being stopped or started, or an operator who ended a statement.
    const PASSING: [&str; 4] = ["08", "40", "53", "57"];
    let single = [
        // Somebody else's lock.
        &SqlState::LOCK_NOT_AVAILABLE,
        // A standby that isn't promoted yet.
        &SqlState::READ_ONLY_SQL_TRANSACTION,
        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        // transaction_timeout, of PostgreSQL 17.
        &SqlState::from_code("25P04"),
    ];
    PASSING.iter().any(|class| state.code().starts_with(class)) || single.contains(&state)
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(patience) => {
                write!(out, "PostgreSQL says nothing for {} s", patience.as_secs())
            }
            Self::System(problem) => write!(out, "no connection can be made: {problem}"),
            Self::Refused(problem) => out.write_str(&describe(problem)),
        }
    }
}

/// In one line, with the name that PostgreSQL's manual has for it.
pub(super) fn describe(problem: &tokio_postgres::Error) -> String {
    if let Some(said) = problem.as_db_error() {
        let by = said.constraint().map(|name| format!(" by {name}")).unwrap_or_default();
        return format!("{} ({}){by}", said.message(), said.code().code());
    }
    match problem.source() {
        Some(source) => format!("{problem}: {source}"),
        None => problem.to_string(),
    }
}

/// Before anything was committed: nothing was done.
impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        let reason = failure.to_string();
        match failure.state() {
            _ if failure.passes() => Self::Transient(reason),
            Some(state) if is_damage(state) => Self::Damaged(reason),
            Some(state) if is_forbidden(state) => Self::Forbidden(reason),
            _ => Self::Fatal(reason),
        }
    }
}

/// Of a COMMIT: whether it was done may not have been heard.
pub(super) fn of_commit(failure: Failure) -> EngineError {
    match failure.passes() {
        true => EngineError::Unknown(failure.to_string()),
        false => EngineError::from(failure),
    }
}

/// Whether what PostgreSQL has on its disk contradicts itself.
pub(super) fn is_damage(state: &SqlState) -> bool {
    [&SqlState::DATA_CORRUPTED, &SqlState::INDEX_CORRUPTED].contains(&state)
}

/// Whether it isn't the disk but what was asked for that is at fault: by class a value out of range, a rule of the schema,
/// a table that isn't there.
fn is_forbidden(state: &SqlState) -> bool {
    ["22", "23", "42"].iter().any(|class| state.code().starts_with(class))
}
