//! What is saved: items and gold and their changes of owner, characters and their places. The shapes that the game
//! hands to the store and gets back from it; how they lie in a database is the store's business.

mod pages;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CharacterId, CommitSeq, ItemId, MailId, Rank, ZoneName};

pub(crate) use pages::Sheet;
pub use pages::{BlankPage, Page, Pages};

/// What gold is called beside templates of items: on the ground and in the ledger. No item has this name.
pub const GOLD: &str = "gold";
/// Gold that one purse can hold: far below where sums overflow, far above what anybody earns.
pub const MAX_GOLD: u64 = 1_000_000_000_000_000;

/// Who owns an item. An item has one owner at any time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// In a character's inventory.
    Character(CharacterId),
    /// On a zone's ground, where a player dropped it; centimetres on the zone's map.
    Ground {
        /// The zone that owns it.
        zone: ZoneName,
        /// From the west edge.
        x: i32,
        /// From the north edge.
        y: i32,
    },
    /// In a letter that nobody has emptied yet.
    Mail(MailId),
}

/// One item, as a row of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// Exists once in the world.
    pub id: ItemId,
    /// Whose it is.
    pub owner: Owner,
    /// Place in the owner's inventory; 0 on the ground.
    pub slot: u32,
    /// The item's name in the content files. May be unknown to this build: then it is kept and not shown.
    pub template: String,
    /// At least 1.
    pub quantity: u32,
}

/// One change to what somebody owns. The store refuses it when things aren't as it says, which means a bug of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new item comes into the world.
    Create(ItemRecord),
    /// An item changes owner or slot.
    Move {
        /// Which one.
        item: ItemId,
        /// Whose it was.
        from: Owner,
        /// Whose it is now.
        to: Owner,
        /// Its slot there.
        slot: u32,
    },
    /// An item leaves the world.
    Destroy {
        /// Which one.
        item: ItemId,
        /// Whose it was.
        from: Owner,
    },
    /// A part of a stack becomes an item of its own, of the same kind and owner.
    Split {
        /// The stack.
        item: ItemId,
        /// Whose both are.
        owner: Owner,
        /// Pieces that go; at least one stays.
        quantity: u32,
        /// The new item's id.
        into: ItemId,
        /// The new item's slot.
        slot: u32,
    },
    /// A stack joins another one of the same kind and owner, and is gone.
    Merge {
        /// The one that is gone.
        item: ItemId,
        /// The one that is larger now.
        into: ItemId,
        /// Whose both are.
        owner: Owner,
    },
    /// Gold changes hands, comes into the world or leaves it.
    Gold {
        /// Who pays; `None`: the world does, as for loot or what a shop buys.
        from: Option<CharacterId>,
        /// Who gets it; `None`: it leaves the world, as what a shop sells is paid.
        to: Option<CharacterId>,
        /// How much, from 1 to [`MAX_GOLD`].
        amount: u64,
    },
}

/// Names a value operation. Applied once, whatever is retried: the store remembers the highest sequence of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpId {
    /// The owner's epoch: grows with each start of a process that claims the zones.
    pub epoch: u64,
    /// Counts from 1 within the epoch.
    pub sequence: u64,
}

/// One value operation: all of it happens or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name in the ledger.
    pub id: OpId,
    /// Why, in a word: `loot`, `drop`, `pick up`, `trade`, `gm give`.
    pub cause: String,
    /// Whose deed it was.
    pub actor: CharacterId,
    /// What is to happen.
    pub work: Work,
}

/// Who decides about an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Owned: everything that it touches is in this process, and has happened in memory already, in this order. It
    /// can't be refused any more.
    Done(Vec<Change>),
    /// Shared: the database decides. Memory changes when the [`Decision`] arrives, and that may be a refusal.
    Asked(SharedRequest),
}

