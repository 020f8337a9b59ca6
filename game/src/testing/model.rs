//! The reference for every database: what commits must come to, in plain maps. It trusts nothing: a change that
//! doesn't fit what is there ends the test.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CharacterId, ItemId, MailId};
use crate::record::{
    Change, Commit, Decision, Denied, Granted, ItemRecord, MAX_GOLD, MailRecord, OpId, Operation,
    Owner, SharedRequest, Work,
};

/// All that is owned in a world, by its commits alone.
#[derive(Debug, Clone, Default)]
pub struct Model {
    names: BTreeMap<CharacterId, String>,
    gold: BTreeMap<CharacterId, u64>,
    items: BTreeMap<ItemId, ItemRecord>,
    mails: BTreeMap<MailId, Letter>,
    /// Ids that were ever given out.
    used: BTreeSet<ItemId>,
    /// By template, what came into the world less what left it.
    balance: BTreeMap<String, i128>,
    gold_balance: i128,
    last_op: Option<OpId>,
    next_mail: u64,
    destroyed: Vec<ItemId>,
}

#[derive(Debug, Clone)]
struct Letter {
    recipient: CharacterId,
    record: MailRecord,
}

impl Model {
    /// A character exists, under this name.
    pub fn introduce(&mut self, character: CharacterId, name: &str) {
        self.names.insert(character, name.to_owned());
        self.gold.entry(character).or_default();
    }

    /// Applies a commit, and decides what it asks.
    ///
    /// # Panics
    /// When a change isn't possible, or an operation comes twice or out of order.
    pub fn apply(&mut self, commit: &Commit) -> Vec<Decision> {
        commit.operations.iter().filter_map(|operation| self.operation(operation)).collect()
    }

    fn operation(&mut self, operation: &Operation) -> Option<Decision> {
        let op = operation.id;
        assert!(self.last_op.is_none_or(|last| last < op), "{op:?} after {:?}", self.last_op);
        self.last_op = Some(op);
        match &operation.work {
            Work::Done(changes) => {
                changes.iter().for_each(|change| self.change(change));
                None
            }
            Work::Asked(request) => {
                let actor = operation.actor;
                Some(Decision { op, actor, outcome: self.decide(actor, request) })
            }
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Create(item) => {
                assert!(self.used.insert(item.id), "item {} comes twice", item.id);
                *self.balance.entry(item.template.clone()).or_default() +=
                    i128::from(item.quantity);
                self.items.insert(item.id, item.clone());
            }
            Change::Move { item, from, to, slot } => {
                let item = self.owned(*item, from);
                (item.owner, item.slot) = (to.clone(), *slot);
            }
            Change::Destroy { item, from } => {
                let gone = self.owned(*item, from).clone();
                *self.balance.entry(gone.template).or_default() -= i128::from(gone.quantity);
                self.items.remove(item);
                self.destroyed.push(*item);
            }
            Change::Split { item, owner, quantity, into, slot } => {
                assert!(self.used.insert(*into), "item {into} comes twice");
                let stack = self.owned(*item, owner);
                assert!((1..stack.quantity).contains(quantity), "{quantity} of {stack:?}");
                stack.quantity -= quantity;
                let part =
                    ItemRecord { id: *into, slot: *slot, quantity: *quantity, ..stack.clone() };
                self.items.insert(*into, part);
            }
            Change::Merge { item, into, owner } => {
                let less = self.owned(*item, owner).clone();
                self.items.remove(item);
                let more = self.owned(*into, owner);
                assert_eq!(less.template, more.template);
                more.quantity += less.quantity;
            }
            Change::Gold { from, to, amount } => {
                assert!((1..=MAX_GOLD).contains(amount), "{amount} gold");
                match from {
                    Some(from) => self.pay(*from, *amount),
                    None => self.gold_balance += i128::from(*amount),
                }
                match to {
                    Some(to) => self.earn(*to, *amount),
                    None => self.gold_balance -= i128::from(*amount),
                }
            }
        }
    }

    fn owned(&mut self, item: ItemId, owner: &Owner) -> &mut ItemRecord {
        let found = self.items.get_mut(&item).unwrap_or_else(|| panic!("there is no item {item}"));
        assert_eq!(found.owner, *owner, "item {item}");
        found
    }

    fn pay(&mut self, character: CharacterId, amount: u64) {
        let gold = self.gold.entry(character).or_default();
        let rest = gold.checked_sub(amount);
        *gold = rest.unwrap_or_else(|| panic!("{character} pays {amount} of {gold}"));
    }

    fn earn(&mut self, character: CharacterId, amount: u64) {
        let gold = self.gold.entry(character).or_default();
        *gold += amount;
        assert!(*gold <= MAX_GOLD, "{character} has {gold} gold");
    }

