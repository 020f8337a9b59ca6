//! The connection that only looks: accounts, characters and mailboxes, beside the writer, which it never waits for.

use std::fs::File;
use std::sync::Arc;

use game::record::{CharacterRecord, MailRecord};
use game::{AccountId, CharacterId};
use rusqlite::Connection;

use crate::store::engine::Lookup;
use crate::store::error::EngineError;
use crate::store::{AccountRow, CharacterRow};

use super::{accounts, characters, mail};

/// Looks things up. Each look is a transaction of its own, which is one snapshot: a character and its items are of the
/// same moment.
pub(super) struct SqliteLookup {
    connection: Connection,
    /// See [`open_beside`](super::file::open_beside): after the connection.
    _own: Arc<File>,
}

impl SqliteLookup {
    pub(super) const fn new(connection: Connection, own: Arc<File>) -> Self {
        Self { connection, _own: own }
    }
}

impl Lookup for SqliteLookup {
    fn account(&mut self, name: &str) -> Result<Option<AccountRow>, EngineError> {
        accounts::named(&self.connection, name)
    }

    fn characters_of(&mut self, account: AccountId) -> Result<Vec<CharacterRow>, EngineError> {
        characters::of_account(&self.connection, account)
    }

    fn character(
        &mut self,
        account: AccountId,
        character: CharacterId,
    ) -> Result<Option<CharacterRecord>, EngineError> {
        let snapshot = self.connection.transaction()?;
        characters::load(&snapshot, account, character)
    }

    fn mailbox(&mut self, character: CharacterId) -> Result<Vec<MailRecord>, EngineError> {
        let snapshot = self.connection.transaction()?;
        mail::letters(&snapshot, character)
    }
}
