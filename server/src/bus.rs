//! What carries letters between zones and between servers: inside one process, or over NATS. Letters are hints that
//! may be lost; the bus never makes the loop wait for them, and counts every one that it couldn't take along.

mod inbox;
mod local;
#[cfg(feature = "nats")]
mod nats;
mod place;
mod queue;

use std::time::{Duration, Instant};

use game::ZoneName;
use game::post::Envelope;

/// The largest letter, in bytes of its kind and body together. A letter is a hint, not a transfer; 64 KiB holds a
/// guild's whole member list and stays far below the 1 MiB that NATS takes. Both implementations hold to it, so that
/// a module that works in one process works on a cluster.
pub const LETTER_BYTES: usize = 64 * 1024;

/// How often a lost NATS server is called upon at first. A restart of NATS takes about a second.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(50);

/// How long the pause between two calls becomes at most. After a long outage players of different servers talk again
/// within this time.
pub const RECONNECT_MOST: Duration = Duration::from_secs(2);

/// Carries letters to the servers that they are for. Nothing here waits, except [`Bus::close`].
///
/// Letters of one sender on one [`Route`](game::post::Route) arrive in the order in which they were published;
/// letters on different routes may overtake each other.
pub trait Bus: Send {
    /// Takes a letter along. `Ok` means that it is on its way, not that anybody gets it.
    ///
    /// # Errors
    /// [`Refused`]: nothing was taken, and it was counted.
    fn publish(&mut self, letter: Envelope) -> Result<(), Refused>;

    /// The next letter that has come in for a zone of this process. After a wake, call this until it says `None`: the
    /// next wake comes when a letter arrives where none was waiting.
    fn poll(&mut self) -> Option<Arrival>;

    /// What has happened since the start and how things stand now.
    fn stats(&self) -> BusStats;

    /// Hands over what still waits and ends. Returns how many letters couldn't be handed over until the deadline.
    fn close(self: Box<Self>, deadline: Instant) -> usize;
}

/// A letter that has come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The node that published it, as it says itself.
    pub from: String,
    /// Whether it was published by this process.
    pub own: bool,
    /// The letter.
    pub letter: Envelope,
}

/// Why a letter wasn't taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too much is waiting already. A later one may be taken.
    #[error("the bus has more letters waiting than its queue holds")]
    Full,
    /// The sender must send less at once.
    #[error("a letter of {bytes} bytes is larger than the {LETTER_BYTES} that the bus carries")]
    TooLarge {
        /// Of kind and body.
        bytes: usize,
    },
    /// No server and no zone can have this name.
    #[error("`{0}` is no name of a zone or a server: use 1 to 64 letters, digits, `-` or `_`")]
    Name(String),
}

/// How the bus is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It needs none: all zones are in this process.
    InProcess,
    /// NATS hasn't been reached since the start.
    Connecting,
    /// NATS has confirmed that it sends us our letters.
    Connected,
    /// NATS was reached and is lost; it is called upon until it is back.
    Lost,
}

/// Letters counted since the start, and how things stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusStats {
    /// How the bus is connected.
    pub connection: Connection,
    /// How often NATS confirmed a connection; each one after the first ended an outage.
    pub connects: u64,
    /// Letters taken from this process.
    pub published: u64,
    /// Letters handed to this process.
    pub delivered: u64,
    /// Letters of this process refused because a queue was full.
    pub refused_full: u64,
    /// Letters of this process refused for their size or name: a fault in a module.
    pub refused_unfit: u64,
    /// Letters in one process for a zone or node that it doesn't host. Over NATS nobody can tell.
    pub undeliverable: u64,
    /// Letters from other servers dropped because this process didn't fetch them fast enough.
    pub slow_consumer: u64,
    /// Messages from the wire that were no letters for us.
    pub malformed: u64,
    /// Letters that were taken and that NATS refused, such as those above its own size limit.
    pub failed: u64,
    /// Letters that wait for NATS.
    pub outgoing: usize,
    /// Letters that wait for [`Bus::poll`].
    pub incoming: usize,
}

