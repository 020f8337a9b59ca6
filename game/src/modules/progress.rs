//! What a character becomes: experience by kills, levels by experience, and a merchant's fame by sales. This is the
//! second class of state: it is saved with the value that it belongs to, or within a second of the change.

use protocol::v1;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ctx::Ctx;
use crate::entity_map::EntityMap;
use crate::ids::{PlayerId, ZoneName};
use crate::module::{Attached, Module, Routes};
use crate::modules::combat::Killed;
use crate::modules::shop::Sold;
use crate::record::{BlankPage, Kept, Saved};

/// Version of what is saved of a character: [`Record`].
pub const SAVE_VERSION: u32 = 1;
/// The highest level. Experience is counted on beyond it.
pub const MAX_LEVEL: u32 = 60;
/// Experience from the first level to the second, which is five boars; each further level costs as much more.
const STEP: u64 = 100;

/// What is saved of a character, under the module's name `progress` and in version [`SAVE_VERSION`]. All of it only
/// grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// All that it ever gained.
    pub experience: u64,
    /// All gold that shops ever paid it. Equals the sum of its gold in the ledger with the cause `sell`, at any time
    /// and after any crash: that is how progress is held against value.
    pub earned: u64,
}

impl Record {
    /// What a module saved; `None` if it is of another version.
    #[must_use]
    pub fn read(saved: &Saved) -> Option<Self> {
        saved.read(SAVE_VERSION)
    }

    /// From 1 to [`MAX_LEVEL`].
    #[must_use]
    pub fn level(&self) -> u32 {
        let reached = (2..=MAX_LEVEL).take_while(|level| experience_for(*level) <= self.experience);
        reached.last().unwrap_or(1)
    }

    fn to_message(self) -> v1::Progress {
        let level = self.level();
        let next_level = if level < MAX_LEVEL { experience_for(level + 1) } else { 0 };
        v1::Progress { level, experience: self.experience, next_level, earned: self.earned }
    }
}

/// The experience at which a level begins: the second costs 100, the third 200 more, the fourth 300 more, which makes
/// 50 n (n - 1) for level n.
#[must_use]
pub fn experience_for(level: u32) -> u64 {
    let level = u64::from(level);
    STEP / 2 * level * level.saturating_sub(1)
}

/// Progress of a zone's players. Of who has progress of another version none is told or counted here.
#[derive(Debug, Serialize, Deserialize)]
pub struct Progress {
    records: EntityMap<Kept<Record>>,
}

impl Module for Progress {
    const NAME: &'static str = "progress";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self { records: EntityMap::new() }
    }

    fn routes(routes: &mut Routes<Self>) {
        routes.on_event(Self::attached);
        routes.on_event(Self::killed);
        routes.on_event(Self::sold);
    }

    fn on_enter(&mut self, _: &mut Ctx<'_>, player: PlayerId, saved: Option<&Saved>) {
        self.records.insert(player.entity(), Kept::load(saved, SAVE_VERSION));
    }

    fn save(&self, _: &Ctx<'_>, player: PlayerId, page: BlankPage<'_>) {
        if let Some(kept) = self.records.get(player.entity()) {
            kept.save(SAVE_VERSION, page);
        }
    }
}

impl Progress {
    fn attached(&mut self, ctx: &mut Ctx<'_>, attached: &Attached) {
        if let Some(record) = self.records.get(attached.player.entity()).and_then(Kept::get) {
            ctx.send(attached.player, &record.to_message());
        }
    }

    /// Who strikes the last blow gets the experience.
    fn killed(&mut self, ctx: &mut Ctx<'_>, killed: &Killed) {
        let victim = ctx.entity(killed.victim);
        let kind = victim.and_then(|victim| ctx.content().monster_kind(victim.template()));
        let gained = kind.map_or(0, |kind| kind.experience);
        if let Some(player) = ctx.player_of(killed.killer).filter(|_| gained > 0) {
            self.change(ctx, player, |record| {
                record.experience = record.experience.saturating_add(gained.into());
            });
            ctx.save_soon(player);
        }
    }

    /// No need to save it soon: it goes with the sale.
    fn sold(&mut self, ctx: &mut Ctx<'_>, sold: &Sold) {
        self.change(ctx, sold.player, |record| {
            record.earned = record.earned.saturating_add(sold.earned);
        });
    }

