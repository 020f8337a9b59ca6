//! Letters with items and gold, on a real server and its database: they outlive restarts and kills, and what is in
//! them is somebody's once.

use protocol::v1::server_packet::Body;
use protocol::v1::{
    DeleteMail, DropItem, Inventory, InventoryChanged, ListMail, Mail, MailArrived, MailDeleted,
    MailList, MailSent, Refusal, SendMail, TakeMail,
};
use tests::client::Client;
use tests::server::{ServerProcess, ServerSetup};

/// Letters that a mailbox holds.
const MAILBOX: i64 = 30;
/// The first id of letters that a test puts into the database; the server's own are far above.
const OLD: i64 = 1;
/// Items that an inventory of the shipped world holds.
const SLOTS: usize = 24;

/// A server's setup with a game master, Ada, and with Ben. The server isn't running.
fn world() -> ServerSetup {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    for (account, name) in [("ada", "Ada"), ("ben", "Ben")] {
        let (mut client, _) = Client::enter(server.address, account, name);
        client.leave();
    }
    end(&mut server);
    let rank = setup.run(&["rank", "Ada", "master"]);
    assert!(rank.status.success(), "{rank:?}");
    setup
}

fn end(server: &mut ServerProcess) {
    assert!(server.stop().success(), "{}", server.log.text());
}

