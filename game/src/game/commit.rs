//! What a tick makes durable: its operations, the characters they concern, and those whose save is due.

use super::Game;
use crate::ids::{CharacterId, CommitSeq};
use crate::record::{Change, CharacterSave, Commit, Operation, Owner, Work};

/// From a change of a character's progress to its save at the latest, in milliseconds. With the commit that carries it on
/// its way for a while, what a crash may take back is a second: no more than a player remembers having done, and a fight
/// of a minute is some saves rather than hundreds.
pub(super) const PROGRESS_MS: u32 = 800;
/// Characters whose progress rides along in a commit that is made anyway, before their turn: about 0.2 ms of a tick.
const PROGRESS_ALONG: usize = 100;

impl Game {
    /// Saves are spread over the interval by neighbours, so that no tick saves all of many, and those of changed progress
    /// over a second. While nothing can be made durable none are made: they would only pile up, and each character's
    /// next save is newer anyway.
    pub(super) fn save_due(&mut self) {
        if !self.desk.kernel.is_open() {
            return;
        }
        let tick = self.desk.tick;
        let due = self.desk.saving.due(tick).into_iter().chain(self.desk.soon.due(tick));
        for character in due.collect::<Vec<_>>() {
            self.save(character, false);
        }
    }

    /// Saves a character that is here; unless it is `needed`, only if something of it changed since the last save.
    fn save(&mut self, character: CharacterId, needed: bool) {
        let Some(at) = self.desk.here.get(character).copied() else {
            return;
        };
        let zone = &mut self.zones[at.zone];
        let Some(place) = zone.save(&mut self.desk, at.player, &mut self.sheet) else {
            return;
        };
        let Some(player) = zone.state.players.get_mut(at.player.entity()) else {
            return;
        };
        self.desk.soon.remove(character);
        let hash = self.sheet.hash();
        if needed || hash != player.saved_hash {
            player.saved_hash = hash;
            let modules = self.sheet.pages();
            self.desk.saves.push(CharacterSave { character, place, modules });
        }
    }

    /// Everything since the last publication, as one commit. `None` when there is nothing.
    pub(super) fn make_commit(&mut self) -> Option<Commit> {
        let operations = self.desk.kernel.take_operations();
        for character in concerned(&operations) {
            // Also one that was saved in an earlier tick of those that are caught up: its value may be later.
            self.save(character, true);
        }
        let gm_log = std::mem::take(&mut self.desk.gm_log);
        if operations.is_empty() && self.desk.saves.is_empty() && gm_log.is_empty() {
            return None;
        }
        if self.desk.kernel.is_open() {
            for character in self.desk.soon.first(PROGRESS_ALONG) {
                self.save(character, false);
            }
        }
        let characters = self.desk.saves.take();
        self.last_commit = CommitSeq(self.last_commit.0 + 1);
        Some(Commit { seq: self.last_commit, tick: self.desk.tick, operations, characters, gm_log })
    }
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
    use crate::module::{Module, ModuleList, Routes};
    use crate::record::{BlankPage, CharacterRecord};
    use crate::rota::NEIGHBOURS;
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

        fn save(&self, _: &Ctx<'_>, _: PlayerId, page: BlankPage<'_>) {
            page.write(1, &self.0);
        }
    }

    /// Remembers how many ticks there were, and thinks that this is progress.
    #[derive(Debug, Serialize, Deserialize)]
    struct Ticks(u64);

    impl Module for Ticks {
        const NAME: &'static str = "ticks";

        fn new(_: &ZoneName, _: &Content) -> Self {
            Self(0)
        }

        fn routes(_: &mut Routes<Self>) {}

        fn on_tick(&mut self, ctx: &mut Ctx<'_>) {
            self.0 += 1;
            let players: Vec<PlayerId> = ctx.players().map(|player| player.id()).collect();
            players.into_iter().for_each(|player| ctx.save_soon(player));
        }

        fn save(&self, _: &Ctx<'_>, _: PlayerId, page: BlankPage<'_>) {
            page.write(1, &self.0);
        }
    }

    #[test]
    fn what_a_closed_store_held_up_is_saved_within_a_second_and_not_all_at_once() {
        let settings = Settings { save_interval: 1_000_000, ..field() };
        let mut game = game(settings, crate::modules::all().zone::<Ticks>());
        let enter = |id| Input::Enter {
            session: SessionId(id),
            character: Box::new(character(id, &format!("Ada{id}"))),
        };
        let mut inputs: Vec<Input> = (1..=600).map(enter).collect();
        inputs.push(Input::ValueOpen { open: false });
        assert_eq!(game.tick(inputs, 1).commit, None);
        for _ in 0..30 {
            assert_eq!(game.tick(Vec::new(), 1).commit, None, "nothing is saved while closed");
        }
        let mut seen = std::collections::BTreeSet::new();
        let ticks = PROGRESS_MS / game.tick_ms();
        let most = 600 / ticks as usize + usize::try_from(NEIGHBOURS).unwrap() + PROGRESS_ALONG;
        for tick in 0..ticks {
            let inputs = (tick == 0).then_some(Input::ValueOpen { open: true });
            let commit = game.tick(inputs, 1).commit.unwrap();
            assert!(commit.characters.len() <= most, "{} in tick {tick}", commit.characters.len());
            seen.extend(commit.characters.iter().map(|save| save.character));
        }
        assert_eq!(seen.len(), 600);
    }

    fn field() -> Settings {
        Settings { zones: vec![ZoneName::new("field")], ..Settings::default() }
    }

    fn game(settings: Settings, modules: ModuleList) -> Game {
        let content = Arc::new(crate::testing::small_world());
        Game::new(settings, content, Arc::new(modules.check().unwrap())).unwrap()
    }

    fn character(id: u64, name: &str) -> CharacterRecord {
        CharacterRecord {
            id: CharacterId(id),
            account: AccountId(id),
            name: name.to_owned(),
            rank: Rank::Player,
            place: None,
            modules: std::collections::BTreeMap::new(),
            items: Vec::new(),
            gold: 0,
        }
    }

    #[test]
    fn progress_is_saved_with_its_value_also_when_ticks_are_caught_up() {
        let settings = Settings { save_interval: 2, ..field() };
        let mut game = game(settings, crate::modules::all().zone::<Gift>());
        // Its save is due in the tick before the gift.
        let character = character(GIVES_AT - 1, "Ada");
        let ids = Input::ItemIds { first: ItemId(1), count: 10 };
        let enter = Input::Enter { session: SessionId(1), character: Box::new(character) };
        game.tick(vec![ids, enter], 1);
        let commit = game.tick(Vec::new(), 2).commit.unwrap();
        assert_eq!(commit.operations.len(), 1);
        let gift = commit.characters[0].modules.get("gift").unwrap();
        assert_eq!(gift.read(1), Some(true));
    }
}
