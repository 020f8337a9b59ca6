//! One connection to PostgreSQL, from which each answer comes in bounded time, and on which what is reported as done is
//! done.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::failure::Failure;

/// What others see in `pg_stat_activity`, with the number of our process behind it.
const APPLICATION: &str = "realmbeat process";
/// How long a new connection may take. Within one machine room it takes some milliseconds.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer may take before the connection is given up. A whole batch takes well under a second; a server that
/// is stopped with its connections open says nothing for ever.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes without an acknowledgement, and probes without an answer, for so long end the connection, on both sides: a
/// machine that is gone doesn't hold the database.
const SILENCE: Duration = Duration::from_secs(10);
/// Seconds between probes on an idle connection, and before the first.
const PROBE: Duration = Duration::from_secs(3);
/// Probes without an answer: with [`PROBE`] they make up [`SILENCE`].
const PROBES: u32 = 3;

/// What is set on every connection. Ours is the last word: a database or user may have other defaults. The statement's
/// limit is below [`ANSWER_PATIENCE`], so that PostgreSQL gives up first and the connection lives on.
const SETTINGS: &str = "
    SET synchronous_commit = on;
    SET statement_timeout = '8s';
    SET lock_timeout = '2s';
    SET idle_in_transaction_session_timeout = '60s';
    SET tcp_keepalives_idle = 3;
    SET tcp_keepalives_interval = 3;
    SET tcp_keepalives_count = 3;
    SET tcp_user_timeout = '10s';
    SET client_min_messages = warning";

/// One value of a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// A connection, with its statements prepared once.
pub(super) struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    patience: Option<Duration>,
    /// Once an answer didn't come, no later one can be told from it.
    given_up: bool,
    /// Drives the connection while somebody waits for an answer.
    runtime: Runtime,
}

impl Session {
    /// Connects. Each answer is waited for as long as [`ANSWER_PATIENCE`].
    pub(super) fn connect(config: &Config) -> Result<Self, Failure> {
        let mut config = config.clone();
        config
            .application_name(format!("{APPLICATION} {}", std::process::id()))
            .connect_timeout(CONNECT_PATIENCE)
            .tcp_user_timeout(SILENCE)
            .keepalives(true)
            .keepalives_idle(PROBE)
            .keepalives_interval(PROBE)
            .keepalives_retries(PROBES)
            // Of several hosts the one that takes writes: a standby would show what was so a while ago.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(Failure::System)?;
        let connected = within(&runtime, Some(CONNECT_PATIENCE * 2), config.connect(NoTls));
        let (client, connection) = match connected {
            Ok(connected) => connected,
            Err(failure) => {
                // Dropping it would wait for a name server that says nothing.
                runtime.shutdown_background();
                return Err(failure);
            }
        };
        // Its end shows in the client: what is asked of it afterwards fails.
        drop(runtime.spawn(connection));
        let statements = HashMap::new();
        let patience = Some(ANSWER_PATIENCE);
        let mut session = Self { client, statements, patience, given_up: false, runtime };
        session.run(SETTINGS)?;
        Ok(session)
    }

    /// From here on nothing is hurried: for what an operator waits for.
    pub(super) fn take_your_time(&mut self) -> Result<(), Failure> {
        self.patience = None;
        self.run("SET statement_timeout = 0")
    }

    /// The opposite.
    pub(super) fn hurry(&mut self) -> Result<(), Failure> {
        self.patience = Some(ANSWER_PATIENCE);
        self.run("SET statement_timeout = '8s'")
    }

    /// Whether it may still be used.
    pub(super) fn is_usable(&self) -> bool {
        !self.given_up && !self.client.is_closed()
    }

    /// Statements without values and rows.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let outcome = within(&self.runtime, self.patience, self.client.batch_execute(sql));
        self.noting(outcome)
    }

    /// A statement without rows; gives how many it changed.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        let statement = self.statement(sql)?;
        let outcome = within(&self.runtime, self.patience, self.client.execute(&statement, values));
        self.noting(outcome)
    }

    /// All rows of a statement.
    pub(super) fn query(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.statement(sql)?;
        let outcome = within(&self.runtime, self.patience, self.client.query(&statement, values));
        self.noting(outcome)
    }

    /// The row of a statement that has one at most.
    pub(super) fn query_opt(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Begins a transaction and asks its first question, in one round trip.
    pub(super) fn begin(
        &mut self,
        begin: &'static str,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.statement(sql)?;
        let both = async {
            let begun = self.client.batch_execute(begin);
            let found = self.client.query(&statement, values);
            // Sent in this order, since each is sent when it is asked for the first time; the answers come in it.
            let (begun, found) = tokio::join!(biased; begun, found);
            begun.and(found)
        };
        let outcome = within(&self.runtime, self.patience, both);
        self.noting(outcome)
    }

    /// What needs the connection itself: the migrations.
    pub(super) fn with_client<T>(&mut self, work: impl AsyncFnOnce(&mut Client) -> T) -> T {
        self.runtime.block_on(work(&mut self.client))
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let prepared = within(&self.runtime, self.patience, self.client.prepare(sql));
        let statement = self.noting(prepared)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn noting<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        self.given_up |= matches!(outcome, Err(Failure::Silent(_)));
        outcome
    }
}

/// Waits, with or without end.
fn within<T>(
    runtime: &Runtime,
    patience: Option<Duration>,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failure> {
    let Some(patience) = patience else {
        return Ok(runtime.block_on(work)?);
    };
    let outcome = runtime.block_on(async { timeout(patience, work).await });
    Ok(outcome.map_err(|_| Failure::Silent(patience))??)
}
