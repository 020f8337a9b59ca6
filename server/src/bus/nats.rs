//! The bus between servers, over NATS. A thread of its own talks to NATS; the loop only puts letters into a queue and
//! takes letters out of another. What is for this process never leaves it, so portals work while NATS is away.

mod link;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use async_nats::ServerAddr;
use game::post::{Envelope, Route};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::{Notify, oneshot, watch};

use super::inbox::{Inbox, letter_bytes};
use super::place::without_password;
use super::queue::Queue;
use super::{Arrival, Bus, BusStats, Connection, OpenError, Refused, Settings};

/// Carries letters between servers.
pub(super) struct NatsBus {
    shared: Arc<Shared>,
    closing: Option<oneshot::Sender<Instant>>,
    thread: Option<JoinHandle<()>>,
}

/// What the loop and the NATS thread both hold.
struct Shared {
    inbox: Inbox,
    outbox: Mutex<Queue<Envelope>>,
    /// Rung for each letter that enters the outbox, and when no more will.
    outbox_rung: Notify,
    connection: watch::Sender<Connection>,
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Queue<Envelope>> {
        // What is inside is consistent after each statement, so a panic elsewhere spoils nothing.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NatsBus {
    /// Starts the thread, which connects in its own time.
    pub(super) fn open(
        servers: Vec<ServerAddr>,
        settings: &Settings,
        inbox: Inbox,
    ) -> Result<Self, OpenError> {
        let instance =
            SysRng.try_next_u64().map_err(|error| OpenError::System(error.to_string()))?;
        let shared = Arc::new(Shared {
            inbox,
            outbox: Mutex::new(Queue::new(settings.outgoing)),
            outbox_rung: Notify::new(),
            connection: watch::Sender::new(Connection::Connecting),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| OpenError::System(error.to_string()))?;
        let setup = link::Setup {
            shared: Arc::clone(&shared),
            servers,
            world: settings.world.clone(),
            instance,
        };
        let (closing, closed) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("bus".to_owned())
            .spawn(move || {
                runtime.block_on(link::run(setup, closed));
                // A DNS look-up may still run on a thread of the runtime; it isn't waited for.
                runtime.shutdown_background();
            })
            .map_err(|error| OpenError::System(error.to_string()))?;
        Ok(Self { shared, closing: Some(closing), thread: Some(thread) })
    }

    fn carry(&self, letter: Envelope) -> Result<(), Refused> {
        Inbox::check(&letter)?;
        let inbox = &self.shared.inbox;
        match &letter.route {
            Route::Zone(_) | Route::Node(_) if inbox.place().is_here(&letter.route) => {
                inbox.loop_back(letter)
            }
            Route::Zone(_) | Route::Node(_) => self.send(letter),
            Route::Everyone => {
                // Both or neither: only this thread adds to the outbox, so the room stays until it is used.
                if !self.shared.outbox().has_room(letter_bytes(&letter)) {
                    return Err(Refused::Full);
                }
                inbox.loop_back(letter.clone())?;
                self.send(letter)
            }
        }
    }

    fn send(&self, letter: Envelope) -> Result<(), Refused> {
        let bytes = letter_bytes(&letter);
        let pushed = self.shared.outbox().push(letter, bytes);
        pushed.map_err(|_full| Refused::Full)?;
        self.shared.outbox_rung.notify_one();
        Ok(())
    }
}

impl Bus for NatsBus {
    fn publish(&mut self, letter: Envelope) -> Result<(), Refused> {
        let outcome = self.carry(letter);
        self.shared.inbox.count_published(&outcome);
        outcome
    }

    fn poll(&mut self) -> Option<Arrival> {
        self.shared.inbox.pop()
    }

    fn stats(&self) -> BusStats {
        BusStats {
            connection: *self.shared.connection.borrow(),
            outgoing: self.shared.outbox().len(),
            ..self.shared.inbox.stats()
        }
    }

    fn close(mut self: Box<Self>, deadline: Instant) -> usize {
        if let Some(closing) = self.closing.take() {
            // An error means that the thread is gone, and then there is nothing to tell it.
            let _ = closing.send(deadline);
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the bus thread has panicked");
        }
        self.shared.outbox().len()
    }
}

/// The NATS servers of a url, or of several with commas between.
pub(super) fn parse_servers(url: &str) -> Result<Vec<ServerAddr>, OpenError> {
    let wrong = |why: String| OpenError::Url { url: without_password(url), why };
    let parse = |part: &str| {
        if !part.starts_with("nats://") && !part.starts_with("tls://") {
            return Err(wrong("no such kind of bus".to_owned()));
        }
        let server: ServerAddr =
            part.parse().map_err(|error: std::io::Error| wrong(error.to_string()))?;
        if server.host().is_empty() {
            return Err(wrong("the host is missing".to_owned()));
        }
        Ok(server)
    };
    url.split(',').map(str::trim).map(parse).collect()
}
