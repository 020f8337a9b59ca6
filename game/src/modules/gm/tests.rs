//! Commands of every rank, and what other servers may ask for.

use protocol::v1::Refusal;

use super::*;
use crate::input::Input;
use crate::post::{Envelope, Route};
use crate::publication::Order;
use crate::testing::GameTest;

fn said(test: &GameTest) -> String {
    test.received::<CommandResult>().last().map(|result| result.text.clone()).unwrap()
}

#[test]
fn a_player_may_do_nothing_of_a_game_masters() {
    let mut test = GameTest::new();
    for line in ["announce hi", "kick Ada", "teleport 100 100", "shutdown", "give Ada sword"] {
        test.player("Ada").command(line).tick(1);
        assert!(said(&test).ends_with("is not for you"), "{line}");
    }
    assert!(!test.orders().contains(&Order::Shutdown));
}

#[test]
fn the_realm_is_no_place_to_go_to() {
    let mut test = GameTest::new();
    test.master("Ada").command("teleport realm").tick(2);
    assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
    assert_eq!(said(&test), "there is no zone \"realm\"");
    assert!(test.saved("Ada").is_none_or(|save| save.place.zone != ZoneName::realm()));
}

#[test]
fn who_types_too_fast_is_refused_and_a_player_fills_no_audit_log() {
    let mut test = GameTest::new();
    test.player("Ada");
    for _ in 0..100 {
        test.command("help");
    }
    test.tick(1);
    let answers = test.received::<CommandResult>().len();
    assert!((1..50).contains(&answers), "{answers} answers");
    assert!(test.refusals().contains(&Refusal::TooFast));
    assert_eq!(test.gm_log(), []);
}

#[test]
fn an_announcement_reaches_every_zone() {
    let mut test = GameTest::new();
    test.player("Bob").tick(1).travel("Bob", "cellar").master("Ada").tick(1);
    test.command("announce server restarts at noon").tick(3);
    for name in ["Ada", "Bob"] {
        assert_eq!(test.received_by::<Announcement>(name)[0].text, "server restarts at noon");
    }
}

#[test]
fn a_command_that_is_no_printable_text_does_nothing_and_is_not_kept() {
    let mut test = GameTest::new();
    test.master("Ada").command("announce \u{202e}won trats").command("kick Ada a\u{2028}b");
    test.operator("announce \u{1b}[2J").tick(3);
    assert_eq!(test.refusals(), [Refusal::BadRequest; 2]);
    assert_eq!(test.received::<Announcement>(), []);
    assert_eq!(test.orders(), []);
    let outcomes: Vec<_> = test.gm_log().iter().map(|entry| entry.outcome.as_str()).collect();
    assert_eq!(outcomes, ["the character U+001B can't be shown; leave it out"]);
}

/// A guide and an admin in the field, and Bob in `zone`.
fn two_ranks(zone: &str) -> GameTest {
    let mut test = GameTest::new();
    test.player("Bob").tick(1).travel("Bob", zone);
    test.ranked("Zed", Rank::Admin).ranked("Gil", Rank::Guide).tick(1);
    test
}

fn is_kicked(test: &GameTest, name: &str) -> bool {
    let of = test.session(name);
    test.orders().iter().any(|order| matches!(order, Order::Kick { session, .. } if *session == of))
}

#[test]
fn a_lower_rank_does_not_act_on_a_higher_one() {
    for line in ["kick Zed bye", "teleport Zed cellar", "teleport Zed 100 100"] {
        let mut test = two_ranks("field");
        let before = test.position("Zed");
        test.command(line).tick(3);
        assert_eq!(said(&test), "Zed has a higher rank than yours", "{line}");
        assert!(!is_kicked(&test, "Zed"), "{line}");
        assert_eq!((test.zone_of("Zed").as_deref(), test.position("Zed")), (Some("field"), before));
    }
    let mut test = two_ranks("field");
    test.act_as("Zed").command("kick Gil bye").tick(1);
    assert!(is_kicked(&test, "Gil"), "a higher one acts on a lower one");
}

#[test]
fn a_lower_rank_does_not_kick_a_higher_one_in_another_zone_either() {
    let mut test = two_ranks("field");
    test.travel("Zed", "cellar").act_as("Gil").command("kick Zed bye").tick(5);
    assert!(!is_kicked(&test, "Zed"));
    assert_eq!(said(&test), "Zed has a higher rank than yours", "told by the other zone");
}

