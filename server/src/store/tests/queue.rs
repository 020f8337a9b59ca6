//! The threads and their queues before a database that does as it is told: stalls, breaks, bounds.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use game::CommitSeq;
use game::record::Commit;
use tempfile::TempDir;

use super::world::{register, settings, write};
use crate::store::engine::{Opened, Reader, Writer};
use crate::store::error::EngineError;
use crate::store::{
    Answer, Backlog, Bounds, Breakage, Claim, Read, Store, StoreSettings, Ticket, Write,
};

type Outcome = Result<(), EngineError>;

/// Waits for the test to say how each batch goes, and tells it the batch's number and size before.
struct Puppet {
    outcomes: Receiver<Outcome>,
    batches: Sender<usize>,
    numbers: Sender<u64>,
}

impl Writer for Puppet {
    fn apply(&mut self, number: u64, batch: &[Write]) -> Result<Vec<Answer>, EngineError> {
        let _ = self.numbers.send(number);
        let _ = self.batches.send(batch.len());
        self.outcomes.recv().unwrap_or(Ok(()))?;
        let answer = |write: &Write| {
            if let Write::Commit(commit) = write {
                return Answer::Durable(commit.seq);
            }
            let Write::Register { ticket, .. } = write else {
                panic!("asked to: {write:?}");
            };
            Answer::Registered { ticket: *ticket, account: None }
        };
        Ok(batch.iter().map(answer).collect())
    }

    fn tend(&mut self) -> Outcome {
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        Ok(())
    }
}

struct NoReader;

impl Reader for NoReader {
    fn read(&mut self, question: &Read) -> Result<Answer, EngineError> {
        let Read::Account { ticket, .. } = question else {
            return Err(EngineError::Damaged("a page".to_owned()));
        };
        let account = None;
        Ok(Answer::Account { ticket: *ticket, account })
    }
}

struct Stage {
    store: Store,
    outcomes: Sender<Outcome>,
    batches: Receiver<usize>,
    numbers: Receiver<u64>,
    woken: Receiver<()>,
    _directory: TempDir,
}

impl Stage {
    fn new(bounds: Bounds) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings =
            StoreSettings { bounds, close_patience: Duration::ZERO, ..settings(&directory) };
        let (outcome_sender, outcomes) = mpsc::channel();
        let (batch_sender, batches) = mpsc::channel();
        let (number_sender, numbers) = mpsc::channel();
        let (wake, woken) = mpsc::channel();
        let opened = Opened {
            writer: Box::new(Puppet { outcomes, batches: batch_sender, numbers: number_sender }),
            reader: Box::new(NoReader),
            claim: Claim { epoch: 1, secret: [0; 6], ground: Vec::new() },
        };
        let wake = move || {
            let _ = wake.send(());
        };
        let (store, _) = Store::start(opened, &settings, wake).unwrap();
        Self { store, outcomes: outcome_sender, batches, numbers, woken, _directory: directory }
    }

    fn submit(&mut self, seq: u64) -> Result<(), Backlog> {
        self.store.submit(commit(seq))
    }

    fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.store.poll() {
                return answer;
            }
            self.woken.recv_timeout(Duration::from_secs(60)).unwrap();
        }
    }

    fn durable(&mut self, seqs: std::ops::RangeInclusive<u64>) {
        for seq in seqs {
            assert_eq!(self.answer(), Answer::Durable(CommitSeq(seq)));
        }
    }
}

pub(super) fn commit(seq: u64) -> Write {
    write(Commit {
        seq: CommitSeq(seq),
        tick: seq,
        operations: Vec::new(),
        characters: Vec::new(),
        gm_log: Vec::new(),
    })
}

fn full() -> Outcome {
    Err(EngineError::Transient("disk full".to_owned()))
}

#[test]
fn what_waits_while_a_batch_is_written_becomes_one_batch() {
    let mut stage = Stage::new(Bounds::default());
    stage.submit(1).unwrap();
    assert_eq!(stage.batches.recv(), Ok(1));
    for seq in 2..=9 {
        stage.submit(seq).unwrap();
    }
    stage.outcomes.send(Ok(())).unwrap();
    stage.outcomes.send(Ok(())).unwrap();
    assert_eq!(stage.batches.recv(), Ok(8));
    stage.durable(1..=9);
    let stats = stage.store.stats();
    assert_eq!((stats.batches, stats.done.commits), (2, 9));
    assert_eq!(stats.waiting.commits, 0);
}

#[test]
fn a_batch_ends_at_its_bound() {
    let bounds = Bounds { batch_rows: 3, ..Bounds::default() };
    let mut stage = Stage::new(bounds);
    stage.submit(1).unwrap();
    assert_eq!(stage.batches.recv(), Ok(1));
    for seq in 2..=6 {
        stage.submit(seq).unwrap();
    }
    for expected in [3, 2] {
        stage.outcomes.send(Ok(())).unwrap();
        assert_eq!(stage.batches.recv(), Ok(expected));
    }
    stage.outcomes.send(Ok(())).unwrap();
    stage.durable(1..=6);
}

#[test]
fn value_closes_at_the_soft_bound_and_opens_when_half_is_done() {
    let bounds = Bounds { commits_soft: 4, batch_rows: 1, ..Bounds::default() };
    let mut stage = Stage::new(bounds);
    for seq in 1..=3 {
        stage.submit(seq).unwrap();
    }
    assert_eq!(stage.store.poll(), None);
    stage.submit(4).unwrap();
    assert_eq!(stage.answer(), Answer::ValueOpen(false));
    stage.outcomes.send(Ok(())).unwrap();
    stage.durable(1..=1);
    // Three still wait: more than half.
    stage.outcomes.send(Ok(())).unwrap();
    stage.durable(2..=2);
    assert_eq!(stage.answer(), Answer::ValueOpen(true));
}

