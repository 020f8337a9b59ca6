//! The thread that talks to NATS: connects and reconnects for ever, carries the outbox out and the arrivals in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Event, Message, ServerAddr, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::select_all;
use game::post::Route;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout_at;

use super::Shared;
use super::wire::{self, Content, Malformed, Parcel};
use crate::bus::{Arrival, Connection, RECONNECT_FIRST, RECONNECT_MOST};

/// How long NATS may be silent before it is asked for a sign of life; after two unanswered questions the connection
/// counts as lost. So a dead machine is noticed within 15 s instead of the library's three minutes.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Letters between our outbox and the socket. Few, because the outbox is what waits, is counted and has the bounds.
const CLIENT_COMMANDS: usize = 64;

/// Messages per subscription between the socket and the inbox. As many as the inbox has room for by default, because
/// one read of the socket can bring thousands; they are moved on at once.
const SUBSCRIPTION_MESSAGES: usize = 8 * 1024;

/// Changes of the connection that wait to be looked at. The library drops more than 128 by itself.
const CLIENT_EVENTS: usize = 16;

/// What the thread starts with.
pub(super) struct Setup {
    pub(super) shared: Arc<Shared>,
    pub(super) servers: Vec<ServerAddr>,
    pub(super) world: String,
    pub(super) instance: u64,
}

/// Runs until `closing` names a deadline (or is dropped), and then until the outbox is empty or the deadline is over.
pub(super) async fn run(setup: Setup, closing: oneshot::Receiver<Instant>) {
    let names: Vec<String> = (setup.servers.iter())
        .map(|server| format!("{}:{}", server.host(), server.port()))
        .collect();
    let subjects = subjects_of(&setup);
    let (events, changes) = mpsc::channel(CLIENT_EVENTS);
    let connecting = connect_options(&setup, subjects.len(), events).connect(setup.servers);
    let client = match connecting.await {
        Ok(client) => client,
        Err(error) => {
            // Nothing is dialled yet, so only an address can be wrong, and those were parsed before.
            tracing::error!(%error, "the bus has no connection to NATS and won't get one");
            return;
        }
    };
    let mut subscriptions = Vec::with_capacity(subjects.len());
    for subject in subjects {
        match client.subscribe(subject).await {
            Ok(subscription) => subscriptions.push(subscription),
            Err(error) => tracing::error!(%error, "the bus can't subscribe"),
        }
    }

    let shared = setup.shared;
    let link = Link {
        shared: Arc::clone(&shared),
        client: client.clone(),
        servers: names.join(","),
        node_subject: subject(&setup.world, &Route::Node(shared.inbox.place().node.clone())),
        instance: setup.instance,
        attempt: 0,
        lost_at: None,
        complaint: String::new(),
    };
    tokio::spawn(link.attend(changes, subscriptions));
    let (last, ending) = watch::channel(false);
    let carrier = Carrier {
        shared: Arc::clone(&shared),
        client: client.clone(),
        world: setup.world,
        instance: setup.instance,
    };
    let carrying = tokio::spawn(carrier.carry(ending));

    let deadline = closing.await.unwrap_or_else(|_dropped| Instant::now());
    let _ = last.send(true);
    shared.outbox_rung.notify_one();
    let flushed = timeout_at(deadline.into(), async {
        let _ = carrying.await;
        if *shared.connection.borrow() == Connection::Connected {
            let _ = client.flush().await;
        }
    });
    if flushed.await.is_err() {
        tracing::warn!("the bus closes with letters that NATS didn't take in time");
    }
}

fn connect_options(setup: &Setup, subjects: usize, events: mpsc::Sender<Event>) -> ConnectOptions {
    let node = &setup.shared.inbox.place().node;
    ConnectOptions::new()
        .name(format!("realmbeat {} {node}", setup.world))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .ping_interval(PING_INTERVAL)
        // With room for the subscriptions, so that making them never waits for NATS.
        .client_capacity(CLIENT_COMMANDS + subjects)
        .subscription_capacity(SUBSCRIPTION_MESSAGES)
        .event_callback(move |event| {
            let events = events.clone();
            async move {
                // An error means that the thread ends, and then nobody wants to know.
                let _ = events.send(event).await;
            }
        })
}

