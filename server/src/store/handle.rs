//! The loop's end of the store: submit and ask without waiting, poll for answers when woken.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, JoinHandle};

use game::CommitSeq;

use super::engine::Opened;
use super::reader_thread::ReaderThread;
use super::report::{Report, Reporter, Wake};
use super::space::SpaceWatch;
use super::writer_thread::WriterThread;
use super::{
    Answer, Backlog, Bounds, Breakage, Claim, Load, OpenError, Read, StoreSettings, StoreStats,
    Unsaved, Write, engines::open,
};
use crate::failpoints;
use crate::priority::{Priority, stand_back};

/// The world's database as the loop sees it. No method but [`Store::open`] and [`Store::close`] waits for anything.
///
/// Without [`Store::close`] at the end, what is still waiting is lost when the process ends.
pub struct Store {
    bounds: Bounds,
    writes: Sender<Write>,
    reads: Sender<Read>,
    reports: Receiver<Report>,
    wake: Wake,
    writer: JoinHandle<Result<(), Unsaved>>,
    reader: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    /// Answers that have arrived and weren't polled yet. Bounded by `bounds`, because what waits counts until then.
    ready: VecDeque<Answer>,
    reads_waiting: usize,
    stalled: bool,
    behind: bool,
    short_of_space: bool,
    value_open: bool,
    broken: bool,
    durable: CommitSeq,
    stats: StoreStats,
}

impl Store {
    /// Opens the database, migrates it, claims it for this process and starts its threads. Waits for the disk: call
    /// it before the loop runs. `wake` is called, from any thread, when [`Store::poll`] has something to give.
    ///
    /// # Errors
    /// One line for the operator for everything that keeps the database from being used.
    pub fn open(
        settings: StoreSettings,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Self, Claim), OpenError> {
        Self::start(open(&settings)?, &settings, wake)
    }

