//! What a tick makes durable: its operations, the characters they concern, and those whose save is due.

use super::Game;
use crate::ids::{CharacterId, CommitSeq};
use crate::record::{Change, Commit, Operation, Owner, Work};

impl Game {
    /// Saves are spread over the interval by character, so that no tick saves them all. While nothing can be made
    /// durable none are made: they would only pile up, and each character's next save is newer anyway.
    pub(super) fn save_due(&mut self) {
        if !self.desk.kernel.is_open() {
            return;
        }
        let interval = self.desk.settings.save_interval.max(1);
        let tick = self.desk.tick;
        let due =
            self.desk.here.keys().filter(|character| (tick + character.0).is_multiple_of(interval));
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
            // Also one that was saved in an earlier tick of those that are caught up: its value may be later.
            self.save(character, true);
        }
        let characters: Vec<_> = std::mem::take(&mut self.desk.saves).into_values().collect();
        let gm_log = std::mem::take(&mut self.desk.gm_log);
        if operations.is_empty() && characters.is_empty() && gm_log.is_empty() {
            return None;
        }
        self.last_commit = CommitSeq(self.last_commit.0 + 1);
        Some(Commit { seq: self.last_commit, tick: self.desk.tick, operations, characters, gm_log })
    }
}

fn hash_of(save: &crate::record::CharacterSave) -> u64 {
    #[expect(clippy::expect_used, reason = "plain data of ours always serialises")]
    let bytes = postcard::to_stdvec(save).expect("a save is plain data");
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// The characters whose belongings `operations` change: their progress is saved with it, never apart.
fn concerned(operations: &[Operation]) -> Vec<CharacterId> {
    let mut all: Vec<CharacterId> = Vec::new();
    for operation in operations {
        match &operation.work {
            Work::Done(changes) => all.extend(changes.iter().flat_map(parties)),
            Work::Asked(_) => all.push(operation.actor),
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The characters that a change concerns.
fn parties(change: &Change) -> impl Iterator<Item = CharacterId> {
    let owner = |owner: &Owner| match owner {
        Owner::Character(character) => Some(*character),
        Owner::Ground { .. } | Owner::Mail(_) => None,
    };
    let both = match change {
        Change::Create(item) => [owner(&item.owner), None],
        Change::Move { from, to, .. } => [owner(from), owner(to)],
        Change::Destroy { from, .. } => [owner(from), None],
        Change::Split { owner: holder, .. } | Change::Merge { owner: holder, .. } => {
            [owner(holder), None]
        }
        Change::Gold { from, to, .. } => [*from, *to],
    };
    both.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::content::Content;
    use crate::ctx::Ctx;
    use crate::ids::{AccountId, ItemId, PlayerId, Rank, SessionId, ZoneName};
    use crate::input::Input;
    use crate::module::{Module, Routes};
    use crate::record::{CharacterRecord, Saved};
    use crate::settings::Settings;

    const GIVES_AT: u64 = 3;

    /// Gives everybody a sword at one tick, and saves that it did.
    #[derive(Debug, Serialize, Deserialize)]
    struct Gift(bool);

    impl Module for Gift {
        const NAME: &'static str = "gift";

        fn new(_: &ZoneName, _: &Content) -> Self {
            Self(false)
        }

        fn routes(_: &mut Routes<Self>) {}

        fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
            if ctx.tick() == GIVES_AT {
                let players: Vec<PlayerId> = ctx.players().map(|player| player.id()).collect();
                for player in players {
                    ctx.give_new(player, "gift", "sword", 1).unwrap();
                }
                self.0 = true;
            }
        }

        fn save(&self, _: &Ctx<'_>, _: PlayerId) -> Option<Saved> {
            Some(Saved::new(1, &self.0))
        }
    }

    #[test]
    fn progress_is_saved_with_its_value_also_when_ticks_are_caught_up() {
        let content = Arc::new(crate::testing::small_world());
        let settings = Settings {
            zones: vec![ZoneName::new("field")],
            save_interval: 2,
            ..Settings::default()
        };
        let table = crate::modules::all().zone::<Gift>().check().unwrap();
        let mut game = Game::new(settings, content, Arc::new(table)).unwrap();
        let character = CharacterRecord {
            // Its save is due in the tick before the gift.
            id: CharacterId(GIVES_AT - 1),
            account: AccountId(1),
            name: "Ada".into(),
            rank: Rank::Player,
            place: None,
            modules: std::collections::BTreeMap::new(),
            items: Vec::new(),
            gold: 0,
        };
        let ids = Input::ItemIds { first: ItemId(1), count: 10 };
        let enter = Input::Enter { session: SessionId(1), character: Box::new(character) };
        game.tick(vec![ids, enter], 1);
        let commit = game.tick(Vec::new(), 2).commit.unwrap();
        assert_eq!(commit.operations.len(), 1);
        assert_eq!(commit.characters[0].modules["gift"].read(1), Some(true));
    }
}
