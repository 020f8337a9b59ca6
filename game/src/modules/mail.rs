//! Letters with items and gold in them, to anybody in the world, online or not. The full example of a shared operation:
//! this module checks what it can see, the database decides, and what it decided comes back as an event.

use std::collections::BTreeSet;

use protocol::v1::{
    self, DeleteMail, ListMail, MailArrived, MailDeleted, MailList, MailSent, Refusal, SendMail,
    TakeMail,
};
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{ItemId, MailId, PlayerId, ZoneName};
use crate::module::{Decided, MailboxRead, Module, Rate, Refuse, Routes};
use crate::player::Player;
use crate::post::{Letter, is_name};
use crate::record::{Denied, Granted, MailRecord, SharedRequest};
use crate::value::{PENDING_MS, item_message};

/// Letters that a mailbox holds. All of them go to the client in one frame, and so many of the longest, 5 KiB each,
/// are well below the 256 KiB that a session may have unsent.
const MAILBOX: u32 = 30;
/// Letters of one account that a mailbox holds: nobody alone can keep all others out of it.
const OWN_LETTERS: u32 = 5;
/// Items in a letter.
const MAX_ITEMS: usize = 8;
/// Characters in a subject.
const MAX_SUBJECT: usize = 64;
/// Characters in the text of a letter.
const MAX_BODY: usize = 1_000;
/// Characters in a recipient's name: names are shorter, and what is longer needn't be looked up.
const MAX_NAME: usize = 32;
/// Letters that one player may send: faster than anybody writes.
const SENDS: Rate = Rate { per_second: 2, burst: 5 };
/// Times that one player may look into its mailbox: the list is long, and changes when somebody writes.
const LISTS: Rate = Rate { per_second: 1, burst: 3 };

/// Mail in a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mail {
    /// Of letters that aren't decided yet, by who sends them.
    subjects: EntityMap<String>,
}

/// Somebody has written to this character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Arrived {
    sender: String,
    subject: String,
}

impl Letter for Arrived {
    const KIND: &'static str = "mail.arrived";
}

impl Module for Mail {
    const NAME: &'static str = "mail";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { subjects: EntityMap::new() }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_limited(SENDS, Self::send);
        routes.on_limited(LISTS, Self::list);
        routes.on(Self::take);
        routes.on(Self::delete);
        routes.on_event(Self::decided);
        routes.on_event(Self::mailbox_read);
        routes.on_player_letter(Self::arrived);
    }
}

/// What players ask for.
impl Mail {
    fn send(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: SendMail) -> Result<(), Refuse> {
        check_text("a name", &wish.to, MAX_NAME)?;
        check_text("a subject", &wish.subject, MAX_SUBJECT)?;
        check_text("a letter", &wish.body, MAX_BODY)?;
        let items = enclosed(ctx, player, &wish)?;
        let SendMail { to, subject, body, gold, .. } = wish;
        // What is in it, and its gold.
        ctx.spend_rows(player, items.len() + 1)?;
        let kept = subject.clone();
        let (room, own_room) = (MAILBOX, OWN_LETTERS);
        let request = SharedRequest::SendMail { to, subject, body, items, gold, room, own_room };
        ctx.ask_database(player, "mail", request)?;
        self.subjects.insert(player.entity(), kept);
        Ok(())
    }

    fn list(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, _: ListMail) -> Result<(), Refuse> {
        ctx.read_mailbox(player)
    }

    fn take(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, wish: TakeMail) -> Result<(), Refuse> {
        let taker = ctx.player(player);
        // Nothing else comes into them before it is decided.
        let slots = taker.map(|taker| taker.inventory().free_slots()).unwrap_or_default();
        let request = SharedRequest::TakeMail { mail: MailId(wish.mail), slots };
        ctx.ask_database(player, "take mail", request)
    }

    fn delete(
        &mut self,
        ctx: &mut Ctx<'_>,
        player: PlayerId,
        wish: DeleteMail,
    ) -> Result<(), Refuse> {
        let request = SharedRequest::DeleteMail { mail: MailId(wish.mail) };
        ctx.ask_database(player, "delete mail", request)
    }
}

