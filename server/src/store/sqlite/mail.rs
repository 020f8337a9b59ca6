//! Letters.

use game::record::{MailRecord, Owner};
use game::{CharacterId, MailId};
use rusqlite::{Connection, OptionalExtension};

use crate::store::engine::{MailHead, NewMail};
use crate::store::error::EngineError;

use super::rows::{signed, unsigned};
use super::value;

pub(super) fn head(rows: &Connection, id: MailId) -> Result<Option<MailHead>, EngineError> {
    // A client may name any number; one that no row can have is no letter.
    let Ok(id) = signed(id.0) else { return Ok(None) };
    let found = rows
        .prepare_cached("SELECT recipient, gold FROM mail WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(MailHead { recipient: CharacterId(unsigned(row, 0)?), gold: unsigned(row, 1)? })
        })
        .optional()?;
    Ok(found)
}

/// Oldest first.
pub(super) fn to(rows: &Connection, recipient: CharacterId) -> Result<Vec<MailId>, EngineError> {
    let found = rows
        .prepare_cached("SELECT id FROM mail WHERE recipient = ?1 ORDER BY id")?
        .query_map([signed(recipient.0)?], |row| Ok(MailId(unsigned(row, 0)?)))?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// Letters that characters of the sender's account wrote to the recipient.
pub(super) fn between(
    rows: &Connection,
    sender: CharacterId,
    recipient: CharacterId,
) -> Result<u64, EngineError> {
    let count = rows
        .prepare_cached(
            "SELECT COUNT(*) FROM mail WHERE recipient = ?1 AND sender IN (SELECT id FROM characters \
             WHERE account = (SELECT account FROM characters WHERE id = ?2))",
        )?
        .query_row([signed(recipient.0)?, signed(sender.0)?], |row| unsigned(row, 0))?;
    Ok(count)
}

/// Oldest first, with what is in them.
pub(super) fn letters(
    rows: &Connection,
    recipient: CharacterId,
) -> Result<Vec<MailRecord>, EngineError> {
    let mut letters: Vec<MailRecord> = rows
        .prepare_cached(
            "SELECT id, sender, sender_name, subject, body, gold, sent_ms FROM mail \
             WHERE recipient = ?1 ORDER BY id",
        )?
        .query_map([signed(recipient.0)?], |row| {
            Ok(MailRecord {
                id: MailId(unsigned(row, 0)?),
                sender: CharacterId(unsigned(row, 1)?),
                sender_name: row.get(2)?,
                subject: row.get(3)?,
                body: row.get(4)?,
                gold: unsigned(row, 5)?,
                items: Vec::new(),
                sent_ms: unsigned(row, 6)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    for letter in &mut letters {
        letter.items = value::items_of(rows, &Owner::Mail(letter.id))?;
    }
    Ok(letters)
}

pub(super) fn add(rows: &Connection, mail: &NewMail<'_>) -> Result<(), EngineError> {
    rows.prepare_cached(
        "INSERT INTO mail (id, recipient, sender, sender_name, subject, body, gold, sent_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute((
        signed(mail.id.0)?,
        signed(mail.recipient.0)?,
        signed(mail.sender.0)?,
        mail.sender_name,
        mail.subject,
        mail.body,
        signed(mail.gold)?,
        signed(mail.sent_ms)?,
    ))?;
    Ok(())
}

pub(super) fn set_gold(rows: &Connection, id: MailId, gold: u64) -> Result<(), EngineError> {
    rows.prepare_cached("UPDATE mail SET gold = ?2 WHERE id = ?1")?
        .execute((signed(id.0)?, signed(gold)?))?;
    Ok(())
}

pub(super) fn remove(rows: &Connection, id: MailId) -> Result<(), EngineError> {
    rows.prepare_cached("DELETE FROM mail WHERE id = ?1")?.execute([signed(id.0)?])?;
    Ok(())
}
