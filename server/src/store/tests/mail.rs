//! Splits, gold and letters one by one: what they leave in the ledger, and what becomes of them with their owner.

use game::record::{Change, Commit, Denied, Granted, MAX_GOLD, Owner, Pages, SharedRequest, Work};
use game::{CharacterId, CommitSeq, ItemId, MailId};

use super::world::{Home, RESERVED, World, create, item, on_every_engine, register, save, write};
use crate::store::ledger::EntryKind;
use crate::store::{Answer, Breakage, LedgerEntry, Ticket, Write};

on_every_engine![
    a_split_and_a_merge_leave_both_sides_in_the_ledger,
    gold_changes_hands_as_one_entry,
    what_cannot_be_paid_or_held_stops_the_store,
    a_letter_carries_things_to_a_mailbox_and_out_of_it,
    one_account_alone_cannot_fill_a_mailbox,
    a_deleted_characters_gold_and_mail_leave_the_world_with_it,
    a_batch_of_requests_is_answered_as_it_was,
    an_older_batch_is_never_answered_again,
    an_id_that_nobody_reserved_makes_no_item,
    the_last_save_of_a_batch_keeps_what_it_leaves_out,
];

/// What an entry says of its thing: what happened, from whom, to whom, how much of it, how much more of it.
type Told = (EntryKind, Option<Owner>, Option<Owner>, u64, i64);

fn told(entries: &[LedgerEntry]) -> Vec<Told> {
    let tell = |entry: &LedgerEntry| {
        let LedgerEntry { kind, from, to, quantity, change, .. } = entry.clone();
        (kind, from, to, quantity, change)
    };
    entries.iter().map(tell).collect()
}

fn gold(from: Option<CharacterId>, to: Option<CharacterId>, amount: u64) -> Change {
    Change::Gold { from, to, amount }
}

fn letter(to: &str, items: Vec<ItemId>, gold: u64) -> SharedRequest {
    let (subject, body) = ("hello".to_owned(), "you".to_owned());
    SharedRequest::SendMail { to: to.to_owned(), subject, body, items, gold, room: 2, own_room: 2 }
}

/// Whichever of its characters writes; others still can.
fn one_account_alone_cannot_fill_a_mailbox(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("anna");
    let (_, bert) = world.character("bert");
    let (_, cora) = world.character("cora");
    let Answer::CharacterCreated { result: Ok(twin), .. } =
        world.write(create(account, "annas twin"))
    else {
        panic!("anna has a second character");
    };
    let mut send = |from| {
        let (subject, body) = ("hello".to_owned(), "you".to_owned());
        let (to, items) = ("cora".to_owned(), Vec::new());
        let letter =
            SharedRequest::SendMail { to, subject, body, items, gold: 0, room: 9, own_room: 2 };
        world.ask(from, letter)
    };
    let sent = [anna, twin.id, anna, twin.id, bert].map(|from| send(from).map(drop));
    let refused = Err(Denied::TooManyLetters);
    assert_eq!(sent, [Ok(()), Ok(()), refused, refused, Ok(())]);
    assert_eq!(world.mailbox(cora).len(), 3);
}

fn a_split_and_a_merge_leave_both_sides_in_the_ledger(home: &Home) {
    let mut world = home.open();
    let (_, anna) = world.character("anna");
    let owner = Owner::Character(anna);
    let (stack, part) = (ItemId(1), ItemId(2));
    let split =
        Change::Split { item: stack, owner: owner.clone(), quantity: 2, into: part, slot: 4 };
    world.settle(anna, vec![Change::Create(item(1, owner.clone())), split]);
    world.settle(anna, vec![Change::Merge { item: part, into: stack, owner: owner.clone() }]);
    let here = || Some(owner.clone());
    use EntryKind::{Create, Merge, Split};
    let of_stack = [
        (Create, None, here(), 5, 5),
        (Split, here(), here(), 3, -2),
        (Merge, here(), here(), 5, 2),
    ];
    assert_eq!(told(&home.history(stack)), of_stack);
    let of_part = [(Split, None, here(), 2, 2), (Merge, here(), None, 2, -2)];
    assert_eq!(told(&home.history(part)), of_part);
}

fn gold_changes_hands_as_one_entry(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("anna");
    let (_, bert) = world.character("bert");
    world.settle(
        anna,
        vec![
            gold(None, Some(anna), 100),
            gold(Some(anna), Some(bert), 60),
            gold(Some(bert), None, 10),
            // To oneself it is no change.
            gold(Some(anna), Some(anna), 40),
        ],
    );
    let (anna_has, bert_has) = (Some(Owner::Character(anna)), Some(Owner::Character(bert)));
    let entries = [
        (EntryKind::Gold, None, anna_has.clone(), 100, 100),
        (EntryKind::Gold, anna_has.clone(), bert_has.clone(), 60, 0),
        (EntryKind::Gold, bert_has, None, 10, -10),
        (EntryKind::Gold, anna_has.clone(), anna_has, 40, 0),
    ];
    assert_eq!(told(&home.history(ItemId(0))), entries);
    assert_eq!(world.load(account, anna).gold, 40);
}