/// What comes of it.
impl Mail {
    fn decided(&mut self, ctx: &mut Ctx<'_>, decided: &Decided) {
        let Decided { player, request, outcome } = decided;
        let subject = self.subjects.remove(player.entity()).unwrap_or_default();
        match outcome {
            Ok(Granted::MailSent { mail, recipient, .. }) => {
                ctx.reply_to(*player, *request, &MailSent { mail: mail.0 });
                let sender = ctx.player(*player).map(Player::name).unwrap_or_default().to_owned();
                ctx.post_to_character(*recipient, &Arrived { sender, subject });
            }
            // The change of its inventory has told the player.
            Ok(Granted::MailTaken { .. }) => {}
            Ok(Granted::MailDeleted { mail }) => {
                ctx.reply_to(*player, *request, &MailDeleted { mail: mail.0 });
            }
            Err(denied) => ctx.refuse_to(*player, *request, refusal(*denied)),
        }
    }

    fn mailbox_read(&mut self, ctx: &mut Ctx<'_>, read: &MailboxRead) {
        let Some(mails) = &read.mails else {
            let message = "the server has more to look up than it can take";
            let busy = Refuse::new(Refusal::Busy, message).for_ms(PENDING_MS);
            return ctx.refuse_to(read.player, read.request, busy);
        };
        let list = MailList { mails: mails.iter().map(mail_message).collect() };
        ctx.reply_to(read.player, read.request, &list);
    }

    fn arrived(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, letter: Arrived) {
        let subject = check_text("a subject", &letter.subject, MAX_SUBJECT);
        if !is_name(&letter.sender) || subject.is_err() {
            return ctx.drop_letter(Arrived::KIND);
        }
        let Arrived { sender, subject } = letter;
        ctx.send(player, &MailArrived { sender, subject });
    }
}

/// The items of a letter, if its sender could give them and its gold away now, and not to itself.
fn enclosed(ctx: &Ctx<'_>, player: PlayerId, wish: &SendMail) -> Result<Vec<ItemId>, Refuse> {
    let absent = || Refuse::new(Refusal::NoSuchTarget, "nobody is there");
    let sender = ctx.player(player).ok_or_else(absent)?;
    if sender.name().eq_ignore_ascii_case(&wish.to) {
        return Err(Refuse::new(Refusal::NotAllowed, "nobody writes letters to itself"));
    }
    let items: BTreeSet<ItemId> = wish.items.iter().map(|item| ItemId(*item)).collect();
    if items.len() < wish.items.len() || items.len() > MAX_ITEMS {
        let message = format!("a letter holds at most {MAX_ITEMS} items, each once");
        return Err(Refuse::new(Refusal::BadRequest, message));
    }
    let inventory = sender.inventory();
    if items.iter().any(|item| inventory.get(*item).is_none()) {
        return Err(Refuse::new(Refusal::NoSuchItem, "you don't have that"));
    }
    if wish.gold > inventory.gold() {
        return Err(Refuse::new(Refusal::NotEnoughGold, "you don't have so much gold"));
    }
    Ok(items.into_iter().collect())
}

fn check_text(what: &str, text: &str, most: usize) -> Result<(), Refuse> {
    if text.chars().count() > most {
        let message = format!("{what} has at most {most} characters");
        return Err(Refuse::new(Refusal::BadRequest, message));
    }
    crate::text::check(text)
        .map_err(|error| Refuse::new(Refusal::BadRequest, format!("{what}: {error}")))
}

fn refusal(denied: Denied) -> Refuse {
    let (reason, message) = match denied {
        Denied::NoSuchCharacter => (Refusal::NoSuchCharacter, "nobody has that name"),
        Denied::MailboxFull => (Refusal::MailboxFull, "that mailbox has no room"),
        Denied::TooManyLetters => (
            Refusal::MailboxFull,
            "that mailbox holds enough letters of yours; wait until some are deleted",
        ),
        Denied::NoSuchMail => (Refusal::NoSuchMail, "you have no such letter"),
        Denied::MailNotEmpty => (Refusal::MailNotEmpty, "there is something in that letter"),
        Denied::InventoryFull => (Refusal::InventoryFull, "you can't carry all of it"),
        Denied::PurseFull => (Refusal::PurseFull, "no purse holds so much gold"),
    };
    Refuse::new(reason, message)
}

fn mail_message(mail: &MailRecord) -> v1::Mail {
    v1::Mail {
        id: mail.id.0,
        sender: mail.sender_name.clone(),
        subject: mail.subject.clone(),
        body: mail.body.clone(),
        gold: mail.gold,
        items: mail.items.iter().map(item_message).collect(),
        sent_ms: mail.sent_ms,
    }
}

#[cfg(test)]
mod tests;
