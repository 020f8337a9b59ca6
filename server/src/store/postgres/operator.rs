//! What an operator does with a database by hand: prove it, look up an item's history, give somebody a rank.

use game::{ItemId, Rank};

use crate::store::error::EngineError;
use crate::store::ledger::Replay;
use crate::store::rules::fold;
use crate::store::{AuditReport, LedgerEntry, OperatorError, PostgresUrl};

use super::address::Address;
use super::lookup::BEGIN;
use super::migrate;
use super::rows::{self, ledger_columns, select_items, text};
use super::session::Session;

/// See [`crate::store::audit`].
pub(in crate::store) fn audit(url: &PostgresUrl) -> Result<AuditReport, OperatorError> {
    look(url, |session| {
        let items = session.query(select_items!("FROM items ORDER BY id"), &[])?;
        let entries = concat!("SELECT ", ledger_columns!(), " FROM ledger ORDER BY item, entry");
        let entries = session.query(entries, &[])?;
        let mut replay = Replay::new(items.iter().map(rows::item))?;
        for entry in &entries {
            replay.entry(rows::ledger_entry(entry)?)?;
        }
        replay.finish()
    })
}

/// See [`crate::store::item_history`].
pub(in crate::store) fn item_history(
    url: &PostgresUrl,
    item: ItemId,
) -> Result<Vec<LedgerEntry>, OperatorError> {
    look(url, |session| {
        let sql =
            concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE item = $1 ORDER BY entry");
        let id = i64::try_from(item.0).unwrap_or_default();
        session.query(sql, &[&id])?.iter().map(rows::ledger_entry).collect()
    })
}

/// See [`crate::store::set_rank`].
pub(in crate::store) fn set_rank(
    url: &PostgresUrl,
    name: &str,
    rank: Rank,
) -> Result<(), OperatorError> {
    let address = Address::parse(url)?;
    let mut session = address.connect()?;
    address.lock(&mut session)?;
    migrate::require_current(&address, &mut session)?;
    let sql = "UPDATE characters SET rank = $2 WHERE folded_name = $1";
    let folded = fold(name);
    match session.execute(sql, &[&text(&folded), &rows::rank_name(rank)]) {
        Ok(0) => Err(OperatorError::NoSuchCharacter(name.to_owned())),
        Ok(_) => Ok(()),
        Err(failure) => Err(address.failed(&failure).into()),
    }
}

/// One moment of a database, to look at; it changes nothing and may be beside a server.
fn look<T>(
    url: &PostgresUrl,
    work: impl FnOnce(&mut Session) -> Result<T, EngineError>,
) -> Result<T, OperatorError> {
    let address = Address::parse(url)?;
    let mut session = address.connect()?;
    session.take_your_time().map_err(|failure| address.failed(&failure))?;
    migrate::require_current(&address, &mut session)?;
    session.run(BEGIN).map_err(|failure| address.failed(&failure))?;
    let failed = |problem: EngineError| OperatorError::Failed {
        place: address.place(),
        detail: problem.to_string(),
    };
    work(&mut session).map_err(failed)
}
