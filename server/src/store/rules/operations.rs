//! Owned operations. The game has decided and made them in memory; here a change that doesn't fit what is stored is a
//! bug, and ends the process before it can spread.

use game::ItemId;
use game::record::{Change, Owner};

use crate::store::error::EngineError;

use super::deed::Deed;
use super::staging::{Concerned, Staging};

/// The changes of owned operations, one after the other, that haven't been applied yet.
#[derive(Default)]
pub(super) struct Run<'a> {
    operations: Vec<(Deed<'a>, &'a [Change])>,
}

impl<'a> Run<'a> {
    pub(super) fn push(&mut self, deed: Deed<'a>, changes: &'a [Change]) {
        self.operations.push((deed, changes));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Everything that the changes concern.
    pub(super) fn concerned(&self) -> Concerned {
        let mut concerned = Concerned::default();
        for change in self.operations.iter().flat_map(|(_, changes)| *changes) {
            look(change, &mut concerned);
        }
        concerned
    }

    /// Makes all changes. Items with an id from `unreserved` on can't be new ones.
    pub(super) fn make(
        &self,
        staging: &mut Staging,
        unreserved: ItemId,
    ) -> Result<(), EngineError> {
        for (deed, changes) in &self.operations {
            for change in *changes {
                check(change, unreserved)
                    .and_then(|()| make(change, staging, deed))
                    .map_err(|problem| problem.at(deed))?;
            }
        }
        Ok(())
    }
}

fn look(change: &Change, concerned: &mut Concerned) {
    match change {
        Change::Create(item) => {
            concerned.items.insert(item.id);
            concerned.owner(&item.owner);
        }
        Change::Move { item, to, .. } => {
            concerned.items.insert(*item);
            concerned.owner(to);
        }
        Change::Destroy { item, .. } => {
            concerned.items.insert(*item);
        }
        Change::Split { item, into, owner, .. } | Change::Merge { item, into, owner } => {
            concerned.items.extend([*item, *into]);
            concerned.owner(owner);
        }
        Change::Gold { from, to, .. } => concerned.characters.extend([*from, *to].iter().flatten()),
    }
}

/// What can be told from the change alone.
fn check(change: &Change, unreserved: ItemId) -> Result<(), EngineError> {
    let new = match change {
        Change::Create(item) => Some(item.id),
        Change::Split { into, .. } => Some(*into),
        Change::Move { .. }
        | Change::Destroy { .. }
        | Change::Merge { .. }
        | Change::Gold { .. } => None,
    };
    if let Some(id) = new.filter(|id| *id >= unreserved || *id == ItemId(0)) {
        return Err(EngineError::Fatal(format!("item {id} has an id that nobody reserved")));
    }
    let letter = match change {
        Change::Create(item) => &item.owner,
        Change::Move { to, .. } => to,
        Change::Destroy { .. }
        | Change::Split { .. }
        | Change::Merge { .. }
        | Change::Gold { .. } => return Ok(()),
    };
    match letter {
        Owner::Mail(mail) => Err(EngineError::Fatal(format!(
            "only the database puts something into a letter, such as {mail}"
        ))),
        Owner::Character(_) | Owner::Ground { .. } => Ok(()),
    }
}

fn make(change: &Change, staging: &mut Staging, deed: &Deed<'_>) -> Result<(), EngineError> {
    match change {
        Change::Create(item) => staging.create(item, deed),
        Change::Move { item, from, to, slot } => {
            staging.shift(*item, from, (to, *slot), deed).map(drop)
        }
        Change::Destroy { item, from } => staging.destroy(*item, from, deed),
        Change::Split { item, owner, quantity, into, slot } => {
            staging.split(*item, owner, (*quantity, *into, *slot), deed)
        }
        Change::Merge { item, into, owner } => staging.merge(*item, *into, owner, deed),
        Change::Gold { from, to, amount } => {
            staging.pay(from.map(Owner::Character), to.map(Owner::Character), *amount, deed)
        }
    }
}