fn what_cannot_be_paid_or_held_stops_the_store(home: &Home) {
    let (anna, nobody) = (Some(CharacterId((1 << 48) | 1)), Some(CharacterId(77)));
    let wrong = [
        ("more than there is", gold(anna, None, 11)),
        ("more than a purse holds", gold(None, anna, MAX_GOLD)),
        ("nothing", gold(None, anna, 0)),
        ("more than all", gold(None, nobody, MAX_GOLD + 1)),
        ("without end", gold(None, anna, u64::MAX)),
        ("from nobody to nobody", gold(None, None, 1)),
        ("to who isn't there", gold(None, nobody, 1)),
        ("from who isn't there", gold(nobody, None, 1)),
    ];
    for (name, change) in wrong {
        let home = home.another();
        let mut world = home.open();
        let (_, anna) = world.character("anna");
        world.settle(anna, vec![gold(None, Some(anna), 10)]);
        world.submit(anna, vec![change]);
        let Answer::Broken(Breakage::Failed(reason)) = world.answer() else {
            panic!("{name}: not broken");
        };
        assert!(
            reason.starts_with("commit 2 of tick 20: operation 1/2 (test)"),
            "{name}: {reason}"
        );
        drop(world);
        assert_eq!(home.count("characters", "gold = 10"), 1, "{name}");
    }
}

fn a_letter_carries_things_to_a_mailbox_and_out_of_it(home: &Home) {
    let mut world = home.open();
    let (_, anna) = world.character("Anna");
    let (account, bert) = world.character("Bert");
    let things = vec![Change::Create(item(1, Owner::Character(anna))), gold(None, Some(anna), 9)];
    world.settle(anna, things);
    let sent = world.ask(anna, letter("bERT", vec![ItemId(1)], 7));
    let Ok(Granted::MailSent { mail, recipient, .. }) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(recipient, bert);
    assert_eq!(world.ask(anna, letter("cora", vec![], 0)), Err(Denied::NoSuchCharacter));
    let mails = world.mailbox(bert);
    assert_eq!((mails[0].id, &*mails[0].sender_name, mails[0].gold), (mail, "Anna", 7));
    assert_eq!(mails[0].items[0].owner, Owner::Mail(mail));

    let take = |slots| SharedRequest::TakeMail { mail, slots };
    let throw = SharedRequest::DeleteMail { mail };
    assert_eq!(world.ask(anna, take(vec![0])), Err(Denied::NoSuchMail));
    assert_eq!(world.ask(bert, take(vec![])), Err(Denied::InventoryFull));
    assert_eq!(world.ask(bert, throw.clone()), Err(Denied::MailNotEmpty));
    let taken = world.ask(bert, take(vec![8, 9]));
    let Ok(Granted::MailTaken { items, gold: 7, .. }) = taken else {
        panic!("{taken:?}");
    };
    let record = world.load(account, bert);
    assert_eq!((&record.items, record.gold), (&items, 7));
    assert_eq!((items[0].slot, &items[0].owner), (8, &Owner::Character(bert)));
    let empty = SharedRequest::TakeMail { mail, slots: vec![] };
    let nothing = Granted::MailTaken { mail, items: vec![], gold: 0 };
    assert_eq!(world.ask(bert, empty), Ok(nothing));
    assert_eq!(world.ask(bert, throw.clone()), Ok(Granted::MailDeleted { mail }));
    assert_eq!(world.ask(bert, throw), Err(Denied::NoSuchMail));
    let no_letter = SharedRequest::DeleteMail { mail: MailId(u64::MAX) };
    assert_eq!(world.ask(bert, no_letter), Err(Denied::NoSuchMail));
    let owners: Vec<_> = home.history(ItemId(1)).into_iter().map(|entry| entry.to).collect();
    let way = [Owner::Character(anna), Owner::Mail(mail), Owner::Character(bert)];
    assert_eq!(owners, way.map(Some));
}

fn a_deleted_characters_gold_and_mail_leave_the_world_with_it(home: &Home) {
    let mut world = home.open();
    let (_, anna) = world.character("anna");
    let (account, bert) = world.character("bert");
    let mut things = vec![gold(None, Some(anna), 9), gold(None, Some(bert), 5)];
    things.extend((1..=2).map(|id| Change::Create(item(id, Owner::Character(anna)))));
    world.settle(anna, things);
    let sent = world.ask(anna, letter("bert", vec![ItemId(1)], 7));
    assert!(sent.is_ok(), "{sent:?}");
    world.ask(bert, letter("anna", vec![], 1)).unwrap();

    let delete = Write::DeleteCharacter { ticket: Ticket(6), account, character: bert };
    let deleted = Answer::CharacterDeleted { ticket: Ticket(6), found: true };
    assert_eq!(world.write(delete), deleted);
    assert_eq!(home.count("mail", "TRUE"), 1, "the letter to anna is still there");
    assert_eq!(home.count("items", "id = 1"), 0);
    assert_eq!(home.count("items", "id = 2"), 1);
    let last = home.history(ItemId(1)).pop().unwrap();
    assert_eq!((last.cause.as_str(), last.op.sequence, last.tick), ("character deleted", 0, None));
    let gone: i64 = home.history(ItemId(0)).iter().map(|entry| entry.change).sum();
    assert_eq!(gone, 9 + 5 - 4 - 7, "what anna kept, and the coin in the letter to her");
    assert_eq!(world.mailbox(anna)[0].sender_name, "bert");
}

