//! The orderly end: stop accepting, refuse value, take everybody out of the world, wait until all of it is durable,
//! say goodbye with a reason, give the database back.

use std::io;
use std::time::{Duration, Instant};

use super::EventLoop;
use crate::net::{IoThreadError, goodbye};
use crate::signals::Wish;
use crate::store::{Breakage, Unsaved};
use game::{Input, Serving};
use protocol::v1::Farewell;

/// What clients are told about when to come back: a restart takes less.
const BACK_IN: Duration = Duration::from_secs(10);
/// How long a pass of the end waits for the store, at most.
const NAP: Duration = Duration::from_millis(20);
/// How long after the goodbyes' own deadline the network has for ending the last sessions. Who isn't gone by then is on a
/// thread that hangs.
const MARGIN: Duration = Duration::from_secs(5);

/// Why a server ended otherwise than in order.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system's polling failed.
    #[error("polling for events failed: {0}")]
    Poll(io::Error),
    /// The database can't be written any more, and memory may be ahead of it.
    #[error("the store broke and the server stopped at once; {0}")]
    StoreBroken(Breakage),
    /// Something isn't saved.
    #[error("{0}")]
    Unsaved(#[from] Unsaved),
    /// The deadline came first.
    #[error(
        "the shutdown deadline of {patience:?} passed: {commits} commits and {requests} requests aren't saved"
    )]
    Deadline {
        /// As configured.
        patience: Duration,
        /// Commits that are lost.
        commits: usize,
        /// Requests that are lost.
        requests: usize,
    },
    /// A bug in game code.
    #[error("game code panicked{}; everything before that tick is saved", at_fault(*.0))]
    GamePanicked(Option<Serving>),
    /// A bug in the network layer, or a system that can't poll. Its clients have lost their connections, and nothing else.
    #[error("I/O thread {number} ended by itself: {why}; everything is saved")]
    IoThread {
        /// Which, from 1.
        number: u8,
        /// What happened.
        why: IoThreadError,
    },
    /// A second SIGINT.
    #[error("ended at once, as asked: what was not saved yet is lost")]
    AtOnce,
}

impl RunError {
    /// True if another start would meet the same, or do harm, before somebody has looked at the database.
    #[must_use]
    pub const fn needs_a_look(&self) -> bool {
        match self {
            Self::StoreBroken(why) | Self::Unsaved(Unsaved { why, .. }) => why.needs_a_look(),
            Self::Poll(_)
            | Self::Deadline { .. }
            | Self::GamePanicked(_)
            | Self::IoThread { .. }
            | Self::AtOnce => false,
        }
    }
}

fn at_fault(serving: Option<Serving>) -> String {
    serving.map_or_else(String::new, |Serving { packet, account }| {
        format!(
            " over message {packet} of account {account}, which is refused from the next start on \
             until \"realmbeat-server lift {packet}\""
        )
    })
}

impl EventLoop {
    pub(super) fn end(mut self) -> Result<(), RunError> {
        let deadline = self.end_deadline();
        if let Err(why) = self.take_leave(deadline) {
            return Err(self.break_off(why, deadline));
        }
        self.log_total();
        let (store, bus) = (self.store, self.bus);
        let left = bus.close(deadline.max(Instant::now() + NAP));
        if left > 0 {
            tracing::warn!(letters = left, "letters were left behind");
        }
        store.close()?;
        tracing::info!("all saved");
        self.lost_thread.map_or(Ok(()), Err)
    }

    /// Until everybody is out of the world, all of it is durable and every client is gone.
    fn take_leave(&mut self, deadline: Instant) -> Result<(), RunError> {
        if self.ending == Some(Wish::EndAtOnce) {
            return Err(RunError::AtOnce);
        }
        tracing::info!(players = self.game.population(), "shutting down");
        self.clients.stop_accepting();
        self.lobby.close_doors(BACK_IN);
        self.inputs.push(Input::ValueOpen { open: false });
        self.lobby.empty_world();
        self.act();
        self.tick_once();
        self.wait_until_durable(deadline).unwrap_or_else(|| Err(self.too_late()))?;
        self.lobby.say_goodbye(self.service.now());
        self.act();
        self.see_out(deadline)
    }

