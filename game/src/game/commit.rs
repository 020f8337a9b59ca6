//! What a tick makes durable: its operations, the characters they concern, and those whose save is due.

use super::Game;
use crate::ids::{CharacterId, CommitSeq};
use crate::record::{Commit, ItemChange, Operation, Owner};

impl Game {
    /// Saves are spread over the interval by character, so that no tick saves them all. While nothing can be made
    /// durable none are made: they would only pile up, and each character's next save is newer anyway.
    pub(super) fn save_due(&mut self) {
        if !self.desk.kernel.is_open() {
            return;
        }
        let interval = self.desk.settings.save_interval.max(1);
        let tick = self.desk.tick;
        let due = self
            .desk
            .here
            .keys()
            .filter(|character| (tick + character.0).is_multiple_of(interval));
        let due: Vec<CharacterId> = due.copied().collect();
        for character in due {
            self.save(character, false);
        }
    }

    /// Saves a character that is here; unless it is `needed`, only if something of it changed since the last save.
    fn save(&mut self, character: CharacterId, needed: bool) {
        let Some(at) = self.desk.here.get(&character).copied() else {
            return;
        };
        let zone = &mut self.zones[at.zone];
        let Some(save) = zone.save(&mut self.desk, at.player) else {
            return;
        };
        let Some(player) = zone.state.players.get_mut(&at.player.entity()) else {
            return;
        };
        let hash = hash_of(&save);
        if needed || hash != player.saved_hash {
            player.saved_hash = hash;
            self.desk.saves.insert(character, save);
        }
    }

    /// Everything since the last publication, as one commit. `None` when there is nothing.
    pub(super) fn make_commit(&mut self) -> Option<Commit> {
        let operations = self.desk.kernel.take_operations();
        for character in concerned(&operations) {
            if !self.desk.saves.contains_key(&character) {
                self.save(character, true);
            }
        }
        let characters: Vec<_> = std::mem::take(&mut self.desk.saves).into_values().collect();
        let gm_log = std::mem::take(&mut self.desk.gm_log);
        if operations.is_empty() && characters.is_empty() && gm_log.is_empty() {
            return None;
        }
        self.last_commit = CommitSeq(self.last_commit.0 + 1);
        Some(Commit {
            seq: self.last_commit,
            tick: self.desk.tick,
            operations,
            characters,
            gm_log,
        })
    }
}

fn hash_of(save: &crate::record::CharacterSave) -> u64 {
    #[expect(clippy::expect_used, reason = "plain data of ours always serialises")]
    let bytes = postcard::to_stdvec(save).expect("a save is plain data");
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// The characters whose belongings `operations` change: their progress is saved with it, never apart.
fn concerned(operations: &[Operation]) -> Vec<CharacterId> {
    let owner = |owner: &Owner| match owner {
        Owner::Character(character) => Some(*character),
        Owner::Ground { .. } => None,
    };
    let of_change = |change: &ItemChange| match change {
        ItemChange::Create(item) => [owner(&item.owner), None],
        ItemChange::Move { from, to, .. } => [owner(from), owner(to)],
        ItemChange::Destroy { from, .. } => [owner(from), None],
    };
    let changes = operations.iter().flat_map(|operation| &operation.changes);
    let mut all: Vec<CharacterId> = changes.flat_map(of_change).flatten().collect();
    all.sort_unstable();
    all.dedup();
    all
}