fn audit(setup: &ServerSetup) {
    let audit = setup.run(&["audit"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

fn ada(server: &ServerProcess) -> Client {
    Client::enter(server.address, "ada", "Ada").0
}

/// Ben, and what he is told that he owns.
fn ben(server: &ServerProcess) -> (Client, Inventory) {
    let (mut ben, _) = Client::enter(server.address, "ben", "Ben");
    let inventory = ben.expect();
    (ben, inventory)
}

/// The id of a sword that Ada, the client, has now.
fn sword(ada: &mut Client) -> u64 {
    let said = ada.command("give Ada rusty_sword");
    let id = said.rsplit(' ').next().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("{said}"))
}

fn letter(items: &[u64], gold: u64) -> SendMail {
    SendMail {
        to: "Ben".into(),
        subject: "For you".into(),
        body: "As promised.".into(),
        items: items.to_vec(),
        gold,
    }
}

fn mailbox(client: &mut Client) -> Vec<Mail> {
    client.ask::<_, MailList>(70, &ListMail {}).mails
}

#[test]
fn a_letter_to_somebody_who_is_away_outlives_a_restart_and_is_taken_once() {
    let setup = world();
    let mut server = setup.start();
    let mut sender = ada(&server);
    sender.command("give Ada gold 100");
    let sword = sword(&mut sender);
    sender.seen.clear();
    sender.ask::<_, MailSent>(5, &letter(&[sword], 70));
    // What it cost was told just before, and as nobody's answer.
    let change = sender.seen.iter().rev().find_map(|packet| match &packet.body {
        Some(Body::InventoryChanged(change)) => Some((packet.request, change.clone())),
        _ => None,
    });
    let paid = InventoryChanged { changed: vec![], removed: vec![sword], gold: Some(30) };
    assert_eq!(change, Some((0, paid)));
    assert_eq!(sender.refusal(6, &DropItem { item: sword }), Refusal::NoSuchItem);
    assert_eq!(sender.refusal(7, &letter(&[], 31)), Refusal::NotEnoughGold);
    end(&mut server);
    audit(&setup);

    let mut server = setup.start();
    let (mut ben, owns) = ben(&server);
    assert_eq!((owns.items.len(), owns.gold), (0, 0), "it is in the mailbox");
    let mails = mailbox(&mut ben);
    let Mail { id: mail, sender, subject, body, gold, items, sent_ms } = mails[0].clone();
    assert_eq!((sender.as_str(), subject.as_str()), ("Ada", "For you"));
    assert_eq!((body.as_str(), gold, items[0].id), ("As promised.", 70, sword));
    assert!(sent_ms > 1_700_000_000_000);
    assert_eq!(ben.refusal(8, &DeleteMail { mail }), Refusal::MailNotEmpty);
    let got: InventoryChanged = ben.ask(9, &TakeMail { mail });
    assert_eq!((got.changed[0].id, got.gold), (sword, Some(70)));
    let again: InventoryChanged = ben.ask(10, &TakeMail { mail });
    assert_eq!(again, InventoryChanged::default(), "it is empty now");
    assert_eq!(ben.ask::<_, MailDeleted>(11, &DeleteMail { mail }).mail, mail);
    assert_eq!(ben.refusal(12, &TakeMail { mail }), Refusal::NoSuchMail);
    assert_eq!(mailbox(&mut ben), []);
    end(&mut server);
    audit(&setup);
}

#[test]
fn who_is_online_is_told_of_a_letter_wherever_it_is() {
    let setup = world();
    let mut server = setup.start();
    let (mut ben, _) = ben(&server);
    let mut ada = ada(&server);
    ada.command("teleport village");
    ada.ask::<_, MailSent>(5, &letter(&[], 0));
    let arrived: MailArrived = ben.expect();
    assert_eq!((arrived.sender.as_str(), arrived.subject.as_str()), ("Ada", "For you"));
    end(&mut server);
}

#[test]
fn a_letter_is_there_after_kill_nine_right_after_its_confirmation() {
    let setup = world();
    let mut server = setup.start();
    let mut sender = ada(&server);
    sender.command("give Ada gold 100");
    let sword = sword(&mut sender);
    let MailSent { mail } = sender.ask(5, &letter(&[sword], 100));
    server.kill();
    audit(&setup);

    let mut server = setup.start();
    let owns: Inventory = ada(&server).expect();
    assert_eq!((owns.items.len(), owns.gold), (0, 0));
    let (mut ben, _) = ben(&server);
    assert_eq!(mailbox(&mut ben)[0].id, mail);
    ben.ask::<_, InventoryChanged>(6, &TakeMail { mail });
    server.kill();
    audit(&setup);

    let mut server = setup.start();
    let (mut ben, owns) = self::ben(&server);
    assert_eq!((owns.items[0].id, owns.gold), (sword, 100));
    let left = mailbox(&mut ben);
    assert_eq!((left[0].items.len(), left[0].gold), (0, 0));
    end(&mut server);
}

#[test]
fn what_the_database_refuses_changes_nothing() {
    let setup = world();
    let mut server = setup.start();
    let mut sender = ada(&server);
    sender.command("give Ada gold 5");
    let sword = sword(&mut sender);
    let nobody = SendMail { to: "Nobody".into(), ..letter(&[sword], 5) };
    assert_eq!(sender.refusal(5, &nobody), Refusal::NoSuchCharacter);
    assert_eq!(sender.refusal(6, &TakeMail { mail: 1 }), Refusal::NoSuchMail);
    end(&mut server);

    let fill = "WITH RECURSIVE old (id) AS (SELECT ?1 UNION ALL SELECT id + 1 FROM old LIMIT ?2) \
                INSERT INTO mail SELECT old.id, characters.id, 0, 'World', '', '', 0, 0 \
                FROM old, characters WHERE characters.name = 'Ben'";
    let database = rusqlite::Connection::open(setup.database()).unwrap();
    assert_eq!(database.execute(fill, [OLD, MAILBOX]).unwrap(), 30);
    drop(database);
    let mut server = setup.start();
    let mut sender = ada(&server);
    assert_eq!(sender.refusal(7, &letter(&[sword], 5)), Refusal::MailboxFull);
    let (mut ben, _) = ben(&server);
    assert_eq!(mailbox(&mut ben).len(), 30);
    ben.ask::<_, MailDeleted>(8, &DeleteMail { mail: OLD.cast_unsigned() });
    let MailSent { mail } = sender.ask(9, &letter(&[sword], 5));

    let said = (0..SLOTS).map(|_| sender.command("give Ben rusty_sword"));
    assert!(said.last().is_some_and(|said| said.starts_with("Ben has")));
    assert_eq!(ben.refusal(10, &TakeMail { mail }), Refusal::InventoryFull);
    let letter = mailbox(&mut ben).into_iter().find(|letter| letter.id == mail).unwrap();
    assert_eq!((letter.items[0].id, letter.gold), (sword, 5));
    end(&mut server);
    audit(&setup);
}