#[test]
fn success_of_a_command_is_told_when_it_is_known_and_not_before() {
    let mut test = two_ranks("cellar");
    let first = test.act_as("Gil").command("kick Bob bye").tick(1).received::<CommandResult>();
    assert_eq!(first.last().unwrap().text, "Bob isn't in this zone; sent to all others");
    test.tick(5);
    assert_eq!(said(&test), "Bob is being disconnected");
    assert!(is_kicked(&test, "Bob"));
    test.command("kick Nobody bye").tick(5);
    assert_eq!(said(&test), "Nobody isn't in this zone; sent to all others");
}

#[test]
fn a_character_without_a_connection_is_not_said_to_be_disconnected() {
    let mut test = two_ranks("field");
    test.lose_session("Bob").tick(1).act_as("Gil").command("kick Bob bye").tick(1);
    assert_eq!(said(&test), "Bob has lost its connection and will leave by itself");
}

#[test]
fn a_journey_to_a_zone_that_is_not_there_is_refused_to_the_author_of_the_command() {
    let mut test = two_ranks("field");
    test.command("teleport Bob atlantis").tick(3);
    assert_eq!(said(&test), "there is no zone \"atlantis\"");
    assert_eq!(test.gm_log().last().unwrap().outcome, said(&test));
    assert_eq!(test.act_as("Bob").refusals(), [], "it has asked for nothing");
}

const ADMIN: Author = Author { character: None, rank: Rank::Admin };

/// A letter to everyone as whoever can publish on the bus writes it.
fn from_outside<L: Letter>(letter: &L) -> Input {
    let body = postcard::to_stdvec(letter).unwrap().into();
    let (route, to) = (Route::Everyone, Address::Everyone);
    Input::Letter(Envelope { route, to, kind: L::KIND.to_owned(), body })
}

#[test]
fn another_server_sends_players_only_where_the_configuration_lets_it() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1);
    let redirect = |address: Option<&str>| {
        let (name, address) = ("ada".to_owned(), address.map(str::to_owned));
        from_outside(&RedirectWanted { name, address, author: ADMIN })
    };
    test.input(redirect(Some("203.0.113.66:7777"))).tick(1);
    assert_eq!(test.orders(), []);
    test.input(redirect(None)).tick(1);
    assert_eq!(test.orders().len(), 1, "back to this server");
    let mut test = GameTest::with_settings(|settings| {
        settings.redirect_to = vec!["game2.example.org:7777".to_owned()];
    });
    test.player("Ada").tick(1);
    test.input(redirect(Some("game2.example.org:7778"))).tick(1);
    assert_eq!(test.orders(), []);
    test.input(redirect(Some("Game2.example.org:7777"))).tick(1);
    assert_eq!(test.orders().len(), 1);
}

#[test]
fn the_own_admins_send_players_anywhere() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1).operator("redirect Ada 127.0.0.1:7778").tick(2);
    assert_eq!(test.orders().len(), 1);
}

#[test]
fn what_another_server_has_players_read_is_printable_and_short() {
    let mut test = GameTest::new();
    test.player("Ada").tick(1);
    for text in ["\u{1b}[2J\r\nSERVER: hi".to_owned(), "x".repeat(257), "\u{202e}hi".into()] {
        test.input(from_outside(&Announced { text: text.clone() }));
        let kick = KickWanted { name: "Ada".into(), message: text, author: ADMIN };
        test.input(from_outside(&kick)).tick(1);
    }
    assert_eq!(test.received::<Announcement>(), []);
    assert_eq!(test.orders(), []);
    test.input(from_outside(&Announced { text: "the fair begins".into() })).tick(1);
    assert_eq!(test.received::<Announcement>().len(), 1);
}

#[test]
fn every_command_is_kept_in_the_audit_log_with_its_outcome() {
    let mut test = GameTest::new();
    test.master("Ada").command("teleport nowhere at all").command("teleport -5 -5").tick(1);
    let outcomes: Vec<_> = test.gm_log().iter().map(|entry| entry.outcome.clone()).collect();
    assert_eq!(outcomes, ["no nowhere in this zone", "nobody can stand there"]);
}

#[test]
fn a_master_gives_what_the_content_knows_in_quantities_it_allows() {
    let mut test = GameTest::new();
    test.master("Ada").command("give Ada sword").tick(1);
    assert_eq!(test.inventory("Ada"), [("sword".to_owned(), 1)]);
    for line in
        ["give Ada nonsense", "give Ada sword 0", "give Ada sword 4294967295", "give Ada sword -1"]
    {
        test.command(line).tick(1);
        assert_eq!(test.inventory("Ada").len(), 1, "{line}");
    }
}
