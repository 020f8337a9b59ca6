//! Value by random operations: items, purses, mailboxes and decisions are those of the reference model, also when
//! answers are lost on the way.

use game::record::{
    Change, Commit, Decision, Granted, ItemRecord, MAX_GOLD, MailRecord, OpId, Operation, Owner,
    SharedRequest, Work,
};
use game::testing::Model;
use game::{AccountId, CharacterId, CommitSeq, ItemId, MailId};
use proptest::prelude::*;

use super::world::{Home, create, ground, on_every_engine, register, write};
use crate::store::engine::{Opened, Writer};
use crate::store::{Answer, Read, Ticket, Write};

on_every_engine![whatever_is_done_the_store_comes_to_what_the_model_does];

/// The node's part of every id.
const NODE: u64 = 1 << 48;
/// Letters that a mailbox holds.
const ROOM: u32 = 3;
/// And of one account.
const OWN_ROOM: u32 = 2;
const NAMES: [&str; 3] = ["Anna", "bert", "Cora"];

/// Numbers out of which an operation is made.
type Choice = (u8, usize, usize, u32);

/// A model and the store that is held against it.
struct Pair {
    engine: Opened,
    model: Model,
    people: Vec<(AccountId, CharacterId)>,
    batch: u64,
    seq: u64,
    sequence: u64,
    next_item: u64,
}

impl Pair {
    fn new(home: &Home) -> Self {
        let engine = home.engine();
        let (model, people) = (Model::default(), Vec::new());
        let (batch, seq, sequence) = (0, 0, 0);
        let mut pair = Self { engine, model, people, batch, seq, sequence, next_item: 0 };
        let answers = pair.apply(&[Write::ReserveItemIds { count: 10_000 }], false);
        let Answer::ItemIds { first, .. } = answers[0] else {
            panic!("{answers:?}");
        };
        pair.next_item = first.0;
        for name in NAMES {
            pair.introduce(name);
        }
        pair
    }

    fn introduce(&mut self, name: &str) {
        let answers = self.apply(&[register(name)], true);
        let Answer::Registered { account: Some(account), .. } = &answers[0] else {
            panic!("{answers:?}");
        };
        let account = account.id;
        let answers = self.apply(&[create(account, name)], true);
        let Answer::CharacterCreated { result: Ok(row), .. } = &answers[0] else {
            panic!("{answers:?}");
        };
        self.model.introduce(row.id, name);
        self.people.push((account, row.id));
    }

    /// Applies a batch; once more when the answer is to be lost, which must come to the same.
    fn apply(&mut self, writes: &[Write], lost: bool) -> Vec<Answer> {
        self.batch += 1;
        let writer: &mut dyn Writer = &mut *self.engine.writer;
        let answers = writer.apply(self.batch, writes).unwrap();
        if lost {
            assert_eq!(writer.apply(self.batch, writes).unwrap(), answers);
        }
        answers
    }

    /// A commit of some operations, made in the model as well, and what it must be answered.
    fn commit(&mut self, choices: &[Choice]) -> (Write, Vec<Answer>) {
        self.seq += 1;
        let (seq, tick) = (CommitSeq(self.seq), self.seq);
        let empty = Commit { seq, tick, operations: vec![], characters: vec![], gm_log: vec![] };
        let mut commit = empty.clone();
        let mut expected = Vec::new();
        for choice in choices {
            let Some((actor, work)) = self.work(*choice) else { continue };
            self.sequence += 1;
            let id = OpId { epoch: self.engine.claim.epoch, sequence: self.sequence };
            let operation = Operation { id, cause: "test".to_owned(), actor, work };
            let alone = Commit { operations: vec![operation.clone()], ..empty.clone() };
            let decisions = self.model.apply(&alone).into_iter();
            expected.extend(decisions.map(|decision| Answer::Decided(stored_decision(decision))));
            commit.operations.push(stored_operation(operation));
        }
        expected.push(Answer::Durable(seq));
        (write(commit), expected)
    }

    /// Something that is possible now; `None` when there is nothing of the kind.
    fn work(&mut self, (kind, one, other, number): Choice) -> Option<(CharacterId, Work)> {
        let (_, actor) = self.people[one % self.people.len()];
        let (_, friend) = self.people[other % self.people.len()];
        let quantity = number % 20 + 1;
        let anywhere = if other.is_multiple_of(2) { Owner::Character(friend) } else { ground(3) };
        let outside = self.model.items().filter(|item| !matches!(item.owner, Owner::Mail(_)));
        let items: Vec<ItemRecord> = outside.cloned().collect();
        let nth = items.get(one % items.len().max(1)).cloned();
        let have = self.model.gold_of(actor);
        let done = |change| Some((actor, Work::Done(vec![change])));
        match kind % 13 {
            0..=2 => done(Change::Create(ItemRecord {
                id: self.new_item(),
                owner: anywhere,
                slot: number % 30,
                template: ["iron ore", "wolf pelt"][other % 2].to_owned(),
                quantity,
            })),
            3 => {
                let ItemRecord { id: item, owner: from, .. } = nth?;
                done(Change::Move { item, from, to: anywhere, slot: number % 30 })
            }
            4 => nth.and_then(|item| done(Change::Destroy { item: item.id, from: item.owner })),
            5 => {
                let ItemRecord { id: item, owner, quantity: size, .. } = nth?;
                let quantity = (size > 1).then(|| number % (size - 1) + 1)?;
                done(Change::Split { item, owner, quantity, into: self.new_item(), slot: 9 })
            }
            6 => {
                let less = nth?;
                let alike = |item: &&ItemRecord| {
                    item.id != less.id && item.owner == less.owner && item.template == less.template
                };
                let into = items.iter().find(alike)?.id;
                done(Change::Merge { item: less.id, into, owner: less.owner })
            }
            7 | 8 => {
                // Now and then as much as a purse holds.
                let most = MAX_GOLD - have;
                let amount = if number.is_multiple_of(5) { most } else { most.min(number.into()) };
                let change = Change::Gold { from: None, to: Some(actor), amount };
                (amount > 0).then(|| done(change)).flatten()
            }
            9 => {
                let room = MAX_GOLD - self.model.gold_of(friend);
                let amount = have.min(room).min(number.into());
                let to = number.is_multiple_of(2).then_some(friend);
                let possible = amount > 0 && friend != actor;
                let change = Change::Gold { from: Some(actor), to, amount };
                possible.then(|| done(change)).flatten()
            }
            kind => {
                let request = self.letter(kind % 13, actor, other, number);
                Some((actor, Work::Asked(request)))
            }
        }
    }

