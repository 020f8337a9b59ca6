//! What a batch of writes comes to, the same on every database. All of it is one transaction; what it needs to know it
//! reads there and not from memory, so that a batch that was rolled back leaves nothing behind.

mod answers;
mod batch;
mod clock;
mod deed;
mod operations;
mod reading;
mod requests;
mod shared;
mod staging;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use game::ItemId;
use tracing::{info, warn};

use super::engine::{Database, Marks, Transaction, Writer, lost};
use super::error::EngineError;
use super::ledger::{self, Folded, Folding};
use super::{Answer, Write};
use crate::failpoints;
use batch::Batch;
use clock::{ClockTrial, JumpWatch, Verdict};

/// The rules in front of a database.
pub(super) struct Rules<D> {
    database: D,
    epoch: u64,
    /// Item ids from here on aren't reserved yet. They are given out upwards, so an item that comes with one of them
    /// is nobody's.
    unreserved: ItemId,
    /// The batch whose COMMIT was sent and never answered, until the database has shown what became of it.
    in_doubt: Option<u64>,
    folding: Folding,
    /// Read with the first transaction.
    trial: Option<ClockTrial>,
    jumps: JumpWatch,
    /// The moment of the last batch that was tried, in Unix milliseconds.
    moment: u64,
}

impl<D: Database> Rules<D> {
    /// Of the start that claimed the database with this epoch.
    pub(super) fn new(database: D, epoch: u64, ledger_retention: Duration) -> Self {
        let folding = Folding::new(ledger_retention, Instant::now());
        Self {
            database,
            epoch,
            unreserved: ItemId(0),
            in_doubt: None,
            folding,
            trial: None,
            jumps: JumpWatch::default(),
            moment: 0,
        }
    }

    /// The answers to each write, in order, after all of it is durable.
    fn make_durable(&mut self, number: u64, writes: &[Write]) -> Result<Vec<Answer>, EngineError> {
        // Dropped on every way out but the commit, and thereby rolled back.
        let mut transaction = self.database.begin()?;
        failpoints::meet("store.begun")?;
        let mut marks = transaction.marks()?;
        if failpoints::is_on("broken.no-op-id") {
            marks = unmarked(number, writes);
        }
        let applied = number <= marks.batch;
        if self.in_doubt.take_if(|doubted| *doubted == number).is_some() {
            say_what_became_of(number, applied);
        }
        if applied {
            let answers = answers::recall(&mut transaction, number, &marks, writes)?;
            // A standby that the lost COMMIT had to wait for may not have it yet: this one waits for it.
            transaction.set_marks(&marks)?;
            transaction.commit()?;
            return Ok(answers);
        }
        if number != marks.batch + 1 {
            let last = marks.batch;
            return Err(lost(format!("batch {number} came after batch {last}")));
        }
        let clock_ms = now_ms();
        let trial = match &mut self.trial {
            Some(trial) => trial,
            unread => unread.insert(ClockTrial::read(&mut transaction, Instant::now(), clock_ms)?),
        };
        let clock_doubted = trial.doubts(Instant::now(), clock_ms);
        if let Some(jump) = self.jumps.look(Instant::now(), clock_ms) {
            warn!(seconds = jump / 1_000, "the system's clock has jumped, or the machine slept");
        }
        self.moment = later(self.moment, clock_ms);
        let mut batch =
            Batch::new(&mut transaction, marks, self.epoch, self.unreserved, self.moment);
        batch.clock_doubted = clock_doubted;
        writes.iter().try_for_each(|write| batch.write(write))?;
        let (marks, answers) = batch.finish()?;
        let kept = answers::keep(&answers)?;
        transaction.set_marks(&Marks { batch: number, answers: kept, ..marks })?;
        failpoints::meet("store.marked")?;
        transaction.commit()?;
        failpoints::meet("store.committed")?;
        Ok(answers.into_iter().flatten().collect())
    }
}