/// The pause before the n-th attempt: none, then doubling from [`RECONNECT_FIRST`] to [`RECONNECT_MOST`].
fn reconnect_delay(attempt: usize) -> Duration {
    let Some(doublings) = attempt.checked_sub(2) else {
        return Duration::ZERO;
    };
    // Past 16 doublings any sensible first pause is over the longest one.
    let factor = 1_u32 << doublings.min(16);
    RECONNECT_FIRST.saturating_mul(factor).min(RECONNECT_MOST)
}

fn subject(world: &str, route: &Route) -> String {
    match route {
        Route::Zone(zone) => format!("{world}.zone.{zone}"),
        Route::Node(node) => format!("{world}.node.{node}"),
        Route::Everyone => format!("{world}.all"),
    }
}

/// Everything that is for this server.
fn subjects_of(setup: &Setup) -> Vec<String> {
    let place = setup.shared.inbox.place();
    let zones = place.zones.iter().cloned().map(Route::Zone);
    zones
        .chain([Route::Node(place.node.clone()), Route::Everyone])
        .map(|route| subject(&setup.world, &route))
        .collect()
}

/// Takes the outbox to NATS, letter by letter, while there is a connection.
struct Carrier {
    shared: Arc<Shared>,
    client: Client,
    world: String,
    instance: u64,
}

impl Carrier {
    /// Ends when no more letters come (`ending`) and all are carried.
    async fn carry(self, ending: watch::Receiver<bool>) {
        let mut connection = self.shared.connection.subscribe();
        loop {
            while self.shared.outbox().is_empty() {
                if *ending.borrow() {
                    return;
                }
                self.shared.outbox_rung.notified().await;
            }
            // While there is no connection, letters stay where they are bounded and counted.
            let connected = |state: &Connection| *state == Connection::Connected;
            if connection.wait_for(connected).await.is_err() {
                return;
            }
            self.carry_one().await;
        }
    }

