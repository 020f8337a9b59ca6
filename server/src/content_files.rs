//! Reads the content directory: the game itself touches no files, it is given their text.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use game::content::ContentFiles;
use thiserror::Error;

/// Files of a world at most: a directory given by mistake, such as a home directory, is refused before all of it is read.
pub const FILES: usize = 4_096;
/// Bytes of one file at most: a text map of the largest size has 4 Mi tiles, and Tiled writes several bytes for each.
pub const FILE_BYTES: u64 = 32 << 20;
/// Bytes of all files together at most, so that the sum stays within what a start can hold in memory.
pub const TOTAL_BYTES: u64 = 256 << 20;
/// Folders inside each other at most: ends a loop of links.
pub const DEPTH: usize = 8;

/// Why the content directory couldn't be read.
#[derive(Debug, Error)]
pub enum ContentFilesError {
    /// The system refused.
    #[error(
        "can't read content at {}: {source}; name its directory, from where the server is started", path.display()
    )]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that aren't text.
    #[error("{} isn't UTF-8 text; remove it from the content directory or save it as UTF-8", .0.display())]
    NotText(PathBuf),
    /// A name that isn't text can't be spoken of in an error or a zone file.
    #[error("the name of {} isn't UTF-8; rename it", .0.display())]
    Name(PathBuf),
    /// More than a world needs.
    #[error("content at {} is too much: {what}; is this the content directory?", path.display())]
    TooMuch {
        /// Where the limit was passed.
        path: PathBuf,
        /// Which limit.
        what: String,
    },
}

impl ContentFilesError {
    /// Whether it is this directory itself that can't be read.
    #[must_use]
    pub fn is_about(&self, directory: &Path) -> bool {
        matches!(self, Self::Read { path, .. } if path == directory)
    }
}

/// Reads all `.toml`, `.txt`, `.json`, `.tmj`, `.tmx`, `.tsj` and `.tsx` files below `directory`. Of other files, such as a
/// tileset's picture, only the names are kept; what begins with a dot is left out.
///
/// # Errors
/// If something can't be read, isn't text, or is more than the limits above.
pub fn read_content_files(directory: &Path) -> Result<ContentFiles, ContentFilesError> {
    let mut reading = Reading::default();
    reading.folder(directory, "", DEPTH)?;
    Ok(reading.files)
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    files: ContentFiles,
    count: usize,
    bytes: u64,
    /// Files of which the name alone is kept; those beyond as many as are read have none.
    others: usize,
}

