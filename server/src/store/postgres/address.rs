//! Where a PostgreSQL database is, whether it can be trusted, and one line for the operator for what is wrong there.

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;

use crate::store::error::EngineError;
use crate::store::{Location, OpenError, PostgresUrl};

use super::failure::{Failure, describe, is_damage};
use super::rows::get;
use super::session::{Session, Value};

/// The key of the lock that the connection of the one server of a database holds: the letters `realmbea`.
pub(super) const LOCK: i64 = i64::from_be_bytes(*b"realmbea");
/// The setting that allows a server without fsync, for tests: `ALTER DATABASE ... SET realmbeat.accept_loss = on`.
const ACCEPT_LOSS: &str = "realmbeat.accept_loss";

/// An address that was understood.
pub(super) struct Address {
    url: PostgresUrl,
    pub(super) config: Config,
}

impl Address {
    /// Refuses what it would else have to ignore.
    pub(super) fn parse(url: &PostgresUrl) -> Result<Self, OpenError> {
        let place = || Location::Postgres(url.clone());
        let wrong = |detail: String| OpenError::Address { place: place(), detail };
        let config: Config = url
            .as_str()
            .parse()
            .map_err(|problem: tokio_postgres::Error| wrong(describe(&problem)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host".to_owned()));
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err(wrong(
                "this server speaks no TLS with PostgreSQL yet; leave sslmode out and use a private network or a socket"
                    .to_owned(),
            ));
        }
        Ok(Self { url: url.clone(), config })
    }

    pub(super) fn place(&self) -> Location {
        Location::Postgres(self.url.clone())
    }

    /// A new connection to a database that keeps what it confirms.
    pub(super) fn connect(&self) -> Result<Session, OpenError> {
        let mut session =
            Session::connect(&self.config).map_err(|failure| self.failed(&failure))?;
        self.check(&mut session)?;
        Ok(session)
    }

    fn check(&self, session: &mut Session) -> Result<(), OpenError> {
        let sql = "SELECT current_setting('fsync'), COALESCE(current_setting($1, true), ''), \
                   pg_encoding_to_char(encoding), pg_is_in_recovery() \
                   FROM pg_database WHERE datname = current_database()";
        let Some(row) = self.row(session, sql, &[&ACCEPT_LOSS])? else {
            return Err(self.engine("this database isn't in its own catalogue".to_owned()));
        };
        let (fsync, accepted): (&str, &str) = (self.read(get(&row, 0))?, self.read(get(&row, 1))?);
        let (encoding, standby): (&str, bool) =
            (self.read(get(&row, 2))?, self.read(get(&row, 3))?);
        if fsync == "off" && accepted != "on" {
            return Err(OpenError::NoSync { place: self.place() });
        }
        if encoding != "UTF8" {
            let detail =
                format!("its encoding is {encoding}; make a database with ENCODING 'UTF8'");
            return Err(self.engine(detail));
        }
        if standby {
            return Err(self.engine("it is a standby; name the primary in store.url".to_owned()));
        }
        Ok(())
    }

    /// The first row of an answer.
    pub(super) fn row(
        &self,
        session: &mut Session,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<tokio_postgres::Row>, OpenError> {
        session.query_opt(sql, values).map_err(|failure| self.failed(&failure))
    }

    /// Takes the database for this connection, or says who has it.
    pub(super) fn lock(&self, session: &mut Session) -> Result<(), OpenError> {
        // Waits for as long as the session's limit: the connection of a server that was just killed lives a moment longer.
        match session.execute("SELECT pg_advisory_lock($1)", &[&LOCK]) {
            Ok(_) => Ok(()),
            Err(failure) if failure.state() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                let holder = self.holder(session)?;
                Err(OpenError::InUse { place: self.place(), holder })
            }
            Err(failure) => Err(self.failed(&failure)),
        }
    }

    fn holder(&self, session: &mut Session) -> Result<String, OpenError> {
        // A lock of 64 bits shows as two halves.
        let sql = "SELECT pid, application_name, COALESCE(host(client_addr), 'this machine') \
                   FROM pg_locks JOIN pg_stat_activity USING (pid) \
                   WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database() \
                   AND (classid::bigint << 32 | objid::bigint) = $1";
        let Some(row) = self.row(session, sql, &[&LOCK])? else {
            return Ok("another server".to_owned());
        };
        let process: i32 = self.read(get(&row, 0))?;
        let (name, from): (&str, &str) = (self.read(get(&row, 1))?, self.read(get(&row, 2))?);
        Ok(format!("{name} on {from} (PostgreSQL's process {process})"))
    }

    /// What is wrong, with what to do about it.
    pub(super) fn failed(&self, failure: &Failure) -> OpenError {
        self.wrong(failure.state(), failure.to_string())
    }

    /// The same for an error that somebody else was given.
    pub(super) fn refused(&self, problem: &tokio_postgres::Error) -> OpenError {
        self.wrong(problem.code(), describe(problem))
    }

    fn wrong(&self, state: Option<&SqlState>, detail: String) -> OpenError {
        // Who we are, which database, or a server that isn't up.
        const OUT_OF_REACH: [&str; 5] = ["28", "3D", "08", "53", "57"];
        let place = self.place();
        match state {
            None => OpenError::Unreachable { place, detail },
            Some(&SqlState::DISK_FULL) => OpenError::Full { place },
            Some(state) if is_damage(state) => OpenError::Corrupt { place, detail },
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => OpenError::Rights { place, detail },
            Some(state) if OUT_OF_REACH.iter().any(|class| state.code().starts_with(class)) => {
                OpenError::Unreachable { place, detail }
            }
            Some(_) => self.engine(detail),
        }
    }

    /// A value that was read, or what is wrong with it.
    pub(super) fn read<T>(&self, value: Result<T, EngineError>) -> Result<T, OpenError> {
        value.map_err(|problem| self.engine(problem.to_string()))
    }

    pub(super) fn engine(&self, detail: String) -> OpenError {
        OpenError::Engine { place: self.place(), detail }
    }
}
