//! A writer of letters and a scripted mailbox.

use super::*;
use protocol::v1::{Mail, MailDeleted, MailList, MailSent};

/// The bot's next request about mail.
fn next_request(talk: &mut Talk) -> (u32, Body) {
    let about_mail = |body: &Body| {
        matches!(
            body,
            Body::SendMail(_) | Body::ListMail(_) | Body::TakeMail(_) | Body::DeleteMail(_)
        )
    };
    let found = (0..500).find_map(|_| {
        talk.wait(200);
        talk.said().into_iter().find(|(_, body)| about_mail(body))
    });
    found.unwrap()
}

/// The bot asks for its letters, and these are there.
fn looks(talk: &mut Talk, mails: Vec<Mail>) {
    let (request, body) = next_request(talk);
    assert!(matches!(body, Body::ListMail(_)), "{body:?}");
    talk.answer(request, MailList { mails });
}

#[test]
fn a_writer_sends_what_it_has_takes_what_came_and_throws_empty_letters_away() {
    let mut talk = Talk::with_token(Scenario::Mail);
    talk.play();
    looks(&mut talk, vec![]);
    let (request, body) = next_request(&mut talk);
    let Body::SendMail(letter) = body else { panic!("{body:?}") };
    assert_eq!(letter.items, [70]);
    talk.hear(InventoryChanged { removed: vec![70], ..InventoryChanged::default() });
    talk.answer(request, MailSent { mail: 1 });
    assert!(talk.bot.holdings().is_empty());

    let gift = Mail { id: 2, gold: 5, items: vec![item(71, 0)], ..Mail::default() };
    looks(&mut talk, vec![Mail { id: 1, ..Mail::default() }, gift]);
    let (request, body) = next_request(&mut talk);
    assert!(matches!(body, Body::TakeMail(take) if take.mail == 2), "{body:?}");
    let change = InventoryChanged { changed: vec![item(71, 0)], removed: vec![], gold: Some(5) };
    talk.answer(request, change);
    assert_eq!((talk.bot.holdings().gold(), talk.bot.holdings().len()), (5, 1));

    looks(&mut talk, vec![Mail { id: 1, ..Mail::default() }]);
    let (request, body) = next_request(&mut talk);
    assert!(matches!(body, Body::DeleteMail(delete) if delete.mail == 1), "{body:?}");
    talk.answer(request, MailDeleted { mail: 1 });
    assert_eq!(talk.samples(Metric::Confirm).len(), 2);
    assert_eq!(talk.errors(), [""; 0]);
}

#[test]
fn a_letter_that_is_refused_is_part_of_the_game() {
    let mut talk = Talk::with_token(Scenario::Mail);
    talk.play();
    looks(&mut talk, vec![]);
    let (request, _) = next_request(&mut talk);
    let reason = Refusal::MailboxFull.into();
    talk.answer(request, Refused { reason, ..Refused::default() });
    assert_eq!(talk.bot.holdings().len(), 1);
    looks(&mut talk, vec![]);
    assert_eq!(talk.errors(), [""; 0]);
}