impl BusStats {
    const fn new(connection: Connection) -> Self {
        Self {
            connection,
            connects: 0,
            published: 0,
            delivered: 0,
            refused_full: 0,
            refused_unfit: 0,
            undeliverable: 0,
            slow_consumer: 0,
            malformed: 0,
            failed: 0,
            outgoing: 0,
            incoming: 0,
        }
    }
}

/// How much may wait in one direction. A letter is taken while both bounds hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Letters. Some seconds of a busy server's: a full house of 10,000 players writes about 1,000 a second.
    pub letters: usize,
    /// Bytes of their kinds and bodies together, which bounds the memory that large letters can take.
    pub bytes: usize,
}

impl Default for QueueBounds {
    fn default() -> Self {
        Self { letters: 8 * 1024, bytes: 16 * 1024 * 1024 }
    }
}

/// What a server says of itself when it opens the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `local`, or `nats://host:4222`, or several of those with commas between.
    pub url: String,
    /// Keeps several worlds on one NATS apart; the same on all servers of a world.
    pub world: String,
    /// This server's own name; no other server of the world has it.
    pub node: String,
    /// The zones that this server hosts, `realm` among them if it does.
    pub zones: Vec<ZoneName>,
    /// What may wait for NATS.
    pub outgoing: QueueBounds,
    /// What may wait for the loop.
    pub incoming: QueueBounds,
}

/// Why the bus couldn't be opened. A NATS server that isn't there yet is no reason.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `local` nor an address of NATS.
    #[error("bus.url `{url}`: {why}; expected `local` or `nats://host:4222`")]
    Url {
        /// As configured, without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A name that can't be part of a NATS subject.
    #[error(
        "the {what} name `{name}` can't be used on the bus: use 1 to 64 letters, digits, `-` or `_`"
    )]
    Name {
        /// World, node or zone.
        what: &'static str,
        /// As configured.
        name: String,
    },
    /// The url asks for NATS and this program was built without it.
    #[error(
        "bus.url asks for NATS, but this server was built without the cargo feature `nats`: build with it, or set bus.url = \"local\""
    )]
    NotBuilt,
    /// The operating system gave no thread or no random number.
    #[error("the bus can't start its thread: {0}")]
    System(String),
}

/// Opens the bus that `settings.url` names. `wake` is called, from any thread, when a letter has come in where none
/// was waiting and when the connection changes; it must not block.
///
/// # Errors
/// [`OpenError`]: settings that can never work. NATS not being there isn't among them: it is waited for.
pub fn open(
    settings: Settings,
    wake: impl Fn() + Send + Sync + 'static,
) -> Result<Box<dyn Bus>, OpenError> {
    let place = place::Place::new(&settings)?;
    let inbox = inbox::Inbox::new(place, settings.incoming, Box::new(wake));
    if settings.url == "local" {
        return Ok(Box::new(local::LocalBus::new(inbox)));
    }
    open_nats(settings, inbox)
}

#[cfg(feature = "nats")]
fn open_nats(settings: Settings, inbox: inbox::Inbox) -> Result<Box<dyn Bus>, OpenError> {
    let servers = nats::parse_servers(&settings.url)?;
    Ok(Box::new(nats::NatsBus::open(servers, &settings, inbox)?))
}

#[cfg(not(feature = "nats"))]
fn open_nats(settings: Settings, _inbox: inbox::Inbox) -> Result<Box<dyn Bus>, OpenError> {
    if settings.url.starts_with("nats://") || settings.url.starts_with("tls://") {
        return Err(OpenError::NotBuilt);
    }
    Err(OpenError::Url {
        url: place::without_password(&settings.url),
        why: "no such kind of bus".to_owned(),
    })
}

#[cfg(test)]
mod tests;