    /// Something to ask about mail, possible or not.
    fn letter(&self, kind: u8, actor: CharacterId, other: usize, number: u32) -> SharedRequest {
        let letters = self.model.mailbox(actor);
        let nobody = || MailId(u64::from(number));
        let mail = letters.get(other % 4).map_or_else(nobody, |letter| letter.id);
        match kind {
            10 => {
                let given = self.model.items_of(actor).into_iter().take(number as usize % 3);
                SharedRequest::SendMail {
                    to: ["aNNa", "bert", "CORA", "nobody"][other % 4].to_owned(),
                    subject: "a letter".to_owned(),
                    body: "with things in it".to_owned(),
                    items: given.map(|item| item.id).collect(),
                    gold: self.model.gold_of(actor).min(number.into()),
                    room: ROOM,
                    own_room: OWN_ROOM,
                }
            }
            11 => SharedRequest::TakeMail { mail, slots: (0..number % 4).collect() },
            _ => SharedRequest::DeleteMail { mail },
        }
    }

    fn new_item(&mut self) -> ItemId {
        self.next_item += 1;
        ItemId(self.next_item - 1)
    }

    /// What everybody has is the same in both.
    fn compare(&mut self) {
        let ticket = Ticket(1);
        for (account, character) in self.people.clone() {
            let question = Read::Character { ticket, account, character };
            let Answer::Character { character: Some(record), .. } =
                self.engine.reader.read(&question).unwrap()
            else {
                panic!("{character} isn't there");
            };
            assert_eq!(record.items, self.model.items_of(character));
            assert_eq!(record.gold, self.model.gold_of(character));
            let question = Read::Mailbox { character, request: 1 };
            let Answer::Mailbox { mails, .. } = self.engine.reader.read(&question).unwrap() else {
                panic!("no mailbox of {character}");
            };
            let timeless = |mail| MailRecord { sent_ms: 0, ..mail };
            let mails: Vec<MailRecord> = mails.into_iter().map(timeless).collect();
            let expected = self.model.mailbox(character).into_iter().map(stored_letter);
            assert_eq!(mails, expected.collect::<Vec<_>>());
        }
        self.model.check_conservation();
    }
}

/// The model numbers letters from 1, the store within its node.
const fn stored_mail(mail: MailId) -> MailId {
    MailId(NODE | mail.0)
}

fn stored_item(mut item: ItemRecord) -> ItemRecord {
    if let Owner::Mail(mail) = &mut item.owner {
        *mail = stored_mail(*mail);
    }
    item
}

fn stored_letter(mut letter: MailRecord) -> MailRecord {
    letter.id = stored_mail(letter.id);
    letter.items = letter.items.into_iter().map(stored_item).collect();
    letter
}

fn stored_operation(mut operation: Operation) -> Operation {
    if let Work::Asked(SharedRequest::TakeMail { mail, .. } | SharedRequest::DeleteMail { mail }) =
        &mut operation.work
    {
        *mail = stored_mail(*mail);
    }
    operation
}

fn stored_decision(mut decision: Decision) -> Decision {
    if let Ok(
        Granted::MailSent { mail, .. }
        | Granted::MailTaken { mail, .. }
        | Granted::MailDeleted { mail },
    ) = &mut decision.outcome
    {
        *mail = stored_mail(*mail);
    }
    decision
}

fn whatever_is_done_the_store_comes_to_what_the_model_does(home: &Home) {
    let choice = (any::<u8>(), any::<usize>(), any::<usize>(), any::<u32>());
    let commits = prop::collection::vec(prop::collection::vec(choice, 0..6), 1..5);
    let batches = prop::collection::vec((commits, any::<bool>()), 1..12);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) };
    proptest!(config, |(batches in batches)| {
        let home = home.another();
        let mut pair = Pair::new(&home);
        for (commits, lost) in batches {
            let (writes, expected): (Vec<_>, Vec<_>) =
                commits.iter().map(|choices| pair.commit(choices)).unzip();
            let expected: Vec<Answer> = expected.into_iter().flatten().collect();
            assert_eq!(pair.apply(&writes, lost), expected);
        }
        pair.compare();
        let grounded = pair.model.items().filter(|item| matches!(item.owner, Owner::Ground { .. }));
        let grounded: Vec<ItemRecord> = grounded.cloned().collect();
        drop(pair);
        assert_eq!(home.engine().claim.ground, grounded);
    });
}
