//! What the operator learns of bad input: every refusal is counted by its reason, and the log can't be flooded with it.

use protocol::v1::{Attack, Farewell, Login, Move, PickUp};
use tests::client::Client;
use tests::server::ServerProcess;

use super::Scene;

/// How often the log's line about the whole run counts `reason`.
fn counted(server: &ServerProcess, reason: &str) -> u64 {
    let log = server.log.text();
    let total = log.lines().rfind(|line| line.contains(" total ")).unwrap();
    let count = total.split(&format!("{reason}=")).nth(1).unwrap_or("0");
    let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{reason} in {total}"))
}

#[test]
fn every_refusal_and_farewell_is_counted_by_reason() {
    let mut scene = Scene::new();
    let address = scene.server.address;
    for _ in 0..3 {
        let mut client = Client::connect(address);
        client.send_bytes(&[0xff; 11]);
        scene.ends(&mut client, Farewell::Malformed);
    }
    let mut client = Client::greet(address);
    for request in 1..=4 {
        client.refusal(request, &Move::default());
    }
    let wrong = Login { account: "nobody".into(), password: "long enough".into() };
    client.refusal(5, &wrong);
    client.refusal(6, &wrong);
    // These two are the game's refusals, not the lobby's.
    scene.neighbour.client.refusal(7, &Attack { target: 0 });
    scene.neighbour.client.refusal(8, &PickUp { entity: 0 });

    assert!(scene.server.stop().success());
    let reasons = [
        ("FAREWELL_MALFORMED", 3),
        ("REFUSAL_WRONG_PHASE", 4),
        ("REFUSAL_BAD_CREDENTIALS", 2),
        ("REFUSAL_NO_SUCH_TARGET", 1),
        ("REFUSAL_NO_SUCH_ITEM", 1),
        ("FAREWELL_FLOODING", 0),
    ];
    for (reason, count) in reasons {
        assert_eq!(counted(&scene.server, reason), count, "{reason}");
    }
}

#[test]
fn a_thousand_bad_clients_write_a_line_a_second_and_are_all_counted() {
    let mut scene = Scene::new();
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        let mut client = Client::connect(scene.server.address);
        client.send_bytes(&[0xff; 11]);
        assert!(client.read_to_end().is_some());
    }
    let seconds = began.elapsed().as_secs();
    scene.neighbour.plays();
    let log = scene.server.log.text();
    let lines = log.matches("FAREWELL_MALFORMED").count() as u64;
    assert!((1..=seconds + 2).contains(&lines), "{lines} in {seconds} s");
    assert!(scene.server.stop().success());
    assert_eq!(counted(&scene.server, "FAREWELL_MALFORMED"), 1000);
}
