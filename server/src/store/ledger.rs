//! The ledger: every change to an item and to gold, as history and as proof. Replayed from where its folded part ended,
//! it must end in exactly what is there.

mod audit;
mod entry;
mod fold;
mod history;
mod items;
mod order;
mod purses;
mod quarantine;
mod report;
mod text;

pub use audit::Watch;
pub use entry::{EntryKind, GOLD, LedgerEntry};
pub use history::{CharacterHistory, History};
pub use quarantine::Quarantined;
pub use report::{AuditReport, Balance, FINDINGS_LISTED, Finding};

pub(super) use audit::audit;
pub(super) use entry::{FOLDED_OPERATION, Total};
#[cfg(test)]
pub(super) use fold::LONGEST;
pub(super) use fold::{Folded, Folding, fold};
pub(super) use history::{character_history, item_history};
pub(super) use quarantine::quarantined;
