//! What the lobby and the game ask for and the database may refuse: accounts, token logins, characters, item ids. A
//! refusal is an answer; it leaves the batch around it as it is.

use game::record::{OpId, Owner};
use game::{AccountId, CharacterId, ItemId, Rank};

use crate::auth::Secret;
use crate::store::engine::{Counter, Transaction};
use crate::store::error::EngineError;
use crate::store::{AccountRow, Answer, CharacterRow, CreateRefused, Ticket};

use super::batch::Batch;
use super::deed::Deed;
use super::staging::{Concerned, Staging};
use super::{fold, now_ms};

/// Spent token ids that are forgotten with each one that is admitted. More than one, so that they can't pile up;
/// not many, so that no login waits for a large clean-up.
const FORGET_AT_ONCE: u32 = 8;
/// How long a token's id is kept beyond the token's own end: the longest that a token may be good, and an hour for clocks
/// that disagree.
const FORGET_AFTER_SECONDS: u64 = 25 * 3_600;
/// Steps in which ids are forgotten, so that how far that has come is written once in each.
const FORGET_STEP_SECONDS: u64 = 3_600;
/// Key in the table `meta`: ids of tokens that ended up to here, in Unix seconds, may be forgotten. None of those tokens
/// is admitted any more, whatever the clock says: one that was set forward and back again makes no spent token good.
const FORGOTTEN: &str = "tokens_forgotten_s";

impl<T: Transaction> Batch<'_, T> {
    pub(super) fn register(
        &mut self,
        ticket: Ticket,
        name: &str,
        password_hash: &Secret,
    ) -> Result<Answer, EngineError> {
        let account = match self.transaction.account(name)? {
            Some(_) => None,
            None => Some(self.make_account(name, Some(password_hash.clone()))?),
        };
        Ok(Answer::Registered { ticket, account })
    }

    pub(super) fn admit_token(
        &mut self,
        ticket: Ticket,
        token_id: &str,
        expires_at: u64,
        account: &str,
    ) -> Result<Answer, EngineError> {
        let forgotten = self.forget_tokens()?;
        if expires_at <= forgotten || !self.transaction.spend_token(token_id, expires_at)? {
            return Ok(Answer::TokenAdmitted { ticket, account: None });
        }
        let account = match self.transaction.account(account)? {
            Some(found) => found,
            None => self.make_account(account, None)?,
        };
        Ok(Answer::TokenAdmitted { ticket, account: Some(account) })
    }

    /// Forgets some ids of tokens that ended long ago, unless the clock is doubted that says so. Returns how far that has
    /// ever come, in Unix seconds.
    fn forget_tokens(&mut self) -> Result<u64, EngineError> {
        let forgotten = self.transaction.noted(FORGOTTEN)?.unwrap_or(0);
        if self.clock_doubted {
            return Ok(forgotten);
        }
        // By the clock that judges whether a token has expired, not by the batch's moment, which may run ahead of it.
        let long_ago = (now_ms() / 1_000).saturating_sub(FORGET_AFTER_SECONDS);
        let before = long_ago - long_ago % FORGET_STEP_SECONDS;
        if before > forgotten {
            self.transaction.note(FORGOTTEN, before)?;
        }
        self.transaction.forget_tokens(before, FORGET_AT_ONCE)?;
        Ok(forgotten.max(before))
    }

    fn make_account(
        &mut self,
        name: &str,
        password_hash: Option<Secret>,
    ) -> Result<AccountRow, EngineError> {
        let id = AccountId(self.transaction.take_ids(Counter::Account, 1)?);
        let account = AccountRow { id, name: name.to_owned(), password_hash };
        self.transaction.add_account(&account, self.now_ms)?;
        Ok(account)
    }

    pub(super) fn create_character(
        &mut self,
        ticket: Ticket,
        account: AccountId,
        name: &str,
        limit: u32,
    ) -> Result<Answer, EngineError> {
        let result = self.new_character(account, name, limit)?;
        Ok(Answer::CharacterCreated { ticket, result })
    }

    fn new_character(
        &mut self,
        account: AccountId,
        name: &str,
        limit: u32,
    ) -> Result<Result<CharacterRow, CreateRefused>, EngineError> {
        if self.transaction.characters_of(account)?.len() >= limit as usize {
            return Ok(Err(CreateRefused::TooMany));
        }
        let folded = fold(name);
        if self.transaction.character_named(&folded)?.is_some() {
            return Ok(Err(CreateRefused::NameTaken));
        }
        let id = CharacterId(self.transaction.take_ids(Counter::Character, 1)?);
        let row = new_character(id, name);
        self.transaction.add_character(account, &row, &folded, self.now_ms)?;
        Ok(Ok(row))
    }

    pub(super) fn delete_character(
        &mut self,
        ticket: Ticket,
        account: AccountId,
        character: CharacterId,
    ) -> Result<Answer, EngineError> {
        let theirs = self.transaction.characters_of(account)?;
        let found = theirs.iter().any(|row| row.id == character);
        if found {
            self.destroy_all(character)?;
            self.transaction.remove_character(character)?;
        }
        Ok(Answer::CharacterDeleted { ticket, found })
    }

    /// All that a character owns leaves the world, with what is in letters to it, each with its entry in the ledger.
    fn destroy_all(&mut self, character: CharacterId) -> Result<(), EngineError> {
        let deed = Deed {
            op: OpId { epoch: self.epoch, sequence: 0 },
            commit: None,
            cause: "character deleted",
            actor: character,
            at_ms: self.now_ms,
        };
        let concerned = Concerned { characters: [character].into(), ..Concerned::default() };
        let mut staging = Staging::load(self.transaction, &concerned)?;
        let purse = staging.gold_of(character)?;
        let letters = self.transaction.mail_to(character)?;
        let mut estate = vec![(Owner::Character(character), purse)];
        for mail in &letters {
            let gold = self.transaction.mail(*mail)?.map_or(0, |letter| letter.gold);
            estate.push((Owner::Mail(*mail), gold));
        }
        for (owner, gold) in estate {
            let items = self.transaction.items_of(&owner)?;
            staging.add(items.clone());
            for item in items {
                staging.destroy(item.id, &owner, &deed)?;
            }
            if gold > 0 {
                staging.pay(Some(owner), None, gold, &deed)?;
            }
        }
        staging.write(self.transaction)?;
        letters.into_iter().try_for_each(|mail| self.transaction.remove_mail(mail))
    }

    pub(super) fn reserve_item_ids(&mut self, count: u64) -> Result<Answer, EngineError> {
        let first = ItemId(self.transaction.take_ids(Counter::Item, count)?);
        Ok(Answer::ItemIds { first, count })
    }
}

/// A character as a list shows it when it was just made.
pub(super) fn new_character(id: CharacterId, name: &str) -> CharacterRow {
    CharacterRow { id, name: name.to_owned(), zone: String::new(), rank: Rank::default() }
}