    fn change(&mut self, ctx: &mut Ctx<'_>, player: PlayerId, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.records.get_mut(player.entity()).and_then(Kept::get_mut) {
            change(record);
            ctx.send(player, &record.to_message());
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::v1::{Entered, Sell};

    use super::*;
    use crate::ids::{AccountId, Rank};
    use crate::input::Input;
    use crate::record::CharacterRecord;
    use crate::testing::GameTest;
    use crate::zone::EntityKind;

    /// Ada in the cellar, where the rat is.
    fn beside_the_rat() -> GameTest {
        let mut test = GameTest::new();
        test.player("Ada").travel("Ada", "cellar");
        test
    }

    /// Ada kills the rat; its body can be killed again, which spares the test its coming back.
    fn kill(test: &mut GameTest) {
        let victim = test.entity_of_kind(EntityKind::Monster);
        let killer = test.entity("Ada").id();
        test.emit(Killed { killer, victim });
    }

    fn saved(test: &GameTest) -> Record {
        let saved = test.saved("Ada").and_then(|save| save.modules.get("progress"));
        saved.as_ref().and_then(Record::read).unwrap_or_default()
    }

    #[test]
    fn levels_cost_more_and_more_up_to_the_highest() {
        let at = |experience| Record { experience, earned: 0 }.to_message();
        let levels =
            [0, 99, 100, 299, 300, 177_000, u64::MAX].map(|experience| at(experience).level);
        assert_eq!(levels, [1, 1, 2, 2, 3, 60, 60]);
        assert_eq!((at(100).next_level, at(177_000).next_level), (300, 0));
    }

    #[test]
    fn a_kill_is_told_and_durable_within_a_second() {
        let mut test = beside_the_rat();
        // More often than the timed saves come.
        for kills in 1..=4 {
            kill(&mut test);
            test.tick(10);
            assert_eq!(saved(&test).experience, 5 * kills);
        }
        test.expect(|progress: &v1::Progress| progress.experience == 20 && progress.level == 1);
    }

    #[test]
    fn progress_goes_into_the_commit_of_the_next_value_operation() {
        let mut test = beside_the_rat();
        for kills in 1..=4 {
            kill(&mut test);
            test.give("coin", 1).tick(1);
            assert_eq!(saved(&test).experience, 5 * kills);
        }
    }

    #[test]
    fn what_a_sale_earns_is_saved_with_the_sale() {
        let mut test = beside_the_rat();
        test.give("sword", 1).give("sword", 1).tick(1);
        let entity = test.entity_of_kind(EntityKind::Npc).0;
        for (item, earned) in test.items("Ada").into_iter().zip([10, 20]) {
            test.send(Sell { entity, item: item.0 }).tick(1);
            assert_eq!((saved(&test).earned, test.gold("Ada")), (earned, earned));
        }
        test.expect(|progress: &v1::Progress| progress.earned == 20);
    }

    #[test]
    fn progress_waits_while_the_store_is_closed() {
        let mut test = beside_the_rat();
        test.close_store().tick(1);
        kill(&mut test);
        test.tick(100);
        assert_eq!(saved(&test).experience, 0);
        test.input(Input::ValueOpen { open: true }).tick(11);
        assert_eq!(saved(&test).experience, 5);
    }

    #[test]
    fn who_enters_or_comes_back_is_told_how_far_it_has_come() {
        let mut test = beside_the_rat();
        kill(&mut test);
        test.leave("Ada").tick(1).player("Ada");
        assert_eq!(test.received::<v1::Progress>().last().unwrap().experience, 5);
        let (character, session) = (test.character("Ada"), test.session("Ada"));
        let before = test.received::<v1::Progress>().len();
        test.input(Input::Attach { character, session }).tick(1);
        assert_eq!(test.received::<v1::Progress>().len(), before + 1);
        assert_eq!(test.received::<Entered>().len(), before + 1);
    }

    #[test]
    fn progress_of_another_version_is_given_back_as_it_was_after_a_journey_too() {
        let newer = Saved::new(SAVE_VERSION + 1, &(1_000_u64, 50_u64, 7_u32));
        let mut test = beside_the_rat();
        test.leave("Ada").tick(1);
        let (id, session) = (test.character("Ada"), test.session("Ada"));
        let character = CharacterRecord {
            id,
            account: AccountId(1),
            name: "Ada".to_owned(),
            rank: Rank::Player,
            place: None,
            modules: [("progress".to_owned(), newer.clone())].into(),
            items: Vec::new(),
            gold: 0,
        };
        test.input(Input::Enter { session, character: Box::new(character) }).tick(1);
        assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
        test.travel("Ada", "cellar");
        assert_eq!(test.zone_of("Ada"), Some("cellar".to_owned()));
        kill(&mut test);
        test.tick(1).leave("Ada").tick(1);
        assert_eq!(test.saved("Ada").unwrap().modules.get("progress"), Some(newer));
    }
}
