//! The zones of the world: `zones/NAME.toml` each, with its map, where players start and die to, the portals out of it
//! and the monsters in it.

mod place;
mod pockets;
mod report;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::Mistakes;
use super::map::{Drawing, Tiles, drawn, extension, text, tiled};
use super::name::Name;
use super::source::Source;
use super::whole::Whole;
use super::{ContentFiles, MonsterIndex, ZoneIndex, index_of};
use crate::ids::ZoneName;
use crate::space::Position;
use crate::zone::map::{Area, Map, MapError, TILE_CM_MAX, TILE_CM_MIN};

pub(super) use place::{Ground, Place};
pub use report::ZoneReport;

/// Portals of a zone at most: each is looked at for each player who moved, in each tick.
pub const ZONE_PORTALS: usize = 64;
/// Monsters of a zone at most: each takes memory and, with a player near, time in each tick.
pub const ZONE_MONSTERS: u32 = 20_000;

/// What the names of map files end with.
const MAP_FILES: [&str; 4] = ["txt", "tmx", "tmj", "json"];

/// A zone as the content files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneContent {
    /// The name of its file, by which everything else speaks of it.
    pub key: ZoneName,
    /// What players read.
    pub name: String,
    /// Its ground.
    pub map: Map,
    /// Where new characters enter; has ground, but maybe walls too: see [`Map::pick`].
    pub start: Area,
    /// Where the dead come back; has ground, as `start`.
    pub graveyard: Area,
    /// The ways out, in the order of the file.
    pub portals: Vec<Portal>,
    /// Where its monsters come from, in the order of the file.
    pub spawns: Vec<Spawn>,
}

/// A way to another zone, or elsewhere in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    /// Who steps in here goes.
    pub area: Area,
    /// Where to.
    pub to: ZoneIndex,
    /// Where one stands there: has ground and overlaps no portal.
    pub arrival: Area,
}

/// A place at which monsters of one kind appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// Which.
    pub monster: MonsterIndex,
    /// The middle; walkable.
    pub at: Position,
    /// How far from there they may appear, in centimetres.
    pub radius_cm: i32,
    /// How many at a time.
    pub count: u32,
    /// From the death of one to its return, in seconds.
    pub respawn_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Name,
    tile_cm: Whole<{ TILE_CM_MIN.cast_unsigned() }, { TILE_CM_MAX.cast_unsigned() }>,
    map: Option<Spanned<String>>,
    drawn: Option<Spanned<drawn::Drawn>>,
    start: Spanned<Place>,
    graveyard: Spanned<Place>,
    #[serde(default)]
    portals: Vec<WrittenPortal>,
    #[serde(default)]
    spawns: Vec<WrittenSpawn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPortal {
    area: Spanned<Place>,
    to: Spanned<String>,
    arrive: Spanned<Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSpawn {
    monster: Spanned<String>,
    at: Spanned<Place>,
    radius_cm: Whole<0, 100_000>,
    count: Spanned<Whole<1, 1_000>>,
    respawn_s: Whole<1, 86_400>,
}

/// A zone that has been read, but whose portals may still lead nowhere.
struct Draft<'a> {
    source: Source<'a>,
    key: ZoneName,
    name: String,
    ground: Ground,
    /// With where it is written, as the others.
    start: (Area, usize),
    graveyard: (Area, usize),
    spawns: Vec<(Spawn, usize)>,
    portals: Vec<WrittenPortal>,
    /// Closed pieces of ground, and their tiles together.
    pockets: usize,
    pocket_tiles: usize,
}

/// What was read of the zones.
pub(super) struct Zones {
    pub(super) zones: Vec<ZoneContent>,
    /// Of each name that was asked for the ground, on which more places can be looked up.
    pub(super) grounds: Vec<Option<Ground>>,
    pub(super) reports: Vec<ZoneReport>,
}