/// One write of each kind, in a batch.
fn one_of_each(world: &mut World) -> Vec<Write> {
    let (account, anna) = world.character("anna");
    let (other, bert) = world.character("bert");
    let send = world.work(anna, Work::Asked(letter("bert", vec![], 0)));
    let mut commit = world.commit(vec![send]);
    commit.characters = vec![save(CharacterId(77), 0, 0), save(anna, 1, 1)];
    let plain = world.commit(Vec::new());
    vec![
        write(commit),
        register("cora"),
        register("anna"),
        create(account, "dora"),
        create(account, "Bert"),
        Write::AdmitToken {
            ticket: Ticket(3),
            token_id: "once".to_owned(),
            expires_at: u64::MAX,
            account: "robot".to_owned(),
        },
        Write::AdmitToken {
            ticket: Ticket(4),
            token_id: "once".to_owned(),
            expires_at: u64::MAX,
            account: "robot".to_owned(),
        },
        write(plain),
        Write::ReserveItemIds { count: 5 },
        Write::DeleteCharacter { ticket: Ticket(6), account: other, character: bert },
        Write::DeleteCharacter { ticket: Ticket(7), account: other, character: anna },
    ]
}

fn a_batch_of_requests_is_answered_as_it_was(home: &Home) {
    let mut world = home.open();
    let mut batch = one_of_each(&mut world);
    world.store.close().unwrap();
    // The next start, whose epoch the operation must have.
    let mut engine = home.engine();
    if let Write::Commit(commit) = &mut batch[0] {
        commit.operations[0].id.epoch = engine.claim.epoch;
    }
    let answers = engine.writer.apply(1, &batch).unwrap();
    assert_eq!(answers.len(), batch.len() + 2, "{answers:?}");
    assert!(matches!(answers[0], Answer::SaveFailed(CharacterId(77))), "{answers:?}");
    assert!(matches!(answers[1], Answer::Decided(_)), "{answers:?}");
    assert_eq!(engine.writer.apply(1, &batch).unwrap(), answers);
    let kept = || home.count("epochs", "epoch = 2 AND answers IS NOT NULL");
    assert_eq!(kept(), 1);
    // Commits alone tell their answers themselves.
    let nothing = Commit {
        seq: CommitSeq(3),
        tick: 3,
        operations: vec![],
        characters: vec![],
        gm_log: vec![],
    };
    let plain = write(nothing);
    engine.writer.apply(2, std::slice::from_ref(&plain)).unwrap();
    assert_eq!(kept(), 0);
    let durable = engine.writer.apply(2, &[plain]).unwrap();
    assert_eq!(durable, [Answer::Durable(CommitSeq(3))]);
    assert_eq!(home.count("accounts", "name = 'cora'"), 1);
}

fn an_older_batch_is_never_answered_again(home: &Home) {
    let mut engine = home.engine();
    let reserve = [Write::ReserveItemIds { count: 5 }];
    engine.writer.apply(1, &reserve).unwrap();
    engine.writer.apply(2, &reserve).unwrap();
    let problem = engine.writer.apply(1, &reserve).unwrap_err();
    assert!(problem.to_string().contains("batch 1"), "{problem}");
}

fn an_id_that_nobody_reserved_makes_no_item(home: &Home) {
    for id in [0, (1 << 48) + 2 * RESERVED, 2 << 48, u64::MAX] {
        let home = home.another();
        let mut world = home.open();
        let (_, anna) = world.character("anna");
        world.submit(anna, vec![Change::Create(item(id, Owner::Character(anna)))]);
        let answer = world.answer();
        assert!(
            matches!(&answer, Answer::Broken(Breakage::Failed(reason)) if reason.contains("nobody reserved")),
            "{id}: {answer:?}"
        );
    }
}

fn the_last_save_of_a_batch_keeps_what_it_leaves_out(home: &Home) {
    let mut world = home.open();
    let (account, anna) = world.character("anna");
    let mut first = world.commit(Vec::new());
    first.characters.push(save(anna, 1, 7));
    let mut second = world.commit(Vec::new());
    second.characters.push(save(anna, 2, 8));
    second.characters[0].modules = Pages::default();
    world.store.close().unwrap();
    let mut engine = home.engine();
    engine.writer.apply(1, &[write(first.clone()), write(second)]).unwrap();
    drop(engine);
    let record = home.open().load(account, anna);
    assert_eq!(record.place.unwrap().x, 2);
    assert_eq!(record.modules, first.characters[0].modules.to_map());
}
