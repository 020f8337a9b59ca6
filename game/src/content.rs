//! What the world is made of: zones with their maps, monsters, items, shops and what players start with, read from text
//! files that people write. Everything is checked here, so that the game never meets a thing that isn't there.

mod error;
mod items;
mod lookup;
mod map;
mod monsters;
mod name;
mod player;
mod shops;
mod source;
mod whole;
mod zones;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

pub use error::{ContentError, ContentErrors, ERRORS_SHOWN};
pub use items::ItemKind;
pub use monsters::{Drop, MonsterKind};
pub use name::NAME_CHARS;
pub use player::PlayerDefaults;
pub use shops::{Good, SHOP_GOODS, Shop};
pub use zones::{Portal, Spawn, ZONE_MONSTERS, ZONE_PORTALS, ZoneContent, ZoneReport};

use error::Mistakes;
use map::extension;
use monsters::Items;
use source::{Source, check_name};

use crate::ids::ZoneName;

/// Zones, monsters, items or shops of a world at most, each: more wouldn't fit their numbers.
pub const KINDS: usize = u16::MAX as usize;

const PLAYER: &str = "player.toml";
const ITEMS: &str = "items.toml";
const MONSTERS: &str = "monsters.toml";
const SHOPS: &str = "shops.toml";
const ZONES: &str = "zones/";
const MAPS: &str = "maps/";
/// What the names of Tiled's own files end with: they may lie anywhere, as its projects are laid out.
const OF_TILED: [&str; 4] = ["tmx", "tsx", "tmj", "tsj"];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The content files as text, by their path below the content directory with `/` between folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentFiles {
    texts: BTreeMap<String, String>,
    left_out: BTreeSet<String>,
}

impl ContentFiles {
    /// Adds a file, or replaces the one of that path. A byte order mark, which some editors put first, is no part of the
    /// text.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        let mut text: String = text.into();
        if text.starts_with(BYTE_ORDER_MARK) {
            text.remove(0);
        }
        self.texts.insert(path.into(), text);
    }

    /// Adds the path of a file that is there and isn't read, so that nobody is told that it isn't there.
    pub fn leave_out(&mut self, path: impl Into<String>) {
        self.left_out.insert(path.into());
    }

    fn is_left_out(&self, path: &str) -> bool {
        self.left_out.contains(path)
    }

    /// All paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Path and text of a file.
    fn entry(&self, path: &str) -> Option<(&str, &str)> {
        let (path, text) = self.texts.get_key_value(path)?;
        Some((path, text))
    }

    /// A file that must be there. Its absence is added to `errors`.
    fn need<'a>(&'a self, path: &'a str, what: &str, errors: &mut Mistakes) -> Option<Source<'a>> {
        let file = self.entry(path).map(|(file, text)| Source { file, text });
        if file.is_none() {
            let nothing = Source { file: path, text: "" };
            errors.push(nothing.error(0, "no such file", format!("a file with {what}")));
        }
        file
    }
}

impl<P: Into<String>, T: Into<String>> FromIterator<(P, T)> for ContentFiles {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let mut read = Self::default();
        files.into_iter().for_each(|(path, text)| read.insert(path, text));
        read
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(u16);

        impl $name {
            /// The place in [`Content`]'s list.
            #[must_use]
            pub fn get(self) -> usize {
                self.0.into()
            }
        }
    };
}

index! {
    /// A kind of item in the [`Content`] that it comes from.
    ItemIndex
}
index! {
    /// A kind of monster in the [`Content`] that it comes from.
    MonsterIndex
}
index! {
    /// A zone in the [`Content`] that it comes from.
    ZoneIndex
}

/// Everything that the content files say, checked. Lists are in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    hash: u64,
    player: PlayerDefaults,
    items: Vec<ItemKind>,
    monsters: Vec<MonsterKind>,
    zones: Vec<ZoneContent>,
    shops: Vec<Shop>,
}

/// Content, and how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The content itself.
    pub content: Content,
    /// How each zone was read, ordered by name.
    pub zones: Vec<ZoneReport>,
    /// What may be meant otherwise than it was read.
    pub warnings: ContentErrors,
}

impl Content {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn parse(files: &ContentFiles) -> Result<Self, ContentErrors> {
        Self::check(files).map(|checked| checked.content)
    }

    /// Reads and checks the files, and tells how they were read.
    ///
    /// # Errors
    /// Every mistake that can be found at once. At least one.
    pub fn check(files: &ContentFiles) -> Result<Checked, ContentErrors> {
        let mut errors = Mistakes::default();
        let read = Self::read(files, &mut errors);
        let (errors, warnings) = errors.into_parts();
        match read {
            Some((content, zones)) if errors.is_empty() => Ok(Checked { content, zones, warnings }),
            _ => Err(errors),
        }
    }

