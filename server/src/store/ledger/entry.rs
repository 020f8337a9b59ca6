//! One line of the ledger, and what may follow from what.

use game::record::{ItemRecord, OpId, Owner};
use game::{CharacterId, ItemId};

pub use game::record::GOLD;

/// What happened to an item, or to gold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// It came into the world.
    Create,
    /// It changed owner or slot.
    Move,
    /// It left the world.
    Destroy,
    /// A stack became smaller, or is new and came out of one.
    Split,
    /// A stack became larger, or went into one.
    Merge,
    /// Gold changed hands, came or went.
    Gold,
}

impl EntryKind {
    /// All of them.
    pub(in crate::store) const ALL: [Self; 6] =
        [Self::Create, Self::Move, Self::Destroy, Self::Split, Self::Merge, Self::Gold];

    /// Its name in the column `kind`.
    pub(in crate::store) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Move => "move",
            Self::Destroy => "destroy",
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Gold => "gold",
        }
    }
}

/// One change to one item or to gold, as history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place in the order of all entries; 0 before it has one.
    pub entry: u64,
    /// The operation it was part of. Sequence 0 is the store's own doing, such as a deleted character.
    pub op: OpId,
    /// In which tick; `None` for the store's own doing.
    pub tick: Option<u64>,
    /// When it was made durable, in Unix milliseconds by the server's clock.
    pub at_ms: u64,
    /// Why, in a word.
    pub cause: String,
    /// Whose deed it was.
    pub actor: CharacterId,
    /// What happened.
    pub kind: EntryKind,
    /// Which item; 0 for gold.
    pub item: ItemId,
    /// Whose it was; `None` when it comes into the world, or out of a stack.
    pub from: Option<Owner>,
    /// Whose it is then; `None` when it leaves the world, or goes into a stack.
    pub to: Option<Owner>,
    /// Its slot there.
    pub slot: u32,
    /// What it is; [`GOLD`] for gold.
    pub template: String,
    /// Pieces of it: afterwards, or when it went. For gold, how much.
    pub quantity: u64,
    /// By how much there is more of it, in this item or, for gold, in the world.
    pub change: i64,
}

impl LedgerEntry {
    /// The item after this entry; `None` when it is gone.
    pub(super) fn after(&self) -> Option<ItemRecord> {
        self.to.clone().map(|owner| ItemRecord {
            id: self.item,
            owner,
            slot: self.slot,
            template: self.template.clone(),
            quantity: u32::try_from(self.quantity).unwrap_or(u32::MAX),
        })
    }

    /// Whether this can have happened to what the item was just before. `fresh`: nothing is known of the item from
    /// before. One that was in the world once and went never comes again.
    pub(super) fn follows(&self, before: Option<&ItemRecord>, fresh: bool) -> bool {
        let Ok(quantity) = i64::try_from(self.quantity) else { return false };
        match (self.kind, before, &self.from, &self.to) {
            (EntryKind::Create | EntryKind::Split, None, None, Some(_)) => {
                fresh && self.change == quantity
            }
            (EntryKind::Destroy | EntryKind::Merge, Some(before), Some(from), None) => {
                self.is_of(before, from)
                    && i64::from(before.quantity) == quantity
                    && self.change == -quantity
            }
            (EntryKind::Move, Some(before), Some(from), Some(_)) => {
                self.is_of(before, from)
                    && i64::from(before.quantity) == quantity
                    && self.change == 0
            }
            (EntryKind::Split | EntryKind::Merge, Some(before), Some(from), Some(to)) => {
                self.is_of(before, from)
                    && from == to
                    && before.slot == self.slot
                    && i64::from(before.quantity).checked_add(self.change) == Some(quantity)
                    && (self.kind == EntryKind::Merge) == (self.change > 0)
                    && self.change != 0
            }
            _ => false,
        }
    }

    fn is_of(&self, before: &ItemRecord, from: &Owner) -> bool {
        before.owner == *from && before.template == self.template
    }
}

/// Asks for the epoch and sequence of the last operation that is folded; both are 0 where none was, or by a build that
/// didn't note it.
pub(in crate::store) const FOLDED_OPERATION: &str = "SELECT \
     COALESCE(MAX(CASE WHEN key = 'folded_epoch' THEN value END), 0), \
     COALESCE(MAX(CASE WHEN key = 'folded_sequence' THEN value END), 0) FROM meta";

/// Sums over the folded part of the ledger, of one template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct Total {
    pub(in crate::store) template: String,
    pub(in crate::store) created: u64,
    pub(in crate::store) destroyed: u64,
    pub(in crate::store) reshaped: i64,
}
