//! Sockets on I/O threads: what there is besides what other topics show with `cargo xtask test --only system
//! --io-threads 2`.

use protocol::v1::{Farewell, Ping};
use tests::client::Client;
use tests::server::ServerSetup;

#[test]
fn when_an_io_thread_fails_its_clients_are_lost_and_the_server_ends_with_everything_saved() {
    let (setup, failpoints) = ServerSetup::new().set("network.io_threads", 2).breakable();
    let mut server = setup.start();
    let mut clients: Vec<Client> = ["Ada", "Bob"]
        .map(|name| Client::enter(server.address, &name.to_lowercase(), name).0)
        .into();
    failpoints.arm("io.panic = once");
    // Either thread may be the one; both have something to do now.
    for client in &mut clients {
        client.send(1, &Ping { nonce: 1 });
    }
    let status = server.wait();
    let log = server.log.text();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("ended by itself: it panicked; everything is saved"), "{log}");
    let farewells: Vec<_> = clients.iter_mut().filter_map(Client::read_to_end).collect();
    let reasons: Vec<Farewell> = farewells.iter().map(|last| last.reason()).collect();
    assert_eq!(reasons, [Farewell::Shutdown], "one is lost, and the other is told");
    failpoints.disarm();
    let audit = setup.run(&["audit"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    let server = setup.start();
    for name in ["Ada", "Bob"] {
        let _ = Client::enter(server.address, &name.to_lowercase(), name);
    }
}