    /// Until every client has taken its goodbye or its time for that is over, at the latest when that of all of them must
    /// be, or the end's. A second SIGINT is heard here, too.
    fn see_out(&mut self, deadline: Instant) -> Result<(), RunError> {
        // Those too who are so new that the lobby hasn't heard of them.
        self.clients.close_all(&goodbye(Farewell::Shutdown, "the server is shutting down"));
        self.clients.flush();
        let patience = self.loaded.config.network.goodbye_timeout + MARGIN;
        let deadline = deadline.min(Instant::now() + patience);
        while !self.clients.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(
                    sessions = self.clients.len(),
                    "not every client took its goodbye in time; they are left behind"
                );
                self.clients.abandon_threads();
                break;
            }
            self.clients.wait(Some(left)).map_err(RunError::Poll)?;
            self.receive();
            self.collect();
            // There is no tick any more that could be told.
            self.inputs.clear();
            self.clients.flush();
            if self.ending == Some(Wish::EndAtOnce) {
                return Err(RunError::AtOnce);
            }
        }
        Ok(())
    }

    /// Stops where it stands. What a broken store hasn't taken is lost; but after a panic only the tick at hand is
    /// half done, and what the ticks before it asked for is whole and is saved, if it can be by the deadline.
    pub(super) fn break_off(mut self, why: RunError, deadline: Instant) -> RunError {
        self.log_total();
        // One of them may hang, and nobody would wait for the others.
        self.clients.abandon_threads();
        let RunError::GamePanicked(_) = why else {
            return why;
        };
        let waits = |this: &Self| !this.commits.is_empty() && !this.store.is_broken();
        while waits(&self) && Instant::now() < deadline {
            // Answers that are taken make room for what waits here.
            while self.store.poll().is_some() {}
            let _ = self.commits.submit(None, &mut self.store);
            std::thread::sleep(NAP);
        }
        let unsaved = if waits(&self) {
            Some(self.too_late())
        } else {
            // What the store never took is as lost as what it took and didn't save.
            let never_taken = self.commits.len();
            self.store.close().err().map(|mut unsaved| {
                unsaved.commits += never_taken;
                RunError::Unsaved(unsaved)
            })
        };
        let Some(unsaved) = unsaved else { return why };
        tracing::error!("game code panicked, and not everything before that tick is saved");
        unsaved
    }

    fn log_total(&mut self) {
        let state = self.now();
        self.meter.log_whole(Instant::now(), &state, &self.clients.stats());
    }

    /// Of an end that begins now.
    pub(super) fn end_deadline(&self) -> Instant {
        Instant::now() + self.loaded.config.shutdown.deadline
    }

    fn too_late(&self) -> RunError {
        let patience = self.loaded.config.shutdown.deadline;
        let waiting = self.store.stats().waiting;
        let commits = self.commits.len() + waiting.commits;
        RunError::Deadline { patience, commits, requests: waiting.requests }
    }

    fn tick_once(&mut self) {
        self.tick(1);
    }

    /// Goes on serving sockets and the store until nothing waits to be saved. `None` when the deadline comes first.
    fn wait_until_durable(&mut self, deadline: Instant) -> Option<Result<(), RunError>> {
        loop {
            // First of all: a tick that panicked leaves nothing that waits, and yet has saved nobody.
            if let Err(error) = self.check_broken() {
                return Some(Err(error));
            }
            let _ = self.commits.submit(None, &mut self.store);
            let waiting = self.store.stats().waiting;
            let saved = self.commits.is_empty() && waiting.commits == 0 && waiting.requests == 0;
            if saved && self.value_lane.is_empty() && self.inputs.is_empty() {
                return Some(Ok(()));
            }
            if Instant::now() >= deadline {
                return None;
            }
            if let Err(error) = self.clients.wait(Some(NAP)) {
                return Some(Err(RunError::Poll(error)));
            }
            self.receive();
            self.collect();
            if !self.inputs.is_empty() {
                // Those who were still on their way in when the doors closed.
                self.lobby.empty_world();
                self.act();
                self.tick_once();
            }
            self.clients.flush();
            if self.ending == Some(Wish::EndAtOnce) {
                return Some(Err(RunError::AtOnce));
            }
        }
    }
}