/// Reads the zones called `zones`; mistakes are added to `errors`. `monsters` are the names of all monsters, in order.
pub(super) fn read(
    files: &ContentFiles,
    zones: &[&str],
    monsters: &[&str],
    errors: &mut Mistakes,
) -> Zones {
    let mut drafts: Vec<Option<Draft<'_>>> = zones
        .iter()
        .map(|name| {
            let (file, text) = files.entry(&format!("zones/{name}.toml"))?;
            draft(files, name, Source { file, text }, monsters, errors)
        })
        .collect();
    let mut areas = Vec::new();
    for draft in &drafts {
        areas.push(draft.as_ref().map(|draft| draft.portal_areas(errors)).unwrap_or_default());
    }
    let mut portals = Vec::new();
    for index in 0..drafts.len() {
        portals.push(connect(&drafts, index, zones, &areas, errors));
    }
    let all = portals.iter().flatten().map(|(portal, _)| *portal);
    let all: Vec<Portal> = all.collect();
    for (index, draft) in drafts.iter_mut().enumerate() {
        let Some(draft) = draft else { continue };
        let arrivals = all.iter().filter(|portal| portal.to.get() == index);
        let arrivals: Vec<Area> = arrivals.map(|portal| portal.arrival).collect();
        draft.close_pockets(&arrivals, &portals[index], errors);
    }
    let mut read = Zones { zones: Vec::new(), grounds: Vec::new(), reports: Vec::new() };
    for (draft, portals) in drafts.into_iter().zip(portals) {
        let Some(draft) = draft else {
            read.grounds.push(None);
            continue;
        };
        let portals = portals.into_iter().map(|(portal, _)| portal).collect();
        let (zone, report, ground) = draft.finish(portals, zones, errors);
        read.zones.extend(zone);
        read.reports.push(report);
        read.grounds.push(Some(ground));
    }
    read
}

fn draft<'a>(
    files: &ContentFiles,
    name: &str,
    source: Source<'a>,
    monsters: &[&str],
    errors: &mut Mistakes,
) -> Option<Draft<'a>> {
    let written: Written = source.value(errors)?;
    let drawing = drawing(files, source, &written, errors)?;
    let map = match &written.map {
        Some(map) => map.get_ref().clone(),
        None => format!("the map drawn in {}", source.file),
    };
    if drawing.ground() == 0 {
        let found = format!("{map} without a tile to walk on");
        errors.push(source.error(0, found, "at least one"));
        return None;
    }
    let ground = Ground { map, drawing, tile_cm: written.tile_cm.signed() };
    let start = ground.area(source, &written.start, errors);
    let graveyard = ground.area(source, &written.graveyard, errors);
    let spawns = read_spawns(source, &ground, &written.spawns, monsters, errors);
    if written.portals.len() > ZONE_PORTALS {
        let at = written.portals[ZONE_PORTALS].area.span().start;
        let found = format!("{} portals", written.portals.len());
        errors.push(source.error(at, found, format!("at most {ZONE_PORTALS}")));
    }
    Some(Draft {
        source,
        key: ZoneName::new(name),
        name: written.name.0,
        ground,
        start: (start?, written.start.span().start),
        graveyard: (graveyard?, written.graveyard.span().start),
        spawns,
        portals: written.portals,
        pockets: 0,
        pocket_tiles: 0,
    })
}

