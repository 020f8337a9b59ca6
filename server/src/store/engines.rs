//! Which engine a place belongs to.

use game::{ItemId, Rank};

use super::engine::Opened;
#[cfg(feature = "postgres")]
use super::postgres;
use super::{
    AuditReport, LedgerEntry, Location, NODE_RANGE, OpenError, OperatorError, StoreSettings, sqlite,
};

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

/// Opens, migrates and claims the database of these settings.
pub(super) fn open(settings: &StoreSettings) -> Result<Opened, OpenError> {
    if !NODE_RANGE.contains(&settings.node) {
        return Err(OpenError::NodeRange(settings.node));
    }
    at!(&settings.place, open(settings.node))
}

/// Replays the whole ledger of a database and proves that every item is exactly what its history says, that none is
/// doubled or missing, and that the sums of each template are conserved. Changes nothing, and may run beside a server:
/// it sees one moment.
///
/// # Errors
/// When the database can't be read. What is wrong *in* it is in the report.
pub fn audit(place: &Location) -> Result<AuditReport, OperatorError> {
    at!(place, audit())
}

/// What happened to one item, oldest first; empty when there never was such an item. May run beside a server.
///
/// # Errors
/// When the database can't be read.
pub fn item_history(place: &Location, item: ItemId) -> Result<Vec<LedgerEntry>, OperatorError> {
    at!(place, item_history(item))
}

/// Gives a character a rank; capitals in `name` don't matter. Refused while a server runs on the database: it would
/// not hear of it, and ranks are read when a character enters.
///
/// # Errors
/// When the database is in use or can't be used, and when nobody has that name.
pub fn set_rank(place: &Location, name: &str, rank: Rank) -> Result<(), OperatorError> {
    at!(place, set_rank(name, rank))
}
