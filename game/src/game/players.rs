//! Characters coming into the world, changing hands, and leaving it.

use protocol::v1::Entered;

use super::Game;
use crate::desk::Whereabouts;
use crate::directory::{Offline, Online};
use crate::ids::{CharacterId, PlayerId, SessionId, ZoneName};
use crate::module::Attached;
use crate::player::Player;
use crate::post::Address;
use crate::publication::Order;
use crate::record::{CharacterRecord, CharacterSave, Place};
use crate::space::{Heading, Position};
use crate::value::Inventory;
use crate::zone::Spawn;

impl Game {
    pub(super) fn enter(&mut self, session: SessionId, record: CharacterRecord) {
        let character = record.id;
        if self.is_in_world(character) {
            self.attach(character, session);
            return;
        }
        let content = &self.desk.content;
        // A zone that the content has no more must not lock its characters out: they begin at the start.
        let known = |place: &&Place| content.zone(&place.zone).is_some();
        let place = record.place.as_ref().filter(known);
        let zone = place.map_or_else(|| content.start_zone(), |place| &place.zone);
        let problem = match self.zone_index(zone) {
            None => Some("the character's zone does not run on this server"),
            Some(index) => {
                let admitted = self.admit(index, Some(session), record);
                (!admitted).then_some("the character's zone is full")
            }
        };
        if let Some(problem) = problem {
            self.desk.orders.push(Order::EnterFailed {
                character,
                session,
                message: problem.to_owned(),
            });
        }
    }

    fn is_in_world(&self, character: CharacterId) -> bool {
        self.desk.here.contains(character) || self.travelers.contains_key(&character)
    }

    /// Puts a character into a zone, at its place if that can be stood on, else at the zone's start. False if the
    /// zone is full.
    pub(super) fn admit(
        &mut self,
        index: usize,
        session: Option<SessionId>,
        record: CharacterRecord,
    ) -> bool {
        let (zone, desk) = (&mut self.zones[index], &mut self.desk);
        let Some(map) = zone.state.map.clone() else {
            return false;
        };
        let saved = record.place.as_ref().filter(|place| place.zone == zone.state.name);
        let position = saved.map(|place| Position { x: place.x, y: place.y });
        let position = position
            .filter(|position| map.walkable(*position))
            .unwrap_or_else(|| desk.content.start_position(&zone.state.name, record.id.0));
        let heading = Heading(saved.map_or(0, |place| place.heading));
        let content = std::sync::Arc::clone(&desk.content);
        let player = content.player();
        let spawn = Spawn::player(&record.name, player.hp, position, heading);
        let Ok(entity) = zone.state.entities.spawn(spawn) else {
            return false;
        };
        let id = PlayerId(entity);
        let inventory = Inventory::new(player.inventory_slots, record.items, record.gold, |name| {
            content.item(name).is_some()
        });
        if inventory.quarantined().count() > 0 {
            let items = inventory.quarantined().count();
            tracing::warn!(character = %record.id, items, "items of unknown templates are set aside");
        }
        zone.state.players.insert(Player {
            id,
            character: record.id,
            account: record.account,
            name: record.name,
            rank: record.rank,
            session,
            inventory,
            reading_mailbox: None,
            saved_hash: 0,
            buckets: desk.absent_rates.take(record.account),
        });
        desk.arrived(record.id, Whereabouts { zone: index, player: id, session });
        zone.enter(desk, id, &record.modules);
        if let Some(session) = session {
            self.show(record.id, session);
        }
        self.announce(record.id);
        true
    }

    /// From now on `session` sees through the character's eyes: it is told where that is, what it owns, and all around.
    fn show(&mut self, character: CharacterId, session: SessionId) {
        let Some(at) = self.desk.here.get_mut(character) else {
            return;
        };
        at.session = Some(session);
        let at = *at;
        self.sessions.insert(session, character);
        let zone = &mut self.zones[at.zone];
        let state = &mut zone.state;
        let (Some(player), Some(map)) = (state.players.get_mut(at.player.entity()), &state.map)
        else {
            return;
        };
        player.session = Some(session);
        let settings = &self.desk.settings;
        let entered = Entered {
            character: character.0,
            entity: at.player.entity().0,
            zone: state.name.to_string(),
            tick: self.desk.tick,
            tick_ms: settings.tick_ms(),
            width: map.width_cm().unsigned_abs(),
            height: map.height_cm().unsigned_abs(),
            cell_size: settings.cell_size,
            max_speed: self.desk.content.player().speed_cm_s.unsigned_abs(),
        };
        self.desk.out.frame(session, 0, &entered);
        self.desk.out.frame(session, 0, &player.inventory.to_message());
        state.visibility.add_viewer(session, at.player.entity());
        zone.tell(&mut self.desk, Attached { player: at.player });
    }

    /// A character that isn't in the world any more is left alone: its `Left` is on its way.
    pub(super) fn attach(&mut self, character: CharacterId, session: SessionId) {
        self.detach(character);
        if let Some(traveler) = self.travelers.get_mut(&character) {
            traveler.session = Some(session);
            self.sessions.insert(session, character);
        } else {
            self.show(character, session);
        }
    }