/// The zone's map, from whichever of the three forms its file names.
fn drawing(
    files: &ContentFiles,
    source: Source<'_>,
    written: &Written,
    errors: &mut Mistakes,
) -> Option<Drawing> {
    let path = match (&written.map, &written.drawn) {
        (Some(path), None) => path,
        (None, Some(drawn)) => return drawn::draw(source, drawn.get_ref(), errors),
        (Some(path), Some(_)) => {
            let found = "both `map` and `[drawn]`";
            errors.push(source.error(path.span().start, found, "one of them"));
            return None;
        }
        (None, None) => {
            let expected = "`map` with a file or a `[drawn]` table";
            errors.push(source.error(0, "a zone without a map", expected));
            return None;
        }
    };
    let name = path.get_ref();
    let at = path.span().start;
    let kinds = "a text map (.txt) or a map of Tiled (.tmx, .tmj, .json)";
    let Some((file, text)) = files.entry(name) else {
        if files.is_left_out(name) {
            let found = format!("a map file `{name}` of a kind that isn't read");
            errors.push(source.error(at, found, kinds));
            return None;
        }
        let found = format!("a map file `{name}` that isn't there");
        let is_map = |path: &&str| MAP_FILES.contains(&extension(path).as_str());
        errors.unknown((source, at), found, ("the maps", name), files.paths().filter(is_map));
        return None;
    };
    let map = Source { file, text };
    match extension(name).as_str() {
        "txt" => text::read(map, errors),
        "json" | "tmj" | "tmx" => tiled::read(files, map, errors),
        _ => {
            errors.push(source.error(at, format!("`{name}`"), kinds));
            None
        }
    }
}

fn read_spawns(
    source: Source<'_>,
    ground: &Ground,
    written: &[WrittenSpawn],
    monsters: &[&str],
    errors: &mut Mistakes,
) -> Vec<(Spawn, usize)> {
    let mut spawns = Vec::new();
    let mut monsters_here = 0;
    for spawn in written {
        let count = spawn.count.get_ref().0;
        monsters_here += count;
        if monsters_here > ZONE_MONSTERS && monsters_here - count <= ZONE_MONSTERS {
            let found = format!("{monsters_here} monsters in the zone up to here");
            let expected = format!("at most {ZONE_MONSTERS}");
            errors.push(source.error(spawn.count.span().start, found, expected));
        }
        let name = spawn.monster.get_ref();
        let monster = index_of(monsters, name).map(MonsterIndex);
        if monster.is_none() {
            let found = format!("an unknown monster `{name}`");
            let at = (source, spawn.monster.span().start);
            errors.unknown(at, found, ("the monsters", name), monsters.iter().copied());
        }
        let at = ground.point(source, &spawn.at, errors);
        if let (Some(monster), Some(at)) = (monster, at) {
            let read = Spawn {
                monster,
                at,
                radius_cm: spawn.radius_cm.signed(),
                count,
                respawn_s: spawn.respawn_s.0,
            };
            spawns.push((read, spawn.at.span().start));
        }
    }
    spawns
}