impl Reading {
    fn folder(
        &mut self,
        folder: &Path,
        prefix: &str,
        depth: usize,
    ) -> Result<(), ContentFilesError> {
        if depth == 0 {
            return Err(too_much(folder, format!("more than {DEPTH} folders inside each other")));
        }
        let cannot = |source| ContentFilesError::Read { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                return Err(ContentFilesError::Name(path));
            };
            if name.starts_with('.') {
                continue;
            }
            let inner = format!("{prefix}{name}");
            if path.is_dir() {
                self.folder(&path, &format!("{inner}/"), depth - 1)?;
            } else if is_content(&path) {
                self.file(&path, inner)?;
            } else if self.others < FILES {
                self.others += 1;
                self.files.leave_out(inner);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), ContentFilesError> {
        self.count += 1;
        if self.count > FILES {
            return Err(too_much(path, format!("more than {FILES} files")));
        }
        let cannot = |source| ContentFilesError::Read { path: path.to_owned(), source };
        // One byte more than allowed tells a full file from one that is too long, whatever its length claims to be.
        let file = fs::File::open(path).map_err(cannot)?;
        let mut bytes = Vec::new();
        let read = file.take(FILE_BYTES + 1).read_to_end(&mut bytes);
        let length = read.map_err(cannot)? as u64;
        self.bytes += length;
        if length > FILE_BYTES {
            return Err(too_much(path, format!("more than {FILE_BYTES} bytes in a file")));
        }
        if self.bytes > TOTAL_BYTES {
            return Err(too_much(path, format!("more than {TOTAL_BYTES} bytes")));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(ContentFilesError::NotText(path.to_owned()));
        };
        self.files.insert(name, text);
        Ok(())
    }
}

fn is_content(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    ["toml", "txt", "json", "tmj", "tmx", "tsj", "tsx"].contains(&extension.as_str())
}

fn too_much(path: &Path, what: String) -> ContentFilesError {
    ContentFilesError::TooMuch { path: path.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use game::ZoneName;
    use game::content::Content;
    use game::zone::map::PATH_NODES;

    use super::*;

    fn shipped() -> Content {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/content");
        let files = read_content_files(&directory).unwrap();
        Content::parse(&files).unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn the_shipped_world_parses_and_its_meadow_has_room_for_ten_thousand() {
        let content = shipped();
        let meadow = &content[content.zone(&ZoneName::new("meadow")).unwrap()];
        let square_metres =
            i64::from(meadow.map.width_cm()) * i64::from(meadow.map.height_cm()) / 10_000;
        // 9,216 m2 are the cells that a client sees.
        let neighbours = 10_000 * 9_216 / square_metres;
        assert!((45..=55).contains(&neighbours), "{neighbours} neighbours");
        let monsters: u32 = meadow.spawns.iter().map(|spawn| spawn.count).sum();
        assert!((450..=550).contains(&monsters), "{monsters} monsters");
    }

    #[test]
    fn every_monster_and_item_of_the_shipped_world_can_be_met() {
        let content = shipped();
        let spawns = content.zones().iter().flat_map(|zone| &zone.spawns);
        let met: BTreeSet<_> = spawns.map(|spawn| spawn.monster).collect();
        assert_eq!(met.len(), content.monsters().len());
        let drops = content.monsters().iter().flat_map(|kind| &kind.drops);
        let sold = content.shops().iter().flat_map(|shop| &shop.sells);
        let sold = sold.map(|goods| goods.item);
        let had: BTreeSet<_> = drops.map(|drop| drop.item).chain(sold).collect();
        assert_eq!(had.len(), content.items().len());
    }

    #[test]
    fn every_shipped_portal_and_spawn_can_be_walked_to_from_the_graveyard() {
        let content = shipped();
        for zone in content.zones() {
            let map = &zone.map;
            let from = map.first_walkable(&zone.graveyard).unwrap();
            let spawns = zone.spawns.iter().map(|spawn| spawn.at);
            let portals = zone.portals.iter().map(|portal| portal.area.centre());
            for to in spawns.chain(portals) {
                let found = map.path(from, to, 200 * PATH_NODES);
                assert!(found.is_some(), "{}: no way to {to:?}", zone.key);
            }
        }
    }

    #[test]
    fn files_are_named_by_their_path_and_others_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("zones")).unwrap();
        fs::write(directory.path().join("zones/field.toml"), "a = 1").unwrap();
        fs::write(directory.path().join("picture.png"), [0xff, 0xd8]).unwrap();
        fs::write(directory.path().join(".hidden.toml"), "").unwrap();
        let files = read_content_files(directory.path()).unwrap();
        assert_eq!(files.paths().collect::<Vec<_>>(), ["zones/field.toml"]);
        assert_eq!(files.get("zones/field.toml"), Some("a = 1"));
    }

    #[test]
    fn a_map_of_a_kind_that_is_not_read_is_not_said_to_be_missing() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/content");
        let mut files = read_content_files(&shipped).unwrap();
        let zone = files.get("zones/village.toml").unwrap().replace("village.json", "village.lua");
        files.insert("zones/village.toml", zone);
        let missing = Content::parse(&files).unwrap_err().to_string();
        assert!(missing.contains("`maps/village.lua` that isn't there"), "{missing}");
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maps")).unwrap();
        fs::write(directory.path().join("maps/village.lua"), "return {}").unwrap();
        fs::write(directory.path().join("maps/SHOUTED.TMX"), "<map/>").unwrap();
        let mut there = read_content_files(directory.path()).unwrap();
        assert_eq!(there.paths().collect::<Vec<_>>(), ["maps/SHOUTED.TMX"]);
        for path in files.paths() {
            there.insert(path, files.get(path).unwrap());
        }
        let unread = Content::parse(&there).unwrap_err().to_string();
        assert!(unread.contains("`maps/village.lua` of a kind that isn't read"), "{unread}");
    }

    #[test]
    fn every_shipped_zone_is_read_without_a_warning_and_its_walls_are_counted() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/content");
        let checked = Content::check(&read_content_files(&directory).unwrap()).unwrap();
        assert_eq!(checked.warnings.to_string(), "");
        for zone in &checked.zones {
            assert!(!zone.walls.is_empty() && zone.pockets == (0, 0), "{zone}");
        }
        let village = checked.zones.iter().find(|zone| zone.zone.as_str() == "village").unwrap();
        assert_eq!(
            village.to_string(),
            "zone village: maps/village.json, 28 x 22 tiles of 200 cm, 414 of 616 walkable\n  \
             walls: layer `ground`, property `walkable` 202\n  \
             places: start [9, 13, 9, 4], graveyard [17, 9, 3, 3], portal to meadow [13, 20, 2, 1], \
             `chapel_yard` [17, 9, 3, 3], `market` [9, 13, 9, 4], `south_gate` [13, 18, 2, 1], \
             `south_road` [13, 20, 2, 1]\n"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("nowhere");
        let error = read_content_files(&missing).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
        fs::write(directory.path().join("items.toml"), [0xff]).unwrap();
        let error = read_content_files(directory.path()).unwrap_err();
        assert!(matches!(error, ContentFilesError::NotText(path) if path.ends_with("items.toml")));
    }

    #[test]
    fn a_loop_of_links_ends() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("again")).unwrap();
        let error = read_content_files(directory.path()).unwrap_err();
        assert!(matches!(error, ContentFilesError::TooMuch { .. }));
    }
}
