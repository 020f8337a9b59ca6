//! The schema, brought to this build's version.

use refinery::error::Kind;

use crate::store::OpenError;

use super::address::Address;
use super::failure::Failure;
use super::rows::get;
use super::session::Session;

mod embedded {
    #![allow(unused_qualifications, reason = "the macro's code, not ours")]
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// Looks first, because the database may be somebody else's; then makes what is missing, all of it or nothing.
pub(super) fn migrate(address: &Address, session: &mut Session) -> Result<(), OpenError> {
    check_schema(address, session)?;
    let runner = embedded::migrations::runner().set_grouped(true);
    let outcome = session.with_client(async |client| runner.run_async(client).await);
    let Err(problem) = outcome else { return Ok(()) };
    let place = address.place();
    let Kind::Connection(what, source) = problem.kind() else {
        return Err(OpenError::OtherSchema { place, detail: problem.to_string() });
    };
    Err(match source.downcast_ref::<tokio_postgres::Error>() {
        Some(error) => address.refused(error),
        None => OpenError::Engine { place, detail: format!("{what}: {source}") },
    })
}

/// The schema must be exactly this build's, for those who only look.
pub(super) fn require_current(address: &Address, session: &mut Session) -> Result<(), OpenError> {
    match check_schema(address, session)? {
        0 => Err(OpenError::Empty { place: address.place() }),
        found if found == known_schema() => Ok(()),
        found => {
            Err(OpenError::OlderSchema { place: address.place(), found, known: known_schema() })
        }
    }
}

/// The newest migration of this build.
pub(super) fn known_schema() -> i32 {
    let runner = embedded::migrations::runner();
    let versions = runner.get_migrations().iter().map(|each| each.version());
    versions.max().unwrap_or(0)
}

/// The schema version of the database, 0 for an empty one; refuses one that this build can't understand.
pub(super) fn check_schema(address: &Address, session: &mut Session) -> Result<i32, OpenError> {
    let failed = |failure: Failure| address.failed(&failure);
    let place = || address.place();
    let tables = "SELECT COUNT(*), COUNT(*) FILTER (WHERE tablename = 'refinery_schema_history') \
                  FROM pg_tables WHERE schemaname = current_schema()";
    let counts = session.query_opt(tables, &[]).map_err(failed)?;
    let (tables, ours): (i64, i64) = match &counts {
        Some(row) => (address.read(get(row, 0))?, address.read(get(row, 1))?),
        None => (0, 0),
    };
    if tables == 0 {
        return Ok(0);
    }
    if ours == 0 {
        return Err(OpenError::NotOurs { place: place() });
    }
    let newest = "SELECT version FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    let found = session.query_opt(newest, &[]).map_err(failed)?;
    let found: i32 = match &found {
        Some(row) => address.read(get(row, 0))?,
        None => 0,
    };
    if found > known_schema() {
        return Err(OpenError::NewerSchema { place: place(), found, known: known_schema() });
    }
    Ok(found)
}