impl Draft<'_> {
    /// Where its portals are; `None` for one whose mistake was added to `errors`. What else stands on them is reported.
    fn portal_areas(&self, errors: &mut Mistakes) -> Vec<Option<Area>> {
        let mut areas: Vec<Option<Area>> = Vec::new();
        for portal in &self.portals {
            let at = portal.area.span().start;
            let area = self.ground.area(self.source, &portal.area, errors);
            let overlaps = |area: &Area| areas.iter().flatten().any(|other| other.overlaps(area));
            if area.as_ref().is_some_and(overlaps) {
                let found = "a portal on another portal";
                errors.push(self.source.error(at, found, "one beside the others"));
            }
            areas.push(area);
        }
        let on_portal = |area: &Area| areas.iter().flatten().any(|portal| portal.overlaps(area));
        if on_portal(&self.graveyard.0) {
            let found = "a graveyard on a portal";
            let expected = "a place beside the portals, or the dead would be sent on at once";
            errors.push(self.source.error(self.graveyard.1, found, expected));
        }
        // A start may be spread over a whole zone; nobody is put on a portal as long as there is something else.
        let (start, drawing) = (self.ground.tiles_of(&self.start.0), &self.ground.drawing);
        let is_free = |&(x, y): &(i32, i32)| {
            let corner = Tiles::one(x, y);
            !areas.iter().flatten().any(|portal| corner.is_within(self.ground.tiles_of(portal)))
        };
        if !start.all().filter(|&(x, y)| drawing.open(x, y)).any(|tile| is_free(&tile)) {
            let found = "a start of which everything is on portals";
            let expected = "a tile beside them, or new characters would be sent on at once";
            errors.push(self.source.error(self.start.1, found, expected));
        }
        areas
    }

    /// The zone, how it was read, and its ground. A map that can't be made is added to `errors`.
    fn finish(
        self,
        portals: Vec<Portal>,
        zones: &[&str],
        errors: &mut Mistakes,
    ) -> (Option<ZoneContent>, ZoneReport, Ground) {
        let Self { source, ground, .. } = self;
        let (start, graveyard) = (self.start.0, self.graveyard.0);
        let drawing = &ground.drawing;
        let (columns, rows, tile_cm) = (drawing.columns, drawing.rows, ground.tile_cm);
        let tiles = |area: &Area| ground.tiles_of(area).to_string();
        let mut places =
            vec![("start".to_owned(), tiles(&start)), ("graveyard".to_owned(), tiles(&graveyard))];
        for portal in &portals {
            let to = zones.get(portal.to.get()).copied().unwrap_or_default();
            places.push((format!("portal to {to}"), tiles(&portal.area)));
        }
        for (name, named) in &drawing.places {
            places.extend(named.iter().map(|tiles| (format!("`{name}`"), tiles.to_string())));
        }
        let report = ZoneReport {
            zone: self.key.clone(),
            map: ground.map.clone(),
            columns,
            rows,
            tile_cm,
            walkable: drawing.ground(),
            pockets: (self.pockets, self.pocket_tiles),
            walls: drawing.walls.iter().map(|(why, count)| (why.clone(), *count)).collect(),
            places,
        };
        let map = Map::new(columns, rows, tile_cm, |x, y| drawing.open(x, y));
        let add = |mistake: MapError| {
            let found = format!("{mistake}: {}", ground.map);
            errors.push(source.error(0, found, "ground to walk on"));
        };
        let zone = map.map_err(add).ok().map(|map| ZoneContent {
            key: self.key,
            name: self.name,
            map,
            start,
            graveyard,
            portals,
            spawns: self.spawns.into_iter().map(|(spawn, _)| spawn).collect(),
        });
        (zone, report, ground)
    }
}

/// Follows the portals of one zone to their ends; each with where it is written. `areas` are where the portals of all
/// zones are.
fn connect(
    drafts: &[Option<Draft<'_>>],
    index: usize,
    zones: &[&str],
    areas: &[Vec<Option<Area>>],
    errors: &mut Mistakes,
) -> Vec<(Portal, usize)> {
    let Some(draft) = &drafts[index] else {
        return Vec::new();
    };
    let source = draft.source;
    let mut portals = Vec::new();
    for (written, area) in draft.portals.iter().zip(&areas[index]) {
        let name = written.to.get_ref();
        let Some(to) = index_of(zones, name) else {
            let found = format!("a portal to an unknown zone `{name}`");
            let at = (source, written.to.span().start);
            errors.unknown(at, found, ("the zones", name), zones.iter().copied());
            continue;
        };
        // A zone with mistakes of its own has been reported; where one arrives in it can't be checked.
        let Some(target) = &drafts[usize::from(to)] else {
            continue;
        };
        let Some(arrival) = target.ground.area(source, &written.arrive, errors) else {
            continue;
        };
        let mut taken = areas[usize::from(to)].iter().flatten();
        if taken.any(|portal| portal.overlaps(&arrival)) {
            let found = format!("an arrival on a portal of `{name}`");
            let expected = "a place beside its portals, or one would be sent on at once";
            errors.push(source.error(written.arrive.span().start, found, expected));
        }
        if let Some(area) = *area {
            let to = ZoneIndex(to);
            portals.push((Portal { area, to, arrival }, written.area.span().start));
        }
    }
    portals
}
