//! Who is online and on which server, kept by the realm zone. Servers announce their characters again and again, so
//! that a lost announcement heals; what isn't announced any more is forgotten.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::CharacterId;
use crate::post::{Letter, is_name};

/// How often a server announces each of its characters, in milliseconds.
pub const ANNOUNCE_MS: u32 = 10_000;
/// Silence after which a character counts as gone: three announcements.
const FORGET_MS: u32 = 3 * ANNOUNCE_MS;
/// Bytes that the directory takes at most, against a flood of announcements: some 400,000 characters.
const MAX_BYTES: usize = 128 << 20;
/// What an entry takes beside its names, in bytes: both maps, and what allocations cost.
const ENTRY_BYTES: usize = 256;

/// A server tells the realm that a character is in one of its zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Online {
    /// Who.
    pub character: CharacterId,
    /// Its name.
    pub name: String,
    /// In which zone.
    pub zone: String,
    /// On which server.
    pub node: String,
}

impl Letter for Online {
    const KIND: &'static str = "realm.online";
}

/// A server tells the realm that a character has left the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offline {
    /// Who.
    pub character: CharacterId,
    /// On which server it was.
    pub node: String,
}

impl Letter for Offline {
    const KIND: &'static str = "realm.offline";
}

/// A character that is somewhere in the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// In which zone.
    pub zone: String,
    /// On which server.
    pub node: String,
    /// When it was last announced.
    seen: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + 2 * self.name.len() + self.zone.len() + self.node.len()
    }
}

/// The characters that are online, by id and by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    entries: BTreeMap<CharacterId, Entry>,
    by_name: BTreeMap<String, CharacterId>,
    /// Of all entries.
    bytes: usize,
}

impl Directory {
    /// A character is still where it was announced last. False if the directory says something else of it.
    pub(crate) fn still(
        &mut self,
        character: CharacterId,
        (name, zone, node): (&str, &str, &str),
        tick: u64,
    ) -> bool {
        let entry = self.entries.get_mut(&character);
        let same =
            |entry: &&mut Entry| (&*entry.name, &*entry.zone, &*entry.node) == (name, zone, node);
        entry.filter(same).map(|entry| entry.seen = tick).is_some()
    }

    /// A server says where a character of its own is. A character, and its name, belong to the server that announced them
    /// first, until it signs them off or falls silent: no other one gets what is whispered to them. False if no server can
    /// say such a thing.
    pub(crate) fn online(&mut self, online: Online, tick: u64) -> bool {
        let Online { character, name, zone, node } = online;
        if ![&name, &zone, &node].into_iter().all(|name| is_name(name)) {
            return false;
        }
        let entry = Entry { name, zone, node, seen: tick };
        let namesake = self.find(&entry.name).map(|(character, _)| character);
        let mut known = [Some(character), namesake].into_iter().flatten();
        if known.any(|known| self.get(known).is_some_and(|known| known.node != entry.node)) {
            return true;
        }
        self.remove(character);
        namesake.into_iter().for_each(|namesake| self.remove(namesake));
        let bytes = self.bytes + entry.bytes();
        if bytes <= MAX_BYTES {
            self.bytes = bytes;
            self.by_name.insert(fold(&entry.name), character);
            self.entries.insert(character, entry);
        }
        true
    }

    /// Only the server that a character is on can sign it off: a late word of its former one must not.
    pub(crate) fn offline(&mut self, offline: &Offline) {
        let here =
            self.entries.get(&offline.character).is_some_and(|entry| entry.node == offline.node);
        if here {
            self.remove(offline.character);
        }
    }

    /// Forgets those of whom nothing was heard for long. Called once a second or so.
    pub(crate) fn sweep(&mut self, tick: u64, tick_ms: u32) {
        let age = |entry: &Entry| (tick - entry.seen).saturating_mul(u64::from(tick_ms));
        let silent = self.entries.iter().filter(|(_, entry)| age(entry) > u64::from(FORGET_MS));
        let silent: Vec<CharacterId> = silent.map(|(character, _)| *character).collect();
        for character in silent {
            self.remove(character);
        }
    }