/// What a character asks the database to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SharedRequest {
    /// A letter to somebody, online or not, with things of the actor's in it.
    SendMail {
        /// The recipient's name; capitals don't matter.
        to: String,
        /// At most 64 characters.
        subject: String,
        /// At most 1,000 characters.
        body: String,
        /// Items of the actor's, each once.
        items: Vec<ItemId>,
        /// Gold of the actor's.
        gold: u64,
        /// Letters that a mailbox holds.
        room: u32,
        /// Letters from the characters of one account that a mailbox holds.
        own_room: u32,
    },
    /// All that is in a letter to the actor becomes the actor's.
    TakeMail {
        /// Which.
        mail: MailId,
        /// Slots that the actor has free, ascending; the items get the first ones.
        slots: Vec<u32>,
    },
    /// An empty letter to the actor is thrown away.
    DeleteMail {
        /// Which.
        mail: MailId,
    },
}

/// What the database decided about a shared operation. It is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which operation.
    pub op: OpId,
    /// Whose it was.
    pub actor: CharacterId,
    /// What has happened, or why nothing has.
    pub outcome: Result<Granted, Denied>,
}

/// What a shared operation has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granted {
    /// The items and the gold of the request aren't the actor's any more.
    MailSent {
        /// The letter.
        mail: MailId,
        /// To whom.
        recipient: CharacterId,
        /// What was in it.
        items: Vec<ItemId>,
        /// And how much gold.
        gold: u64,
    },
    /// The letter is empty now.
    MailTaken {
        /// The letter.
        mail: MailId,
        /// What was in it, with the actor as owner.
        items: Vec<ItemRecord>,
        /// And how much gold.
        gold: u64,
    },
    /// The letter is gone.
    MailDeleted {
        /// The letter.
        mail: MailId,
    },
}

/// Why the database refused a shared operation. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Denied {
    /// Nobody has that name.
    NoSuchCharacter,
    /// The recipient's mailbox has no room.
    MailboxFull,
    /// No such letter to the actor.
    NoSuchMail,
    /// The letter still holds something.
    MailNotEmpty,
    /// More items than free slots.
    InventoryFull,
    /// More gold than a purse holds.
    PurseFull,
    /// The recipient's mailbox holds as many letters of the actor's account as it may.
    TooManyLetters,
}

/// A letter as its recipient sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecord {
    /// Which.
    pub id: MailId,
    /// Who wrote it; may be gone by now.
    pub sender: CharacterId,
    /// The sender's name when it was written.
    pub sender_name: String,
    /// In a line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// Gold in it.
    pub gold: u64,
    /// Items in it.
    pub items: Vec<ItemRecord>,
    /// When it was written, in Unix milliseconds by the server's clock.
    pub sent_ms: u64,
}

/// Where a character stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In which zone.
    pub zone: ZoneName,
    /// Centimetres from the west edge.
    pub x: i32,
    /// Centimetres from the north edge.
    pub y: i32,
    /// 1/65536 of a turn, 0 is east, clockwise.
    pub heading: u16,
}

/// What one module keeps of one character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The module's own version of these bytes.
    pub version: u32,
    /// Opaque to everyone else.
    pub bytes: Vec<u8>,
}

impl Saved {
    /// `value` as it is kept: postcard, with the version of its shape.
    ///
    /// # Panics
    /// When `value` isn't plain data that serialises, which the module's first test finds.
    #[must_use]
    pub fn new(version: u32, value: &impl Serialize) -> Self {
        #[expect(clippy::expect_used, reason = "documented: plain data always serialises")]
        let bytes = postcard::to_stdvec(value).expect("what a module saves is plain data");
        Self { version, bytes }
    }

    /// What [`Self::new`] kept in this version; `None` for another version, or bytes that are no `T`.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, version: u32) -> Option<T> {
        let same = self.version == version;
        same.then(|| postcard::from_bytes(&self.bytes).ok()).flatten()
    }
}

/// What a module knows of one character: a value, or what another build saved in a version that this one can't read.
/// That is given back as it is, so that nothing is lost when that build runs again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept<T> {
    /// Read, or new.
    Known(T),
    /// Unread.
    Foreign(Saved),
}

impl<T: Default + Serialize + DeserializeOwned> Kept<T> {
    /// What was `saved` in this `version`, or the default if nothing was.
    #[must_use]
    pub fn load(saved: Option<&Saved>, version: u32) -> Self {
        let Some(saved) = saved else {
            return Self::Known(T::default());
        };
        saved.read(version).map_or_else(|| Self::Foreign(saved.clone()), Self::Known)
    }

