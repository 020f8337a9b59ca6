//! Shared operations: mail. The sender's and the recipient's processes may both know less than the database, so it
//! decides, and its answer may be a refusal. What only the asker's process could have got wrong is a bug all the same.

use game::record::{Denied, Granted, ItemRecord, MAX_GOLD, Owner, SharedRequest};
use game::{CharacterId, ItemId, MailId};

use crate::store::engine::{Counter, MailHead, NewMail, Transaction};
use crate::store::error::EngineError;

use super::batch::Batch;
use super::deed::Deed;
use super::fold;
use super::staging::{Concerned, Staging};

type Outcome = Result<Result<Granted, Denied>, EngineError>;

/// A letter as its sender wrote it.
struct Draft<'a> {
    to: &'a str,
    subject: &'a str,
    body: &'a str,
    items: &'a [ItemId],
    gold: u64,
    room: u32,
    own_room: u32,
}

impl<T: Transaction> Batch<'_, T> {
    pub(super) fn decide(&mut self, request: &SharedRequest, deed: &Deed<'_>) -> Outcome {
        match request {
            SharedRequest::SendMail { to, subject, body, items, gold, room, own_room } => {
                let (gold, room, own_room) = (*gold, *room, *own_room);
                self.send(&Draft { to, subject, body, items, gold, room, own_room }, deed)
            }
            SharedRequest::TakeMail { mail, slots } => self.take(*mail, slots, deed),
            SharedRequest::DeleteMail { mail } => self.throw_away(*mail, deed),
        }
    }

    fn send(&mut self, draft: &Draft<'_>, deed: &Deed<'_>) -> Outcome {
        let Some(recipient) = self.transaction.character_named(&fold(draft.to))? else {
            return Ok(Err(Denied::NoSuchCharacter));
        };
        // The game refuses it; but only here is it sure that two spellings are one name.
        if recipient == deed.actor {
            return Ok(Err(Denied::NoSuchCharacter));
        }
        if self.transaction.mail_to(recipient)?.len() >= draft.room as usize {
            return Ok(Err(Denied::MailboxFull));
        }
        if self.transaction.letters_between(deed.actor, recipient)? >= draft.own_room.into() {
            return Ok(Err(Denied::TooManyLetters));
        }
        let sender = deed.actor;
        let Some(sender_name) = self.transaction.name_of(sender)? else {
            return Err(EngineError::Fatal(format!("there is no character {sender}")));
        };
        let mail = MailId(self.transaction.take_ids(Counter::Mail, 1)?);
        let Draft { subject, body, items, gold, .. } = *draft;
        let mut staging = Staging::load(self.transaction, &concerned(items, sender))?;
        let (from, to) = (Owner::Character(sender), Owner::Mail(mail));
        for item in items {
            staging.shift(*item, &from, (&to, 0), deed)?;
        }
        if gold > 0 {
            staging.pay(Some(from), Some(to), gold, deed)?;
        }
        let sender_name = &sender_name;
        let sent_ms = self.now_ms;
        let letter =
            NewMail { id: mail, recipient, sender, sender_name, subject, body, gold, sent_ms };
        self.transaction.add_mail(&letter)?;
        staging.write(self.transaction)?;
        Ok(Ok(Granted::MailSent { mail, recipient, items: items.to_vec(), gold }))
    }

    fn take(&mut self, mail: MailId, slots: &[u32], deed: &Deed<'_>) -> Outcome {
        let Some((letter, inside)) = self.letter(mail, deed.actor)? else {
            return Ok(Err(Denied::NoSuchMail));
        };
        if inside.len() > slots.len() {
            return Ok(Err(Denied::InventoryFull));
        }
        let mut staging = Staging::load(self.transaction, &concerned(&[], deed.actor))?;
        if staging.gold_of(deed.actor)? + letter.gold > MAX_GOLD {
            return Ok(Err(Denied::PurseFull));
        }
        let ids: Vec<ItemId> = inside.iter().map(|item| item.id).collect();
        staging.add(inside);
        let (from, to) = (Owner::Mail(mail), Owner::Character(deed.actor));
        let moved =
            ids.iter().zip(slots).map(|(id, slot)| staging.shift(*id, &from, (&to, *slot), deed));
        let items: Vec<ItemRecord> = moved.collect::<Result<_, _>>()?;
        if letter.gold > 0 {
            staging.pay(Some(from), Some(to), letter.gold, deed)?;
            self.transaction.set_mail_gold(mail, 0)?;
        }
        staging.write(self.transaction)?;
        Ok(Ok(Granted::MailTaken { mail, items, gold: letter.gold }))
    }

    fn throw_away(&mut self, mail: MailId, deed: &Deed<'_>) -> Outcome {
        let Some((letter, inside)) = self.letter(mail, deed.actor)? else {
            return Ok(Err(Denied::NoSuchMail));
        };
        if letter.gold > 0 || !inside.is_empty() {
            return Ok(Err(Denied::MailNotEmpty));
        }
        self.transaction.remove_mail(mail)?;
        Ok(Ok(Granted::MailDeleted { mail }))
    }

    /// A letter to this character with the items in it.
    fn letter(
        &mut self,
        mail: MailId,
        recipient: CharacterId,
    ) -> Result<Option<(MailHead, Vec<ItemRecord>)>, EngineError> {
        let found = self.transaction.mail(mail)?;
        let Some(letter) = found.filter(|letter| letter.recipient == recipient) else {
            return Ok(None);
        };
        Ok(Some((letter, self.transaction.items_of(&Owner::Mail(mail))?)))
    }
}

fn concerned(items: &[ItemId], character: CharacterId) -> Concerned {
    Concerned { items: items.iter().copied().collect(), characters: [character].into() }
}
