//! What a batch was answered, for when the answer was lost on the way: kept beside the marks, in the transaction that
//! it answers. What the writes themselves say isn't kept with it, and no password is.

use game::record::Decision;
use game::{CharacterId, ItemId};
use serde::{Deserialize, Serialize};

use crate::store::engine::{Marks, Transaction};
use crate::store::error::EngineError;
use crate::store::{Answer, CreateRefused, Write};

use super::requests::new_character;

/// An answer without what its write says.
#[derive(Debug, Serialize, Deserialize)]
enum Kept {
    Decided(Decision),
    SaveFailed(CharacterId),
    /// Whether an account was made or admitted.
    Account(bool),
    Character(Result<CharacterId, CreateRefused>),
    /// Whether there was such a character.
    Deleted(bool),
    ItemIds(ItemId),
}

/// The answers to each write in a form to be kept; `None` when the writes tell them all.
pub(super) fn keep(answers: &[Vec<Answer>]) -> Result<Option<Vec<u8>>, EngineError> {
    let kept: Vec<Vec<Kept>> =
        answers.iter().map(|answers| answers.iter().filter_map(Kept::of).collect()).collect();
    if kept.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let bytes = postcard::to_stdvec(&kept);
    bytes.map(Some).map_err(|problem| EngineError::Fatal(format!("answers to keep: {problem}")))
}

/// What the batch `number`, which was applied before, was answered.
pub(super) fn recall(
    transaction: &mut impl Transaction,
    number: u64,
    marks: &Marks,
    writes: &[Write],
) -> Result<Vec<Answer>, EngineError> {
    let other = || {
        let last = marks.batch;
        EngineError::Fatal(format!("batch {number} isn't what was applied last, as batch {last}"))
    };
    let kept: Vec<Vec<Kept>> = match &marks.answers {
        Some(bytes) => postcard::from_bytes(bytes).map_err(|_| other())?,
        None => writes.iter().map(|_| Vec::new()).collect(),
    };
    if number != marks.batch || kept.len() != writes.len() {
        return Err(other());
    }
    let mut answers = Vec::new();
    for (write, kept) in writes.iter().zip(kept) {
        for kept in kept {
            answers.push(kept.answer(write, transaction)?.ok_or_else(other)?);
        }
        if let Write::Commit(commit) = write {
            answers.push(Answer::Durable(commit.seq));
        }
    }
    Ok(answers)
}

impl Kept {
    /// `None` for what the write tells, and for what is no answer to a write.
    fn of(answer: &Answer) -> Option<Self> {
        Some(match answer {
            Answer::Decided(decision) => Self::Decided(decision.clone()),
            Answer::SaveFailed(character) => Self::SaveFailed(*character),
            Answer::Registered { account, .. } | Answer::TokenAdmitted { account, .. } => {
                Self::Account(account.is_some())
            }
            Answer::CharacterCreated { result, .. } => {
                Self::Character(result.as_ref().map(|row| row.id).map_err(|refused| *refused))
            }
            Answer::CharacterDeleted { found, .. } => Self::Deleted(*found),
            Answer::ItemIds { first, .. } => Self::ItemIds(*first),
            Answer::Durable(_)
            | Answer::Account { .. }
            | Answer::Characters { .. }
            | Answer::Character { .. }
            | Answer::Mailbox { .. }
            | Answer::ValueOpen(_)
            | Answer::Broken(_) => return None,
        })
    }

    /// The whole answer; `None` when it can't be to this write.
    fn answer(
        self,
        write: &Write,
        transaction: &mut impl Transaction,
    ) -> Result<Option<Answer>, EngineError> {
        let mut account = |yes: bool, name: &str| match yes {
            true => transaction.account(name),
            false => Ok(None),
        };
        Ok(Some(match (self, write) {
            (Self::Decided(decision), Write::Commit(_)) => Answer::Decided(decision),
            (Self::SaveFailed(character), Write::Commit(_)) => Answer::SaveFailed(character),
            (Self::Account(made), Write::Register { ticket, name, .. }) => {
                Answer::Registered { ticket: *ticket, account: account(made, name)? }
            }
            (Self::Account(admitted), Write::AdmitToken { ticket, account: name, .. }) => {
                Answer::TokenAdmitted { ticket: *ticket, account: account(admitted, name)? }
            }
            (Self::Character(result), Write::CreateCharacter { ticket, name, .. }) => {
                let result = result.map(|id| new_character(id, name));
                Answer::CharacterCreated { ticket: *ticket, result }
            }
            (Self::Deleted(found), Write::DeleteCharacter { ticket, .. }) => {
                Answer::CharacterDeleted { ticket: *ticket, found }
            }
            (Self::ItemIds(first), Write::ReserveItemIds { count }) => {
                Answer::ItemIds { first, count: *count }
            }
            _ => return Ok(None),
        }))
    }
}
