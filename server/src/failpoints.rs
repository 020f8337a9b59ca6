//! Where a server can be made to fail on purpose: it aborts, waits or reports a fault at a step between a value
//! operation and its confirmation. The feature `failpoints` compiles this in, for a program of the tests alone; without
//! it every call here is nothing.
//!
//! What is to happen stands in the file that the environment variable [`VARIABLE`] names. It is read again whenever it
//! changed, so that a test lets the server and its clients settle before it breaks something:
//!
//! ```text
//! # A line for a point: its name, and what happens there.
//! store.marked = abort
//! writer.taken = delay(200)
//! # Transient, unknown or fatal, as a database fails; at the points of the store alone.
//! store.recorded = error(transient)
//! # At every third hit. Hits count from when the file was read.
//! lane.buffered = 3*abort
//! # Hits before that of another point don't count.
//! session.written = abort after lane.buffered
//! # A switch, from here on; what is switched on stands in the list of hits once.
//! broken.confirm-first = on
//! # The same for one look at it.
//! clock.hurry = once
//! ```
//!
//! What has happened is appended to a file beside it, with [`HITS`] after its name: the point and what it did, a line each.

#[cfg(feature = "failpoints")]
mod armed;
#[cfg(any(feature = "failpoints", test))]
mod control;
#[cfg(any(feature = "failpoints", test))]
mod plan;

#[cfg(feature = "failpoints")]
pub(crate) use armed::{announce, is_on, meet, pass};

/// The environment variable that names the file.
pub const VARIABLE: &str = "REALMBEAT_FAILPOINTS";
/// Behind the file's name, for the list of what has happened.
pub const HITS: &str = ".hits";

/// A place in the sources where a test can interfere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Where it is: the part of the server, and what is done there next or was done just now.
    pub name: &'static str,
    /// What can be made of it.
    pub kind: Kind,
    /// What it stands between, in a sentence.
    pub what: &'static str,
}

/// What a point can be made to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Abort or wait.
    Step,
    /// Abort, wait, or fail as a database does.
    Fallible,
    /// Be switched on.
    Switch,
}

/// All of them, in the order in which a value operation meets them.
pub const ALL: &[Point] = &[
    step("loop.ticked", "the tick has changed memory, and nobody else knows of its commit"),
    step("store.submit", "a write is about to enter the writer's queue"),
    step("lane.held", "a confirmation waits for its commit"),
    step("writer.taken", "the writer has taken a batch out of the queue"),
    fallible("store.begun", "a transaction has begun, and nothing is written"),
    fallible("store.owned", "items and purses are written, and the ledger doesn't say why"),
    fallible("store.recorded", "the ledger has its entries"),
    fallible("store.decided", "a shared operation is decided, with all rows that it changes"),
    fallible("store.saved", "characters are saved, with or behind their operations"),
    fallible("store.marked", "the start's marks have moved on, and all of it can still be undone"),
    fallible("store.committed", "the transaction is durable, and its answers are here alone"),
    step("writer.durable", "a batch is durable, and the loop hasn't been told"),
    fallible("store.folding", "old entries of the ledger are about to be folded"),
    fallible(
        "store.folded",
        "old entries of the ledger are folded, beside any operation, and it can still be undone",
    ),
    step("loop.answered", "the loop is about to take a report of the writer or the reader"),
    step(
        "lane.release",
        "the loop knows a commit to be durable, and its confirmations are still held",
    ),
    step("lane.buffered", "a confirmation lies in the buffer of its session"),
    step("session.written", "the system has taken bytes for a client"),
    fallible("reader.asked", "the reader has taken a question and hasn't looked"),
    step("reader.found", "the reader has looked, and the loop hasn't been told"),
    switch(
        "clock.hurry",
        "each tick simulates two minutes more at least, so that what lies on the ground decays now",
    ),
    switch("io.panic", "an I/O thread panics when it has something to do"),
    switch("broken.confirm-first", "confirmations go out before their commit is durable"),
    switch(
        "broken.two-clocks",
        "value is saved by the tick, but progress by the timed saves alone",
    ),
    switch("broken.no-op-id", "what was applied before is applied again when it is retried"),
];

const fn step(name: &'static str, what: &'static str) -> Point {
    Point { name, kind: Kind::Step, what }
}

const fn fallible(name: &'static str, what: &'static str) -> Point {
    Point { name, kind: Kind::Fallible, what }
}

const fn switch(name: &'static str, what: &'static str) -> Point {
    Point { name, kind: Kind::Switch, what }
}

/// What every call comes to in a server that is no test build.
#[cfg(not(feature = "failpoints"))]
mod nothing {
    use crate::store::EngineError;

    /// Says in the log that this is a test build.
    #[inline(always)]
    pub(crate) const fn announce() {}

    /// Passes a step.
    #[inline(always)]
    pub(crate) const fn pass(_point: &str) {}

    /// Passes a step of the store, which may fail.
    #[inline(always)]
    pub(crate) const fn meet(_point: &str) -> Result<(), EngineError> {
        Ok(())
    }

    /// True if this is switched on.
    #[inline(always)]
    pub(crate) const fn is_on(_point: &str) -> bool {
        false
    }
}

#[cfg(not(feature = "failpoints"))]
pub(crate) use nothing::{announce, is_on, meet, pass};
