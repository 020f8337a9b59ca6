//! How a zone was read, for the person who made it.

use std::fmt;

use crate::ids::ZoneName;

/// Places that a report lists at most; the rest is counted.
const PLACES_LISTED: usize = 40;

/// How a zone's map and places were read. Several lines when printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneReport {
    /// Which zone.
    pub zone: ZoneName,
    /// Its map: a file below the content directory, or the zone's own drawing.
    pub map: String,
    /// Tiles from west to east.
    pub columns: i32,
    /// Tiles from north to south.
    pub rows: i32,
    /// The side of a tile, in centimetres.
    pub tile_cm: i32,
    /// Tiles that one can walk on, closed pockets left out.
    pub walkable: usize,
    /// Closed pockets, which were made walls, and their tiles together.
    pub pockets: (usize, usize),
    /// How many tiles are walls, by the layer and property that make them so; a tile may be counted by several.
    pub walls: Vec<(String, usize)>,
    /// Where things are, as column, row, width and height in tiles.
    pub places: Vec<(String, String)>,
}

impl fmt::Display for ZoneReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, map, columns, rows, tile_cm, walkable, .. } = self;
        let all = columns * rows;
        writeln!(
            out,
            "zone {zone}: {map}, {columns} x {rows} tiles of {tile_cm} cm, {walkable} of {all} walkable"
        )?;
        let list = |parts: Vec<String>| match parts.is_empty() {
            true => "none".to_owned(),
            false => parts.join(", "),
        };
        let walls = self.walls.iter().map(|(why, count)| format!("{why} {count}"));
        writeln!(out, "  walls: {}", list(walls.collect()))?;
        let (pockets, tiles) = self.pockets;
        if pockets > 0 {
            writeln!(out, "  closed pockets, read as walls: {pockets} with {tiles} tiles")?;
        }
        let places = self.places.iter().take(PLACES_LISTED);
        let places = places.map(|(name, tiles)| format!("{name} {tiles}"));
        write!(out, "  places: {}", list(places.collect()))?;
        match self.places.len().saturating_sub(PLACES_LISTED) {
            0 => writeln!(out),
            more => writeln!(out, " and {more} more"),
        }
    }
}
