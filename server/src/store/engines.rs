//! Which engine a place belongs to.

use game::Rank;

use super::engine::Opened;
use super::error::EngineError;
#[cfg(feature = "postgres")]
use super::postgres;
use super::snapshot::Snapshot;
use super::transfer::Loader;
use super::{Location, Migrated, NODE_RANGE, OpenError, OperatorError, StoreSettings, sqlite};

/// What each engine does in a place of its own. One that wasn't built in refuses.
macro_rules! at {
    ($place:expr, $function:ident($($argument:expr),*)) => {
        match $place {
            Location::File(path) => sqlite::$function(path, $($argument),*),
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => postgres::$function(url, $($argument),*),
            #[cfg(not(feature = "postgres"))]
            place @ Location::Postgres(_) => Err(OpenError::NoEngine { place: place.clone() }.into()),
        }
    };
}

/// Whether a place can be one of a database at all. Opens nothing.
pub(crate) fn check(place: &Location) -> Result<(), OpenError> {
    at!(place, check())
}

/// Opens, migrates and claims the database of these settings.
pub(super) fn open(settings: &StoreSettings) -> Result<Opened, OpenError> {
    if !NODE_RANGE.contains(&settings.node) {
        return Err(OpenError::NodeRange(settings.node));
    }
    at!(&settings.place, open(settings.node, settings.ledger_retention))
}

/// Does something with one moment of a database, beside a server or without.
pub(super) fn look<T>(
    place: &Location,
    work: impl FnOnce(&mut dyn Snapshot) -> Result<T, EngineError>,
) -> Result<T, OperatorError> {
    at!(place, look(work))
}

/// Makes a database if there is none, and lets `work` fill it in one transaction.
pub(super) fn load(
    place: &Location,
    work: impl FnOnce(&mut dyn Loader) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    at!(place, load(work))
}

/// Brings the schema to this build's version.
pub(super) fn migrate(place: &Location) -> Result<Migrated, OperatorError> {
    at!(place, migrate())
}

/// Gives a character a rank.
pub(super) fn set_rank(place: &Location, name: &str, rank: Rank) -> Result<(), OperatorError> {
    at!(place, set_rank(name, rank))
}
