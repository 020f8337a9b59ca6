//! From one zone to another. A traveler belongs to neither: the game keeps it, and the letter that announces it to
//! its new zone is only a hint. If the hint is lost, the traveler is back where it set out.

use protocol::v1::Refusal;
use serde::{Deserialize, Serialize};

use super::Game;
use crate::desk::{Origin, Travel};
use crate::ids::{CharacterId, SessionId};
use crate::module::Refuse;
use crate::post::{Address, Envelope, Letter};
use crate::record::{CharacterRecord, Place};

/// How long a traveler waits for its new zone to hear of it, in milliseconds. A letter within a process takes a tick.
const PATIENCE_MS: u32 = 5_000;
/// Letters that wait for one traveler: far more than anybody is written in the tick or two that a way takes. Those
/// beyond are lost, as any letter may be.
const MAX_LETTERS: usize = 64;

/// A character between two zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Traveler {
    pub(crate) session: Option<SessionId>,
    /// Its place is where it goes.
    pub(super) record: CharacterRecord,
    /// Where it goes if nobody takes it in.
    home: Place,
    since: u64,
    /// What was written to it meanwhile, for when it has arrived.
    letters: Vec<(Envelope, Origin)>,
}

impl Traveler {
    /// Keeps a letter until the traveler has arrived.
    pub(super) fn keep(&mut self, letter: Envelope, origin: Origin) {
        if self.letters.len() < MAX_LETTERS {
            self.letters.push((letter, origin));
        }
    }
}

/// Tells a zone that a traveler waits to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrival {
    pub(super) character: CharacterId,
}

impl Letter for Arrival {
    const KIND: &'static str = "zone.arrival";
}

impl Game {
    /// Starts the journeys of this tick and brings home those of whom nothing was heard.
    pub(super) fn carry_travelers(&mut self) {
        for travel in std::mem::take(&mut self.desk.travels) {
            self.set_out(travel);
        }
        let patience = u64::from(PATIENCE_MS / self.desk.settings.tick_ms());
        let tick = self.desk.tick;
        let lost = self.travelers.iter().filter(|(_, traveler)| tick - traveler.since > patience);
        let lost: Vec<CharacterId> = lost.map(|(character, _)| *character).collect();
        for character in lost {
            tracing::warn!(%character, "a traveler was not taken in and goes home");
            if let Some(traveler) = self.travelers.get_mut(&character) {
                traveler.record.place = Some(traveler.home.clone());
                // If it finds no room there either, it tries again after as long.
                traveler.since = tick;
            }
            self.take_in(character);
        }
    }

    fn set_out(&mut self, travel: Travel) {
        let Some(at) = self.desk.here.get(travel.character).copied() else {
            return;
        };
        let target = self.zone_index(&travel.zone);
        // The realm is a zone by name, but nobody can stand in it.
        let target = target.filter(|index| !self.zones[*index].state.is_realm());
        let Some(target) = target else {
            if let Some(session) = at.session {
                let message = format!("the way to {} is closed", travel.zone);
                let refuse = Refuse::new(Refusal::ZoneUnavailable, message);
                self.desk.refuse(session, 0, refuse);
            }
            return;
        };
        let start = || self.desk.content.start_position(&travel.zone, travel.character.0);
        let to = travel.position.unwrap_or_else(start);
        if target == at.zone {
            // An earlier journey that waits for the database is over with this one.
            self.desk.travels.retain(|waiting| waiting.character != travel.character);
            let entities = &mut self.zones[target].state.entities;
            if let Some(entity) = entities.get_mut(at.player.entity()) {
                entity.set_position(to);
            }
            return;
        }
        if self.must_wait(&travel) {
            return;
        }
        let Some(mut record) = self.take_out(travel.character) else {
            return;
        };
        let Some(home) = record.place.take() else {
            return;
        };
        let place = Place { zone: travel.zone.clone(), x: to.x, y: to.y, heading: home.heading };
        // A crash from here on finds the character where it goes.
        if let Some(save) = self.desk.saves.get_mut(travel.character) {
            save.place = place.clone();
        }
        record.place = Some(place);
        let since = self.desk.tick;
        let traveler = Traveler { session: at.session, record, home, since, letters: Vec::new() };
        self.travelers.insert(travel.character, traveler);
        let arrival = Arrival { character: travel.character };
        self.desk.post(Address::Zone(travel.zone), &arrival);
    }

    /// What the database decides about must be found where it was asked, so who has asked sets out when it is
    /// decided. A mailbox is just looked into again: who has asked for it is told so.
    fn must_wait(&mut self, travel: &Travel) -> bool {
        let refuse = self.on_the_way();
        let Some(at) = self.desk.here.get(travel.character) else {
            return false;
        };
        let Some(player) = self.zones[at.zone].state.players.get_mut(at.player.entity()) else {
            return false;
        };
        if player.is_pending() {
            // Of two journeys that wait for the same decision the later one counts.
            self.desk.travels.retain(|waiting| waiting.character != travel.character);
            self.desk.travels.push(travel.clone());
            return true;
        }
        if let (Some(session), Some(request)) = (at.session, player.reading_mailbox.take()) {
            self.desk.refuse(session, request, refuse);
        }
        false
    }

    /// Between two zones there is nobody who could do anything.
    pub(super) fn on_the_way(&self) -> Refuse {
        Refuse::new(Refusal::Busy, "you are on the way to another zone").for_ms(self.tick_ms())
    }

