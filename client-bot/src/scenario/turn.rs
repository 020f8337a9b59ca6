//! One turn of a bot in the world: what it knows and what it can do.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::ClientMessage;
use protocol::v1::{
    Attack, Buy, DeleteMail, DropItem, ListMail, ListShop, Mail, Move, PickUp, Respawn, Say, Sell,
    SendMail, ShopOffers, Shout, TakeMail, Whisper,
};
use rand_pcg::Pcg32;

use super::Script;
use crate::bot::event::{Event, Metric};
use crate::bot::holdings::Holdings;
use crate::bot::outbox::Outbox;
use crate::bot::sight::Sight;
use crate::bot::world::{Asked, Pending, World};

/// What a behaviour wants of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Cut it, come back after the pause.
    Cut {
        /// With a reset rather than a close.
        reset: bool,
        /// From the cut to the next connect.
        pause: Duration,
    },
}

/// What a behaviour sees and does when its turn is due.
pub struct Turn<'a> {
    /// When the turn was due; what is done in it counts from then.
    pub due: Duration,
    /// The scenario settings.
    pub script: &'a Script,
    /// The bot's own chance.
    pub rng: &'a mut Pcg32,
    pub(crate) world: &'a mut World,
    pub(crate) holdings: &'a Holdings,
    pub(crate) out: &'a mut Outbox,
    pub(crate) events: &'a mut VecDeque<Event>,
    pub(crate) now: Duration,
    pub(crate) wish: Option<Wish>,
    pub(crate) friend: &'a dyn Fn(&mut Pcg32) -> String,
}

impl Turn<'_> {
    /// What the bot sees, if it decodes views.
    #[must_use]
    pub fn sight(&self) -> Option<&Sight> {
        self.world.sight.as_ref()
    }

    /// When the character died, if it is dead.
    #[must_use]
    pub fn dead_since(&self) -> Option<Duration> {
        self.world.dead_since
    }

    /// What the character owns, as confirmed.
    #[must_use]
    pub fn holdings(&self) -> &Holdings {
        self.holdings
    }

    /// The name of another bot of the swarm.
    #[must_use]
    pub fn friend(&mut self) -> String {
        (self.friend)(self.rng)
    }

    /// Walks in this direction, 1/65536 of a turn clockwise from east.
    pub fn walk(&mut self, heading: u16) {
        self.step(heading, true);
    }

    /// Stands, looking in this direction.
    pub fn stand(&mut self, heading: u16) {
        self.step(heading, false);
    }

    fn step(&mut self, heading: u16, walking: bool) {
        let sequence = self.out.next_request();
        self.out.request(&Move { heading: heading.into(), walking, sequence });
        if let Some(due) = self.world.steps.sent(sequence, self.due) {
            let elapsed = self.now.saturating_sub(due);
            self.events.push_back(Event::Sample { metric: Metric::Move, elapsed });
        }
    }

    /// Strikes at an entity.
    pub fn attack(&mut self, target: u64) {
        self.out.request(&Attack { target });
    }

    /// Asks for what lies on the ground. Does nothing while an earlier request for value has no answer.
    pub fn pick_up(&mut self, entity: u64) {
        self.ask(&PickUp { entity }, Asked::Gain);
    }

    /// Drops an item. Does nothing while an earlier request for value has no answer.
    pub fn drop_item(&mut self, item: u64) {
        self.ask(&DropItem { item }, Asked::Loss { item });
    }

    /// Asks a shopkeeper for the prices; they are in [`Self::offers`] then.
    pub fn list_shop(&mut self, entity: u64) {
        self.world.offers = None;
        self.out.request(&ListShop { entity });
    }

    /// What the shopkeeper said who was asked last.
    #[must_use]
    pub fn offers(&self) -> Option<&ShopOffers> {
        self.world.offers.as_ref()
    }

    /// Buys one piece. Does nothing while an earlier request for value has no answer.
    pub fn buy(&mut self, entity: u64, template: String) {
        self.ask(&Buy { entity, template, quantity: 1 }, Asked::Gain);
    }

    /// Sells an item. Does nothing while an earlier request for value has no answer.
    pub fn sell(&mut self, entity: u64, item: u64) {
        self.ask(&Sell { entity, item }, Asked::Loss { item });
    }

    /// Asks for the letters; they are in [`Self::mailbox`] then.
    pub fn list_mail(&mut self) {
        self.world.mailbox = None;
        self.out.request(&ListMail {});
    }

    /// The letters, if they have come and weren't taken yet.
    #[must_use]
    pub fn mailbox(&self) -> Option<&[Mail]> {
        self.world.mailbox.as_deref()
    }

    /// As [`Self::mailbox`]; from now on there are none until the next list.
    #[must_use]
    pub fn take_mailbox(&mut self) -> Vec<Mail> {
        self.world.mailbox.take().unwrap_or_default()
    }

    /// Sends an item and gold to another character. Does nothing while an earlier request for value has no answer.
    pub fn send_mail(&mut self, to: String, item: u64, gold: u64) {
        let subject = "For you".to_owned();
        let letter = SendMail { to, subject, body: String::new(), items: vec![item], gold };
        self.ask(&letter, Asked::Loss { item });
    }

    /// Takes out what is in a letter. Does nothing while an earlier request for value has no answer.
    pub fn take_mail(&mut self, mail: u64) {
        self.ask(&TakeMail { mail }, Asked::Gain);
    }

    /// Throws an empty letter away.
    pub fn delete_mail(&mut self, mail: u64) {
        self.out.request(&DeleteMail { mail });
    }

    /// Whether an earlier request for value has no answer yet.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.world.pending.is_some()
    }

    fn ask(&mut self, message: &impl ClientMessage, asked: Asked) {
        if !self.waits() {
            let request = self.out.request(message);
            self.world.pending = Some(Pending { request, due: self.due, asked });
        }
    }

    /// Asks to live again.
    pub fn respawn(&mut self) {
        let request = self.out.request(&Respawn {});
        self.world.dead_since = None;
        self.world.respawn = Some(request);
    }

    /// Talks to all in sight.
    pub fn say(&mut self, text: String) {
        self.out.request(&Say { text });
    }

    /// Talks to the zone.
    pub fn shout(&mut self, text: String) {
        self.out.request(&Shout { text });
    }

    /// Talks to one character.
    pub fn whisper(&mut self, to: String, text: String) {
        self.out.request(&Whisper { to, text });
    }

    /// Cuts the connection when the turn is over; the bot resumes after `pause`.
    pub fn cut(&mut self, reset: bool, pause: Duration) {
        self.wish = Some(Wish::Cut { reset, pause });
    }
}
