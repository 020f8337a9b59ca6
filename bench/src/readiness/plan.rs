//! What is measured, with how many connections and how often.

use crate::form::Form;

/// Bytes of a message in the measurements with a search.
pub(super) const SEARCHED: usize = 1_024;
/// Who talks while the others are silent: as many as are busy at any moment among thousands who are idle.
const FEW: usize = 100;

/// A message on each of so many connections and back, so many times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Echo {
    pub(super) rounds: usize,
    pub(super) bytes: usize,
    pub(super) active: usize,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) connections: usize,
    /// The first one is with all active, the second one with few of them; these have targets.
    pub(super) echoes: Vec<Echo>,
    pub(super) search_rounds: usize,
    /// How long all of it takes, in words.
    pub(super) estimate: &'static str,
}

impl Plan {
    pub(super) fn new(form: Form, connections: Option<usize>) -> Self {
        let connections = form.asked_or(connections, 200, 10_000);
        let all = |rounds, bytes| Echo { rounds, bytes, active: connections };
        let few = |rounds| Echo { rounds, bytes: 1_024, active: FEW.min(connections / 10) };
        let (echoes, search_rounds, estimate) = match form {
            Form::Quick => (vec![all(2, 1_024), few(10)], 2, "a few seconds"),
            Form::Usual => (vec![all(100, 1_024), few(1_000)], 10, "six minutes"),
            Form::Full => {
                let more = [all(500, 1_024), all(1_000, 1_024), all(100, 10_240)];
                let most = [all(10, 102_400), all(100, 102_400)];
                let first = [all(100, 1_024), few(1_000)];
                ([&first[..], &more, &most].concat(), 100, "an hour")
            }
        };
        Self { connections, echoes, search_rounds, estimate }
    }

    /// A tenth of the connections.
    pub(super) const fn tenth(&self) -> usize {
        self.connections / 10
    }
}
