//! The world that is measured: a field without walls, as large as so many players need to have about fifty of each
//! other in sight.

use std::path::Path;

use anyhow::{Context as _, bail};
use game::Content;
use game::content::ContentFiles;

/// Of a tile, in centimetres.
const TILE_CM: u32 = 400;
/// Side of the nine cells of 32 m that a player sees, in centimetres.
const SIGHT_CM: f64 = 3.0 * 3_200.0;
/// Players in sight of each other.
pub(crate) const NEIGHBOURS: f64 = 50.0;

/// A square field for so many players.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Tiles of a side.
    tiles: u32,
    /// Tiles of the side of the square in its middle where players enter.
    start: u32,
    /// Boars that stand where the players do.
    boars: u32,
}

impl Field {
    /// Players are spread over all of it, and have [`NEIGHBOURS`] in sight on average.
    pub(crate) fn wide(players: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let side = SIGHT_CM * (players as f64 / NEIGHBOURS).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a side of some hundred tiles"
        )]
        // Who sees it all needs no more room than that.
        let tiles = (side.max(SIGHT_CM) / f64::from(TILE_CM)).ceil() as u32;
        Self { tiles, start: tiles, boars: 0 }
    }

    /// Players and boars stand together on 8 m x 8 m.
    pub(crate) const fn crowded() -> Self {
        Self { tiles: 72, start: 2, boars: 100 }
    }

    /// Length of a side, in centimetres.
    pub(crate) const fn side_cm(self) -> u32 {
        self.tiles * TILE_CM
    }

    /// The content's files.
    fn files(self) -> ContentFiles {
        let Self { tiles, start, boars } = self;
        let corner = (tiles - start) / 2;
        let spawns = if boars == 0 {
            String::new()
        } else {
            let middle = tiles / 2;
            format!(
                "{{ monster = \"boar\", at = [{middle}, {middle}], radius_cm = 800, count = {boars}, respawn_s = 1 }}"
            )
        };
        let zone = format!(
            "name = \"The Field\"\ntile_cm = {TILE_CM}\n\
             start = [{corner}, {corner}, {start}, {start}]\ngraveyard = [{corner}, {corner}, {start}, {start}]\n\
             spawns = [{spawns}]\n[drawn]\nblank = [{tiles}, {tiles}]\n"
        );
        let mut files = ContentFiles::default();
        files.insert("zones/field.toml", zone);
        for (file, text) in [
            ("player.toml", include_str!("field/player.toml")),
            ("monsters.toml", include_str!("field/monsters.toml")),
            ("items.toml", include_str!("field/items.toml")),
        ] {
            files.insert(file, text);
        }
        files
    }

    /// As the game knows it.
    pub(crate) fn content(self) -> anyhow::Result<Content> {
        match Content::parse(&self.files()) {
            Ok(content) => Ok(content),
            Err(errors) => bail!("{errors:?}"),
        }
    }

    /// Writes it as files, for a server.
    pub(crate) fn write(self, directory: &Path) -> anyhow::Result<()> {
        let files = self.files();
        for path in files.paths() {
            let file = directory.join(path);
            let folder = file.parent().context("a file lies in a folder")?;
            std::fs::create_dir_all(folder)?;
            std::fs::write(&file, files.get(path).context("it is among them")?)
                .with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_size_are_sound_content() {
        for field in [1, 1_000, 15_000].map(Field::wide).into_iter().chain([Field::crowded()]) {
            assert_eq!(field.content().unwrap().zones().len(), 1, "{field:?}");
        }
    }
}
