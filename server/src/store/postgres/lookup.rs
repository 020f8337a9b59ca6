//! The connection that only looks: accounts, characters and mailboxes for the lobby. It connects anew by itself.

use std::collections::BTreeMap;

use game::record::{CharacterRecord, ItemRecord, MailRecord, Owner, Saved};
use game::{AccountId, CharacterId, MailId};
use tokio_postgres::{Config, Row};

use crate::auth::Secret;
use crate::store::engine::Lookup;
use crate::store::error::EngineError;
use crate::store::{AccountRow, CharacterRow};

use super::rows::{self, get, possible, select_items, signed, text, unsigned};
use super::session::{Session, Value};

/// One moment for all that is asked before the end.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const END: &str = "COMMIT";

/// The columns of [`account`].
pub(super) const ACCOUNT: &str = "SELECT id, name, password_hash FROM accounts WHERE name = $1";
/// The columns of [`character_row`].
pub(super) const CHARACTERS: &str = "SELECT id, name, COALESCE(zone, ''), rank FROM characters \
                                     WHERE account = $1 ORDER BY folded_name";

/// Looks things up beside the writer, which it never waits for.
pub(super) struct PostgresLookup {
    config: Config,
    session: Option<Session>,
}

impl PostgresLookup {
    pub(super) const fn new(config: Config, session: Session) -> Self {
        Self { config, session: Some(session) }
    }

    /// The connection, made anew if it was lost.
    fn session(&mut self) -> Result<&mut Session, EngineError> {
        let session = match self.session.take().filter(Session::is_usable) {
            Some(session) => session,
            // Nothing was asked yet, so whatever the reason is, it may pass.
            None => Session::connect(&self.config)
                .map_err(|failure| EngineError::Transient(failure.to_string()))?,
        };
        Ok(self.session.insert(session))
    }

    /// The answers to several questions in one snapshot. After an error the connection isn't used again.
    fn at_one_moment<T>(
        &mut self,
        ask: impl FnOnce(&mut Session) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let session = self.session()?;
        let outcome = session.run(BEGIN).map_err(EngineError::from).and_then(|()| {
            let found = ask(session)?;
            session.run(END)?;
            Ok(found)
        });
        if outcome.is_err() {
            self.session = None;
        }
        outcome
    }
}

impl Lookup for PostgresLookup {
    fn account(&mut self, name: &str) -> Result<Option<AccountRow>, EngineError> {
        let found = self.session()?.query_opt(ACCOUNT, &[&text(name)])?;
        found.as_ref().map(account).transpose()
    }

    fn characters_of(&mut self, account: AccountId) -> Result<Vec<CharacterRow>, EngineError> {
        let found = self.session()?.query(CHARACTERS, &[&signed(account.0)?])?;
        found.iter().map(character_row).collect()
    }

    fn character(
        &mut self,
        account: AccountId,
        character: CharacterId,
    ) -> Result<Option<CharacterRecord>, EngineError> {
        // An id that no row can have is nobody's.
        let (Ok(owner), Ok(id)) = (signed(account.0), signed(character.0)) else {
            return Ok(None);
        };
        self.at_one_moment(|session| {
            let sql = "SELECT id, account, name, rank, gold, zone, x, y, heading FROM characters \
                       WHERE id = $1 AND account = $2";
            let Some(row) = session.query_opt(sql, &[&id, &owner])? else {
                return Ok(None);
            };
            Ok(Some(CharacterRecord {
                id: CharacterId(unsigned(&row, 0)?),
                account: AccountId(unsigned(&row, 1)?),
                name: get(&row, 2)?,
                rank: rows::rank(&row, 3)?,
                gold: unsigned(&row, 4)?,
                place: rows::place(&row, 5)?,
                modules: modules(session, id)?,
                items: items(
                    session,
                    select_items!("FROM items WHERE owner_character = $1 ORDER BY id"),
                    &id,
                )?,
            }))
        })
    }

    fn mailbox(&mut self, character: CharacterId) -> Result<Vec<MailRecord>, EngineError> {
        let id = signed(character.0)?;
        self.at_one_moment(|session| {
            let sql = "SELECT id, sender, sender_name, subject, body, gold, sent_ms FROM mail \
                       WHERE recipient = $1 ORDER BY id";
            let mut mails: Vec<MailRecord> =
                session.query(sql, &[&id])?.iter().map(mail).collect::<Result<_, _>>()?;
            let ids = possible(mails.iter().map(|mail| mail.id.0));
            let sql = select_items!("FROM items WHERE owner_mail = ANY($1) ORDER BY id");
            let mut contents: BTreeMap<MailId, Vec<ItemRecord>> = BTreeMap::new();
            for item in items(session, sql, &ids)? {
                if let Owner::Mail(mail) = &item.owner {
                    contents.entry(*mail).or_default().push(item);
                }
            }
            for mail in &mut mails {
                mail.items = contents.remove(&mail.id).unwrap_or_default();
            }
            Ok(mails)
        })
    }
}

/// An account from a row of [`ACCOUNT`].
pub(super) fn account(row: &Row) -> Result<AccountRow, EngineError> {
    Ok(AccountRow {
        id: AccountId(unsigned(row, 0)?),
        name: get(row, 1)?,
        password_hash: get::<Option<String>>(row, 2)?.map(Secret::new),
    })
}

/// A character from a row of [`CHARACTERS`].
pub(super) fn character_row(row: &Row) -> Result<CharacterRow, EngineError> {
    Ok(CharacterRow {
        id: CharacterId(unsigned(row, 0)?),
        name: get(row, 1)?,
        zone: get(row, 2)?,
        rank: rows::rank(row, 3)?,
    })
}

fn mail(row: &Row) -> Result<MailRecord, EngineError> {
    Ok(MailRecord {
        id: MailId(unsigned(row, 0)?),
        sender: CharacterId(unsigned(row, 1)?),
        sender_name: get(row, 2)?,
        subject: get(row, 3)?,
        body: get(row, 4)?,
        gold: unsigned(row, 5)?,
        items: Vec::new(),
        sent_ms: unsigned(row, 6)?,
    })
}

fn modules(session: &mut Session, character: i64) -> Result<BTreeMap<String, Saved>, EngineError> {
    let sql = "SELECT module, version, bytes FROM character_modules WHERE character = $1";
    let found = session.query(sql, &[&character])?;
    found
        .iter()
        .map(|row| {
            let saved = Saved { version: unsigned(row, 1)?, bytes: get(row, 2)? };
            Ok((get(row, 0)?, saved))
        })
        .collect()
}

fn items(
    session: &mut Session,
    sql: &'static str,
    of: Value<'_>,
) -> Result<Vec<ItemRecord>, EngineError> {
    session.query(sql, &[of])?.iter().map(rows::item).collect()
}
