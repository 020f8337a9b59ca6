//! What the loop asks of the database and hears back. Everything here is asked without waiting: writes go to one
//! writer thread, which makes each batch durable in one transaction and in order; reads go to a reader with its own
//! connection. Results wake the loop.

mod engine;
mod engines;
mod error;
mod handle;
mod ledger;
mod load;
mod location;
mod operator;
#[cfg(feature = "postgres")]
mod postgres;
mod reader_thread;
mod report;
mod rules;
mod secret;
mod settings;
mod snapshot;
mod space;
mod sqlite;
mod transfer;
mod writer_thread;

#[cfg(test)]
mod tests;

use game::record::{CharacterRecord, Commit, Decision, ItemRecord, MailRecord};
use game::{AccountId, CharacterId, CommitSeq, ItemId, Rank};
use serde::{Deserialize, Serialize};

use crate::auth::Secret;

pub(crate) use engines::check;
pub(crate) use error::EngineError;
pub use error::{Breakage, OpenError, OperatorError, Unsaved};
pub use handle::Store;
pub use ledger::{
    AuditReport, Balance, CharacterHistory, EntryKind, FINDINGS_LISTED, Finding, GOLD, History,
    LedgerEntry, Quarantined, Watch,
};
pub use load::{Load, StoreStats};
pub use location::{Location, PostgresUrl};
pub use operator::{
    Migrated, audit, audit_watched, backup, character_history, export, forget_log, import,
    item_history, migrate, quarantined, set_rank,
};
pub use settings::{Bounds, NODE_RANGE, StoreSettings};
pub use transfer::TransferError;

/// Chosen by the asker; comes back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Something to be made durable. Writes are carried out in the order in which they were submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// What a tick changed. Answered by [`Answer::Durable`]; it can't be refused any more.
    Commit(Box<Commit>),
    /// A new account. Answered by [`Answer::Registered`].
    Register {
        /// Comes back.
        ticket: Ticket,
        /// Folded and checked.
        name: String,
        /// Argon2id in PHC form.
        password_hash: Secret,
    },
    /// A login token's one-time id is spent and its account found or made, in one step. Answered by
    /// [`Answer::TokenAdmitted`].
    AdmitToken {
        /// Comes back.
        ticket: Ticket,
        /// The token's `jti`.
        token_id: String,
        /// Unix seconds after which the id may be forgotten, because the token itself has expired.
        expires_at: u64,
        /// The account's name; made, without a password, when it isn't there.
        account: String,
    },
    /// A new character. Answered by [`Answer::CharacterCreated`].
    CreateCharacter {
        /// Comes back.
        ticket: Ticket,
        /// Whose.
        account: AccountId,
        /// Checked.
        name: String,
        /// The most characters this account may have.
        limit: u32,
    },
    /// A character goes, with all it owns, into the ledger as destroyed. Answered by [`Answer::CharacterDeleted`].
    /// It must not be in the world, nor in a commit that is submitted later: such a commit would be about somebody
    /// who isn't there, and stop the store.
    DeleteCharacter {
        /// Comes back.
        ticket: Ticket,
        /// Whose; another account's character isn't found.
        account: AccountId,
        /// Which.
        character: CharacterId,
    },
    /// The next item ids are this process's. Answered by [`Answer::ItemIds`].
    ReserveItemIds {
        /// How many.
        count: u64,
    },
}

/// Something to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// By folded name. Answered by [`Answer::Account`].
    Account {
        /// Comes back.
        ticket: Ticket,
        /// Folded.
        name: String,
    },
    /// An account's characters. Answered by [`Answer::Characters`].
    Characters {
        /// Comes back.
        ticket: Ticket,
        /// Whose.
        account: AccountId,
    },
    /// Everything of one character. Answered by [`Answer::Character`].
    Character {
        /// Comes back.
        ticket: Ticket,
        /// Whose; another account's character isn't found.
        account: AccountId,
        /// Which.
        character: CharacterId,
    },
    /// The letters to a character. Answered by [`Answer::Mailbox`].
    Mailbox {
        /// Whose.
        character: CharacterId,
        /// Comes back.
        request: u32,
    },
}

/// An account as the lobby needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Which.
    pub id: AccountId,
    /// Folded.
    pub name: String,
    /// `None` when it logs in with tokens alone.
    pub password_hash: Option<Secret>,
}

/// A character as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharacterRow {
    /// Which.
    pub id: CharacterId,
    /// Unique.
    pub name: String,
    /// Where it stands; empty when it has never been in the world.
    pub zone: String,
    /// What it may do.
    pub rank: Rank,
}

/// What the store says back, in the order in which it happened within writes and within reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// This commit and all before it are on disk.
    Durable(CommitSeq),
    /// `None`: the name is taken.
    Registered {
        /// Of the write.
        ticket: Ticket,
        /// The new account.
        account: Option<AccountRow>,
    },
    /// `None`: the id was spent before.
    TokenAdmitted {
        /// Of the write.
        ticket: Ticket,
        /// The token's account.
        account: Option<AccountRow>,
    },
    /// A character was made, or why not.
    CharacterCreated {
        /// Of the write.
        ticket: Ticket,
        /// The new character.
        result: Result<CharacterRow, CreateRefused>,
    },
    /// Whether there was such a character.
    CharacterDeleted {
        /// Of the write.
        ticket: Ticket,
        /// False: not found.
        found: bool,
    },
    /// The ids from `first` on are ours.
    ItemIds {
        /// The first.
        first: ItemId,
        /// How many.
        count: u64,
    },
    /// `None`: no such account.
    Account {
        /// Of the read.
        ticket: Ticket,
        /// The account.
        account: Option<AccountRow>,
    },
    /// Sorted by name.
    Characters {
        /// Of the read.
        ticket: Ticket,
        /// All of them.
        characters: Vec<CharacterRow>,
    },
    /// `None`: no such character of this account.
    Character {
        /// Of the read.
        ticket: Ticket,
        /// Everything of it.
        character: Option<Box<CharacterRecord>>,
    },
    /// What the database decided about a shared operation. Comes just before the [`Answer::Durable`] of its commit.
    Decided(Decision),
    /// A save of this character was refused: it isn't in the database. The rest of its commit is durable.
    SaveFailed(CharacterId),
    /// Oldest first.
    Mailbox {
        /// Of the read.
        character: CharacterId,
        /// Of the read.
        request: u32,
        /// All of them, with what is in them.
        mails: Vec<MailRecord>,
    },
    /// The writer has more waiting than it should (`false`), or has caught up (`true`).
    ValueOpen(bool),
    /// The store can't go on and memory may be ahead of it: the process must stop at once.
    Broken(Breakage),
}

/// Why a character wasn't made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreateRefused {
    /// Another one has the name.
    NameTaken,
    /// The account has as many as it may.
    TooMany,
}

/// What a start finds in the database, after claiming it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Grows with each start; the first half of every op id.
    pub epoch: u64,
    /// Of the world: six numbers of 48 random bits, made when it was opened the first time.
    pub secret: [u64; 6],
    /// What lies on the grounds.
    pub ground: Vec<ItemRecord>,
}

/// The queue is full: nothing was taken. Ask again after the next answer, or refuse the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store has more waiting than its queue holds")]
pub struct Backlog;
