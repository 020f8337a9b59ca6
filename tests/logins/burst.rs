//! Many logins at the same moment: each is answered.

use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

use protocol::v1::{LoggedIn, TokenLogin};
use protocol::{Envelope, ServerMessage as _, split_frame};
use tests::client::{Client, mint};
use tests::server::{PATIENCE, ServerSetup};

const LOGINS: usize = 300;

/// One that has asked and not been answered.
struct Asker {
    client: Client,
    read: Vec<u8>,
    answered: Option<Duration>,
}

impl Asker {
    /// Takes what has come. True if the answer was there.
    fn look(&mut self, asked: Instant) -> bool {
        let mut chunk = [0; 4096];
        match self.client.stream.read(&mut chunk) {
            Ok(count) => self.read.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => panic!("{error}"),
        }
        let Some(frame) = split_frame(&self.read, 1 << 16).unwrap() else {
            return false;
        };
        let envelope = Envelope::parse(frame.packet).unwrap();
        assert_eq!(envelope.id, LoggedIn::INFO.id, "{:?}", self.read);
        self.answered = Some(asked.elapsed());
        true
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure is what a reader wants")]
fn three_hundred_token_logins_in_one_burst_are_all_answered() {
    let server = ServerSetup::new().start();
    let mut askers: Vec<Asker> = (0..LOGINS)
        .map(|_| {
            let client = Client::greet(server.address);
            client.stream.set_nonblocking(true).unwrap();
            Asker { client, read: Vec::new(), answered: None }
        })
        .collect();
    let logins: Vec<TokenLogin> =
        (0..LOGINS).map(|number| TokenLogin { token: mint(&format!("burst-{number}")) }).collect();
    let asked = Instant::now();
    for (asker, login) in askers.iter_mut().zip(&logins) {
        asker.client.send(1, login);
    }
    let mut waiting: Vec<&mut Asker> = askers.iter_mut().collect();
    while !waiting.is_empty() {
        assert!(asked.elapsed() < PATIENCE, "{} unanswered", waiting.len());
        waiting.retain_mut(|asker| !asker.look(asked));
    }
    let mut times: Vec<Duration> = askers.iter().filter_map(|asker| asker.answered).collect();
    times.sort_unstable();
    assert_eq!(times.len(), LOGINS);
    let at = |share: usize| times[LOGINS * share / 100 - 1];
    println!(
        "{LOGINS} token logins in one burst, from the first byte of the first: p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        at(100)
    );
}
