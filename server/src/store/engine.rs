//! What the store needs of a database. The rules (what a commit, a request or a fold of the ledger comes to) are written
//! once, over [`Transaction`]; SQLite and PostgreSQL each say how rows are read and written, and pass the same tests.

use std::cmp::Ordering;
use std::fmt::Display;

use game::record::{CharacterRecord, CharacterSave, GmEntry, ItemRecord, MailRecord, OpId, Owner};
use game::{AccountId, CharacterId, ItemId, MailId};

use super::error::EngineError;
use super::ledger::{LedgerEntry, Total};
use super::{AccountRow, Answer, CharacterRow, Claim, Read, Write};

/// Bits of an id below the node number. 2^48 ids last for 8,900 years at 1,000 a second.
const NODE_SHIFT: u32 = 48;

/// What the writer thread drives.
pub(super) trait Writer: Send {
    /// Makes all of `batch` durable in one transaction, in order, and answers each write in that order; or does
    /// nothing. A request that the rules refuse is answered so and harms nobody else in the batch. After
    /// [`EngineError::Transient`] and [`EngineError::Unknown`] it is called again with the same batch and `number`: what
    /// was applied before isn't applied twice, and is answered as it was.
    ///
    /// `number` counts batches of this start from 1.
    fn apply(&mut self, number: u64, batch: &[Write]) -> Result<Vec<Answer>, EngineError>;

    /// Housekeeping that nobody waits for; called after the answers to a batch are out.
    fn tend(&mut self) -> Result<(), EngineError>;

    /// Bytes that are free where the database grows; `None` where that can't be told.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Leaves the database tidy; called once, after the last batch.
    fn finish(&mut self) -> Result<(), EngineError>;
}

/// A connection that only looks. Owned by the reader thread.
pub(super) trait Reader: Send {
    /// Looks one thing up, in one snapshot that has everything answered by the writer before.
    fn read(&mut self, question: &Read) -> Result<Answer, EngineError>;
}

/// A database that is open, migrated and claimed.
pub(super) struct Opened {
    pub(super) writer: Box<dyn Writer>,
    pub(super) reader: Box<dyn Reader>,
    pub(super) claim: Claim,
}

/// The one connection that changes the world, as an engine gives it.
pub(super) trait Database: Send {
    type Transaction<'a>: Transaction
    where
        Self: 'a;

    /// Begins a transaction, which is rolled back when it is dropped. Connects anew if the connection was lost.
    ///
    /// # Errors
    /// [`EngineError::Superseded`] when another start has claimed the database since: this one is fenced off.
    fn begin(&mut self) -> Result<Self::Transaction<'_>, EngineError>;

    /// The engine's own housekeeping after a batch.
    fn tend(&mut self) -> Result<(), EngineError>;

    /// Bytes that are free where the database grows; `None` where that can't be told.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Leaves the database tidy.
    fn finish(&mut self) -> Result<(), EngineError>;
}

/// Fails for good when the database isn't this start's any more.
pub(in crate::store) fn check_epoch(own: u64, found: u64) -> Result<(), EngineError> {
    match found.cmp(&own) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(EngineError::Superseded(format!(
            "another server has taken over: the database is at epoch {found}, this start has {own}; let one of them run"
        ))),
        Ordering::Less => Err(lost(format!(
            "it is at epoch {found}, and this start, of epoch {own}, isn't in it"
        ))),
    }
}

/// The database is older than what was confirmed from it, as `how` shows.
pub(in crate::store) fn lost(how: impl Display) -> EngineError {
    EngineError::Superseded(format!(
        "{how}: the database has lost what was confirmed since; was it restored, or is this a standby that lags \
         behind? Don't start on it before you know where the rest is"
    ))
}

/// How far a start has come. A batch, commit or operation at or below its mark was applied before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marks {
    pub(super) batch: u64,
    pub(super) commits: u64,
    pub(super) operations: u64,
    /// What the requests of that batch were answered, for when nobody heard it; `None` when it had none.
    pub(super) answers: Option<Vec<u8>>,
}

/// What numbers are given out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Account,
    Character,
    Item,
    Mail,
}

impl Counter {
    /// The id of this node where a counter stands.
    pub(super) const fn id(node: u16, counter: u64) -> u64 {
        ((node as u64) << NODE_SHIFT) | counter
    }

    /// Its key in the table `meta`.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Account => "next_account",
            Self::Character => "next_character",
            Self::Item => "next_item",
            Self::Mail => "next_mail",
        }
    }
}

/// A letter on its way into the database.
pub(super) struct NewMail<'a> {
    pub(super) id: MailId,
    pub(super) recipient: CharacterId,
    pub(super) sender: CharacterId,
    pub(super) sender_name: &'a str,
    pub(super) subject: &'a str,
    pub(super) body: &'a str,
    pub(super) gold: u64,
    pub(super) sent_ms: u64,
}

/// A letter as the rules need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MailHead {
    pub(super) recipient: CharacterId,
    pub(super) gold: u64,
}

/// Rows, many at a time where there can be many, so that an engine across a network pays one round trip for them. An
/// empty slice costs nothing.
pub(super) trait Transaction {
    /// Of this start.
    fn marks(&mut self) -> Result<Marks, EngineError>;
    fn set_marks(&mut self, marks: &Marks) -> Result<(), EngineError>;
    /// Moves a counter on by `count` and gives the id, node number included, where it was.
    fn take_ids(&mut self, counter: Counter, count: u64) -> Result<u64, EngineError>;