    /// Starts the threads in front of a database that is open.
    pub(super) fn start(
        opened: Opened,
        settings: &StoreSettings,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Self, Claim), OpenError> {
        let wake: Wake = Arc::new(wake);
        let closing = Arc::new(AtomicBool::new(false));
        let (report_sender, reports) = mpsc::channel();
        let (writes, write_queue) = mpsc::channel();
        let (reads, read_queue) = mpsc::channel();
        let writer = WriterThread {
            engine: opened.writer,
            queue: write_queue,
            reporter: Reporter::new(report_sender.clone(), wake.clone()),
            batch_rows: settings.bounds.batch_rows,
            closing: closing.clone(),
            close_patience: settings.close_patience,
            space: SpaceWatch::new(settings.disk_reserve),
            untended: false,
        };
        let reader = ReaderThread {
            engine: opened.reader,
            queue: read_queue,
            reporter: Reporter::new(report_sender, wake.clone()),
            closing: closing.clone(),
        };
        let no_thread = |problem: io::Error| OpenError::Engine {
            place: settings.place.clone(),
            detail: format!("no thread for it: {problem}"),
        };
        let store = Self {
            bounds: settings.bounds,
            writes,
            reads,
            reports,
            wake,
            writer: Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || {
                    stand_back(Priority::Store);
                    writer.run()
                })
                .map_err(no_thread)?,
            reader: Builder::new()
                .name("store-reader".to_owned())
                .spawn(move || {
                    stand_back(Priority::Store);
                    reader.run()
                })
                .map_err(no_thread)?,
            closing,
            ready: VecDeque::new(),
            reads_waiting: 0,
            stalled: false,
            behind: false,
            short_of_space: false,
            value_open: true,
            broken: false,
            durable: CommitSeq(0),
            stats: StoreStats::default(),
        };
        Ok((store, opened.claim))
    }

    /// Whether [`Store::submit`] would take this write now. The loop asks before it runs a tick whose commit might
    /// not fit, since a commit that was made can't be taken back.
    #[must_use]
    pub fn fits(&self, write: &Write) -> bool {
        if self.broken {
            return false;
        }
        let waiting = &self.stats.waiting;
        let load = Load::of(write);
        match write {
            Write::Commit(_) => {
                // One alone always fits, however large: else it never would.
                waiting.commits == 0
                    || waiting.commits < self.bounds.commits_hard
                        && waiting.rows + load.rows <= self.bounds.rows_hard
            }
            Write::Register { .. }
            | Write::AdmitToken { .. }
            | Write::CreateCharacter { .. }
            | Write::DeleteCharacter { .. }
            | Write::ReserveItemIds { .. } => waiting.requests < self.bounds.requests,
        }
    }

    /// Queues a write, to be made durable after all that were submitted before. Past the soft bound for commits,
    /// [`Answer::ValueOpen`] closes value operations; the hard bounds are [`Backlog`].
    ///
    /// # Errors
    /// [`Backlog`] when it doesn't fit, and always after [`Answer::Broken`]. Nothing was taken.
    pub fn submit(&mut self, write: Write) -> Result<(), Backlog> {
        if !self.fits(&write) {
            return Err(Backlog);
        }
        failpoints::pass("store.submit");
        let load = Load::of(&write);
        self.writes.send(write).map_err(|_| Backlog)?;
        self.stats.waiting += load;
        self.note_backlog();
        Ok(())
    }

    /// Queues a question. It sees every write whose answer was polled before, and may or may not see those still on
    /// their way: a character is asked for only after the commit with its last save is durable.
    ///
    /// # Errors
    /// [`Backlog`] when too many are waiting, and always after [`Answer::Broken`].
    pub fn ask(&mut self, question: Read) -> Result<(), Backlog> {
        if self.broken || self.reads_waiting >= self.bounds.reads {
            return Err(Backlog);
        }
        self.reads.send(question).map_err(|_| Backlog)?;
        self.reads_waiting += 1;
        Ok(())
    }

    /// The next answer, if there is one. Call it until it gives `None` whenever woken.
    pub fn poll(&mut self) -> Option<Answer> {
        while self.ready.is_empty() {
            let report = self.reports.try_recv().ok()?;
            failpoints::pass("loop.answered");
            self.take(report);
        }
        let answer = self.ready.pop_front()?;
        if let Answer::Durable(seq) = answer {
            self.durable = seq;
        }
        Some(answer)
    }

    /// True from [`Answer::Broken`] on: nothing more is taken.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// The last commit that is on disk, with all before it, as far as [`Store::poll`] has told.
    #[must_use]
    pub const fn durable(&self) -> CommitSeq {
        self.durable
    }

    /// What was done and what waits, as far as [`Store::poll`] has told.
    #[must_use]
    pub const fn stats(&self) -> StoreStats {
        self.stats
    }

    /// Ends the threads after all that was submitted is durable, and gives the database back. Waits for the disk:
    /// call it after the loop. Answers that weren't polled are lost.
    ///
    /// # Errors
    /// What isn't saved, and why: the disk stayed full for longer than `close_patience`, or the database was broken.
    pub fn close(self) -> Result<(), Unsaved> {
        self.closing.store(true, Ordering::Release);
        // The reader goes first, so that the writer is alone when it tidies up.
        drop(self.reads);
        self.reader.thread().unpark();
        let reader = self.reader.join();
        drop(self.writes);
        self.writer.thread().unpark();
        let panicked = |waiting: Load| Unsaved {
            commits: waiting.commits,
            requests: waiting.requests,
            why: Breakage::Failed("a store thread panicked".to_owned()),
        };
        match self.writer.join() {
            Err(_) => Err(panicked(self.stats.waiting)),
            Ok(Err(unsaved)) => Err(unsaved),
            Ok(Ok(())) => reader.map_err(|_| panicked(Load::default())),
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Settled { answers, load, took } => {
                self.ready.extend(answers);
                self.stats.waiting -= load;
                self.stats.done += load;
                self.stats.batches += 1;
                self.stats.last_batch = took;
                self.stats.longest_batch = self.stats.longest_batch.max(took);
                self.note_backlog();
            }
            Report::Found(answer) => {
                self.ready.push_back(answer);
                self.reads_waiting -= 1;
                self.stats.reads += 1;
            }
            Report::Stalled => {
                self.stats.stalls += 1;
                self.stalled = true;
                self.note_value();
            }
            Report::Recovered => {
                self.stalled = false;
                self.note_value();
            }
            Report::Short(short) => {
                self.short_of_space = short;
                self.note_value();
            }
            Report::Broken(why) if !self.broken => {
                self.broken = true;
                self.ready.push_back(Answer::Broken(why));
            }
            Report::Broken(_) => {}
        }
    }

    /// Falls behind at the soft bound and has caught up at half of it, so that it doesn't flap between the two.
    fn note_backlog(&mut self) {
        let waiting = self.stats.waiting.commits;
        self.behind = if self.behind {
            waiting > self.bounds.commits_soft / 2
        } else {
            waiting >= self.bounds.commits_soft
        };
        self.note_value();
    }

    fn note_value(&mut self) {
        let open = !self.behind && !self.stalled && !self.short_of_space;
        if self.value_open != open {
            self.value_open = open;
            self.ready.push_back(Answer::ValueOpen(open));
            (self.wake)();
        }
    }
}
