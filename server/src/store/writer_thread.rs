//! The thread that makes things durable: it takes all that waits, up to a bound, into one transaction, and answers
//! after the fsync. While the disk is full, the database locked or out of reach it keeps its batch and tries again, under
//! the same number: what was applied before without our hearing of it isn't applied twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::engine::Writer;
use super::error::EngineError;
use super::report::{Report, Reporter};
use super::space::{LOOK_EVERY, SpaceWatch};
use super::{Answer, Breakage, Load, Unsaved, Write};
use crate::failpoints;

/// First pause before a stalled batch is tried again. The engine has by then waited for a lock by itself.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// Longest pause: how late at most the world notices that there is space again.
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// What the writer thread owns.
pub(super) struct WriterThread {
    pub(super) engine: Box<dyn Writer>,
    pub(super) queue: Receiver<Write>,
    pub(super) reporter: Reporter,
    /// Rows after which a batch ends.
    pub(super) batch_rows: usize,
    /// Set when the handle is being closed: from then on patience is limited.
    pub(super) closing: Arc<AtomicBool>,
    pub(super) close_patience: Duration,
    pub(super) space: SpaceWatch,
    /// Housekeeping failed the last time.
    pub(super) untended: bool,
}

impl WriterThread {
    /// Runs until the handle is gone and all that it submitted is durable, or until the engine fails for good.
    pub(super) fn run(mut self) -> Result<(), Unsaved> {
        let mut number = 0;
        self.look_at_space();
        while let Some((batch, load)) = self.next_batch() {
            number += 1;
            failpoints::pass("writer.taken");
            match self.make_durable(number, &batch) {
                Ok((answers, took)) => {
                    failpoints::pass("writer.durable");
                    self.reporter.send(Report::Settled { answers, load, took });
                }
                Err(why) => return Err(self.give_up(load, why)),
            }
            if let Err(why) = self.tend() {
                return Err(self.give_up(Load::default(), why));
            }
            self.look_at_space();
        }
        match self.engine.finish() {
            Ok(()) => Ok(()),
            // Nobody will find what is durable.
            Err(problem @ EngineError::Superseded(_)) => {
                Err(self.give_up(Load::default(), problem.into()))
            }
            // All is durable already; the next start does what is left to do.
            Err(problem) => {
                warn!(%problem, "the database wasn't left tidy");
                Ok(())
            }
        }
    }

    /// Sleeps until something is there, then takes what else is waiting. `None` when nothing can come any more.
    fn next_batch(&mut self) -> Option<(Vec<Write>, Load)> {
        let first = self.next_write()?;
        let mut load = Load::of(&first);
        let mut batch = vec![first];
        while load.weight() < self.batch_rows {
            let Ok(next) = self.queue.try_recv() else {
                break;
            };
            load += Load::of(&next);
            batch.push(next);
        }
        Some((batch, load))
    }

    /// Sleeps until something is there. While the disk is short of room it looks at that, too: nobody may write meanwhile.
    fn next_write(&mut self) -> Option<Write> {
        while self.space.is_short() {
            match self.queue.recv_timeout(LOOK_EVERY) {
                Err(RecvTimeoutError::Timeout) => self.look_at_space(),
                outcome => return outcome.ok(),
            }
        }
        self.queue.recv().ok()
    }

    fn look_at_space(&mut self) {
        let engine = &self.engine;
        if self.space.look(|| engine.free_bytes()) {
            self.reporter.send(Report::Short(self.space.is_short()));
        }
    }

    /// Tries until the batch is durable. An error is final, and says why.
    fn make_durable(
        &mut self,
        number: u64,
        batch: &[Write],
    ) -> Result<(Vec<Answer>, Duration), Breakage> {
        let mut pause = RETRY_FIRST;
        let mut stalled_since = None;
        let mut closing_since = None;
        loop {
            let started = Instant::now();
            let problem = match self.engine.apply(number, batch) {
                Ok(answers) => {
                    if let Some(since) = stalled_since {
                        self.recovered(since);
                    }
                    return Ok((answers, started.elapsed()));
                }
                Err(problem) if problem.is_final() => return Err(problem.into()),
                Err(problem) => problem,
            };
            if let EngineError::Unknown(reason) = &problem {
                // Each time: each is a commit that the database may have carried out.
                warn!(%reason, "the connection was lost in a commit; what became of it shows when the database is back");
            }
            if stalled_since.is_none() {
                stalled_since = Some(started);
                self.stalled(&problem);
            }
            if self.closing.load(Ordering::Acquire) {
                let since = *closing_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.close_patience {
                    return Err(problem.into());
                }
            }
            // Closing unparks, so that its patience begins at once.
            thread::park_timeout(pause);
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    /// Said once per batch, however often it is tried again.
    fn stalled(&self, reason: &EngineError) {
        warn!(%reason, "the database takes no writes; value operations are refused until it does");
        self.reporter.send(Report::Stalled);
    }

    fn recovered(&self, since: Instant) {
        let stood_ms = since.elapsed().as_millis();
        info!(stood_ms, "the database takes writes again");
        self.reporter.send(Report::Recovered);
    }

    /// Housekeeping can wait for space as well, without anybody noticing. Said once, however many batches it waits for.
    fn tend(&mut self) -> Result<(), Breakage> {
        match self.engine.tend() {
            Ok(()) => self.untended = false,
            Err(problem) if problem.is_final() => return Err(problem.into()),
            Err(reason) => {
                if !self.untended {
                    warn!(%reason, "the database's housekeeping is put off");
                }
                self.untended = true;
            }
        }
        Ok(())
    }

    /// Nothing more is written: what comes after a lost batch would leave a hole in the order.
    fn give_up(&self, mut lost: Load, why: Breakage) -> Unsaved {
        error!(reason = why.cause(), "the database can't go on");
        self.reporter.send(Report::Broken(why.clone()));
        for write in self.queue.try_iter() {
            lost += Load::of(&write);
        }
        Unsaved { commits: lost.commits, requests: lost.requests, why }
    }
}