    fn decide(&mut self, actor: CharacterId, request: &SharedRequest) -> Result<Granted, Denied> {
        match request {
            SharedRequest::SendMail { to, subject, body, items, gold, room, own_room } => {
                let to = to.to_lowercase();
                let mut names = self.names.iter();
                let found = names.find(|(_, name)| name.to_lowercase() == to);
                let (&recipient, _) = found.ok_or(Denied::NoSuchCharacter)?;
                if recipient == actor {
                    return Err(Denied::NoSuchCharacter);
                }
                let there = self.mails.values().filter(|letter| letter.recipient == recipient);
                if there.clone().count() >= *room as usize {
                    return Err(Denied::MailboxFull);
                }
                // Here, each character has an account of its own.
                if there.filter(|letter| letter.record.sender == actor).count()
                    >= *own_room as usize
                {
                    return Err(Denied::TooManyLetters);
                }
                self.next_mail += 1;
                let mail = MailId(self.next_mail);
                self.pay(actor, *gold);
                for item in items {
                    let item = self.owned(*item, &Owner::Character(actor));
                    (item.owner, item.slot) = (Owner::Mail(mail), 0);
                }
                let record = MailRecord {
                    id: mail,
                    sender: actor,
                    sender_name: self.names.get(&actor).cloned().unwrap_or_default(),
                    subject: subject.clone(),
                    body: body.clone(),
                    gold: *gold,
                    items: Vec::new(),
                    sent_ms: 0,
                };
                self.mails.insert(mail, Letter { recipient, record });
                Ok(Granted::MailSent { mail, recipient, items: items.clone(), gold: *gold })
            }
            SharedRequest::TakeMail { mail, slots } => {
                let gold = self.letter(actor, *mail)?.gold;
                let mut items = self.in_mail(*mail);
                if items.len() > slots.len() {
                    return Err(Denied::InventoryFull);
                }
                if self.gold_of(actor) + gold > MAX_GOLD {
                    return Err(Denied::PurseFull);
                }
                for (item, slot) in items.iter_mut().zip(slots) {
                    (item.owner, item.slot) = (Owner::Character(actor), *slot);
                    self.items.insert(item.id, item.clone());
                }
                self.letter(actor, *mail)?.gold = 0;
                self.earn(actor, gold);
                Ok(Granted::MailTaken { mail: *mail, items, gold })
            }
            SharedRequest::DeleteMail { mail } => {
                let gold = self.letter(actor, *mail)?.gold;
                if gold > 0 || !self.in_mail(*mail).is_empty() {
                    return Err(Denied::MailNotEmpty);
                }
                self.mails.remove(mail);
                Ok(Granted::MailDeleted { mail: *mail })
            }
        }
    }

    fn letter(&mut self, actor: CharacterId, mail: MailId) -> Result<&mut MailRecord, Denied> {
        let letter = self.mails.get_mut(&mail).filter(|letter| letter.recipient == actor);
        letter.map(|letter| &mut letter.record).ok_or(Denied::NoSuchMail)
    }

    fn in_mail(&self, mail: MailId) -> Vec<ItemRecord> {
        let items = self.items.values().filter(|item| item.owner == Owner::Mail(mail));
        items.cloned().collect()
    }

    /// What a character's mailbox holds, oldest first.
    #[must_use]
    pub fn mailbox(&self, character: CharacterId) -> Vec<MailRecord> {
        let letters = self.mails.values().filter(|letter| letter.recipient == character);
        let with_items = |letter: &Letter| MailRecord {
            items: self.in_mail(letter.record.id),
            ..letter.record.clone()
        };
        letters.map(with_items).collect()
    }

    /// The items of a character, by id.
    #[must_use]
    pub fn items_of(&self, character: CharacterId) -> Vec<ItemRecord> {
        let items = self.items.values().filter(|item| item.owner == Owner::Character(character));
        items.cloned().collect()
    }

    /// The gold of a character.
    #[must_use]
    pub fn gold_of(&self, character: CharacterId) -> u64 {
        self.gold.get(&character).copied().unwrap_or_default()
    }

    /// Every item that is there, by id.
    pub fn items(&self) -> impl Iterator<Item = &ItemRecord> + '_ {
        self.items.values()
    }

    /// The items that left the world, in order; stacks that joined another aren't among them.
    #[must_use]
    pub fn destroyed(&self) -> &[ItemId] {
        &self.destroyed
    }

    /// What came into the world and didn't leave it is there.
    ///
    /// # Panics
    /// When it isn't.
    pub fn check_conservation(&self) {
        let mut there: BTreeMap<String, i128> =
            self.balance.keys().map(|template| (template.clone(), 0)).collect();
        for item in self.items.values() {
            *there.entry(item.template.clone()).or_default() += i128::from(item.quantity);
        }
        assert_eq!(self.balance, there);
        let purses: i128 = self.gold.values().map(|gold| i128::from(*gold)).sum();
        let letters: i128 = self.mails.values().map(|mail| i128::from(mail.record.gold)).sum();
        assert_eq!(self.gold_balance, purses + letters);
    }
}
