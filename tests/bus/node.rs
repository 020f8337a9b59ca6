//! One server's end of the bus, with a bell that its wake rings, so that a test waits for conditions and never sleeps.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use game::ZoneName;
use game::post::{Address, Envelope, Route};
use server::bus::{self, Bus, BusStats, Connection, QueueBounds, Refused, Settings};

/// When a condition that should come true is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Counters change without a wake; how often a condition on them is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// A server as the bus sees it.
pub(super) struct Node {
    pub(super) bus: Box<dyn Bus>,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

/// What server `node` says of itself in the world `w`.
pub(super) fn settings(url: &str, node: &str, zones: &[&str]) -> Settings {
    Settings {
        url: url.to_owned(),
        world: "w".to_owned(),
        node: node.to_owned(),
        zones: zones.iter().copied().map(ZoneName::new).collect(),
        outgoing: QueueBounds::default(),
        incoming: QueueBounds::default(),
    }
}

impl Node {
    pub(super) fn open(settings: Settings) -> Self {
        let bell = Arc::new(Bell::default());
        let rope = Arc::clone(&bell);
        let bus = bus::open(settings, move || {
            *rope.rings.lock().expect("no test panics in here") += 1;
            rope.rung.notify_all();
        });
        Self { bus: bus.expect("settings that work"), bell }
    }

    /// Opened, and ready to get letters.
    pub(super) fn ready(settings: Settings) -> Self {
        let mut node = Self::open(settings);
        node.await_connection(1);
        node
    }

    /// Waits until NATS has confirmed the connection for the `nth` time; nothing to wait for in one process.
    pub(super) fn await_connection(&mut self, nth: u64) {
        self.eventually("the bus is connected", |node| {
            let stats = node.stats();
            match stats.connection {
                Connection::InProcess => true,
                Connection::Connected => stats.connects >= nth,
                Connection::Connecting | Connection::Lost => false,
            }
        });
    }

    pub(super) fn stats(&self) -> BusStats {
        self.bus.stats()
    }

    pub(super) fn rings(&self) -> u64 {
        *self.bell.rings.lock().expect("no test panics in here")
    }

    /// Looks at the condition at each wake (and glances at it between them) until it holds.
    pub(super) fn eventually(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < until, "never: {what}; {:?}", self.stats());
            let rings = self.bell.rings.lock().expect("no test panics in here");
            drop(self.bell.rung.wait_timeout(rings, GLANCE));
        }
    }

    /// The next `count` letters' texts, waited for.
    pub(super) fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::with_capacity(count);
        self.eventually("the letters arrive", |node| {
            while texts.len() < count {
                let Some(arrival) = node.bus.poll() else {
                    break;
                };
                texts.push(String::from_utf8_lossy(&arrival.letter.body).into_owned());
            }
            texts.len() == count
        });
        texts
    }

    pub(super) fn send(&mut self, route: Route, text: &str) -> Result<(), Refused> {
        self.bus.publish(letter(route, text))
    }
}

pub(super) fn letter(route: Route, text: &str) -> Envelope {
    Envelope {
        route,
        to: Address::Everyone,
        kind: "test.text".to_owned(),
        body: text.to_owned().into(),
    }
}

pub(super) fn zone(name: &str) -> Route {
    Route::Zone(ZoneName::new(name))
}

pub(super) fn node(name: &str) -> Route {
    Route::Node(name.to_owned())
}

/// The texts `0`, `1`, ... that tests number their letters with.
pub(super) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}
