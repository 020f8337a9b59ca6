//! Letters that have arrived: to a zone of ours, to a character, to everyone.

use super::Game;
use super::travel::Arrival;
use crate::desk::Origin;
use crate::directory::{Offline, Online};
use crate::ids::{CharacterId, ZoneName};
use crate::post::{Address, Envelope, LOST, Letter, Route};

impl Game {
    /// Letters come from other servers, maybe of another version: one that isn't understood, or that no server may send,
    /// is dropped with a line in the log.
    pub(super) fn letter(&mut self, letter: &Envelope, origin: Origin) {
        self.desk.origin = origin;
        let sound = match &letter.to {
            Address::Zone(zone) => self.letter_to_zone(zone, letter),
            Address::Character(character) => self.letter_to_character(*character, letter),
            Address::Everyone if letter.kind.ends_with(LOST) => false,
            Address::Everyone => {
                let desk = &mut self.desk;
                let each = self.zones.iter_mut();
                each.fold(true, |sound, zone| {
                    sound & zone.letter(desk, &letter.kind, None, &letter.body)
                })
            }
        };
        self.desk.origin = Origin::Here;
        if !sound {
            self.desk.note_unsound(&letter.kind);
        }
    }

    /// The sender of a letter that the bus had no room for is told, if it waits for an answer.
    pub(super) fn undelivered(&mut self, letter: &Envelope) {
        let kind = format!("{}{LOST}", letter.kind);
        if self.desk.table.knows_letter(&kind) {
            for zone in &mut self.zones {
                zone.letter(&mut self.desk, &kind, None, &letter.body);
            }
        }
    }

    fn letter_to_zone(&mut self, zone: &ZoneName, letter: &Envelope) -> bool {
        let body = &letter.body;
        // Who is here is known here: another server speaks of its own characters alone.
        let speaks_of_us =
            |node: &str| self.desk.origin == Origin::Outside && node == self.desk.settings.node;
        match letter.kind.as_str() {
            Arrival::KIND => {
                let arrival = postcard::from_bytes::<Arrival>(body);
                let own = self.desk.origin == Origin::Here;
                own && arrival.map(|arrival| self.take_in(arrival.character)).is_ok()
            }
            Online::KIND => {
                let online = postcard::from_bytes::<Online>(body);
                let sound = online.ok().filter(|online| !speaks_of_us(&online.node));
                let tick = self.desk.tick;
                sound.is_some_and(|online| self.desk.directory.online(online, tick))
            }
            Offline::KIND => {
                let offline = postcard::from_bytes::<Offline>(body);
                let sound = offline.ok().filter(|offline| !speaks_of_us(&offline.node));
                sound.map(|offline| self.desk.directory.offline(&offline)).is_some()
            }
            kind if kind.ends_with(LOST) => false,
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
        if letter.kind.ends_with(LOST) {
            return false;
        }
        if let Some(at) = self.desk.here.get(character).copied() {
            let zone = &mut self.zones[at.zone];
            return zone.letter(&mut self.desk, &letter.kind, Some(at.player), &letter.body);
        }
        if let Some(traveler) = self.travelers.get_mut(&character) {
            traveler.keep(letter.clone(), self.desk.origin);
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
