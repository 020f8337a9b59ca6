//! The world in a PostgreSQL database: for those who have one to look after, with its backups and replicas. Its SQL is
//! below here.

mod address;
mod columns;
mod failure;
mod folding;
mod lookup;
mod migrate;
mod operator;
mod rows;
mod session;
mod snapshot;
mod transaction;

use std::time::Duration;

use game::record::ItemRecord;

use super::engine::{Database, Opened, check_epoch};
use super::error::EngineError;
use super::rules::{Rules, now_ms};
use super::secret::{self, SECRET_KEYS};
use super::{Claim, OpenError, PostgresUrl};
use address::{Address, LOCK};
use lookup::PostgresLookup;
use rows::{get, select_items, signed, unsigned};
use session::Session;
use transaction::PostgresTransaction;

pub(super) use operator::{load, look, migrate, set_rank};

/// The database as the one server that may change it has it.
pub(super) struct PostgresDatabase {
    address: Address,
    session: Option<Session>,
    node: u16,
    epoch: u64,
}

/// Whether the address is understood, without going there.
pub(super) fn check(url: &PostgresUrl) -> Result<(), OpenError> {
    Address::parse(url).map(drop)
}

/// Opens, migrates and claims a database.
pub(super) fn open(
    url: &PostgresUrl,
    node: u16,
    ledger_retention: Duration,
) -> Result<Opened, OpenError> {
    let address = Address::parse(url)?;
    let mut session = address.connect()?;
    address.lock(&mut session)?;
    // A migration or a large world takes as long as it takes; nobody plays yet.
    session.take_your_time().map_err(|failure| address.failed(&failure))?;
    migrate::migrate(&address, &mut session)?;
    check_node(&address, &mut session, node)?;
    let claim = claim(&address, &mut session)?;
    session.hurry().map_err(|failure| address.failed(&failure))?;
    let reader = PostgresLookup::new(address.config.clone(), address.connect()?);
    let epoch = claim.epoch;
    let database = PostgresDatabase { address, session: Some(session), node, epoch };
    Ok(Opened {
        writer: Box::new(Rules::new(database, epoch, ledger_retention)),
        reader: Box::new(reader),
        claim,
    })
}

/// The database as the rules have it, without claiming it anew.
#[cfg(test)]
pub(super) fn reopen(place: &super::Location, epoch: u64) -> impl Database + use<> {
    let super::Location::Postgres(url) = place else { panic!("{place}") };
    let address = Address::parse(url).unwrap();
    let mut session = address.connect().unwrap();
    address.lock(&mut session).unwrap();
    PostgresDatabase { address, session: Some(session), node: 1, epoch }
}

/// A database keeps the node number that it was made with.
fn check_node(address: &Address, session: &mut Session, node: u16) -> Result<(), OpenError> {
    let make = "INSERT INTO meta (key, value) VALUES ('node', $1) ON CONFLICT DO NOTHING";
    session.execute(make, &[&i64::from(node)]).map_err(|failure| address.failed(&failure))?;
    let found = address.row(session, "SELECT value FROM meta WHERE key = 'node'", &[])?;
    let stored: u16 = match &found {
        Some(row) => address.read(unsigned(row, 0))?,
        None => return Err(address.engine("it has no node number".to_owned())),
    };
    if stored == node {
        return Ok(());
    }
    Err(OpenError::OtherNode { place: address.place(), stored, configured: node })
}

/// Takes the next epoch: from here on an operation of an earlier start is nobody's. A world without a secret gets one.
fn claim(address: &Address, session: &mut Session) -> Result<Claim, OpenError> {
    let failed = |failure| address.failed(&failure);
    let next = "UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value";
    let rows = session.begin("BEGIN", next, &[]).map_err(failed)?;
    let Some(row) = rows.first() else {
        return Err(address.engine("it has no epoch".to_owned()));
    };
    let epoch: i64 = address.read(get(row, 0))?;
    let opened = address.read(signed(now_ms()))?;
    let start = "INSERT INTO epochs (epoch, opened_ms) VALUES ($1, $2)";
    session.execute(start, &[&epoch, &opened]).map_err(failed)?;
    let sql = select_items!("FROM items WHERE owner_zone IS NOT NULL ORDER BY id");
    let ground = session.query(sql, &[]).map_err(failed)?;
    let mut secret = secret::fresh().map_err(|detail| address.engine(detail))?;
    for (key, number) in SECRET_KEYS.iter().zip(&mut secret) {
        let make = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        session.execute(make, &[key, &number.cast_signed()]).map_err(failed)?;
        let find = "SELECT value FROM meta WHERE key = $1";
        let found = session.query(find, &[key]).map_err(failed)?;
        let kept = found.first().map(|row| address.read(unsigned(row, 0))).transpose()?;
        *number = kept.unwrap_or(*number);
    }
    let ground: Result<Vec<ItemRecord>, EngineError> = ground.iter().map(rows::item).collect();
    session.run("COMMIT").map_err(failed)?;
    Ok(Claim { epoch: epoch.unsigned_abs(), secret, ground: address.read(ground)? })
}

impl PostgresDatabase {
    /// A new connection in place of one that was lost, with the lock of the database. Nothing was asked yet, so most of
    /// what can go wrong may pass.
    fn reconnect(&self) -> Result<Session, EngineError> {
        let mut session = self
            .address
            .connect()
            .map_err(|problem| EngineError::Transient(problem.to_string()))?;
        // Meanwhile a newer build may have been here.
        migrate::require_current(&self.address, &mut session).map_err(|problem| {
            let other_schema = matches!(
                problem,
                OpenError::Empty { .. }
                    | OpenError::NotOurs { .. }
                    | OpenError::NewerSchema { .. }
                    | OpenError::OlderSchema { .. }
            );
            let kind = match problem.is_damage() {
                true => EngineError::Damaged,
                false if other_schema => EngineError::Fatal,
                // It didn't answer: it is on its way down again.
                false => EngineError::Transient,
            };
            kind(problem.to_string())
        })?;
        let row = session.query_opt("SELECT pg_try_advisory_lock($1)", &[&LOCK])?;
        if row.as_ref().map_or(Ok(false), |row| get(row, 0))? {
            return Ok(session);
        }
        // Either our old connection, which PostgreSQL still holds for alive: it may be in the middle of a COMMIT. Or
        // another server, which may have claimed the world.
        let row = session.query_opt("SELECT value FROM meta WHERE key = 'epoch'", &[])?;
        let epoch: u64 = row.as_ref().map_or(Ok(0), |row| unsigned(row, 0))?;
        check_epoch(self.epoch, epoch)?;
        Err(EngineError::Transient("an earlier connection still has the database".to_owned()))
    }
}

impl Database for PostgresDatabase {
    type Transaction<'a> = PostgresTransaction<'a>;

    fn begin(&mut self) -> Result<PostgresTransaction<'_>, EngineError> {
        let session = match self.session.take().filter(Session::is_usable) {
            Some(session) => session,
            None => self.reconnect()?,
        };
        PostgresTransaction::begin(self.session.insert(session), self.node, self.epoch)
    }

    fn tend(&mut self) -> Result<(), EngineError> {
        // PostgreSQL looks after itself.
        Ok(())
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        // Given back expressly: the next server needn't wait until PostgreSQL notices that this one is gone.
        if let Some(mut session) = self.session.take().filter(Session::is_usable) {
            session.run("SELECT pg_advisory_unlock_all()")?;
        }
        Ok(())
    }
}
