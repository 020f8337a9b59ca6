//! Letters that have arrived: to a zone of ours, to a character, to everyone.

use super::Game;
use super::travel::Arrival;
use crate::directory::{Offline, Online};
use crate::ids::{CharacterId, ZoneName};
use crate::post::{Address, Envelope, Letter, Route};

impl Game {
    /// Letters come from other servers, maybe of another version: one that isn't understood is dropped with a line
    /// in the log.
    pub(super) fn letter(&mut self, letter: &Envelope) {
        let sound = match &letter.to {
            Address::Zone(zone) => self.letter_to_zone(zone, letter),
            Address::Character(character) => self.letter_to_character(*character, letter),
            Address::Everyone => {
                let desk = &mut self.desk;
                let each = self.zones.iter_mut();
                each.fold(true, |sound, zone| {
                    sound & zone.letter(desk, &letter.kind, None, &letter.body)
                })
            }
        };
        if !sound {
            tracing::warn!(kind = %letter.kind, "a letter is not what its kind says; dropped");
        }
    }

    fn letter_to_zone(&mut self, zone: &ZoneName, letter: &Envelope) -> bool {
        let body = &letter.body;
        match letter.kind.as_str() {
            Arrival::KIND => {
                let arrival = postcard::from_bytes::<Arrival>(body);
                arrival.map(|arrival| self.take_in(arrival.character)).is_ok()
            }
            Online::KIND => {
                let online = postcard::from_bytes::<Online>(body);
                let tick = self.desk.tick;
                online.map(|online| self.desk.directory.online(online, tick)).is_ok()
            }
            Offline::KIND => {
                let offline = postcard::from_bytes::<Offline>(body);
                offline.map(|offline| self.desk.directory.offline(&offline)).is_ok()
            }
            kind => {
                let Some(index) = self.zone_index(zone) else {
                    return true;
                };
                self.desk.table.knows_letter(kind)
                    && self.zones[index].letter(&mut self.desk, kind, None, body)
            }
        }
    }

    /// To a character here, at once or when it has arrived in its zone, or, when the realm runs here, on to the server
    /// that it is on. A letter that was already sent on isn't sent on again: two directories that disagree would play
    /// ball with it.
    fn letter_to_character(&mut self, character: CharacterId, letter: &Envelope) -> bool {
        if let Some(at) = self.desk.here.get(character).copied() {
            let zone = &mut self.zones[at.zone];
            return zone.letter(&mut self.desk, &letter.kind, Some(at.player), &letter.body);
        }
        if let Some(traveler) = self.travelers.get_mut(&character) {
            traveler.keep(letter.clone());
            return true;
        }
        let addressed_to_realm = letter.route == Route::Zone(ZoneName::realm());
        if addressed_to_realm && let Some(entry) = self.desk.directory.get(character) {
            let route = Route::Node(entry.node.clone());
            self.desk.letters.push(Envelope { route, ..letter.clone() });
        }
        true
    }
}
