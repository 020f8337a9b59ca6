//! The zones of the world: `zones/NAME.toml` each, with its map, where players start and die to, the portals out of it
//! and the monsters in it.

mod place;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::{ContentError, one_of};
use super::map::{Drawing, drawn, text, tiled};
use super::source::Source;
use super::whole::Whole;
use super::{ContentFiles, MonsterIndex, ZoneIndex, index_of};
use crate::ids::ZoneName;
use crate::space::Position;
use crate::zone::map::{Area, Map, TILE_CM_MAX, TILE_CM_MIN};

pub(super) use place::{Ground, Place};

/// Portals of a zone at most: each is looked at for each player who moved, in each tick.
pub const ZONE_PORTALS: usize = 64;
/// Monsters of a zone at most: each takes memory and, with a player near, time in each tick.
pub const ZONE_MONSTERS: u32 = 20_000;

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
    name: String,
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
    zone: ZoneContent,
    ground: Ground,
    portals: Vec<WrittenPortal>,
}

/// Reads the zones called `zones`; mistakes are added to `errors`. `monsters` are the names of all monsters, in order.
/// With them comes the ground of each name in `zones`, on which more places can be looked up.
pub(super) fn read(
    files: &ContentFiles,
    zones: &[&str],
    monsters: &[&str],
    errors: &mut Vec<ContentError>,
) -> (Vec<ZoneContent>, Vec<Option<Ground>>) {
    let mut drafts: Vec<Option<Draft<'_>>> = zones
        .iter()
        .map(|name| {
            let (file, text) = files.entry(&format!("zones/{name}.toml"))?;
            draft(files, name, Source { file, text }, monsters, errors)
        })
        .collect();
    let areas: Vec<_> =
        drafts.iter_mut().flatten().map(|draft| draft.portal_areas(errors)).collect();
    let mut areas = areas.into_iter();
    let areas: Vec<Vec<Option<Area>>> = drafts
        .iter()
        .map(|draft| draft.as_ref().and_then(|_| areas.next()).unwrap_or_default())
        .collect();
    let portals: Vec<_> =
        (0..drafts.len()).map(|index| connect(&drafts, index, zones, &areas, errors)).collect();
    let mut read = Vec::new();
    let mut grounds = Vec::new();
    for (draft, portals) in drafts.into_iter().zip(portals) {
        let (zone, ground) = draft.map(|draft| (draft.zone, draft.ground)).unzip();
        read.extend(zone.map(|zone| ZoneContent { portals, ..zone }));
        grounds.push(ground);
    }
    (read, grounds)
}

fn draft<'a>(
    files: &ContentFiles,
    name: &str,
    source: Source<'a>,
    monsters: &[&str],
    errors: &mut Vec<ContentError>,
) -> Option<Draft<'a>> {
    let written: Written = source.value(errors)?;
    let tile_cm = written.tile_cm.signed();
    let drawing = drawing(files, source, &written, errors)?;
    let made = Map::new(drawing.columns, drawing.rows, tile_cm, |x, y| drawing.open(x, y));
    let map = made
        .map_err(|mistake| errors.push(source.error(0, mistake.to_string(), "ground to walk on")))
        .ok()?;
    let ground = Ground { drawing, tile_cm };
    let start = ground.area(source, &written.start, errors);
    let graveyard = ground.area(source, &written.graveyard, errors);
    let spawns = read_spawns(source, &ground, &written.spawns, monsters, errors);
    if written.portals.len() > ZONE_PORTALS {
        let at = written.portals[ZONE_PORTALS].area.span().start;
        let found = format!("{} portals", written.portals.len());
        errors.push(source.error(at, found, format!("at most {ZONE_PORTALS}")));
    }
    let zone = ZoneContent {
        key: ZoneName::new(name),
        name: written.name,
        map,
        start: start?,
        graveyard: graveyard?,
        portals: Vec::new(),
        spawns,
    };
    Some(Draft { source, zone, ground, portals: written.portals })
}

/// The zone's map, from whichever of the three forms its file names.
fn drawing(
    files: &ContentFiles,
    source: Source<'_>,
    written: &Written,
    errors: &mut Vec<ContentError>,
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
    let Some((file, text)) = files.entry(name) else {
        let found = format!("a map file `{name}` that isn't there");
        let known = files.paths().filter(|path| path.starts_with("maps/"));
        errors.push(source.error(path.span().start, found, one_of("the maps", known)));
        return None;
    };
    let map = Source { file, text };
    match name.rsplit_once('.') {
        Some((_, "txt")) => text::read(map, errors),
        Some((_, "json" | "tmj")) => tiled::read(map, errors),
        _ => {
            let expected = "a text map (.txt) or an export from Tiled (.json, .tmj)";
            errors.push(source.error(path.span().start, format!("`{name}`"), expected));
            None
        }
    }
}

fn read_spawns(
    source: Source<'_>,
    ground: &Ground,
    written: &[WrittenSpawn],
    monsters: &[&str],
    errors: &mut Vec<ContentError>,
) -> Vec<Spawn> {
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
            let expected = one_of("the monsters", monsters.iter().copied());
            errors.push(source.error(spawn.monster.span().start, found, expected));
        }
        let at = ground.point(source, &spawn.at, errors);
        if let (Some(monster), Some(at)) = (monster, at) {
            spawns.push(Spawn {
                monster,
                at,
                radius_cm: spawn.radius_cm.signed(),
                count,
                respawn_s: spawn.respawn_s.0,
            });
        }
    }
    spawns
}

impl Draft<'_> {
    /// Where its portals are; `None` for one whose mistake was added to `errors`.
    fn portal_areas(&self, errors: &mut Vec<ContentError>) -> Vec<Option<Area>> {
        let portals = self.portals.iter();
        portals.map(|portal| self.ground.area(self.source, &portal.area, errors)).collect()
    }
}

/// Follows the portals of one zone to their ends. `areas` are where the portals of all zones are.
fn connect(
    drafts: &[Option<Draft<'_>>],
    index: usize,
    zones: &[&str],
    areas: &[Vec<Option<Area>>],
    errors: &mut Vec<ContentError>,
) -> Vec<Portal> {
    let Some(draft) = &drafts[index] else {
        return Vec::new();
    };
    let source = draft.source;
    let mut portals = Vec::new();
    for (written, area) in draft.portals.iter().zip(&areas[index]) {
        let name = written.to.get_ref();
        let Some(to) = index_of(zones, name) else {
            let found = format!("a portal to an unknown zone `{name}`");
            let expected = one_of("the zones", zones.iter().copied());
            errors.push(source.error(written.to.span().start, found, expected));
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
            portals.push(Portal { area, to, arrival });
        }
    }
    portals
}
