//! The connection is cut between a COMMIT and its answer, or just before the COMMIT. The server can't tell these apart
//! until it asks the database; whoever was told something was told the truth.

use std::collections::BTreeMap;

use protocol::v1::{
    AcceptTrade, AnswerTrade, AskTrade, DeleteMail, InventoryChanged, MailDeleted, MailSent,
    OfferTrade, SendMail, TakeMail, TradeAsked, TradeEnded, TradeOutcome, TradeState,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg32;
use tests::database_proxy::Cut;
use tests::server::ServerProcess;

use super::player::Player;
use super::world::{World, audit, end};

/// Cuts of the test. More by `REALMBEAT_CUTS=500 cargo test --release -p tests --test system -- faults::cuts`.
const CUTS: usize = 20;
/// The other number of cuts.
const CUTS_VARIABLE: &str = "REALMBEAT_CUTS";
/// A COMMIT between now and so many from now is cut: each step of a turn is one.
const FURTHEST: u32 = 3;
/// Ticks per second: each step of a turn waits for one.
const TICK_RATE: u32 = 20;
/// Gold that each turn begins with, and what of it goes to Ben.
const GIVEN: u64 = 10;
const SENT: u64 = 3;

/// What must be in the ledger, by what was confirmed.
#[derive(Default)]
struct Book {
    /// Entries of each item.
    entries: BTreeMap<u64, u64>,
    /// How often gold was given.
    gifts: u64,
    /// The last turn was a trade; a server takes no more than one question a second.
    traded: bool,
}

#[test]
fn a_connection_that_is_cut_around_a_commit_loses_nothing_and_doubles_nothing() {
    let cuts = std::env::var(CUTS_VARIABLE).map_or(CUTS, |cuts| cuts.parse().unwrap());
    let mut world = World::new();
    world.setup = world.setup.set("world.tick_rate", TICK_RATE);
    let mut server = world.start();
    let mut ada = Player::enter(server.address, "ada", "Ada");
    let mut ben = Player::enter(server.address, "ben", "Ben");
    // Side by side, to trade.
    ada.command("teleport Ada 1200 1200");
    ada.command("teleport Ben 1200 1200");
    let (mut rng, mut book) = (Pcg32::seed_from_u64(7), Book::default());
    while world.proxy.cuts().all() < cuts {
        let cut = if rng.random() { Cut::AfterCommit } else { Cut::BeforeCommit };
        world.proxy.arm(cut, rng.random_range(1..=FURTHEST));
        let before = world.proxy.cuts();
        while world.proxy.cuts() == before {
            turn(&mut ada, &mut ben, &mut rng, &mut book);
        }
    }
    end(&mut server);
    audit(&world.setup);
    judge(&world, &server, &book, [&ada, &ben]);
    println!("{:?}, {} swords", world.proxy.cuts(), book.entries.len());
}

/// Gold and a sword come into the world, go to Ben by mail or trade, and the sword ends on the ground.
fn turn(ada: &mut Player, ben: &mut Player, rng: &mut Pcg32, book: &mut Book) {
    ada.command(&format!("give Ada gold {GIVEN}"));
    book.gifts += 1;
    let sword = ada.sword();
    book.traded = !book.traded && rng.random();
    let moves = if book.traded { trade(ada, ben, sword) } else { mail(ada, ben, sword) };
    ben.drop(sword);
    book.entries.insert(sword, 1 + moves + 1);
}

/// Returns how often the sword has moved.
fn mail(ada: &mut Player, ben: &mut Player, sword: u64) -> u64 {
    let letter = SendMail {
        to: "Ben".into(),
        subject: "For you".into(),
        body: "As promised.".into(),
        items: vec![sword],
        gold: SENT,
    };
    let mail = ada.insist(&letter, |sent: MailSent| Some(sent.mail));
    let got = |change: InventoryChanged| change.gold;
    ben.insist(&TakeMail { mail }, got);
    ben.insist(&DeleteMail { mail }, |deleted: MailDeleted| Some(deleted.mail));
    2
}

/// The same at once and face to face.
fn trade(ada: &mut Player, ben: &mut Player, sword: u64) -> u64 {
    let (of_ada, of_ben) = (ada.entered.entity, ben.entered.entity);
    ada.client.send(1, &AskTrade { entity: of_ben });
    ben.hear(|asked: TradeAsked| Some(asked.entity));
    ben.client.send(2, &AnswerTrade { entity: of_ada, accept: true });
    ada.hear(|state: TradeState| Some(state.revision));
    let offer = OfferTrade { items: vec![sword], gold: SENT };
    let offered = |state: TradeState| (!state.mine?.items.is_empty()).then_some(state.revision);
    let revision = ada.insist(&offer, offered);
    ben.hear(|state: TradeState| (state.revision == revision).then_some(()));
    let accepted = |state: TradeState| state.mine?.accepted.then_some(());
    ada.insist(&AcceptTrade { revision }, accepted);
    let ended = |ended: TradeEnded| Some(ended.outcome());
    assert_eq!(ben.insist(&AcceptTrade { revision }, ended), TradeOutcome::Done);
    assert_eq!(ada.hear(ended), TradeOutcome::Done);
    1
}

/// Holds the database of an ended server against what was confirmed.
fn judge(world: &World, server: &ServerProcess, book: &Book, players: [&Player; 2]) {
    let log = server.log.text();
    let said = |what: &str| log.matches(what).count();
    let cuts = world.proxy.cuts();
    assert!(cuts.before > 0 && cuts.after > 0, "{cuts:?}");
    assert_eq!(said("answer was lost had been applied"), cuts.after, "{cuts:?}\n{log}");
    assert_eq!(said("answer was lost had not been applied"), cuts.before, "{cuts:?}\n{log}");
    for (player, name) in players.into_iter().zip(["Ada", "Ben"]) {
        assert_eq!(world.holds(name), player.holds(), "{name}");
    }
    // A sword that lay on the ground for long has one entry more, which nobody was told of.
    let entries = world.sql(
        "SELECT item, COUNT(*) FROM ledger WHERE item > 0 AND cause <> 'decay' GROUP BY item ORDER BY item",
    );
    let expected: Vec<String> =
        book.entries.iter().map(|(item, count)| format!("{item}|{count}")).collect();
    assert_eq!(entries.lines().collect::<Vec<_>>(), expected);
    let gifts = world.sql("SELECT COUNT(*), SUM(change) FROM ledger WHERE item = 0 AND change > 0");
    assert_eq!(gifts, format!("{}|{}", book.gifts, book.gifts * GIVEN));
    assert_eq!(players.iter().map(|player| player.gold).sum::<u64>(), book.gifts * GIVEN);
}