impl<D: Database> Rules<D> {
    /// One slice, if it is time for one and the clock can be believed.
    fn fold_ledger(&mut self) -> Result<(), EngineError> {
        let (started, clock_ms) = (Instant::now(), now_ms());
        let Some(retention) = self.folding.due(started) else { return Ok(()) };
        let mut transaction = self.database.begin()?;
        let trial = match &mut self.trial {
            Some(trial) => trial,
            unread => unread.insert(ClockTrial::read(&mut transaction, started, clock_ms)?),
        };
        let verdict = trial.judge(started, clock_ms);
        say_of_clock(verdict);
        if verdict == Verdict::Cleared || trial.must_note(started) {
            trial.note(&mut transaction, started)?;
            transaction.commit()?;
            transaction = self.database.begin()?;
        }
        if matches!(verdict, Verdict::Doubted | Verdict::NewlyDoubted(_)) {
            return Ok(());
        }
        let retention_ms = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        let (before_ms, most) = (clock_ms.saturating_sub(retention_ms), self.folding.most());
        let folding = failpoints::meet("store.folding")
            .and_then(|()| ledger::fold(&mut transaction, before_ms, most));
        let folded = match folding {
            // What stands in the ledger is at fault, and would be after every start: it ends folding, but not the play.
            Err(EngineError::Forbidden(reason) | EngineError::Impossible(reason)) => {
                Folded::Stuck(reason)
            }
            folded => folded?,
        };
        match &folded {
            Folded::Entries(_) => {
                failpoints::meet("store.folded")?;
                transaction.commit()?;
            }
            Folded::NothingDue => {}
            // Dropped, the transaction is rolled back.
            Folded::Stuck(reason) => warn!(%reason, "the ledger can't be folded; run the audit"),
        }
        let now = Instant::now();
        self.folding.done(&folded, started, now);
        if matches!(folded, Folded::NothingDue)
            && let Some(entries) = self.folding.report(now)
        {
            let days = retention.as_secs_f64() / 86_400.0;
            info!(
                entries,
                days, "entries of the ledger older than this were folded into its opening balances"
            );
        }
        Ok(())
    }
}

impl<D: Database> Writer for Rules<D> {
    fn apply(&mut self, number: u64, writes: &[Write]) -> Result<Vec<Answer>, EngineError> {
        let outcome = self.make_durable(number, writes);
        if let Err(EngineError::Unknown(_)) = outcome {
            self.in_doubt = Some(number);
        }
        let answers = outcome?;
        for answer in &answers {
            if let Answer::ItemIds { first, count } = answer {
                self.unreserved = ItemId(first.0 + count);
            }
        }
        Ok(answers)
    }

    fn tend(&mut self) -> Result<(), EngineError> {
        self.fold_ledger()?;
        self.database.tend()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.database.free_bytes()
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        self.database.finish()
    }
}

/// How far the start would have come if nothing of this batch had been applied before: what retries must not rely on.
fn unmarked(number: u64, writes: &[Write]) -> Marks {
    let commits = || {
        writes
            .iter()
            .filter_map(|write| if let Write::Commit(commit) = write { Some(commit) } else { None })
    };
    let first = commits().next().map_or(1, |commit| commit.seq.0);
    let operation = commits().flat_map(|commit| &commit.operations).next();
    let sequence = operation.map_or(1, |operation| operation.id.sequence);
    Marks { batch: number - 1, commits: first - 1, operations: sequence - 1, answers: None }
}

fn say_of_clock(verdict: Verdict) {
    match verdict {
        Verdict::Sound | Verdict::Doubted => {}
        Verdict::Cleared => {
            info!("the system's clock is believed again; the ledger is folded by it")
        }
        Verdict::NewlyDoubted(ahead) => warn!(
            ahead_hours = ahead.as_secs() / 3_600,
            "the system's clock is far ahead of the newest entry of the ledger: nothing is folded by it before the server \
             has run with it for a day; set it if it is wrong"
        ),
    }
}

/// For the operator, who was told that the connection was lost in a commit.
fn say_what_became_of(batch: u64, applied: bool) {
    match applied {
        true => info!(batch, "the commit whose answer was lost had been applied"),
        false => info!(batch, "the commit whose answer was lost had not been applied"),
    }
}

/// The moment of a batch, never that of the one before: what is applied twice shows by its second moment. A batch takes
/// an fsync, so that this runs ahead of the clock by little and seldom, unless somebody sets the clock back: then it
/// stands still until the clock has caught up, and nothing but the ledger's age goes by it.
const fn later(last: u64, now: u64) -> u64 {
    if now > last { now } else { last + 1 }
}

/// Names that differ in capitals alone are one name.
pub(super) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Unix milliseconds, for the columns that people read. Nothing is decided by it but when a login token or a part of
/// the ledger is old.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::later;

    #[test]
    fn no_two_batches_are_of_the_same_moment_whatever_the_clock_does() {
        let clock = [50, 50, 50, 53, 20, 60];
        let mut last = 0;
        let moments = clock.map(|now| {
            last = later(last, now);
            last
        });
        assert_eq!(moments, [50, 51, 52, 53, 54, 60]);
    }
}
