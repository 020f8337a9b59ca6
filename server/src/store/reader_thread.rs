//! The thread that looks things up, one question after the other, on a connection of its own: a login never waits
//! for a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use tracing::{error, info, warn};

use super::engine::Reader;
use super::report::{Report, Reporter};
use super::{Breakage, Read};
use crate::failpoints;

/// Pause before a question is asked again while the database is locked.
const RETRY: Duration = Duration::from_millis(50);

/// What the reader thread owns.
pub(super) struct ReaderThread {
    pub(super) engine: Box<dyn Reader>,
    pub(super) queue: Receiver<Read>,
    pub(super) reporter: Reporter,
    /// Set when the handle is being closed: nobody wants the answers any more.
    pub(super) closing: Arc<AtomicBool>,
}

impl ReaderThread {
    /// Runs until the handle is gone or the engine fails for good.
    pub(super) fn run(mut self) {
        while let Ok(question) = self.queue.recv() {
            let mut warned = false;
            let answer = loop {
                if self.closing.load(Ordering::Acquire) {
                    return;
                }
                let found =
                    failpoints::meet("reader.asked").and_then(|()| self.engine.read(&question));
                match found {
                    Ok(answer) => {
                        if warned {
                            info!("the database can be read again");
                        }
                        break answer;
                    }
                    Err(problem) if problem.is_final() => {
                        error!(reason = %problem, "the database can't be read");
                        self.reporter.send(Report::Broken(Breakage::from(problem)));
                        return;
                    }
                    Err(reason) if !warned => {
                        warned = true;
                        warn!(%reason, "the database can't be read for now");
                    }
                    Err(_) => {}
                }
                thread::park_timeout(RETRY);
            };
            failpoints::pass("reader.found");
            self.reporter.send(Report::Found(answer));
        }
    }
}
