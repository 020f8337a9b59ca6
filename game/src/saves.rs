//! The saves that a tick's commit takes along: of each character the last one.

use crate::ids::CharacterId;
use crate::record::CharacterSave;

/// Saves since the last commit.
#[derive(Debug, Default)]
pub(crate) struct Saves {
    /// In the order in which they were made; the last of a character is the one that counts.
    made: Vec<CharacterSave>,
}

impl Saves {
    /// Takes the place of what was saved of the same character before.
    pub(crate) fn push(&mut self, save: CharacterSave) {
        self.made.push(save);
    }

    /// What was saved of a character, to change it.
    pub(crate) fn get_mut(&mut self, character: CharacterId) -> Option<&mut CharacterSave> {
        self.made.iter_mut().rfind(|save| save.character == character)
    }

    /// Nothing of this character is saved.
    pub(crate) fn remove(&mut self, character: CharacterId) {
        self.made.retain(|save| save.character != character);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// One save of each character, by their numbers. There are about as many next time.
    pub(crate) fn take(&mut self) -> Vec<CharacterSave> {
        let room = Vec::with_capacity(self.made.len());
        let mut saves = std::mem::replace(&mut self.made, room);
        // Stable: of one character's, the last stays the last.
        saves.sort_by_key(|save| save.character);
        saves.dedup_by(|later, earlier| {
            let same = later.character == earlier.character;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        saves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ZoneName;
    use crate::record::{Pages, Place};

    fn save(id: u64, x: i32) -> CharacterSave {
        let place = Place { zone: ZoneName::new("field"), x, y: 0, heading: 0 };
        CharacterSave { character: CharacterId(id), place, modules: Pages::default() }
    }

    fn taken(saves: &mut Saves) -> Vec<(u64, i32)> {
        saves.take().into_iter().map(|save| (save.character.0, save.place.x)).collect()
    }

    #[test]
    fn of_each_character_the_last_save_is_taken_in_the_order_of_numbers() {
        let mut saves = Saves::default();
        for (id, x) in [(7, 1), (3, 1), (7, 2), (5, 1), (7, 3), (3, 2)] {
            saves.push(save(id, x));
        }
        saves.get_mut(CharacterId(7)).unwrap().place.x = 4;
        saves.remove(CharacterId(5));
        assert_eq!(taken(&mut saves), [(3, 2), (7, 4)]);
        assert!(saves.is_empty() && saves.get_mut(CharacterId(7)).is_none());
    }
}
