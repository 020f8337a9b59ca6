//! A client's first day: it logs in, enters, walks, talks, leaves, and finds itself where it was.

use protocol::v1::{ChatLine, LeaveWorld, LeftWorld, Move, Say, View};
use tests::client::Client;
use tests::server::ServerSetup;

#[test]
fn a_client_logs_in_walks_talks_and_is_found_again_where_it_left() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let (mut ada, entered) = Client::enter(server.address, "ada", "Ada");
    assert_eq!(entered.zone, "meadow");
    ada.send(5, &Say { text: "hello".into() });
    assert_eq!(ada.expect::<ChatLine>().text, "hello");
    ada.send(6, &Move { heading: 0, walking: true, sequence: 1 });
    while ada.expect::<View>().ack < 1 {}
    ada.send(7, &LeaveWorld {});
    ada.expect::<LeftWorld>();
    assert!(server.stop().success(), "{}", server.log.text());

    let again = setup.start();
    let (_, entered) = Client::enter(again.address, "ada", "Ada");
    assert_eq!(entered.zone, "meadow");
    assert!(setup.database().exists());
}
