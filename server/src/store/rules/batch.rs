//! A batch on its way into the database: commits in order, without a hole, each once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use game::record::{CharacterSave, Commit, Decision, OpId, Operation, Work};
use game::{CharacterId, ItemId};

use crate::failpoints;
use crate::store::engine::{Marks, Transaction};
use crate::store::error::EngineError;
use crate::store::{Answer, Write};

use super::deed::Deed;
use super::operations::Run;
use super::staging::Staging;

/// What the saves of a character in the batch come to, and the writes that hold one.
struct Saves<'a> {
    save: Cow<'a, CharacterSave>,
    tick: u64,
    writes: Vec<usize>,
}

impl<'a> Saves<'a> {
    /// A later save replaces the earlier one, but for modules that it leaves out.
    fn follow(&mut self, later: &'a CharacterSave, tick: u64) {
        let earlier = std::mem::replace(&mut self.save, Cow::Borrowed(later));
        self.tick = tick;
        let replaced = |module| later.modules.iter().any(|page| page.module == module);
        let mut kept = earlier.modules.iter().filter(|page| !replaced(page.module)).peekable();
        if kept.peek().is_some() {
            self.save.to_mut().modules = later.modules.iter().chain(kept).collect();
        }
    }
}

/// A batch on its way. Owned operations and saves are collected, and settled together at the end or before something
/// else looks at what they change.
pub(super) struct Batch<'a, T> {
    pub(super) transaction: &'a mut T,
    pub(super) epoch: u64,
    /// Unix milliseconds, one moment for the whole batch and for no other.
    pub(super) now_ms: u64,
    /// The system's clock is far ahead of what the database knows: nothing is forgotten by it.
    pub(super) clock_doubted: bool,
    unreserved: ItemId,
    marks: Marks,
    run: Run<'a>,
    saves: BTreeMap<CharacterId, Saves<'a>>,
    /// Of each write so far; one that is being carried out is the last.
    answers: Vec<Vec<Answer>>,
}

impl<'a, T: Transaction> Batch<'a, T> {
    pub(super) fn new(
        transaction: &'a mut T,
        marks: Marks,
        epoch: u64,
        unreserved: ItemId,
        now_ms: u64,
    ) -> Self {
        Self {
            transaction,
            epoch,
            now_ms,
            clock_doubted: false,
            unreserved,
            marks,
            run: Run::default(),
            saves: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    /// Carries out the next write.
    pub(super) fn write(&mut self, write: &'a Write) -> Result<(), EngineError> {
        self.answers.push(Vec::new());
        let answer = match write {
            Write::Commit(commit) => self.commit(commit)?,
            Write::Register { ticket, name, password_hash } => {
                self.register(*ticket, name, password_hash)?
            }
            Write::AdmitToken { ticket, token_id, expires_at, account } => {
                self.admit_token(*ticket, token_id, *expires_at, account)?
            }
            Write::CreateCharacter { ticket, account, name, limit } => {
                self.create_character(*ticket, *account, name, *limit)?
            }
            Write::DeleteCharacter { ticket, account, character } => {
                self.settle()?;
                self.delete_character(*ticket, *account, *character)?
            }
            Write::ReserveItemIds { count } => self.reserve_item_ids(*count)?,
        };
        self.answer(answer);
        Ok(())
    }

    /// Settles the rest. Gives how far the start has come and the answers to each write.
    pub(super) fn finish(mut self) -> Result<(Marks, Vec<Vec<Answer>>), EngineError> {
        self.settle()?;
        Ok((self.marks, self.answers))
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(answers) = self.answers.last_mut() {
            answers.push(answer);
        }
    }

    /// A whole commit, unless it was applied before.
    fn commit(&mut self, commit: &'a Commit) -> Result<Answer, EngineError> {
        let (seq, mark) = (commit.seq.0, self.marks.commits);
        if seq > mark {
            if seq != mark + 1 {
                return Err(EngineError::Fatal(format!(
                    "commit {seq} came after commit {mark}: those between are lost"
                )));
            }
            for operation in &commit.operations {
                self.operation(operation, Deed::of(operation, commit, self.now_ms))?;
            }
            for save in &commit.characters {
                self.save(save, commit.tick);
            }
            for entry in &commit.gm_log {
                self.transaction.log(entry, commit.tick, self.now_ms)?;
            }
            self.marks.commits = seq;
        }
        Ok(Answer::Durable(commit.seq))
    }

    /// All of an operation, unless it was applied before.
    fn operation(&mut self, operation: &'a Operation, deed: Deed<'a>) -> Result<(), EngineError> {
        let OpId { epoch, sequence } = operation.id;
        if epoch != self.epoch {
            let reason = format!("{deed}: this start's epoch is {}", self.epoch);
            return Err(EngineError::Fatal(reason));
        }
        if sequence <= self.marks.operations {
            return Ok(());
        }
        self.marks.operations = sequence;
        match &operation.work {
            Work::Done(changes) => self.run.push(deed, changes),
            Work::Asked(request) => {
                self.settle_operations()?;
                let decided = self.decide(request, &deed);
                let outcome = decided.map_err(|problem| problem.at(deed))?;
                failpoints::meet("store.decided")?;
                let decision = Decision { op: operation.id, actor: operation.actor, outcome };
                self.answer(Answer::Decided(decision));
            }
        }
        Ok(())
    }

    fn save(&mut self, save: &'a CharacterSave, tick: u64) {
        let first = || Saves { save: Cow::Borrowed(save), tick, writes: Vec::new() };
        let saves = self.saves.entry(save.character).or_insert_with(first);
        saves.follow(save, tick);
        saves.writes.push(self.answers.len() - 1);
    }

    /// Everything that was collected is in the transaction.
    fn settle(&mut self) -> Result<(), EngineError> {
        self.settle_operations()?;
        let saves = std::mem::take(&mut self.saves);
        if saves.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = saves.values().map(|saves| (&*saves.save, saves.tick)).collect();
        for missing in self.transaction.save(&rows, self.now_ms)? {
            // In front of all that says that the commit is durable.
            for write in saves.get(&missing).into_iter().flat_map(|saves| &saves.writes) {
                self.answers[*write].insert(0, Answer::SaveFailed(missing));
            }
        }
        failpoints::meet("store.saved")
    }

    fn settle_operations(&mut self) -> Result<(), EngineError> {
        if self.run.is_empty() {
            return Ok(());
        }
        let run = std::mem::take(&mut self.run);
        let mut staging = Staging::load(self.transaction, &run.concerned())?;
        run.make(&mut staging, self.unreserved)?;
        staging.write(self.transaction)
    }
}