    /// A traveler comes into the zone of its place, if it is still on its way.
    pub(super) fn take_in(&mut self, character: CharacterId) {
        let Some(traveler) = self.travelers.get(&character) else {
            return;
        };
        let place = traveler.record.place.as_ref().unwrap_or(&traveler.home);
        let Some(index) = self.zone_index(&place.zone) else {
            return;
        };
        let (session, record) = (traveler.session, traveler.record.clone());
        // A full zone leaves the traveler on its way, to try again at home.
        if self.admit(index, session, record)
            && let Some(traveler) = self.travelers.remove(&character)
        {
            traveler.letters.iter().for_each(|(letter, origin)| self.letter(letter, *origin));
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::v1::{Move, Refusal, SendMail};

    use crate::input::Input;
    use crate::modules::combat::Blow;
    use crate::testing::GameTest;

    /// Ada between two zones, on a way on which nobody takes her in.
    fn under_way() -> GameTest {
        let mut test = GameTest::new();
        test.player("Ada").tick(1).lose_letters(true);
        test.operator("teleport Ada cellar").tick(1);
        assert_eq!(test.zone_of("Ada"), None);
        test
    }

    #[test]
    fn what_a_traveler_asks_for_is_refused_with_its_request() {
        let mut test = under_way();
        test.request(7, Move::default()).tick(1);
        assert_eq!(test.refusals_by_request(), [(7, Refusal::Busy)]);
    }

    /// Ada in the field, with a letter to Bob that the database hasn't decided about, and a game master.
    fn pending() -> GameTest {
        let mut test = GameTest::new();
        test.player("Bob").master("Gil").player("Ada").give("coin", 5).tick(1).slow_database(true);
        let items = vec![test.items("Ada")[0].0];
        let letter = SendMail { to: "Bob".into(), items, ..SendMail::default() };
        test.send(letter).tick(1);
        assert!(test.pending_operation("Ada").is_some());
        test
    }

    fn walk(test: &mut GameTest, heading: u32, walking: bool, ticks: u64) {
        test.act_as("Ada").send(Move { heading, walking, sequence: 1 }).tick(ticks);
    }

    #[test]
    fn a_player_that_has_left_the_portal_when_the_database_answers_stays() {
        let mut test = pending();
        test.place("Ada", test.portal("field", "cellar"));
        walk(&mut test, 0, true, 2);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("field"), "it waits");
        walk(&mut test, 32_768, true, 60);
        walk(&mut test, 32_768, false, 1);
        test.slow_database(false).tick(10);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("field"));
    }

    #[test]
    fn a_player_that_is_still_in_the_portal_when_the_database_answers_goes() {
        for walking in [true, false] {
            let mut test = pending();
            test.place("Ada", test.portal("field", "cellar"));
            walk(&mut test, 0, true, 1);
            walk(&mut test, 0, walking, 1);
            test.slow_database(false).tick(5);
            assert_eq!(test.zone_of("Ada").as_deref(), Some("cellar"), "walking: {walking}");
        }
    }

    #[test]
    fn a_player_that_dies_in_the_portal_while_the_database_decides_stays() {
        let mut test = pending();
        test.place("Ada", test.portal("field", "cellar"));
        walk(&mut test, 0, true, 1);
        let me = test.entity("Ada").id();
        test.emit(Blow { attacker: me, target: me, strength: 100_000 }).tick(1);
        test.slow_database(false).tick(10);
        assert_eq!((test.zone_of("Ada").as_deref(), test.entity("Ada").hp()), (Some("field"), 0));
    }

    #[test]
    fn a_game_masters_command_counts_and_not_the_portal_that_was_stepped_into_before() {
        let mut test = pending();
        test.place("Ada", test.portal("field", "cellar"));
        walk(&mut test, 0, true, 2);
        test.act_as("Gil").command("teleport Ada 9000 9000").tick(1);
        walk(&mut test, 0, false, 1);
        test.slow_database(false).tick(10);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("field"));
    }

    #[test]
    fn a_game_masters_journey_waits_for_the_database_and_the_last_command_counts() {
        let mut test = pending();
        test.act_as("Gil").command("teleport Ada cellar").tick(3);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("field"), "it waits");
        test.command("teleport Ada field").tick(3).slow_database(false).tick(10);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("field"));

        let mut test = pending();
        test.act_as("Gil").command("teleport Ada cellar").tick(3);
        test.slow_database(false).tick(10);
        assert_eq!(test.zone_of("Ada").as_deref(), Some("cellar"));
    }

    #[test]
    fn who_leaves_while_traveling_is_saved_where_it_was_going() {
        let mut test = under_way();
        test.leave("Ada").tick(1);
        assert_eq!(test.population(), 0);
        test.lose_letters(false).player("Ada");
        assert_eq!(test.zone_of("Ada"), Some("cellar".to_owned()));
    }

    #[test]
    fn a_traveler_that_loses_its_session_arrives_without_one() {
        let mut test = under_way();
        let (character, session) = (test.character("Ada"), test.session("Ada"));
        test.input(Input::Detach { character }).tick(60);
        assert_eq!(test.zone_of("Ada"), Some("field".to_owned()));
        test.request(8, Move::default()).tick(1);
        assert_eq!(test.refusals_by_request(), [], "nobody listens");
        test.input(Input::Attach { character, session }).tick(1);
        assert!(test.game().player(character).is_some_and(|player| player.is_connected()));
    }
}
