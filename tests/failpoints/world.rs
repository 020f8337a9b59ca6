//! What the database says of the world, and what an operation has made of it.

use std::collections::{BTreeMap, BTreeSet};

use game::modules::progress::Record;
use game::record::Saved;
use tests::database::{Location, Row};

use super::player::Holding;

/// Everything of value and what it has earned, as one snapshot of the database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    characters: BTreeMap<u64, String>,
    items: BTreeMap<u64, Item>,
    /// Gold, by whoever has it.
    gold: BTreeMap<String, i64>,
    letters: BTreeMap<u64, String>,
    /// All that shops ever paid, by the progress of whom they paid.
    earned: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    owner: String,
    template: String,
    quantity: u32,
}

impl World {
    pub(crate) fn read(location: &Location) -> Self {
        let mut database = location.open_as_one_moment().unwrap();
        let mut all = |sql: &str| database.rows(sql).unwrap();
        let id = |row: &Row| row.id(0).unwrap();
        let amount = |row: &Row, column| row.number(column).unwrap();
        let characters = all("SELECT id, name, gold FROM characters");
        let names = characters.iter().map(|row| (id(row), row.text(1).unwrap().to_owned()));
        let names: BTreeMap<u64, String> = names.collect();
        let name = |id: u64| names.get(&id).map_or("nobody", String::as_str).to_owned();
        let mail = all("SELECT id, recipient, gold FROM mail");
        let letter = |row: &Row| (id(row), format!("a letter to {}", name(row.id(1).unwrap())));
        let letters: BTreeMap<u64, String> = mail.iter().map(letter).collect();
        let owner = |row: &Row| {
            let (character, letter) = (row.optional_id(1).unwrap(), row.optional_id(2).unwrap());
            let letter = letter.and_then(|letter| letters.get(&letter).cloned());
            character.map(name).or(letter).unwrap_or_else(|| "the ground".to_owned())
        };
        let item = |row: &Row| {
            let (owner, template) = (owner(row), row.text(3).unwrap().to_owned());
            (id(row), Item { owner, template, quantity: amount(row, 4).try_into().unwrap() })
        };
        let items = all("SELECT id, owner_character, owner_mail, template, quantity FROM items");
        let items = items.iter().map(item).collect();
        let purses = characters.iter().map(|row| (name(id(row)), amount(row, 2)));
        let mut gold: BTreeMap<String, i64> = BTreeMap::new();
        for (owner, amount) in
            purses.chain(mail.iter().map(|row| (letters[&id(row)].clone(), amount(row, 2))))
        {
            *gold.entry(owner).or_default() += amount;
        }
        let saved = all(
            "SELECT character, version, bytes FROM character_modules WHERE module = 'progress'",
        );
        let earned = |row: &Row| {
            let version = amount(row, 1).try_into().unwrap();
            let record = Record::read(&Saved { version, bytes: row.bytes(2).unwrap().to_vec() });
            (name(id(row)), record.unwrap().earned.cast_signed())
        };
        let earned = saved.iter().map(earned).collect();
        Self { characters: names, items, gold, letters, earned }
    }

    /// What a character owns here.
    pub(crate) fn holding(&self, name: &str) -> Holding {
        let owned = self.items.iter().filter(|(_, item)| item.owner == name);
        let items = owned.map(|(id, item)| (*id, (item.template.clone(), item.quantity)));
        let gold = self.gold.get(name).copied().unwrap_or_default();
        Holding { items: items.collect(), gold: gold.cast_unsigned() }
    }

    /// What has happened between `self` and `later`, in words without ids, so that the same operation always comes to
    /// the same list.
    pub(crate) fn changes(&self, later: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let mut note = |before: Option<String>, after: Option<String>| {
            if before != after {
                let or_nothing = |it: Option<String>| it.unwrap_or_else(|| "nothing".to_owned());
                changes.push(format!("{} -> {}", or_nothing(before), or_nothing(after)));
            }
        };
        pairs(&self.characters, &later.characters, |before, after| {
            note(before.cloned(), after.cloned());
        });
        pairs(&self.letters, &later.letters, |before, after| note(before.cloned(), after.cloned()));
        let said = |item: &Item| format!("{} {} of {}", item.quantity, item.template, item.owner);
        pairs(&self.items, &later.items, |before, after| note(before.map(said), after.map(said)));
        changes.extend(sums("gold", &self.gold, &later.gold));
        changes.extend(sums("earned", &self.earned, &later.earned));
        changes.sort();
        changes
    }
}

/// Whose sum is another one now, and by how much.
fn sums(what: &str, before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> Vec<String> {
    let owners: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let more = |owner: &String| {
        let of = |sums: &BTreeMap<String, i64>| sums.get(owner).copied().unwrap_or_default();
        (owner.clone(), of(after) - of(before))
    };
    let changed = owners.into_iter().map(more).filter(|(_, more)| *more != 0);
    changed.map(|(owner, more)| format!("{owner}: {more:+} {what}")).collect()
}

/// Each key that is in one of the two, with what both say.
fn pairs<K: Ord, V>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    mut each: impl FnMut(Option<&V>, Option<&V>),
) {
    for (key, value) in before {
        each(Some(value), after.get(key));
    }
    for (_, value) in after.iter().filter(|(key, _)| !before.contains_key(key)) {
        each(None, Some(value));
    }
}
