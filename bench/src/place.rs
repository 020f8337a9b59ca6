//! Where a measured world lies: a database of its own on the disk, gone afterwards.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use anyhow::Context as _;
use clap::ValueEnum;
use private_postgres::{Database, Durability, Server};
use server::store::{Location, PostgresUrl, Store, StoreSettings};
use tempfile::TempDir;

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// The database's file.
const FILE: &str = "world.db";

/// A place for a world, gone when it is dropped.
pub(crate) enum Place {
    File(TempDir),
    Server(Server, Database),
}

impl Place {
    pub(crate) fn new(engine: Engine) -> anyhow::Result<Self> {
        Ok(match engine {
            // Beside what is built, so that it lies on the disk and not in memory.
            Engine::Sqlite => Self::File(tempfile::tempdir_in(target())?),
            Engine::Postgres => {
                let server = Server::start(Durability::Full).context("no PostgreSQL")?;
                let database = server.create_database()?;
                Self::Server(server, database)
            }
        })
    }

    /// Where the store finds it.
    pub(crate) fn location(&self) -> anyhow::Result<Location> {
        Ok(match self {
            Self::File(directory) => directory.path().join(FILE).into(),
            Self::Server(_, database) => {
                Location::Postgres(PostgresUrl::new(&database.url).context("no URL")?)
            }
        })
    }

    /// As the configuration names it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(directory) => format!("sqlite:{}", directory.path().join(FILE).display()),
            Self::Server(_, database) => database.url.clone(),
        }
    }

    pub(crate) fn settings(&self) -> anyhow::Result<StoreSettings> {
        Ok(StoreSettings::new(self.location()?, 1))
    }

    /// Bytes of the whole database.
    pub(crate) fn bytes(&self) -> anyhow::Result<u64> {
        Ok(match self {
            Self::File(directory) => std::fs::metadata(directory.path().join(FILE))?.len(),
            Self::Server(server, database) => {
                let size = "SELECT pg_database_size(current_database())";
                server.sql(&database.name, size)?.parse()?
            }
        })
    }
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))
}

/// Opens the store at a place; gives the channel that it wakes.
pub(crate) fn open(settings: StoreSettings) -> anyhow::Result<(Store, u64, Receiver<()>)> {
    let (wake, woken) = channel();
    let (store, claim) = Store::open(settings, move || {
        // Nobody is there to be woken only at the end.
        let _ = wake.send(());
    })?;
    Ok((store, claim.epoch, woken))
}