    /// A number that was noted under this key of the table `meta`.
    fn noted(&mut self, key: &'static str) -> Result<Option<u64>, EngineError>;
    /// Notes a number of at most 48 bits.
    fn note(&mut self, key: &'static str, value: u64) -> Result<(), EngineError>;

    /// Those of the items that are there, in any order.
    fn items(&mut self, ids: &[ItemId]) -> Result<Vec<ItemRecord>, EngineError>;
    /// By id.
    fn items_of(&mut self, owner: &Owner) -> Result<Vec<ItemRecord>, EngineError>;
    /// Each is there afterwards as it is here, whether it was before or not.
    fn put_items(&mut self, items: &[ItemRecord]) -> Result<(), EngineError>;
    fn remove_items(&mut self, ids: &[ItemId]) -> Result<(), EngineError>;
    /// The purses of those of the characters that are there, in any order.
    fn purses(&mut self, ids: &[CharacterId]) -> Result<Vec<(CharacterId, u64)>, EngineError>;
    fn set_purses(&mut self, purses: &[(CharacterId, u64)]) -> Result<(), EngineError>;
    /// Appends to the ledger, in order; `entry` of each is given by the database.
    fn append(&mut self, entries: &[LedgerEntry]) -> Result<(), EngineError>;

    /// Place and modules, each character once; gives those that aren't there.
    fn save(
        &mut self,
        saves: &[(&CharacterSave, u64)],
        now_ms: u64,
    ) -> Result<Vec<CharacterId>, EngineError>;
    fn log(&mut self, entry: &GmEntry, tick: u64, now_ms: u64) -> Result<(), EngineError>;

    fn account(&mut self, name: &str) -> Result<Option<AccountRow>, EngineError>;
    fn add_account(&mut self, account: &AccountRow, now_ms: u64) -> Result<(), EngineError>;
    /// False if the id was spent before.
    fn spend_token(&mut self, id: &str, expires_at: u64) -> Result<bool, EngineError>;
    /// Forgets at most `most` token ids that expired before this time.
    fn forget_tokens(&mut self, before: u64, most: u32) -> Result<(), EngineError>;
    fn characters_of(&mut self, account: AccountId) -> Result<Vec<CharacterRow>, EngineError>;
    /// By folded name.
    fn character_named(&mut self, folded: &str) -> Result<Option<CharacterId>, EngineError>;
    /// The name that a character has.
    fn name_of(&mut self, character: CharacterId) -> Result<Option<String>, EngineError>;
    fn add_character(
        &mut self,
        account: AccountId,
        row: &CharacterRow,
        folded: &str,
        now_ms: u64,
    ) -> Result<(), EngineError>;
    /// The character and what its modules keep; its items, gold and mail are gone already.
    fn remove_character(&mut self, character: CharacterId) -> Result<(), EngineError>;

    fn mail(&mut self, id: MailId) -> Result<Option<MailHead>, EngineError>;
    /// The letters to a character, oldest first.
    fn mail_to(&mut self, recipient: CharacterId) -> Result<Vec<MailId>, EngineError>;
    /// Letters to a character that characters of the sender's account wrote.
    fn letters_between(
        &mut self,
        sender: CharacterId,
        recipient: CharacterId,
    ) -> Result<u64, EngineError>;
    fn add_mail(&mut self, mail: &NewMail<'_>) -> Result<(), EngineError>;
    fn set_mail_gold(&mut self, id: MailId, gold: u64) -> Result<(), EngineError>;
    fn remove_mail(&mut self, id: MailId) -> Result<(), EngineError>;

    /// When the newest entry of the ledger was made durable, in Unix milliseconds; `None` when all are folded.
    fn newest_entry_ms(&mut self) -> Result<Option<u64>, EngineError>;
    /// The oldest entries of the ledger that aren't folded, at most `most`, made durable before this time.
    fn oldest_entries(
        &mut self,
        before_ms: u64,
        most: u32,
    ) -> Result<Vec<LedgerEntry>, EngineError>;
    /// What the folded history of these items came to; those that were gone by then have none.
    fn item_openings(&mut self, of: &[ItemId]) -> Result<Vec<ItemRecord>, EngineError>;
    fn put_item_openings(&mut self, items: &[ItemRecord]) -> Result<(), EngineError>;
    fn remove_item_openings(&mut self, of: &[ItemId]) -> Result<(), EngineError>;
    /// The same for gold of characters and in letters; who had none has no opening.
    fn purse_openings(&mut self, of: &[Owner]) -> Result<Vec<(Owner, u64)>, EngineError>;
    fn put_purse_openings(&mut self, purses: &[(Owner, u64)]) -> Result<(), EngineError>;
    fn remove_purse_openings(&mut self, of: &[Owner]) -> Result<(), EngineError>;
    /// Adds to the sums of what was folded.
    fn add_totals(&mut self, totals: &[Total]) -> Result<(), EngineError>;
    /// The last operation that is folded; 0/0 when none is, or none since this is noted.
    fn folded_operation(&mut self) -> Result<OpId, EngineError>;
    /// Entries up to this one are folded, the last of which is of this operation: they go.
    fn forget_entries(&mut self, up_to: u64, last: OpId) -> Result<(), EngineError>;

    /// All of it is durable when this returns `Ok`. [`EngineError::Unknown`] when that can't be told.
    fn commit(self) -> Result<(), EngineError>;
}

/// Looking things up, for the reader thread and for the operator.
pub(super) trait Lookup {
    fn account(&mut self, name: &str) -> Result<Option<AccountRow>, EngineError>;
    fn characters_of(&mut self, account: AccountId) -> Result<Vec<CharacterRow>, EngineError>;
    fn character(
        &mut self,
        account: AccountId,
        character: CharacterId,
    ) -> Result<Option<CharacterRecord>, EngineError>;
    fn mailbox(&mut self, character: CharacterId) -> Result<Vec<MailRecord>, EngineError>;
}
