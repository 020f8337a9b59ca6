//! What the database says of the world, and what an operation has made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use game::modules::progress::Record;
use game::record::Saved;
use rusqlite::{Connection, Row};
use tests::database::open_file;

use super::player::Holding;

/// Everything of value and what it has earned, as one snapshot of the database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    characters: BTreeMap<i64, String>,
    items: BTreeMap<i64, Item>,
    /// Gold, by whoever has it.
    gold: BTreeMap<String, i64>,
    letters: BTreeMap<i64, String>,
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
    pub(crate) fn read(database: &Path) -> Self {
        let database = open_file(database).unwrap();
        database.execute_batch("BEGIN").unwrap();
        let characters: BTreeMap<i64, (String, i64)> =
            all(&database, "SELECT id, name, gold FROM characters", |row| {
                Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))
            });
        let name =
            |id: i64| characters.get(&id).map_or_else(|| "nobody".to_owned(), |it| it.0.clone());
        let letters: BTreeMap<i64, (String, i64)> =
            all(&database, "SELECT id, recipient, gold FROM mail", |row| {
                Ok((row.get(0)?, (format!("a letter to {}", name(row.get(1)?)), row.get(2)?)))
            });
        let owner = |row: &Row<'_>| -> rusqlite::Result<String> {
            let (character, letter): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
            let letter = letter.and_then(|letter| letters.get(&letter));
            Ok(match (character, letter) {
                (Some(character), _) => name(character),
                (None, Some(letter)) => letter.0.clone(),
                (None, None) => "the ground".to_owned(),
            })
        };
        let sql = "SELECT id, owner_character, owner_mail, template, quantity FROM items";
        let items = all(&database, sql, |row| {
            let (owner, template, quantity) = (owner(row)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, Item { owner, template, quantity }))
        });
        let mut gold: BTreeMap<String, i64> = BTreeMap::new();
        for (owner, amount) in characters.values().chain(letters.values()) {
            *gold.entry(owner.clone()).or_default() += amount;
        }
        let earned = records(&database).into_iter();
        let earned = earned.map(|(id, record)| (name(id), record.earned.cast_signed())).collect();
        Self {
            earned,
            characters: characters.into_iter().map(|(id, (name, _))| (id, name)).collect(),
            items,
            gold,
            letters: letters.into_iter().map(|(id, (letter, _))| (id, letter)).collect(),
        }
    }

    /// What a character owns here.
    pub(crate) fn holding(&self, name: &str) -> Holding {
        let owned = self.items.iter().filter(|(_, item)| item.owner == name);
        let items =
            owned.map(|(id, item)| (id.cast_unsigned(), (item.template.clone(), item.quantity)));
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

fn all<T: FromIterator<(i64, V)>, V>(
    database: &Connection,
    sql: &str,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<(i64, V)>,
) -> T {
    let mut query = database.prepare(sql).unwrap();
    query.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Everybody's progress.
fn records(database: &Connection) -> BTreeMap<i64, Record> {
    let sql = "SELECT character, version, bytes FROM character_modules WHERE module = 'progress'";
    let saved: BTreeMap<i64, Saved> = all(database, sql, |row| {
        Ok((row.get(0)?, Saved { version: row.get(1)?, bytes: row.get(2)? }))
    });
    saved.into_iter().map(|(id, saved)| (id, Record::read(&saved).unwrap())).collect()
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