    /// The character loses its eyes and stands still. What its session has asked for and isn't answered is nobody's
    /// request from here on.
    pub(super) fn detach(&mut self, character: CharacterId) {
        if let Some(traveler) = self.travelers.get_mut(&character) {
            if let Some(session) = traveler.session.take() {
                self.sessions.remove(session);
            }
            return;
        }
        let Some(at) = self.desk.here.get_mut(character) else {
            return;
        };
        let Some(session) = at.session.take() else {
            return;
        };
        let at = *at;
        self.sessions.remove(session);
        let state = &mut self.zones[at.zone].state;
        state.visibility.remove_viewer(session);
        let entity = at.player.entity();
        if let Some(player) = state.players.get_mut(entity) {
            player.session = None;
            player.reading_mailbox = None;
            player.inventory.forget_request();
        }
        if let Some(body) = state.entities.get_mut(entity) {
            body.set_motion(body.heading(), 0);
        }
    }

    pub(super) fn leave(&mut self, character: CharacterId) {
        if !self.is_in_world(character) {
            return;
        }
        let session = self.session_of(character);
        // A traveler's save went into the commit of the tick in which it set out.
        if self.travelers.remove(&character).is_none() {
            self.take_out(character);
        }
        if let Some(session) = session {
            self.sessions.remove(session);
        }
        self.desk.travels.retain(|travel| travel.character != character);
        let node = self.desk.settings.node.clone();
        self.presence_ended(Offline { character, node });
        self.desk.orders.push(Order::Left { character, session });
    }

    pub(super) fn session_of(&self, character: CharacterId) -> Option<SessionId> {
        let here = self.desk.here.get(character).and_then(|at| at.session);
        here.or_else(|| self.travelers.get(&character).and_then(|traveler| traveler.session))
    }

    /// Takes a character out of its zone, saved as it stood there. What it was is returned as a record.
    pub(super) fn take_out(&mut self, character: CharacterId) -> Option<CharacterRecord> {
        let at = self.desk.here.get(character).copied()?;
        let zone = &mut self.zones[at.zone];
        zone.leave(&mut self.desk, at.player);
        let place = zone.save(&mut self.desk, at.player, &mut self.sheet)?;
        let modules = self.sheet.pages();
        self.desk.departed(character);
        if let Some(session) = at.session {
            zone.state.visibility.remove_viewer(session);
        }
        let entity = at.player.entity();
        let player = zone.state.players.remove(entity)?;
        zone.state.entities.despawn(entity);
        let (tick, tick_ms) = (self.desk.tick, self.tick_ms());
        self.desk.absent_rates.keep(player.account, player.buckets, tick, tick_ms);
        let save = CharacterSave { character, place: place.clone(), modules: modules.clone() };
        self.desk.saves.push(save);
        Some(CharacterRecord {
            id: character,
            account: player.account,
            name: player.name,
            rank: player.rank,
            place: Some(place),
            modules: modules.to_map(),
            gold: player.inventory.gold(),
            items: player.inventory.into_items(),
        })
    }

    /// Announces each character to the realm now and then, some in each tick, and forgets those of whom nothing was
    /// heard, and what nobody's rates need any more.
    pub(super) fn keep_presence(&mut self) {
        let tick_ms = self.desk.settings.tick_ms();
        let tick = self.desk.tick;
        let mut last = None;
        while let Some(character) = self.desk.presence.next(tick, last) {
            self.announce(character);
            last = Some(character);
        }
        if !tick.is_multiple_of(u64::from(1000 / tick_ms).max(1)) {
            return;
        }
        self.desk.absent_rates.sweep(tick);
        if self.desk.settings.realm {
            self.desk.directory.sweep(tick, tick_ms);
        }
    }

    fn announce(&mut self, character: CharacterId) {
        let Some(at) = self.desk.here.get(character) else {
            return;
        };
        let state = &self.zones[at.zone].state;
        let Some(player) = state.players.get(at.player.entity()) else {
            return;
        };
        let (name, node) = (player.name.as_str(), self.desk.settings.node.as_str());
        let now = (name, state.name.as_str(), node);
        if self.desk.settings.realm && self.desk.directory.still(character, now, self.desk.tick) {
            return;
        }
        let online = Online {
            character,
            name: player.name.clone(),
            zone: state.name.to_string(),
            node: self.desk.settings.node.clone(),
        };
        if self.desk.settings.realm {
            self.desk.directory.online(online, self.desk.tick);
        } else {
            self.desk.post(Address::Zone(ZoneName::realm()), &online);
        }
    }

    fn presence_ended(&mut self, offline: Offline) {
        if self.desk.settings.realm {
            self.desk.directory.offline(&offline);
        } else {
            self.desk.post(Address::Zone(ZoneName::realm()), &offline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountId, Rank};
    use crate::input::Input;
    use crate::testing::GameTest;

    #[test]
    fn who_was_in_a_zone_that_is_no_more_begins_at_the_start() {
        let mut test = GameTest::new();
        for (id, zone) in [(7, "atlantis"), (8, "realm")] {
            let character = CharacterRecord {
                id: CharacterId(id),
                account: AccountId(id),
                name: format!("Ada{id}"),
                rank: Rank::Player,
                place: Some(Place { zone: ZoneName::new(zone), x: 1, y: 1, heading: 0 }),
                modules: std::collections::BTreeMap::new(),
                items: Vec::new(),
                gold: 0,
            };
            let (session, character) = (SessionId(id), Box::new(character));
            test.input(Input::Enter { session, character }).tick(1);
            let (zone, _) = test.game().find(CharacterId(id)).unwrap();
            assert_eq!(zone.as_str(), "field");
        }
    }
}
