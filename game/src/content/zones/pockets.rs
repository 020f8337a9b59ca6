//! Closed pockets: ground to which no way leads from any place that the zone or its map names. They become walls, so that
//! no character begins and no monster appears where nobody gets to.

use super::{Draft, Portal};
use crate::content::error::Mistakes;
use crate::content::map::Tiles;
use crate::content::map::pieces::Pieces;
use crate::zone::map::Area;

impl Draft<'_> {
    /// Makes closed pockets walls. `arrivals` are where portals lead into this zone, `portals` lead out of it. What can't
    /// be reached although it should is added to `errors` as a warning.
    pub(super) fn close_pockets(
        &mut self,
        arrivals: &[Area],
        portals: &[(Portal, usize)],
        errors: &mut Mistakes,
    ) {
        let drawing = &self.ground.drawing;
        let pieces = Pieces::of(drawing);
        if pieces.count() < 2 {
            return;
        }
        let tiles = |area: &Area| self.ground.tiles_of(area);
        let largest = |tiles: Tiles| pieces.largest(drawing, tiles);
        let entries = [&self.start.0, &self.graveyard.0].into_iter().chain(arrivals);
        let entered: Vec<usize> = entries.filter_map(|area| largest(tiles(area))).collect();

        let spawn_tiles = self.spawns.iter().map(|(spawn, at)| {
            let tile_cm = self.ground.tile_cm;
            (Tiles::one(spawn.at.x / tile_cm, spawn.at.y / tile_cm), *at)
        });
        let mut kept = entered.clone();
        for (tiles, at) in spawn_tiles {
            let Some(piece) = largest(tiles) else { continue };
            kept.push(piece);
            if !entered.contains(&piece) {
                let found = format!("monsters to which no way leads on {}", self.ground.map);
                let expected = "a spawn that can be walked to from a start, graveyard or arrival";
                errors.warn(self.source.error(at, found, expected));
            }
        }
        for (portal, at) in portals {
            let reached = pieces.among(drawing, tiles(&portal.area));
            if !reached.iter().any(|piece| entered.contains(piece)) {
                let found = format!("a portal to which no way leads on {}", self.ground.map);
                let expected = "one that can be walked to from a start, graveyard or arrival";
                errors.warn(self.source.error(*at, found, expected));
            }
        }
        let map = Tiles { x: 0, y: 0, width: drawing.columns, height: drawing.rows };
        // A place with a name may be meant for game masters. One beside the map has been reported if it is used.
        let named = drawing.places.values().flatten().filter(|named| named.is_within(map));
        kept.extend(named.filter_map(|named| largest(*named)));
        for ((area, at), what) in [(&self.start, "start"), (&self.graveyard, "graveyard")] {
            let mut parts = pieces.among(drawing, tiles(area));
            parts.retain(|piece| kept.contains(piece));
            if parts.len() > 1 {
                let found = format!(
                    "a {what} on {} pieces of ground of {} without a way between them",
                    parts.len(),
                    self.ground.map
                );
                errors.warn(self.source.error(*at, found, "one piece, or each with a way out"));
            }
        }
        kept.sort_unstable();
        kept.dedup();
        self.pockets = pieces.count() - kept.len();
        let closed: Vec<_> = map
            .all()
            .filter(|&(x, y)| {
                pieces.at(drawing, x, y).is_some_and(|piece| kept.binary_search(&piece).is_err())
            })
            .collect();
        self.pocket_tiles = closed.len();
        closed.into_iter().for_each(|(x, y)| self.ground.drawing.block(x, y));
    }
}