#[test]
fn a_full_disk_closes_value_keeps_the_batch_and_recovers_by_itself() {
    let mut stage = Stage::new(Bounds::default());
    stage.outcomes.send(full()).unwrap();
    stage.submit(1).unwrap();
    assert_eq!(stage.answer(), Answer::ValueOpen(false));
    stage.submit(2).unwrap();
    stage.outcomes.send(full()).unwrap();
    stage.outcomes.send(Ok(())).unwrap();
    stage.outcomes.send(Ok(())).unwrap();
    assert_eq!(stage.answer(), Answer::ValueOpen(true));
    stage.durable(1..=2);
    assert_eq!(stage.batches.iter().take(4).collect::<Vec<_>>(), [1; 4]);
    assert_eq!(stage.store.stats().stalls, 1);
}

#[test]
fn a_batch_with_an_unknown_outcome_is_tried_again_under_its_number() {
    let mut stage = Stage::new(Bounds::default());
    for outcome in [Err(EngineError::Unknown("reset".to_owned())), full(), Ok(()), Ok(())] {
        stage.outcomes.send(outcome).unwrap();
    }
    stage.submit(1).unwrap();
    assert_eq!(stage.answer(), Answer::ValueOpen(false));
    assert_eq!(stage.answer(), Answer::ValueOpen(true));
    stage.durable(1..=1);
    stage.submit(2).unwrap();
    stage.durable(2..=2);
    assert_eq!(stage.numbers.iter().take(4).collect::<Vec<_>>(), [1, 1, 1, 2]);
}

#[test]
fn a_failed_fsync_stops_the_store_and_nothing_more_is_written() {
    let mut stage = Stage::new(Bounds::default());
    stage.submit(1).unwrap();
    assert_eq!(stage.batches.recv(), Ok(1));
    stage.submit(2).unwrap();
    stage.store.submit(register("anna")).unwrap();
    stage.outcomes.send(Err(EngineError::Fatal("fsync".to_owned()))).unwrap();
    assert_eq!(stage.answer(), Answer::Broken(Breakage::Failed("fsync".to_owned())));
    assert_eq!(stage.submit(3), Err(Backlog));
    assert_eq!(stage.store.durable(), CommitSeq(0));
    let unsaved = stage.store.close().unwrap_err();
    assert_eq!((unsaved.commits, unsaved.requests), (2, 1));
    assert_eq!(stage.batches.try_recv().ok(), None);
}

#[test]
fn a_close_on_a_full_disk_reports_what_is_lost() {
    let mut stage = Stage::new(Bounds::default());
    stage.submit(1).unwrap();
    assert_eq!(stage.batches.recv(), Ok(1));
    stage.submit(2).unwrap();
    for _ in 0..1_000 {
        stage.outcomes.send(full()).unwrap();
    }
    let unsaved = stage.store.close().unwrap_err();
    assert_eq!((unsaved.commits, unsaved.requests), (2, 0));
    assert_eq!(unsaved.why, Breakage::Failed("disk full".to_owned()));
}

#[test]
fn commits_have_room_that_requests_cannot_take() {
    let bounds = Bounds { commits_hard: 2, requests: 3, ..Bounds::default() };
    let mut stage = Stage::new(bounds);
    for _ in 0..3 {
        stage.store.submit(register("anna")).unwrap();
    }
    assert!(!stage.store.fits(&register("anna")));
    assert_eq!(stage.store.submit(register("anna")), Err(Backlog));
    stage.submit(1).unwrap();
    stage.submit(2).unwrap();
    assert!(!stage.store.fits(&commit(3)));
    assert_eq!(stage.submit(3), Err(Backlog));
}

#[test]
fn a_writer_that_panics_is_a_broken_store() {
    let mut stage = Stage::new(Bounds::default());
    stage.outcomes.send(Ok(())).unwrap();
    stage.store.submit(Write::ReserveItemIds { count: 1 }).unwrap();
    assert_eq!(
        stage.answer(),
        Answer::Broken(Breakage::Failed("store-writer panicked".to_owned()))
    );
    assert!(stage.store.close().is_err());
}

#[test]
fn reads_are_bounded_and_answered_while_the_writer_is_stuck() {
    let bounds = Bounds { reads: 2, ..Bounds::default() };
    let mut stage = Stage::new(bounds);
    stage.submit(1).unwrap();
    assert_eq!(stage.batches.recv(), Ok(1));
    let question = |ticket| Read::Account { ticket: Ticket(ticket), name: String::new() };
    stage.store.ask(question(1)).unwrap();
    stage.store.ask(question(2)).unwrap();
    assert_eq!(stage.store.ask(question(3)), Err(Backlog));
    for ticket in [Ticket(1), Ticket(2)] {
        let account = None;
        assert_eq!(stage.answer(), Answer::Account { ticket, account });
    }
    stage.store.ask(question(3)).unwrap();
}

#[test]
fn a_database_that_cannot_be_read_is_a_broken_store() {
    let mut stage = Stage::new(Bounds::default());
    let question = Read::Characters { ticket: Ticket(1), account: game::AccountId(1) };
    stage.store.ask(question).unwrap();
    assert_eq!(stage.answer(), Answer::Broken(Breakage::Damaged("a page".to_owned())));
}
