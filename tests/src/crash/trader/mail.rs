//! What a trader does by mail.

use protocol::v1::server_packet::Body;
use protocol::v1::{DeleteMail, ListMail, SendMail, TakeMail};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use super::{Settled, Trader, name};
use crate::crash::TRADERS;
use crate::crash::deed::Deed;

/// Items in a letter, at most.
const ENCLOSED: usize = 3;
/// Gold in a letter, at most.
const ENCLOSED_GOLD: u64 = 10;

impl Trader<'_> {
    pub(super) fn send_mail(&mut self, rng: &mut Pcg32) -> Option<()> {
        let count = rng.random_range(1..=ENCLOSED);
        let items = self.chest.some(rng, count);
        let gold = rng.random_range(0..=self.chest.gold().min(ENCLOSED_GOLD));
        let to = name((self.number + rng.random_range(1..TRADERS)) % TRADERS);
        let letter = SendMail { to, subject: "wares".into(), body: String::new(), items, gold };
        let request = self.send(&letter);
        let settled = self.wait(|packet| match packet.body {
            // The change of the inventory came just before it.
            Some(Body::MailSent(_)) => (packet.request == request).then_some(Settled::Done),
            Some(Body::Refused(_)) => (packet.request == request).then_some(Settled::Refused),
            _ => None,
        })?;
        self.done(Deed::SendMail, settled);
        Some(())
    }

    /// Looks into the mailbox, empties the oldest letter that holds something, and throws it away.
    pub(super) fn take_mail(&mut self) -> Option<()> {
        let request = self.send(&ListMail {});
        let mails = self.wait(|packet| match &packet.body {
            Some(Body::MailList(list)) => Some(Some(list.mails.clone())),
            Some(Body::Refused(_)) => (packet.request == request).then_some(None),
            _ => None,
        })?;
        let Some(mails) = mails else {
            return Some(());
        };
        self.letters = mails.len() > 1;
        let Some(letter) = mails.first() else {
            return Some(());
        };
        let mail = letter.id;
        if letter.gold > 0 || !letter.items.is_empty() {
            let settled = self.ask(Deed::TakeMail, &TakeMail { mail })?;
            if settled == Settled::Refused {
                return Some(());
            }
        }
        let request = self.send(&DeleteMail { mail });
        self.wait(|packet| {
            let ended = matches!(packet.body, Some(Body::MailDeleted(_) | Body::Refused(_)));
            (ended && packet.request == request).then_some(())
        })
    }
}