    fn read(files: &ContentFiles, errors: &mut Mistakes) -> Option<(Self, Vec<ZoneReport>)> {
        check_files(files, errors);

        let items = files.need(ITEMS, "the items of the world", errors);
        let monsters = files.need(MONSTERS, "the monsters of the world", errors);
        let player = files.need(PLAYER, "what players start with", errors);
        let (Some(items), Some(monsters), Some(player), 0) =
            (items, monsters, player, errors.count())
        else {
            // What a missing or broken file would name isn't known: all that speaks of it would be reported too.
            return None;
        };

        let items = items::read(items, errors);
        let stacks = items.iter().map(|(_, kind)| kind.as_ref().map(|kind| kind.stack)).collect();
        let names = items.iter().map(|(name, _)| name.as_str()).collect();
        let known = Items { names, stacks };

        let monsters = monsters::read(monsters, &known, errors);
        let monster_names: Vec<_> = monsters.iter().map(|(name, _)| name.as_str()).collect();

        let mut zone_names: Vec<_> = files.paths().filter_map(zone_name).collect();
        zone_names.sort_unstable();
        let zones::Zones { zones, grounds, reports } =
            zones::read(files, &zone_names, &monster_names, errors);
        let world = shops::World {
            items: &items,
            item_names: &known.names,
            zones: &zone_names,
            grounds: &grounds,
        };
        let shops = files.entry(SHOPS).map(|(file, text)| Source { file, text });
        let shops = shops.map(|shops| shops::read(shops, &world, errors)).unwrap_or_default();

        let player = player::read(player, &zone_names, errors)?;

        for (file, count) in [
            (ITEMS, items.len()),
            (MONSTERS, monsters.len()),
            (SHOPS, shops.len()),
            (ZONES, zones.len()),
        ] {
            if count > KINDS {
                let source = Source { file, text: "" };
                errors.push(source.error(0, format!("{count} kinds"), format!("at most {KINDS}")));
            }
        }
        let content = Self {
            hash: hash(files),
            player,
            items: items.into_iter().filter_map(|(_, kind)| kind).collect(),
            monsters: monsters.into_iter().filter_map(|(_, kind)| kind).collect(),
            zones,
            shops,
        };
        Some((content, reports))
    }

    /// Differs if any of the files differ.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// What players start with.
    #[must_use]
    pub const fn player(&self) -> &PlayerDefaults {
        &self.player
    }

    /// All items, ordered by name.
    #[must_use]
    pub fn items(&self) -> &[ItemKind] {
        &self.items
    }

    /// All monsters, ordered by name.
    #[must_use]
    pub fn monsters(&self) -> &[MonsterKind] {
        &self.monsters
    }

    /// All zones, ordered by name.
    #[must_use]
    pub fn zones(&self) -> &[ZoneContent] {
        &self.zones
    }

    /// All shops, ordered by name.
    #[must_use]
    pub fn shops(&self) -> &[Shop] {
        &self.shops
    }

    /// The item of that name.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<ItemIndex> {
        let found = self.items.binary_search_by(|kind| kind.key.as_str().cmp(name));
        number(found).map(ItemIndex)
    }

    /// The monster of that name.
    #[must_use]
    pub fn monster(&self, name: &str) -> Option<MonsterIndex> {
        let found = self.monsters.binary_search_by(|kind| kind.key.as_str().cmp(name));
        number(found).map(MonsterIndex)
    }

    /// The zone of that name.
    #[must_use]
    pub fn zone(&self, name: &ZoneName) -> Option<ZoneIndex> {
        let found = self.zones.binary_search_by(|zone| zone.key.cmp(name));
        number(found).map(ZoneIndex)
    }
}

/// Panics with an index of another content, as a slice does: within one content every index finds its own.
impl Index<ItemIndex> for Content {
    type Output = ItemKind;

    fn index(&self, item: ItemIndex) -> &ItemKind {
        &self.items[item.get()]
    }
}

/// Panics with an index of another content, as a slice does: within one content every index finds its own.
impl Index<MonsterIndex> for Content {
    type Output = MonsterKind;

    fn index(&self, monster: MonsterIndex) -> &MonsterKind {
        &self.monsters[monster.get()]
    }
}

/// Panics with an index of another content, as a slice does: within one content every index finds its own.
impl Index<ZoneIndex> for Content {
    type Output = ZoneContent;

    fn index(&self, zone: ZoneIndex) -> &ZoneContent {
        &self.zones[zone.get()]
    }
}

/// The place of `name` among `names`, which are in order.
fn index_of(names: &[&str], name: &str) -> Option<u16> {
    number(names.binary_search(&name))
}

fn number(found: Result<usize, usize>) -> Option<u16> {
    found.ok().and_then(|place| u16::try_from(place).ok())
}

/// The zone that a file describes, if it is a zone's file.
fn zone_name(path: &str) -> Option<&str> {
    path.strip_prefix(ZONES)?.strip_suffix(".toml")
}

/// Checks names and syntax. A misspelt file name would silently leave out what is in it.
fn check_files(files: &ContentFiles, errors: &mut Mistakes) {
    for (file, text) in &files.texts {
        if file.ends_with(".toml") {
            Source { file, text }.check_syntax(errors);
        }
        let nothing = Source { file, text: "" };
        if let Some(name) = zone_name(file) {
            let realm = ZoneName::realm();
            if name == realm.as_str() {
                let found = "a zone called `realm`";
                errors.push(nothing.error(0, found, "another name: the realm zone has no map"));
            } else if let Err(expected) = check_name(name) {
                errors.push(nothing.error(0, format!("a zone called `{name}`"), expected));
            }
        } else if ![PLAYER, ITEMS, MONSTERS, SHOPS].contains(&file.as_str())
            && !file.starts_with(MAPS)
            && !OF_TILED.contains(&extension(file).as_str())
        {
            let expected =
                "player.toml, items.toml, monsters.toml, shops.toml, zones/NAME.toml or maps/...";
            errors.push(nothing.error(0, "a file that nothing reads", expected));
        }
    }
}

fn hash(files: &ContentFiles) -> u64 {
    let mut hash = Xxh3::new();
    for (path, text) in &files.texts {
        // Lengths first, so that no two sets of files read as the same bytes.
        for part in [path, text] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    hash.digest()
}
