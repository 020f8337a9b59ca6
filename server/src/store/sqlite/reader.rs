//! The connection that only looks: accounts and characters for the lobby.

use std::collections::BTreeMap;

use game::record::{CharacterRecord, Saved};
use game::{AccountId, CharacterId};
use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::store::engine::Reader;
use crate::store::error::EngineError;
use crate::store::{Answer, CharacterRow, Read};

use super::requests::{SELECT_ACCOUNT, account};
use super::rows::{self, signed, unsigned};

/// Looks things up beside the writer, which it never waits for.
pub(super) struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

impl Reader for SqliteReader {
    fn read(&mut self, question: &Read) -> Result<Answer, EngineError> {
        // One transaction is one snapshot: a character and its items are of the same moment.
        let snapshot = self.connection.transaction()?;
        Ok(match question {
            Read::Account { ticket, name } => Answer::Account {
                ticket: *ticket,
                account: snapshot
                    .prepare_cached(SELECT_ACCOUNT)?
                    .query_row([name], account)
                    .optional()?,
            },
            Read::Characters { ticket, account } => {
                Answer::Characters { ticket: *ticket, characters: characters(&snapshot, *account)? }
            }
            Read::Character { ticket, account, character } => Answer::Character {
                ticket: *ticket,
                character: load(&snapshot, *account, *character)?.map(Box::new),
            },
            Read::Mailbox { character, request } => {
                Answer::Mailbox { character: *character, request: *request, mails: Vec::new() }
            }
        })
    }
}

fn characters(
    snapshot: &Transaction<'_>,
    account: AccountId,
) -> Result<Vec<CharacterRow>, EngineError> {
    let rows = snapshot
        .prepare_cached(
            "SELECT id, name, COALESCE(zone, ''), rank FROM characters WHERE account = ?1 ORDER BY folded_name",
        )?
        .query_map([signed(account.0)?], |row| {
            Ok(CharacterRow {
                id: CharacterId(unsigned(row, 0)?),
                name: row.get(1)?,
                zone: row.get(2)?,
                rank: rows::rank(row, 3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn load(
    snapshot: &Transaction<'_>,
    account: AccountId,
    character: CharacterId,
) -> Result<Option<CharacterRecord>, EngineError> {
    // An id that no row can have is nobody's.
    let (Ok(owner), Ok(id)) = (signed(account.0), signed(character.0)) else {
        return Ok(None);
    };
    let found = snapshot
        .prepare_cached(
            "SELECT name, rank, zone, x, y, heading FROM characters WHERE id = ?1 AND account = ?2",
        )?
        .query_row((id, owner), |row| {
            Ok(CharacterRecord {
                id: character,
                account,
                name: row.get(0)?,
                rank: rows::rank(row, 1)?,
                place: rows::place(row, 2)?,
                modules: BTreeMap::new(),
                items: Vec::new(),
                gold: 0,
            })
        })
        .optional()?;
    let Some(mut record) = found else {
        return Ok(None);
    };
    record.modules = snapshot
        .prepare_cached(
            "SELECT module, version, bytes FROM character_modules WHERE character = ?1",
        )?
        .query_map([id], |row| {
            let saved = Saved { version: row.get(1)?, bytes: row.get(2)? };
            Ok((row.get(0)?, saved))
        })?
        .collect::<Result<_, _>>()?;
    record.items = snapshot
        .prepare_cached(&rows::select_items("owner_character = ?1 ORDER BY slot, id"))?
        .query_map([id], rows::item)?
        .collect::<Result<_, _>>()?;
    Ok(Some(record))
}
