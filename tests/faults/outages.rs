//! PostgreSQL is gone, or stands still with its connections open. The world goes on, value is refused before anything
//! changes, and all of it recovers by itself.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use client_bot::Scenario;
use private_postgres::{Durability, Server};
use protocol::v1::{InventoryChanged, Refusal, TokenLogin};
use tests::client::{Client, mint};
use tests::server::{Log, ServerProcess};
use tests::swarm::Bots;

use super::player::Player;
use super::world::{audit, end, setup};

/// Bots of the test. `REALMBEAT_OUTAGE_BOTS=1000 REALMBEAT_OUTAGE_SECONDS=30 cargo test --release -p tests --test
/// system -- --nocapture --test-threads 1 faults::outages` runs the long form, and shows the log's lines.
const BOTS: usize = 200;
/// The other number of bots.
const BOTS_VARIABLE: &str = "REALMBEAT_OUTAGE_BOTS";
/// How long an outage lasts at least, in seconds, and how long is watched before and after it. Without it the outage
/// ends when all was seen.
const SECONDS_VARIABLE: &str = "REALMBEAT_OUTAGE_SECONDS";
/// What Ada has to drop: more commits than may wait before value operations are closed, and what an inventory holds.
const SWORDS: usize = 23;
/// Commits that may wait: those of the store's queue.
const MOST_WAITING: u64 = 1_200;

/// What is wrong with the database.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Connections break off and new ones are refused.
    Gone,
    /// Nothing is answered.
    Silent,
}

impl Outage {
    fn begin(self, postgres: &mut Server) {
        match self {
            Self::Gone => postgres.stop_immediately(),
            Self::Silent => postgres.pause().unwrap(),
        }
    }

    fn end(self, postgres: &mut Server) {
        match self {
            Self::Gone => postgres.start_again().unwrap(),
            Self::Silent => postgres.resume().unwrap(),
        }
    }
}

#[test]
fn while_postgresql_is_gone_the_world_goes_on_and_recovers_by_itself() {
    println!("{}", outlive(Outage::Gone));
}

#[test]
fn while_postgresql_says_nothing_the_world_goes_on_and_recovers_by_itself() {
    println!("{}", outlive(Outage::Silent));
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Returns the log's lines of statistics before, during and after the outage.
fn outlive(outage: Outage) -> String {
    let mut postgres = Server::start(Durability::FastForTests).unwrap();
    let database = postgres.create_database().unwrap();
    let setup = setup(&database.url)
        .set("log.stats_interval", "1s")
        // Ada says nothing while the bots are watched.
        .set("network.heartbeat_timeout", "5m");
    let mut server = setup.start();
    let (mut ada, _) = Client::enter(server.address, "ada", "Ada");
    ada.leave();
    postgres.sql(&database.name, "UPDATE characters SET rank = 'master'").unwrap();
    let bots = variable(BOTS_VARIABLE).map_or(BOTS, |bots| usize::try_from(bots).unwrap());
    let bots = Bots::play(server.address, bots, Scenario::Wander);
    let mut ada = Player::enter(server.address, "ada", "Ada");
    for _ in 0..SWORDS {
        ada.sword();
    }
    let mut watch = Watch::begin(&server);
    watch.stretch("before", &bots);

    outage.begin(&mut postgres);
    let asked = ada.drop_until_refused();
    ada.see_a_tick();
    bots.go_on();
    nobody_logs_in(&server);
    bots.go_on();
    watch.stretch("during", &bots);
    outage.end(&mut postgres);

    // What was asked for in time is confirmed, and nothing else; new operations are taken without being told to.
    while !ada.items.is_disjoint(&asked) {
        ada.hear(|change: InventoryChanged| Some(change.removed));
    }
    assert_eq!(ada.items.len() + asked.len(), SWORDS, "what was refused is still hers");
    ada.sword();
    watch.stretch("after", &bots);
    drop(bots.stop_unharmed());
    end(&mut server);
    audit(&setup);
    let owned = "SELECT id FROM items WHERE owner_character IS NOT NULL ORDER BY id";
    let owned = postgres.sql(&database.name, owned).unwrap();
    assert_eq!(owned.replace('\n', " "), ada.holds().0);
    let most = waiting(&server.log.text()).max();
    assert!(most.is_some_and(|most| (1..=MOST_WAITING).contains(&most)), "{most:?} waited");
    watch.lines
}

/// Who comes now is told why it can't come in, and to come back.
fn nobody_logs_in(server: &ServerProcess) {
    let mut late = Client::greet(server.address);
    late.send(1, &TokenLogin { token: mint("late") });
    let (_, refused) = late.expect_refusal();
    assert_eq!(refused.reason(), Refusal::StoreBehind);
    assert!(refused.retry_after_ms > 0);
}

/// The figures of a field in the log's lines of statistics.
fn waiting(log: &str) -> impl Iterator<Item = u64> + '_ {
    let fields = log.split("commits_waiting=").skip(1);
    fields.filter_map(|rest| rest.split(' ').next()?.parse().ok())
}

/// Collects the lines of statistics stretch by stretch, for the long form.
struct Watch {
    log: Log,
    seen: usize,
    lines: String,
    lasts: Duration,
}

impl Watch {
    fn begin(server: &ServerProcess) -> Self {
        let lasts = Duration::from_secs(variable(SECONDS_VARIABLE).unwrap_or(0));
        let log = server.log.clone();
        Self { seen: log.text().len(), log, lines: String::new(), lasts }
    }

    /// Sees the bots go on for the time of a stretch.
    fn stretch(&mut self, name: &str, bots: &Bots) {
        let begun = Instant::now();
        while begun.elapsed() < self.lasts {
            bots.go_on();
        }
        let log = self.log.text();
        for line in log[self.seen..].lines().filter(|line| line.contains("commits_waiting=")) {
            let _ = writeln!(self.lines, "{name}: {line}");
        }
        self.seen = log.len();
    }
}
