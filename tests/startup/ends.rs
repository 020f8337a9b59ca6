//! The end: in order, with a word to everybody, or at once when the operator insists.

use std::io::Read as _;

use protocol::PROTOCOL_VERSION;
use protocol::v1::{Farewell, Hello};
use rustix::process::Signal;
use tests::client::Client;
use tests::neighbour::Neighbour;
use tests::server::ServerSetup;

#[test]
fn everybody_is_told_of_the_end_and_when_to_come_back_and_is_found_again_where_it_was() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let mut players: Vec<Neighbour> = ["Ann", "Bea", "Cleo", "Dot", "Eve", "Fay", "Gwen", "Hope"]
        .map(|name| Neighbour::enter(server.address, name))
        .into();
    let guests = [Client::greet(server.address), Client::log_in(server.address, "lobby")];
    for player in &mut players {
        player.plays();
    }
    let status = server.stop();
    assert_eq!(status.code(), Some(0), "{}", server.log.text());
    assert!(server.log.text().contains("all saved"));
    for mut client in players.into_iter().map(|player| player.client).chain(guests) {
        let farewell = client.read_to_end().expect("everybody is told");
        assert_eq!(farewell.reason(), Farewell::Shutdown);
        assert!(farewell.retry_after_ms > 0);
    }
    let again = setup.start();
    let (_, entered) = Client::enter(again.address, "ann", "Ann");
    assert_eq!(entered.zone, "meadow");
}

#[test]
fn an_interrupt_from_the_keyboard_ends_in_order_as_well() {
    let mut server = ServerSetup::new().start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    server.signal(Signal::INT);
    assert!(server.wait().success(), "{}", server.log.text());
    let farewell = ada.read_to_end().unwrap();
    assert_eq!(farewell.reason(), Farewell::Shutdown);
}

#[test]
fn who_insists_on_the_end_gets_it_at_once() {
    let setup =
        ServerSetup::new().set("network.goodbye_timeout", "30s").set("shutdown.deadline", "30s");
    let mut server = setup.start();
    // They don't take their goodbye, so that an orderly end would wait for them.
    let stubborn = Client::log_in(server.address, "stubborn");
    server.signal(Signal::INT);
    server.log.wait_for("shutting down");
    // The goodbye is out: from here on the server waits for nobody but this client.
    let mut bytes = Vec::new();
    (&stubborn.stream).read_to_end(&mut bytes).unwrap();
    server.signal(Signal::INT);
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "{}", server.log.text());
    server.log.wait_for("ended at once, as asked");
    server.log.wait_for("total ");
}

#[test]
fn during_the_end_nobody_new_is_let_in_and_a_restart_takes_the_port_at_once() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    let address = server.address;
    let (mut ada, _) = Client::enter(address, "ada", "Ada");
    server.signal(Signal::TERM);
    assert_eq!(ada.read_to_end().unwrap().reason(), Farewell::Shutdown);
    // Whoever comes now is refused by the system, or told to come back.
    if let Ok(stream) = std::net::TcpStream::connect(address) {
        drop(stream);
    }
    assert!(server.wait().success());
    let again = setup.listen(address).start();
    let mut client = Client::connect(again.address);
    let hello = Hello { protocol_version: PROTOCOL_VERSION, client: "back".into() };
    client.send(1, &hello);
    client.expect::<protocol::v1::Welcome>();
}
