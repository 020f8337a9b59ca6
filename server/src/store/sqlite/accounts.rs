//! Accounts and the one-time ids of login tokens.

use game::AccountId;
use rusqlite::{Connection, OptionalExtension};

use crate::auth::Secret;
use crate::store::AccountRow;
use crate::store::error::EngineError;

use super::rows::{signed, unsigned};

pub(super) fn named(rows: &Connection, name: &str) -> Result<Option<AccountRow>, EngineError> {
    let found = rows
        .prepare_cached("SELECT id, name, password_hash FROM accounts WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(AccountRow {
                id: AccountId(unsigned(row, 0)?),
                name: row.get(1)?,
                password_hash: row.get::<_, Option<String>>(2)?.map(Secret::new),
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn add(rows: &Connection, account: &AccountRow, now_ms: u64) -> Result<(), EngineError> {
    let hash = account.password_hash.as_ref().map(Secret::expose);
    rows.prepare_cached(
        "INSERT INTO accounts (id, name, password_hash, created_ms) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((signed(account.id.0)?, &account.name, hash, signed(now_ms)?))?;
    Ok(())
}

pub(super) fn spend_token(
    rows: &Connection,
    id: &str,
    expires_at: u64,
) -> Result<bool, EngineError> {
    let spent = rows
        .prepare_cached(
            "INSERT INTO login_tokens (id, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        // An expiry beyond the range of SQLite's integers is as good as never.
        .execute((id, i64::try_from(expires_at).unwrap_or(i64::MAX)))?;
    Ok(spent > 0)
}

pub(super) fn forget_tokens(rows: &Connection, before: u64, most: u32) -> Result<(), EngineError> {
    rows.prepare_cached(
        "DELETE FROM login_tokens WHERE id IN \
         (SELECT id FROM login_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
    )?
    .execute((signed(before)?, most))?;
    Ok(())
}
