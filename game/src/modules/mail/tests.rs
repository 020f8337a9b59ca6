//! Letters between players: what is in them changes hands once, every request has one answer, refusals change nothing.

use protocol::v1::{Inventory, InventoryChanged};

use super::*;
use crate::record::MAX_GOLD;
use crate::testing::GameTest;

/// Bob, and Ada with a sword, 50 coins and 100 gold.
fn two() -> GameTest {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada").give("sword", 1).give("coin", 50).give_gold(100).tick(1);
    test
}

fn to_bob(items: &[ItemId], gold: u64) -> SendMail {
    SendMail {
        to: "bob".into(),
        subject: "For you".into(),
        body: "As promised.".into(),
        items: items.iter().map(|item| item.0).collect(),
        gold,
    }
}

fn refused(test: &mut GameTest, request: u32, wish: SendMail) -> Refusal {
    test.request(request, wish).tick(3);
    assert_eq!(test.count_of_answers("Ada", request), 1);
    let (answered, reason) = *test.refusals_by_request().last().unwrap();
    assert_eq!(answered, request);
    reason
}

fn mailbox(test: &mut GameTest, name: &str) -> Vec<v1::Mail> {
    test.act_as(name).send(ListMail {}).tick(3);
    test.received::<MailList>().pop().unwrap().mails
}

#[test]
fn what_is_sent_leaves_the_sender_and_comes_to_who_takes_it() {
    let mut test = two();
    let [sword, coins] = test.items("Ada")[..] else { panic!() };
    test.request(5, to_bob(&[sword, coins], 70)).tick(3);
    assert!(test.items("Ada").is_empty());
    assert_eq!(test.gold("Ada"), 30);
    assert_eq!(test.answers_to::<MailSent>("Ada"), [(5, MailSent { mail: 1 })]);
    assert_eq!(test.count_of_answers("Ada", 5), 1);
    let (told, change) = test.answers_to::<InventoryChanged>("Ada").pop().unwrap();
    assert_eq!((told, change.removed.len(), change.gold), (0, 2, Some(30)));
    let arrived = MailArrived { sender: "Ada".into(), subject: "For you".into() };
    assert_eq!(test.received_by::<MailArrived>("Bob"), [arrived]);
    assert!(test.items("Bob").is_empty(), "it is in the mailbox");

    let letters = mailbox(&mut test, "Bob");
    assert_eq!((letters[0].sender.as_str(), letters[0].body.as_str()), ("Ada", "As promised."));
    assert_eq!((letters[0].gold, letters[0].items.len()), (70, 2));
    test.request(6, TakeMail { mail: letters[0].id }).tick(3);
    assert_eq!(test.items("Bob"), [sword, coins]);
    assert_eq!(test.gold("Bob"), 70);
    assert_eq!(test.count_of_answers("Bob", 6), 1);
    let (told, change) = test.answers_to::<InventoryChanged>("Bob").pop().unwrap();
    assert_eq!((told, change.changed.len(), change.gold), (6, 2, Some(70)));

    test.request(7, DeleteMail { mail: letters[0].id }).tick(3);
    assert_eq!(test.answers_to::<MailDeleted>("Bob"), [(7, MailDeleted { mail: letters[0].id })]);
    assert_eq!(test.count_of_answers("Bob", 7), 1);
    assert!(mailbox(&mut test, "Bob").is_empty());
}

#[test]
fn a_letter_waits_for_who_is_away() {
    let mut test = two();
    test.leave("Bob").tick(1);
    test.send(to_bob(&[], 100)).tick(3);
    assert_eq!(test.received::<MailSent>().len(), 1);
    test.player("Bob").tick(1);
    assert_eq!(test.received::<MailArrived>(), [], "it was away");
    assert_eq!(mailbox(&mut test, "Bob")[0].gold, 100);
}

