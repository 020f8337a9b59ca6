//! What the operator is told when the database is in trouble: each thing as often as it helps.

use std::fs::File;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::queue::commit;
use crate::store::engine::Writer;
use crate::store::error::EngineError;
use crate::store::report::Reporter;
use crate::store::space::SpaceWatch;
use crate::store::writer_thread::WriterThread;
use crate::store::{Answer, Location, OpenError, Write};

type Outcome = Result<(), EngineError>;

/// Does as it was told beforehand, and then well.
struct Scripted {
    applied: std::vec::IntoIter<Outcome>,
    tended: std::vec::IntoIter<Outcome>,
}

impl Writer for Scripted {
    fn apply(&mut self, _: u64, _: &[Write]) -> Result<Vec<Answer>, EngineError> {
        self.applied.next().unwrap_or(Ok(())).map(|()| Vec::new())
    }

    fn tend(&mut self) -> Outcome {
        self.tended.next().unwrap_or(Ok(()))
    }

    fn finish(&mut self) -> Outcome {
        Ok(())
    }
}

/// What is logged while so many batches become durable.
fn log(batches: u64, applied: Vec<Outcome>, tended: Vec<Outcome>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    let (writes, queue) = mpsc::channel();
    for seq in 1..=batches {
        writes.send(commit(seq)).unwrap();
    }
    drop(writes);
    let writer = WriterThread {
        engine: Box::new(Scripted { applied: applied.into_iter(), tended: tended.into_iter() }),
        queue,
        reporter: Reporter::new(mpsc::channel().0, Arc::new(|| {})),
        batch_rows: 1,
        closing: Arc::default(),
        close_patience: Duration::ZERO,
        space: SpaceWatch::new(0),
        untended: false,
    };
    let subscriber =
        tracing_subscriber::fmt().with_writer(File::create(&file).unwrap()).with_ansi(false);
    tracing::subscriber::with_default(subscriber.finish(), || writer.run().unwrap());
    std::fs::read_to_string(file).unwrap()
}

fn full() -> Outcome {
    Err(EngineError::Transient("disk full".to_owned()))
}

#[test]
fn every_commit_whose_answer_was_lost_is_told_of() {
    let lost = || Err(EngineError::Unknown("reset".to_owned()));
    let log = log(1, vec![full(), lost(), lost()], Vec::new());
    assert_eq!(log.matches("the connection was lost in a commit").count(), 2, "{log}");
    assert_eq!(log.matches("the database takes no writes").count(), 1, "{log}");
    assert_eq!(log.matches("the database takes writes again").count(), 1, "{log}");
}

#[test]
fn housekeeping_that_is_put_off_is_told_of_once_until_it_works_again() {
    let log = log(5, Vec::new(), vec![full(), full(), full(), Ok(()), full()]);
    assert_eq!(log.matches("housekeeping is put off").count(), 2, "{log}");
}

#[test]
fn who_meets_an_older_database_is_told_of_the_command_first() {
    let place = Location::File("world.db".into());
    let text = OpenError::OlderSchema { place, found: 1, known: 2 }.to_string();
    let (command, start) = (text.find("`migrate`").unwrap(), text.find("start").unwrap());
    assert!(command < start, "{text}");
}