    /// The value; `None` if it is one that this build can't read.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Foreign(_) => None,
        }
    }

    /// The value, to change it; `None` if it is one that this build can't read.
    #[must_use]
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Foreign(_) => None,
        }
    }

    /// Writes down what is to be saved: the value in this `version`, or what was never read, which the log is told
    /// once per module and version.
    pub fn save(&self, version: u32, mut page: BlankPage<'_>) {
        match self {
            Self::Known(value) => page.write(version, value),
            Self::Foreign(saved) => {
                page.log_skipped(saved.version, version);
                page.write_saved(saved);
            }
        }
    }
}

/// What is saved of a character besides its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharacterSave {
    /// Who.
    pub character: CharacterId,
    /// Where it stands.
    pub place: Place,
    /// What its modules keep. A module that has no page here keeps what was saved before.
    pub modules: Pages,
}

/// A character as the store loads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharacterRecord {
    /// Who.
    pub id: CharacterId,
    /// Whose.
    pub account: AccountId,
    /// Unique in the database.
    pub name: String,
    /// What it may do.
    pub rank: Rank,
    /// `None` when it has never been in the world.
    pub place: Option<Place>,
    /// By module name, also of modules that this build doesn't have.
    pub modules: BTreeMap<String, Saved>,
    /// Its items.
    pub items: Vec<ItemRecord>,
    /// Its gold.
    pub gold: u64,
}

/// What a game master did, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GmEntry {
    /// Who typed it.
    pub actor: CharacterId,
    /// The line as typed, at most 256 bytes.
    pub line: String,
    /// What came of it.
    pub outcome: String,
}

/// Everything that one tick makes durable, in one transaction. Commits apply in order, as a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its place in the order.
    pub seq: CommitSeq,
    /// The tick it comes from.
    pub tick: u64,
    /// Value operations, in order.
    pub operations: Vec<Operation>,
    /// Characters whose place or progress is due. One with an operation above is always among them, so that progress
    /// is never apart from the value it earned.
    pub characters: Vec<CharacterSave>,
    /// For the audit log.
    pub gm_log: Vec<GmEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_in_its_own_version_and_shape_only() {
        let saved = Saved::new(2, &(7_u32, "seven"));
        assert_eq!(saved.read(2), Some((7_u32, "seven".to_owned())));
        assert_eq!(saved.read::<(u32, String)>(1), None);
        assert_eq!(saved.read::<[String; 3]>(2), None);
    }

    fn written(kept: &Kept<u32>) -> Saved {
        let mut sheet = Sheet::default();
        sheet.begin(&Place { zone: ZoneName::new("field"), x: 0, y: 0, heading: 0 });
        kept.save(1, sheet.page("module"));
        sheet.pages().get("module").unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_given_back_as_it_was() {
        let newer = Saved::new(2, &7_u32);
        let kept = Kept::<u32>::load(Some(&newer), 1);
        assert_eq!((kept.get(), written(&kept)), (None, newer));
        assert_eq!(written(&Kept::<u32>::load(None, 1)), Saved::new(1, &0_u32));
        assert_eq!(Kept::load(Some(&Saved::new(1, &7_u32)), 1), Kept::Known(7_u32));
    }

    #[test]
    fn a_page_of_an_older_version_is_converted_by_hand() {
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        struct Score {
            kills: u32,
            deaths: u32,
        }
        let load = |saved: Option<&Saved>| -> Kept<Score> {
            match saved.and_then(|old| old.read(1)) {
                // Version 1 was the kills alone.
                Some(kills) => Kept::Known(Score { kills, deaths: 0 }),
                None => Kept::load(saved, 2),
            }
        };
        assert_eq!(load(Some(&Saved::new(1, &7_u32))), Kept::Known(Score { kills: 7, deaths: 0 }));
        let current = Score { kills: 7, deaths: 2 };
        assert_eq!(load(Some(&Saved::new(2, &current))), Kept::Known(current));
        assert_eq!(load(None), Kept::Known(Score::default()));
        let newer = Saved::new(3, &"?");
        assert_eq!(load(Some(&newer)), Kept::Foreign(newer.clone()));
    }
}
