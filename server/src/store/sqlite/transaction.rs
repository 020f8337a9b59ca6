//! A transaction's rows, as the rules ask for them. No rule is in here; each statement is prepared once per connection.

use game::record::{CharacterSave, GmEntry, ItemRecord, OpId, Owner};
use game::{AccountId, CharacterId, ItemId, MailId};

use crate::store::engine::{Counter, MailHead, Marks, NewMail, Transaction};
use crate::store::error::EngineError;
use crate::store::ledger::Total;
use crate::store::{AccountRow, CharacterRow, LedgerEntry};

use super::{accounts, characters, folding, mail, marks, value};

type Outcome<T = ()> = Result<T, EngineError>;

/// The one transaction that is open.
pub(super) struct SqliteTransaction<'a> {
    pub(super) rows: rusqlite::Transaction<'a>,
    pub(super) node: u16,
    pub(super) epoch: u64,
}

impl Transaction for SqliteTransaction<'_> {
    fn marks(&mut self) -> Outcome<Marks> {
        marks::read(&self.rows, self.epoch)
    }

    fn set_marks(&mut self, marks: &Marks) -> Outcome {
        marks::write(&self.rows, self.epoch, marks)
    }

    fn take_ids(&mut self, counter: Counter, count: u64) -> Outcome<u64> {
        marks::take_ids(&self.rows, counter, count).map(|first| Counter::id(self.node, first))
    }

    fn noted(&mut self, key: &'static str) -> Outcome<Option<u64>> {
        marks::noted(&self.rows, key)
    }

    fn note(&mut self, key: &'static str, value: u64) -> Outcome {
        marks::note(&self.rows, key, value)
    }

    fn items(&mut self, ids: &[ItemId]) -> Outcome<Vec<ItemRecord>> {
        value::items(&self.rows, ids)
    }

    fn items_of(&mut self, owner: &Owner) -> Outcome<Vec<ItemRecord>> {
        value::items_of(&self.rows, owner)
    }

    fn put_items(&mut self, items: &[ItemRecord]) -> Outcome {
        value::put_items(&self.rows, items)
    }

    fn remove_items(&mut self, ids: &[ItemId]) -> Outcome {
        value::remove_items(&self.rows, ids)
    }

    fn purses(&mut self, ids: &[CharacterId]) -> Outcome<Vec<(CharacterId, u64)>> {
        value::purses(&self.rows, ids)
    }

    fn set_purses(&mut self, purses: &[(CharacterId, u64)]) -> Outcome {
        value::set_purses(&self.rows, purses)
    }

    fn append(&mut self, entries: &[LedgerEntry]) -> Outcome {
        value::append(&self.rows, entries)
    }

    fn save(&mut self, saves: &[(&CharacterSave, u64)], now_ms: u64) -> Outcome<Vec<CharacterId>> {
        characters::save(&self.rows, self.epoch, saves, now_ms)
    }

    fn log(&mut self, entry: &GmEntry, tick: u64, now_ms: u64) -> Outcome {
        characters::log(&self.rows, self.epoch, entry, (tick, now_ms))
    }

    fn account(&mut self, name: &str) -> Outcome<Option<AccountRow>> {
        accounts::named(&self.rows, name)
    }

    fn add_account(&mut self, account: &AccountRow, now_ms: u64) -> Outcome {
        accounts::add(&self.rows, account, now_ms)
    }

    fn spend_token(&mut self, id: &str, expires_at: u64) -> Outcome<bool> {
        accounts::spend_token(&self.rows, id, expires_at)
    }

    fn forget_tokens(&mut self, before: u64, most: u32) -> Outcome {
        accounts::forget_tokens(&self.rows, before, most)
    }

    fn characters_of(&mut self, account: AccountId) -> Outcome<Vec<CharacterRow>> {
        characters::of_account(&self.rows, account)
    }

    fn character_named(&mut self, folded: &str) -> Outcome<Option<CharacterId>> {
        characters::named(&self.rows, folded)
    }

    fn name_of(&mut self, character: CharacterId) -> Outcome<Option<String>> {
        characters::name_of(&self.rows, character)
    }

    fn add_character(
        &mut self,
        account: AccountId,
        row: &CharacterRow,
        folded: &str,
        now_ms: u64,
    ) -> Outcome {
        characters::add(&self.rows, account, row, (folded, now_ms))
    }

    fn remove_character(&mut self, character: CharacterId) -> Outcome {
        characters::remove(&self.rows, character)
    }

    fn mail(&mut self, id: MailId) -> Outcome<Option<MailHead>> {
        mail::head(&self.rows, id)
    }

    fn mail_to(&mut self, recipient: CharacterId) -> Outcome<Vec<MailId>> {
        mail::to(&self.rows, recipient)
    }

    fn letters_between(&mut self, sender: CharacterId, recipient: CharacterId) -> Outcome<u64> {
        mail::between(&self.rows, sender, recipient)
    }

    fn add_mail(&mut self, mail: &NewMail<'_>) -> Outcome {
        mail::add(&self.rows, mail)
    }

    fn set_mail_gold(&mut self, id: MailId, gold: u64) -> Outcome {
        mail::set_gold(&self.rows, id, gold)
    }

    fn remove_mail(&mut self, id: MailId) -> Outcome {
        mail::remove(&self.rows, id)
    }

    fn newest_entry_ms(&mut self) -> Outcome<Option<u64>> {
        folding::newest_entry_ms(&self.rows)
    }

    fn oldest_entries(&mut self, before_ms: u64, most: u32) -> Outcome<Vec<LedgerEntry>> {
        folding::oldest_entries(&self.rows, before_ms, most)
    }

    fn item_openings(&mut self, of: &[ItemId]) -> Outcome<Vec<ItemRecord>> {
        folding::item_openings(&self.rows, of)
    }

    fn put_item_openings(&mut self, items: &[ItemRecord]) -> Outcome {
        folding::put_item_openings(&self.rows, items)
    }

    fn remove_item_openings(&mut self, of: &[ItemId]) -> Outcome {
        folding::remove_item_openings(&self.rows, of)
    }

    fn purse_openings(&mut self, of: &[Owner]) -> Outcome<Vec<(Owner, u64)>> {
        folding::purse_openings(&self.rows, of)
    }

    fn put_purse_openings(&mut self, purses: &[(Owner, u64)]) -> Outcome {
        folding::put_purse_openings(&self.rows, purses)
    }

    fn remove_purse_openings(&mut self, of: &[Owner]) -> Outcome {
        folding::remove_purse_openings(&self.rows, of)
    }

    fn add_totals(&mut self, totals: &[Total]) -> Outcome {
        folding::add_totals(&self.rows, totals)
    }

    fn folded_operation(&mut self) -> Outcome<OpId> {
        folding::folded_operation(&self.rows)
    }

    fn forget_entries(&mut self, up_to: u64, last: OpId) -> Outcome {
        folding::forget_entries(&self.rows, up_to, last)
    }

    fn commit(self) -> Outcome {
        Ok(self.rows.commit()?)
    }
}