#[test]
fn an_empty_letter_can_be_taken_and_its_request_is_answered() {
    let mut test = two();
    test.send(to_bob(&[], 0)).tick(3).act_as("Bob").request(8, TakeMail { mail: 1 }).tick(3);
    assert_eq!(test.answers_to::<InventoryChanged>("Bob"), [(8, InventoryChanged::default())]);
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_changes() {
    let mut test = two();
    let [sword, coins] = test.items("Ada")[..] else { panic!() };
    let letter = |items: &[ItemId], gold| to_bob(items, gold);
    let nobody = SendMail { to: "Nobody".into(), ..letter(&[sword], 1) };
    assert_eq!(refused(&mut test, 1, nobody), Refusal::NoSuchCharacter);
    let myself = SendMail { to: "ADA".into(), ..letter(&[sword], 1) };
    assert_eq!(refused(&mut test, 2, myself), Refusal::NotAllowed);
    assert_eq!(refused(&mut test, 3, letter(&[sword, sword], 0)), Refusal::BadRequest);
    assert_eq!(refused(&mut test, 4, letter(&[ItemId(999)], 0)), Refusal::NoSuchItem);
    test.tick(30);
    assert_eq!(refused(&mut test, 5, letter(&[coins], 101)), Refusal::NotEnoughGold);
    let long = SendMail { body: "ä".repeat(1_001), ..letter(&[], 0) };
    assert_eq!(refused(&mut test, 6, long), Refusal::BadRequest);
    let long = SendMail { subject: "ä".repeat(65), ..letter(&[], 0) };
    assert_eq!(refused(&mut test, 7, long), Refusal::BadRequest);
    let lines = SendMail { body: "two\nlines".into(), ..letter(&[], 0) };
    assert_eq!(refused(&mut test, 8, lines), Refusal::BadRequest);
    let long = SendMail { to: "x".repeat(33), ..letter(&[], 0) };
    assert_eq!(refused(&mut test, 9, long), Refusal::BadRequest);
    assert_eq!((test.items("Ada"), test.gold("Ada")), (vec![sword, coins], 100));
    assert!(mailbox(&mut test, "Bob").is_empty());

    let full = SendMail {
        subject: "ä".repeat(64),
        body: "ä".repeat(1_000),
        ..letter(&[sword, coins], 100)
    };
    test.act_as("Ada").request(10, full).tick(3);
    assert_eq!(test.answers_to::<MailSent>("Ada").len(), 1);
}

#[test]
fn a_letter_that_shows_nothing_or_turns_text_round_is_not_sent() {
    let mut test = two();
    for (request, text) in (1..).zip(["  ", "\u{200b}", "hi \u{202e}kcik", "a\u{2028}b"]) {
        let subject = SendMail { subject: text.into(), ..to_bob(&[], 1) };
        assert_eq!(refused(&mut test, request, subject), Refusal::BadRequest, "{text:?}");
        let body = SendMail { body: text.into(), ..to_bob(&[], 1) };
        assert_eq!(refused(&mut test, request + 10, body), Refusal::BadRequest, "{text:?}");
        test.tick(10);
    }
    assert!(mailbox(&mut test, "Bob").is_empty());
}

#[test]
fn nobody_alone_can_fill_a_mailbox() {
    let mut test = two();
    test.player("Eve").act_as("Ada");
    for request in 1..=OWN_LETTERS {
        test.request(request, to_bob(&[], 0)).tick(30);
    }
    assert_eq!(test.answers_to::<MailSent>("Ada").len(), OWN_LETTERS as usize);
    assert_eq!(refused(&mut test, 9, to_bob(&[], 0)), Refusal::MailboxFull);
    test.act_as("Eve").request(10, to_bob(&[], 0)).tick(3);
    assert_eq!(test.answers_to::<MailSent>("Eve").len(), 1);
    let first = mailbox(&mut test, "Bob")[0].id;
    test.request(11, DeleteMail { mail: first }).tick(3);
    test.act_as("Ada").request(12, to_bob(&[], 0)).tick(3);
    assert_eq!(test.answers_to::<MailSent>("Ada").len(), OWN_LETTERS as usize + 1);
}

#[test]
fn more_items_than_a_letter_holds_are_refused() {
    let mut test = two();
    // Nine ids in one packed run: more than a letter holds, and no more than the decoder takes.
    let payload = b"\x0a\x03bob\x22\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09";
    let (session, payload) = (test.session("Ada"), bytes::Bytes::from_static(payload));
    let id = <SendMail as protocol::ClientMessage>::INFO.id;
    test.input(crate::Input::Packet { session, request: 3, id, payload }).tick(1);
    assert_eq!(test.refusals_by_request(), [(3, Refusal::BadRequest)]);
}

#[test]
fn letters_are_taken_and_thrown_away_by_their_recipient_alone_and_only_when_that_loses_nothing() {
    let mut test = two();
    let sword = test.items("Ada")[0];
    test.send(to_bob(&[sword], 0)).tick(3);
    test.send(TakeMail { mail: 1 }).tick(3).send(DeleteMail { mail: 1 }).tick(3);
    assert_eq!(test.refusals(), [Refusal::NoSuchMail, Refusal::NoSuchMail]);
    test.act_as("Bob").request(3, DeleteMail { mail: 1 }).tick(3);
    assert_eq!(test.refusals_by_request(), [(3, Refusal::MailNotEmpty)]);
    while test.game().player(test.character("Bob")).unwrap().inventory().free_slot().is_some() {
        test.give("sword", 1).tick(1);
    }
    test.request(4, TakeMail { mail: 1 }).tick(3);
    assert_eq!(test.refusals_by_request()[1], (4, Refusal::InventoryFull));
    assert_eq!(mailbox(&mut test, "Bob")[0].items[0].id, sword.0);
}

#[test]
fn a_purse_that_is_full_takes_no_more_out_of_a_letter() {
    let mut test = two();
    test.send(to_bob(&[], 1)).operator(&format!("give Bob gold {MAX_GOLD}")).tick(3);
    test.act_as("Bob").request(4, TakeMail { mail: 1 }).tick(3);
    assert_eq!(test.refusals_by_request(), [(4, Refusal::PurseFull)]);
    assert_eq!(test.gold("Bob"), MAX_GOLD);
}

#[test]
fn a_mailbox_takes_so_many_letters_and_no_more() {
    let mut test = two();
    for sender in ["Eve", "Fay", "Gil", "Hal", "Ida"] {
        test.player(sender);
    }
    for sender in ["Eve", "Fay", "Gil", "Hal", "Ida", "Ada"] {
        test.act_as(sender);
        for _ in 0..MAILBOX / 6 {
            test.send(to_bob(&[], 0)).tick(5);
        }
    }
    assert_eq!(refused(&mut test, 7, to_bob(&[], 1)), Refusal::MailboxFull);
    let letters = mailbox(&mut test, "Bob");
    assert_eq!(letters.len(), MAILBOX as usize);
    test.send(DeleteMail { mail: letters[29].id }).tick(3);
    test.act_as("Ada").send(to_bob(&[], 1)).tick(3);
    assert_eq!(mailbox(&mut test, "Bob").len(), MAILBOX as usize);
}

#[test]
fn the_longest_list_is_far_smaller_than_what_a_session_may_have_unsent() {
    let item = v1::Item { id: u64::MAX, template: "x".repeat(64), quantity: 1_000, slot: 0 };
    let letter = v1::Mail {
        id: u64::MAX,
        sender: "x".repeat(MAX_NAME),
        subject: "🦀".repeat(MAX_SUBJECT),
        body: "🦀".repeat(MAX_BODY),
        gold: MAX_GOLD,
        items: vec![item; MAX_ITEMS],
        sent_ms: u64::MAX,
    };
    let list = MailList { mails: vec![letter; MAILBOX as usize] };
    let bytes = prost::Message::encoded_len(&list);
    assert!(bytes < 200 << 10, "{bytes} bytes");
}

#[test]
fn one_player_sends_a_few_letters_a_second() {
    let mut test = two();
    test.player("Eve").player("Fay").act_as("Ada");
    for to in ["Bob", "Eve", "Fay"].iter().cycle().take(20) {
        test.send(SendMail { to: (*to).to_owned(), ..to_bob(&[], 0) }).tick(1);
    }
    let sent = test.received::<MailSent>().len();
    assert!((7..=9).contains(&sent), "{sent} letters in 2 seconds");
    assert!(test.refusals().contains(&Refusal::TooFast));
}

#[test]
fn nothing_is_sent_while_the_store_is_closed() {
    let mut test = two();
    test.close_store().request(3, to_bob(&[], 50)).tick(3);
    assert_eq!(test.refusals_by_request(), [(3, Refusal::StoreBehind)]);
    assert_eq!(test.gold("Ada"), 100);
}

#[test]
fn who_sends_again_because_no_answer_came_is_refused_and_nothing_is_sent_twice() {
    let mut test = two();
    test.slow_database(true).request(3, to_bob(&[], 50)).tick(1).new_session("Ada").tick(1);
    test.request(4, to_bob(&[], 50)).tick(1);
    assert_eq!(test.refusals_by_request(), [(4, Refusal::Busy)]);
    test.slow_database(false).tick(3);
    assert_eq!(test.gold("Ada"), 50);
    assert_eq!(test.answers_to::<MailSent>("Ada"), [(0, MailSent { mail: 1 })]);
    assert_eq!(mailbox(&mut test, "Bob").len(), 1);
}

#[test]
fn who_was_away_when_it_was_decided_sees_it_in_its_inventory() {
    let mut test = two();
    test.slow_database(true).send(to_bob(&[], 50)).tick(1);
    test.lose_session("Ada").slow_database(false).tick(3);
    test.new_session("Ada").tick(1);
    assert_eq!(test.received::<Inventory>().last().unwrap().gold, 50);
    assert_eq!(test.received::<MailSent>(), []);
    assert_eq!(test.received_by::<MailArrived>("Bob").len(), 1);
}

#[test]
fn a_second_look_into_the_mailbox_waits_for_the_first() {
    let mut test = two();
    test.request(3, ListMail {}).request(4, ListMail {}).tick(3);
    assert_eq!(test.refusals_by_request(), [(4, Refusal::Busy)]);
    assert_eq!(test.answers_to::<MailList>("Ada").len(), 1);
    test.request(5, ListMail {}).tick(3);
    assert_eq!(test.answers_to::<MailList>("Ada")[1].0, 5);
}

#[test]
fn a_mailbox_that_could_not_be_read_is_refused_as_busy() {
    let mut test = two();
    let character = test.character("Ada");
    test.request(3, ListMail {});
    let unread = crate::Input::Mailbox { character, request: 3, mails: None };
    test.input(unread).tick(3);
    assert_eq!(test.refusals_by_request(), [(3, Refusal::Busy)]);
    assert_eq!(test.count_of_answers("Ada", 3), 1);
}

#[test]
fn a_list_is_told_to_the_session_that_asked_for_it() {
    let mut test = two();
    test.request(4, ListMail {}).new_session("Ada").tick(3);
    assert_eq!(test.count_of_answers("Ada", 4), 0);
    test.request(5, ListMail {}).tick(3);
    assert_eq!(test.count_of_answers("Ada", 5), 1);
}

#[test]
fn a_letter_written_in_the_tick_of_a_decision_leaves_the_subject_of_the_decided_one_alone() {
    let mut test = GameTest::new();
    test.player("Cleo").player("Bob").player("Ada");
    let about =
        |to: &str| SendMail { to: to.into(), subject: format!("for {to}"), ..SendMail::default() };
    test.request(1, about("Bob")).tick(1).request(2, about("Cleo")).tick(4);
    for name in ["Bob", "Cleo"] {
        let arrived = test.received_by::<MailArrived>(name);
        let subjects: Vec<_> = arrived.into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects, [format!("for {name}")]);
    }
}

#[test]
fn a_session_that_takes_over_in_the_tick_of_a_decision_gets_no_answer_to_a_request() {
    let mut test = GameTest::new();
    test.player("Bob").player("Ada");
    let letter = SendMail { to: "Bob".into(), ..SendMail::default() };
    test.request(5, letter).tick(1).new_session("Ada").tick(3);
    assert_eq!(test.count_of_answers("Ada", 5), 0);
}

#[test]
fn a_session_that_takes_over_in_the_tick_in_which_a_mailbox_is_read_gets_no_list() {
    let mut test = GameTest::new();
    test.player("Ada").request(5, ListMail {}).tick(1).new_session("Ada").tick(3);
    assert_eq!(test.count_of_answers("Ada", 5), 0);
}
