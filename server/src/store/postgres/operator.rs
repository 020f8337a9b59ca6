//! A database in an operator's hands.

use game::Rank;

use crate::store::error::EngineError;
use crate::store::rules::fold;
use crate::store::snapshot::Snapshot;
use crate::store::transfer::Loader;
use crate::store::{Migrated, OpenError, OperatorError, PostgresUrl};

use super::address::Address;
use super::lookup::BEGIN;
use super::migrate as schema;
use super::rows::{self, text};
use super::session::Session;
use super::snapshot::PostgresSnapshot;

/// Where the entries of the ledger and of the log go on being numbered: after those that are there, and after those that
/// were folded.
const NUMBER_ON: &str = "
    SELECT setval(pg_get_serial_sequence('ledger', 'entry'), 1 + GREATEST(
        (SELECT COALESCE(MAX(entry), 0) FROM ledger),
        (SELECT value FROM meta WHERE key = 'folded_entry')), false);
    SELECT setval(pg_get_serial_sequence('gm_log', 'entry'),
        1 + (SELECT COALESCE(MAX(entry), 0) FROM gm_log), false)";

/// Does something with one moment of the database.
pub(in crate::store) fn look<T>(
    url: &PostgresUrl,
    work: impl FnOnce(&mut dyn Snapshot) -> Result<T, EngineError>,
) -> Result<T, OperatorError> {
    let (address, mut session) = connect(url)?;
    schema::require_current(&address, &mut session)?;
    session.run(BEGIN).map_err(|failure| address.failed(&failure))?;
    work(&mut PostgresSnapshot(&mut session))
        .map_err(|problem| OperatorError::of(address.place(), problem))
}

/// Gives a character a rank.
pub(in crate::store) fn set_rank(
    url: &PostgresUrl,
    name: &str,
    rank: Rank,
) -> Result<(), OperatorError> {
    let (address, mut session) = own(url)?;
    schema::require_current(&address, &mut session)?;
    let sql = "UPDATE characters SET rank = $2 WHERE folded_name = $1";
    let folded = fold(name);
    match session.execute(sql, &[&text(&folded), &rows::rank_name(rank)]) {
        Ok(0) => Err(OperatorError::NoSuchCharacter(name.to_owned())),
        Ok(_) => Ok(()),
        Err(failure) => Err(address.failed(&failure).into()),
    }
}

/// Brings the schema up to date.
pub(in crate::store) fn migrate(url: &PostgresUrl) -> Result<Migrated, OperatorError> {
    let (address, mut session) = own(url)?;
    let from = schema::check_schema(&address, &mut session)?;
    if from == 0 {
        return Err(OpenError::Empty { place: address.place() }.into());
    }
    schema::migrate(&address, &mut session)?;
    Ok(Migrated { from, to: schema::known_schema() })
}

/// Makes the tables if there are none, and lets `work` fill them in one transaction.
pub(in crate::store) fn load(
    url: &PostgresUrl,
    work: impl FnOnce(&mut dyn Loader) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    let (address, mut session) = own(url)?;
    schema::migrate(&address, &mut session)?;
    session.run("BEGIN").map_err(|failure| address.failed(&failure))?;
    // Without the COMMIT the end of the connection takes all of it back.
    work(&mut PostgresSnapshot(&mut session))?;
    session.run(NUMBER_ON).map_err(|failure| address.failed(&failure))?;
    session.run("COMMIT").map_err(|failure| address.failed(&failure))?;
    Ok(())
}

/// A connection that is in no hurry.
fn connect(url: &PostgresUrl) -> Result<(Address, Session), OpenError> {
    let address = Address::parse(url)?;
    let mut session = address.connect()?;
    session.take_your_time().map_err(|failure| address.failed(&failure))?;
    Ok((address, session))
}

/// The same, with the database for this process alone.
fn own(url: &PostgresUrl) -> Result<(Address, Session), OpenError> {
    let (address, mut session) = connect(url)?;
    address.lock(&mut session)?;
    Ok((address, session))
}