    async fn carry_one(&self) {
        let Some(letter) = self.shared.outbox().pop() else {
            return;
        };
        let subject = subject(&self.world, &letter.route);
        let parcel = Parcel {
            instance: self.instance,
            from: self.shared.inbox.place().node.clone(),
            content: Content::Letter(letter),
        };
        let failure = match wire::encode(&parcel) {
            Ok(message) => match self.client.publish(subject, message).await {
                Ok(()) => return,
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        let total = self.shared.inbox.count(|stats| {
            stats.failed += 1;
            stats.failed
        });
        if total.is_power_of_two() {
            tracing::warn!(total, failure, "NATS doesn't take a letter");
        }
    }
}

/// Attends to what comes from NATS: changes of the connection, and messages.
struct Link {
    shared: Arc<Shared>,
    client: Client,
    /// For the log: hosts and ports, no passwords.
    servers: String,
    node_subject: String,
    instance: u64,
    /// The number of the current connection, carried by its probe.
    attempt: u64,
    lost_at: Option<Instant>,
    /// The last trouble that was logged; the same one isn't logged again until a connection was made.
    complaint: String,
}

impl Link {
    async fn attend(mut self, mut changes: mpsc::Receiver<Event>, from: Vec<Subscriber>) {
        let mut messages = select_all(from);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Some(event) => self.change(event).await,
                    None => return,
                },
                message = messages.next() => match message {
                    Some(message) => self.receive(&message),
                    None => return,
                },
            }
        }
    }

    async fn change(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.attempt += 1;
                self.probe().await;
            }
            Event::Disconnected => self.lost(),
            Event::SlowConsumer(_) => self.shared.inbox.count_slow_consumer(),
            Event::ServerError(error) => self.complain(error.to_string()),
            Event::ClientError(error) => self.complain(error.to_string()),
            Event::LameDuckMode => {
                tracing::info!(nats = self.servers, "NATS is about to shut down");
            }
            Event::Draining | Event::Closed => {}
        }
    }

    /// Sends ourselves a message. NATS handles ours in order, so when it is back, all subscriptions stand.
    async fn probe(&self) {
        let parcel = Parcel {
            instance: self.instance,
            from: self.shared.inbox.place().node.clone(),
            content: Content::Probe(self.attempt),
        };
        let Ok(message) = wire::encode(&parcel) else {
            return;
        };
        let sent = self.client.publish(self.node_subject.clone(), message);
        if let Err(error) = sent.await {
            tracing::warn!(%error, "the bus can't probe its connection");
        }
    }

    fn receive(&mut self, message: &Message) {
        let parcel = match wire::decode(&message.payload) {
            Ok(parcel) => parcel,
            Err(why) => return self.malformed(&why),
        };
        let ours = parcel.instance == self.instance;
        match parcel.content {
            Content::Probe(attempt) if ours => self.probe_returned(attempt),
            Content::Probe(_) => tracing::error!(
                node = parcel.from,
                "another server has joined the bus under this server's node name: both get each other's letters"
            ),
            // What we tell everyone was looped back when it was published.
            Content::Letter(_) if ours => {}
            Content::Letter(letter) if self.shared.inbox.place().is_here(&letter.route) => {
                let from = parcel.from;
                self.shared.inbox.take_in(Arrival { from, own: false, letter });
            }
            Content::Letter(_) => self.malformed(&Malformed::NotHere),
        }
    }

    fn malformed(&self, why: &Malformed) {
        let total = self.shared.inbox.count(|stats| {
            stats.malformed += 1;
            stats.malformed
        });
        if total.is_power_of_two() {
            tracing::warn!(total, %why, "a message on the bus was no letter and is dropped");
        }
    }

    fn probe_returned(&mut self, attempt: u64) {
        if attempt != self.attempt {
            return;
        }
        self.shared.inbox.count(|stats| stats.connects += 1);
        self.complaint.clear();
        match self.lost_at.take() {
            Some(since) => {
                let outage_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(nats = self.servers, outage_ms, "the bus is back on NATS");
            }
            None => tracing::info!(nats = self.servers, "the bus is connected to NATS"),
        }
        self.set_connection(Connection::Connected);
    }

    fn lost(&mut self) {
        if self.lost_at.is_some() {
            return;
        }
        // A connection that went before its probe came back was never one.
        if *self.shared.connection.borrow() == Connection::Connecting {
            return;
        }
        self.lost_at = Some(Instant::now());
        tracing::warn!(
            nats = self.servers,
            "the bus has lost NATS; letters to other servers wait until it is back"
        );
        self.set_connection(Connection::Lost);
    }

    fn complain(&mut self, complaint: String) {
        if self.complaint == complaint {
            return;
        }
        let nats = &self.servers;
        match *self.shared.connection.borrow() {
            Connection::Connecting => tracing::warn!(
                nats,
                complaint,
                "NATS isn't there yet; the server runs and letters to other servers wait for it"
            ),
            Connection::Lost => tracing::warn!(nats, complaint, "NATS isn't back yet"),
            Connection::Connected | Connection::InProcess => {
                tracing::warn!(nats, complaint, "NATS reports a fault");
            }
        }
        self.complaint = complaint;
    }

    fn set_connection(&self, connection: Connection) {
        self.shared.connection.send_replace(connection);
        self.shared.inbox.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_start_at_once_and_slow_down_to_the_longest_pause() {
        let pauses: Vec<u128> = (1..=8).map(|n| reconnect_delay(n).as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1600, 2000]);
        assert_eq!(reconnect_delay(usize::MAX), RECONNECT_MOST);
    }
}
