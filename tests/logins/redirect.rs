//! A client that is sent elsewhere, or back to the same server, goes on as the same character with all that it owns.

use protocol::v1::server_packet::Body;
use protocol::v1::{Command, CommandResult, Entered, Farewell, Inventory, Redirect};
use tests::client::Client;
use tests::server::ServerSetup;

use super::resume;

fn command(line: &str) -> Command {
    Command { line: line.into() }
}

/// The inventory that comes with an entry, as template and quantity.
fn owned(client: &mut Client) -> Vec<(u64, String, u32)> {
    let items = client.expect::<Inventory>().items;
    items.into_iter().map(|item| (item.id, item.template, item.quantity)).collect()
}

#[test]
fn a_redirected_client_resumes_as_the_same_character_with_the_same_inventory() {
    let setup = ServerSetup::new();
    let mut server = setup.start();
    drop(Client::enter(server.address, "root", "Root"));
    assert!(server.stop().success());
    let output = setup.run(&["rank", "Root", "admin"]);
    assert!(output.status.success(), "{output:?}");

    let server = setup.start();
    let (mut root, _) = Client::enter(server.address, "root", "Root");
    let (mut ada, before) = Client::enter(server.address, "ada", "Ada");
    assert_eq!(owned(&mut ada), []);
    for line in ["give Ada rusty_sword", "give Ada copper_coin 30"] {
        let result: CommandResult = root.ask(1, &command(line));
        assert!(result.text.starts_with("Ada has"), "{result:?}");
    }
    // A gift and the redirect in one tick: what she owns comes first, the redirect is the last of the lane.
    root.send(2, &command("give Ada wolf_fang 2"));
    root.send(3, &command("redirect Ada"));
    let redirect = ada.expect::<Redirect>();
    assert_eq!(redirect.address, server.address.to_string());
    let gifts =
        ada.seen.iter().filter(|packet| matches!(packet.body, Some(Body::InventoryChanged(_))));
    assert_eq!(gifts.count(), 3);

    let address = redirect.address.parse().unwrap();
    let (mut again, logged_in) = resume(address, &redirect.token);
    assert!(logged_in.in_world);
    let after = again.expect::<Entered>();
    assert_eq!((after.character, after.entity), (before.character, before.entity));
    let mut items = owned(&mut again);
    items.sort_by(|a, b| a.1.cmp(&b.1));
    let kinds: Vec<_> = items.iter().map(|(_, kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(kinds, [("copper_coin", 30), ("rusty_sword", 1), ("wolf_fang", 2)]);

    // Who doesn't go by itself is seen out, without harm to the one that went on.
    let farewell = ada.read_to_end();
    assert!(farewell.is_none_or(|farewell| farewell.reason() == Farewell::Redirected));
    again.ping();
}