    /// A character by id.
    #[must_use]
    pub fn get(&self, character: CharacterId) -> Option<&Entry> {
        self.entries.get(&character)
    }

    /// A character by name; case doesn't matter.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(CharacterId, &Entry)> {
        let character = *self.by_name.get(&fold(name))?;
        Some((character, self.entries.get(&character)?))
    }

    /// All characters, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> + '_ {
        self.by_name.values().filter_map(|character| self.entries.get(character))
    }

    /// How many are online.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nobody is online.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, character: CharacterId) {
        if let Some(entry) = self.entries.remove(&character) {
            self.bytes -= entry.bytes();
            let name = fold(&entry.name);
            if self.by_name.get(&name) == Some(&character) {
                self.by_name.remove(&name);
            }
        }
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn online(character: u64, name: &str, node: &str) -> Online {
        let (name, node) = (name.to_owned(), node.to_owned());
        Online { character: CharacterId(character), name, zone: "meadow".into(), node }
    }

    #[test]
    fn a_character_belongs_to_its_server_until_that_signs_it_off_or_falls_silent() {
        let mut directory = Directory::default();
        directory.online(online(1, "Ada", "1"), 0);
        for taken in [online(1, "Ada", "2"), online(2, "ada", "2"), online(1, "Eve", "2")] {
            assert!(directory.online(taken, 5));
            assert_eq!(directory.find("ADA").unwrap().1.node, "1");
            assert_eq!((directory.len(), directory.by_name.len()), (1, 1));
        }
        directory.sweep(301, 100);
        directory.online(online(1, "Ada", "2"), 302);
        assert_eq!(directory.find("ada").unwrap().1.node, "2");
        directory.offline(&Offline { character: CharacterId(1), node: "2".into() });
        directory.online(online(1, "Ada", "1"), 303);
        assert_eq!(directory.find("ada").unwrap().1.node, "1");
    }

    #[test]
    fn one_character_under_ever_new_names_takes_the_room_of_one() {
        let mut directory = Directory::default();
        for number in 0..1000 {
            directory.online(online(1, &format!("Ada{number}"), "1"), number);
        }
        assert_eq!((directory.len(), directory.by_name.len()), (1, 1));
        assert_eq!(directory.bytes, directory.get(CharacterId(1)).unwrap().bytes());
        assert!(!directory.online(online(2, &"n".repeat(65), "1"), 0), "no name is so long");
        assert!(!directory.online(online(2, "\u{202e}adA", "1"), 0), "nor turns text round");
    }

    #[test]
    fn a_full_directory_takes_nobody_in_until_somebody_has_left() {
        let mut directory =
            Directory { bytes: MAX_BYTES - ENTRY_BYTES - 64, ..Directory::default() };
        directory.online(online(1, "Ada", "1"), 0);
        directory.online(online(2, "Bob", "1"), 0);
        assert_eq!((directory.len(), directory.by_name.len()), (1, 1));
        directory.offline(&Offline { character: CharacterId(1), node: "1".into() });
        directory.online(online(2, "Bob", "1"), 0);
        assert!(directory.find("bob").is_some());
    }

    #[test]
    fn a_late_sign_off_of_the_former_server_is_ignored() {
        let mut directory = Directory::default();
        directory.online(online(1, "Ada", "2"), 5);
        directory.offline(&Offline { character: CharacterId(1), node: "1".into() });
        assert_eq!(directory.find("ada").unwrap().1.node, "2");
        directory.offline(&Offline { character: CharacterId(1), node: "2".into() });
        assert!(directory.is_empty());
    }

    #[test]
    fn a_character_that_is_announced_no_more_is_forgotten() {
        let mut directory = Directory::default();
        directory.online(online(1, "Ada", "1"), 0);
        directory.online(online(2, "Bob", "1"), 200);
        directory.sweep(301, 100);
        assert_eq!(directory.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["Bob"]);
    }
}
