//! What the lobby and the game ask for and the database may refuse: accounts, token logins, characters, item ids. A
//! refusal is an answer; it leaves the batch around it as it is.

use game::record::{OpId, Owner};
use game::{AccountId, CharacterId, ItemId, Rank};
use rusqlite::{OptionalExtension, Row};

use crate::auth::Secret;
use crate::store::error::EngineError;
use crate::store::{AccountRow, Answer, CharacterRow, CreateRefused, Ticket};

use super::commit::Deed;
use super::rows::{self, signed, unsigned};
use super::writer::Batch;

/// Spent token ids that are forgotten with each one that is admitted. More than one, so that they can't pile up;
/// not many, so that no login waits for a large clean-up.
const FORGET_AT_ONCE: u32 = 8;
/// How long a token's id is kept beyond the token's own end, against clocks that disagree or are set back.
const FORGET_AFTER_SECONDS: i64 = 3_600;

impl Batch<'_> {
    pub(super) fn register(
        &self,
        ticket: Ticket,
        name: &str,
        password_hash: &str,
    ) -> Result<Answer, EngineError> {
        let taken = find_account(self, name)?.is_some();
        let account = match taken {
            true => None,
            false => Some(self.make_account(name, Some(password_hash))?),
        };
        Ok(Answer::Registered { ticket, account })
    }

    pub(super) fn admit_token(
        &self,
        ticket: Ticket,
        token_id: &str,
        expires_at: u64,
        account: &str,
    ) -> Result<Answer, EngineError> {
        self.forget_tokens()?;
        let admitted = self
            .transaction
            .prepare_cached(
                "INSERT INTO login_tokens (id, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            // An expiry beyond the range of SQLite's integers is as good as never.
            .execute((token_id, i64::try_from(expires_at).unwrap_or(i64::MAX)))?;
        if admitted == 0 {
            return Ok(Answer::TokenAdmitted { ticket, account: None });
        }
        let account = match find_account(self, account)? {
            Some(found) => found,
            None => self.make_account(account, None)?,
        };
        Ok(Answer::TokenAdmitted { ticket, account: Some(account) })
    }

    fn forget_tokens(&self) -> Result<(), EngineError> {
        self.transaction
            .prepare_cached(
                "DELETE FROM login_tokens WHERE id IN \
                 (SELECT id FROM login_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute((self.now_ms / 1_000 - FORGET_AFTER_SECONDS, FORGET_AT_ONCE))?;
        Ok(())
    }

    fn make_account(
        &self,
        name: &str,
        password_hash: Option<&str>,
    ) -> Result<AccountRow, EngineError> {
        let id = rows::id(self.node, self.take("next_account", 1)?);
        self.transaction
            .prepare_cached(
                "INSERT INTO accounts (id, name, password_hash, created_ms) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((id, name, password_hash, self.now_ms))?;
        Ok(AccountRow {
            id: AccountId(id.unsigned_abs()),
            name: name.to_owned(),
            password_hash: password_hash.map(|hash| Secret::new(hash.to_owned())),
        })
    }

    pub(super) fn create_character(
        &self,
        ticket: Ticket,
        account: AccountId,
        name: &str,
        limit: u32,
    ) -> Result<Answer, EngineError> {
        let result = self.new_character(account, name, limit)?;
        Ok(Answer::CharacterCreated { ticket, result })
    }

    fn new_character(
        &self,
        account: AccountId,
        name: &str,
        limit: u32,
    ) -> Result<Result<CharacterRow, CreateRefused>, EngineError> {
        let account = signed(account.0)?;
        let have: u32 = self
            .transaction
            .prepare_cached("SELECT COUNT(*) FROM characters WHERE account = ?1")?
            .query_row([account], |row| row.get(0))?;
        if have >= limit {
            return Ok(Err(CreateRefused::TooMany));
        }
        let folded = fold(name);
        let taken: bool = self
            .transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM characters WHERE folded_name = ?1)")?
            .query_row([&folded], |row| row.get(0))?;
        if taken {
            return Ok(Err(CreateRefused::NameTaken));
        }
        let id = rows::id(self.node, self.take("next_character", 1)?);
        self.transaction
            .prepare_cached(
                "INSERT INTO characters (id, account, name, folded_name, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((id, account, name, folded, self.now_ms))?;
        Ok(Ok(CharacterRow {
            id: CharacterId(id.unsigned_abs()),
            name: name.to_owned(),
            zone: String::new(),
            rank: Rank::default(),
        }))
    }

    pub(super) fn delete_character(
        &self,
        ticket: Ticket,
        account: AccountId,
        character: CharacterId,
    ) -> Result<Answer, EngineError> {
        // A client may name any number; one that no row can have is nobody's.
        let Ok(row) = signed(character.0) else {
            let found = false;
            return Ok(Answer::CharacterDeleted { ticket, found });
        };
        let found: bool = self
            .transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM characters WHERE id = ?1 AND account = ?2)",
            )?
            .query_row((row, signed(account.0)?), |row| row.get(0))?;
        if found {
            self.destroy_all(character)?;
            self.transaction
                .prepare_cached("DELETE FROM character_modules WHERE character = ?1")?
                .execute([row])?;
            self.transaction
                .prepare_cached("DELETE FROM characters WHERE id = ?1")?
                .execute([row])?;
        }
        Ok(Answer::CharacterDeleted { ticket, found })
    }

    /// All that a character owns leaves the world, each item with its entry in the ledger.
    fn destroy_all(&self, character: CharacterId) -> Result<(), EngineError> {
        let deed = Deed {
            op: OpId { epoch: self.epoch, sequence: 0 },
            tick: None,
            cause: "character deleted",
            actor: character,
        };
        let owned: Vec<ItemId> = self
            .transaction
            .prepare_cached("SELECT id FROM items WHERE owner_character = ?1 ORDER BY id")?
            .query_map([signed(character.0)?], |row| Ok(ItemId(unsigned(row, 0)?)))?
            .collect::<Result<_, _>>()?;
        let owner = Owner::Character(character);
        owned.into_iter().try_for_each(|item| self.destroy(item, &owner, &deed))
    }

    pub(super) fn reserve_item_ids(&self, count: u64) -> Result<Answer, EngineError> {
        let first = rows::id(self.node, self.take("next_item", count)?);
        Ok(Answer::ItemIds { first: ItemId(first.unsigned_abs()), count })
    }

    /// Moves a counter on by `count` and gives where it was. Past 48 bits the schema stops it: ids of this node are
    /// used up, and another one must take over.
    fn take(&self, counter: &str, count: u64) -> Result<i64, EngineError> {
        let first = self
            .transaction
            .prepare_cached(
                "UPDATE meta SET value = value + ?2 WHERE key = ?1 RETURNING value - ?2",
            )?
            .query_row((counter, signed(count)?), |row| row.get(0))
            .map_err(|problem| EngineError::from(problem).at(counter))?;
        Ok(first)
    }
}

/// Names that differ in capitals alone are one name.
pub(super) fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn find_account(batch: &Batch<'_>, name: &str) -> Result<Option<AccountRow>, EngineError> {
    Ok(batch.transaction.prepare_cached(SELECT_ACCOUNT)?.query_row([name], account).optional()?)
}

/// A query for [`account`].
pub(super) const SELECT_ACCOUNT: &str =
    "SELECT id, name, password_hash FROM accounts WHERE name = ?1";

/// An account from a row of [`SELECT_ACCOUNT`].
pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: AccountId(unsigned(row, 0)?),
        name: row.get(1)?,
        password_hash: row.get::<_, Option<String>>(2)?.map(Secret::new),
    })
}
