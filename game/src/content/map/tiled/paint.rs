//! Walls and places of a map of Tiled, from its layers, objects and tilesets.

use std::collections::BTreeMap;

use super::meaning::{Said, Tally, is_collision, said, sounds_like_walls};
use super::model::{Content, Layer, Object, Property, TileData, TiledMap, Tileset};
use super::numbers::{NUMBER, numbers};
use super::outline::Outline;
use crate::content::error::Mistakes;
use crate::content::map::Drawing;
use crate::content::source::Source;

/// Groups inside each other at most: nobody sorts layers further than that.
const GROUPS: usize = 32;
/// What the map's layers leave empty.
const VOID: &str = "no tile on any layer";

/// A tile that is a wall wherever it is used.
struct WallTile<'a> {
    /// What says so.
    because: String,
    set: &'a Tileset,
    /// What is drawn on it; nothing if it is a wall as a whole.
    shapes: Vec<&'a Object>,
}

/// Draws walls and places; mistakes are added to `errors`.
pub(super) fn paint(source: Source<'_>, map: &TiledMap, errors: &mut Mistakes) -> Drawing {
    let mut unread = Tally::default();
    let walls = wall_tiles(source, map, &mut unread, errors);
    let drawing = Drawing::blank(map.columns, map.rows);
    let ground = vec![false; drawing.walkable.len()];
    let mut painter = Painter { source, map, walls, drawing, ground, unread, templates: 0, errors };
    painter.layers(&map.layers, (0.0, 0.0), None, GROUPS);
    painter.finish()
}

fn wall_tiles<'a>(
    source: Source<'_>,
    map: &'a TiledMap,
    unread: &mut Tally,
    errors: &mut Mistakes,
) -> BTreeMap<u32, WallTile<'a>> {
    let mut walls = BTreeMap::new();
    for set in &map.tilesets {
        // Tiled before 1.2 says the properties of a tile apart from the rest of it.
        let mut tiles: BTreeMap<u32, (Vec<Property>, Vec<&Object>)> = BTreeMap::new();
        for tile in &set.tiles {
            let (properties, shapes) = tiles.entry(tile.id).or_default();
            properties.extend(tile.properties.iter().cloned());
            shapes.extend(&tile.shapes);
        }
        for (id, (properties, shapes)) in tiles {
            let place = || format!("the tile {id} of the tileset `{}`", set.name);
            let said = said(&properties);
            refuse_unclear(source, &said, &place(), errors);
            unread.add(said.unread, &place);
            let tile = match said.wall {
                Some((true, property)) => {
                    let because = format!("property `{property}`");
                    WallTile { because, set, shapes: Vec::new() }
                }
                None if !shapes.is_empty() => {
                    WallTile { because: "collision shapes".to_owned(), set, shapes }
                }
                Some((false, _)) | None => continue,
            };
            walls.insert(set.first.saturating_add(id), tile);
        }
    }
    walls
}

fn refuse_unclear(source: Source<'_>, said: &Said, place: &str, errors: &mut Mistakes) {
    for property in &said.unclear {
        let Property { name, value } = property;
        let found = format!("`{name} = {value}` at {place}");
        errors.push(source.error(source.find(name), found, "true or false"));
    }
}

struct Painter<'a> {
    source: Source<'a>,
    map: &'a TiledMap,
    /// By their number on the map.
    walls: BTreeMap<u32, WallTile<'a>>,
    drawing: Drawing,
    /// Where a layer that isn't made of walls has a tile.
    ground: Vec<bool>,
    unread: Tally,
    /// Objects that have their name or size from a template.
    templates: usize,
    errors: &'a mut Mistakes,
}

impl<'a> Painter<'a> {
    /// Reads layers, each moved by `offset` pixels. All of them are walls if `wall` says why.
    fn layers(
        &mut self,
        layers: &'a [Layer],
        offset: (f64, f64),
        wall: Option<&str>,
        depth: usize,
    ) {
        for layer in layers {
            let offset = (offset.0 + layer.offset.0, offset.1 + layer.offset.1);
            let wall = self.wall_of(layer, wall);
            match &layer.content {
                Content::Group(_) if depth == 0 => {
                    let found = format!("more than {GROUPS} groups inside each other");
                    self.errors.push(self.source.error(layer.at, found, "fewer"));
                }
                Content::Group(inner) => {
                    self.layers(inner, offset, wall.as_deref(), depth - 1);
                }
                Content::Tiles(data) => self.tiles(layer, data, offset, wall.as_deref()),
                Content::Objects(objects) => {
                    self.objects(layer, objects, offset, wall.as_deref());
                }
                Content::Picture => {
                    if wall.is_some() {
                        let found = format!("the picture `{}` as a wall", layer.name);
                        let expected = "walls as tiles or objects";
                        self.errors.push(self.source.error(layer.at, found, expected));
                    }
                }
            }
        }
    }

    /// Why the whole layer is a wall, if it is.
    fn wall_of(&mut self, layer: &Layer, outer: Option<&str>) -> Option<String> {
        let place = || format!("the layer `{}`", layer.name);
        let said = said(&layer.properties);
        refuse_unclear(self.source, &said, &place(), self.errors);
        self.unread.add(said.unread, &place);
        match said.wall {
            Some((true, property)) => {
                Some(format!("layer `{}`, property `{property}`", layer.name))
            }
            Some((false, _)) => None,
            None if is_collision(&layer.name) || is_collision(&layer.class) => {
                Some(format!("layer `{}`", layer.name))
            }
            None => outer.map(str::to_owned),
        }
    }

    fn tiles(&mut self, layer: &'a Layer, data: &TileData, offset: (f64, f64), wall: Option<&str>) {
        let numbers = match numbers(data, self.ground.len()) {
            Ok(numbers) => numbers,
            Err(problem) => {
                let found = format!("{problem} in the layer `{}`", layer.name);
                let expected =
                    "one number per tile: in Tiled, Map > Map Properties > Tile Layer Format CSV";
                self.errors.push(self.source.error(layer.at, found, expected));
                return;
            }
        };
        let moved = Moved::by(offset, self.map.tile);
        let (columns, rows) = (self.map.columns, self.map.rows);
        let tiles = (0..rows).flat_map(|y| (0..columns).map(move |x| (x + moved.x, y + moved.y)));
        let inside = |(x, y)| (0..columns).contains(&x) && (0..rows).contains(&y);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut any = false;
        for ((x, y), number) in tiles.zip(numbers).filter(|(_, number)| *number > 0) {
            any = true;
            if !inside((x, y)) {
                continue;
            }
            self.ground[(y * columns + x).cast_unsigned() as usize] |= wall.is_none();
            let kind = self.walls.get(&number).map(|tile| tile.because.as_str());
            if let Some(because) = wall.or(kind) {
                self.drawing.block(x, y);
                *counts.entry(because).or_default() += 1;
            }
        }
        let walls: Vec<_> = counts.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect();
        if !walls.is_empty() && !moved.exactly {
            let found = format!("the layer `{}` with walls moved by a part of a tile", layer.name);
            let expected = "whole tiles; each wall is read as the nearest tile";
            self.errors.warn(self.source.error(layer.at, found, expected));
        }
        self.layer_done(layer, any, wall.is_some(), walls);
    }

    fn objects(
        &mut self,
        layer: &'a Layer,
        objects: &'a [Object],
        offset: (f64, f64),
        wall: Option<&str>,
    ) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for object in objects {
            let (why, outlines) = self.wall_of_object(layer, object, wall);
            for outline in outlines {
                let outline = outline.moved(offset.0, offset.1).in_tiles(self.map.tile);
                for (x, y) in outline.touched(self.map.columns, self.map.rows) {
                    self.drawing.block(x, y);
                    *counts.entry(why.clone()).or_default() += 1;
                }
            }
            if wall.is_none() && !object.name.is_empty() {
                let outline = self.outline(object).moved(offset.0, offset.1);
                let around = outline.in_tiles(self.map.tile).around();
                self.drawing.places.entry(object.name.clone()).or_default().push(around);
            }
        }
        let walls = counts.into_iter().collect();
        self.layer_done(layer, !objects.is_empty(), wall.is_some(), walls);
    }

    /// Why an object is a wall, and where it is one; without outlines it is none.
    fn wall_of_object(
        &mut self,
        layer: &Layer,
        object: &Object,
        wall: Option<&str>,
    ) -> (String, Vec<Outline>) {
        let place = || format!("the object `{}` of the layer `{}`", object.name, layer.name);
        let said = said(&object.properties);
        refuse_unclear(self.source, &said, &place(), self.errors);
        self.unread.add(said.unread, &place);
        if object.template && wall.is_some() {
            let found = format!("an object from a template in the layer `{}`", layer.name);
            let expected = "Detach templates on in Tiled's export options: templates aren't read";
            self.errors.push(self.source.error(layer.at, found, expected));
        }
        self.templates += usize::from(object.template);
        let class_wall = is_collision(&object.class).then(|| format!("class `{}`", object.class));
        let because = match said.wall {
            Some((true, property)) => Some(format!("property `{property}`")),
            Some((false, _)) => return (String::new(), Vec::new()),
            None => wall.map(str::to_owned).or(class_wall),
        };
        if let Some(because) = because {
            return (because, vec![self.outline(object)]);
        }
        let tile = object.tile.and_then(|number| self.walls.get(&(number & NUMBER)));
        if tile.is_none() && sounds_like_walls(&object.class) {
            self.unread.add(vec![object.class.clone()], &place);
        }
        let Some(WallTile { because, set, shapes }) = tile else {
            return (String::new(), Vec::new());
        };
        let drawn = shapes.iter();
        let drawn = drawn.map(|shape| Outline::on_picture(shape, object, &set.alignment, set.tile));
        let outlines: Vec<_> = drawn.collect();
        let whole = outlines.is_empty();
        (because.clone(), if whole { vec![self.outline(object)] } else { outlines })
    }

    /// The outline of an object, in pixels, before its layer is moved.
    fn outline(&self, object: &Object) -> Outline {
        let Some(number) = object.tile else {
            return Outline::of(object);
        };
        let sets = self.map.tilesets.iter();
        let set = sets.filter(|set| set.first <= number & NUMBER).max_by_key(|set| set.first);
        Outline::of_picture(object, set.map_or("", |set| set.alignment.as_str()))
    }

    /// Keeps what made walls of a layer, and warns if its name speaks of walls and it made none.
    fn layer_done(
        &mut self,
        layer: &Layer,
        has_something: bool,
        is_wall: bool,
        walls: Vec<(String, usize)>,
    ) {
        let speaks = sounds_like_walls(&layer.name) || sounds_like_walls(&layer.class);
        if has_something && walls.is_empty() && !is_wall && speaks {
            let found = format!("the layer `{}`, of which nothing is read as a wall", layer.name);
            let expected = "the name `collision` or the property `collides = true`, if it is one";
            self.errors.warn(self.source.error(layer.at, found, expected));
        }
        for (why, count) in walls {
            let apart = why.starts_with("layer ");
            let why = if apart { why } else { format!("layer `{}`, {why}", layer.name) };
            *self.drawing.walls.entry(why).or_default() += count;
        }
    }

    fn finish(mut self) -> Drawing {
        // With a picture as its ground a map has tiles for walls alone.
        let mut void = 0;
        if self.ground.contains(&true) {
            for (walkable, ground) in self.drawing.walkable.iter_mut().zip(&self.ground) {
                void += usize::from(*walkable && !ground);
                *walkable &= *ground;
            }
        }
        if void > 0 {
            self.drawing.walls.insert(VOID.to_owned(), void);
        }
        for (name, count, place) in self.unread.into_lines() {
            let found = format!("`{name}` {count} times, first at {place}, which isn't read");
            let expected = "`collides = true` or `walkable = false`, if it means a wall";
            self.errors.warn(self.source.error(self.source.find(&name), found, expected));
        }
        if self.templates > 0 {
            let found = format!("{} objects from templates, which aren't read", self.templates);
            let expected = "Detach templates on in Tiled's export options";
            self.errors.warn(self.source.error(self.source.find("template"), found, expected));
        }
        if self.drawing.walls.is_empty() {
            let found = "a map on which nothing is a wall";
            let expected =
                "a layer called `collision`, or tiles with the property `collides = true`";
            self.errors.warn(self.source.error(0, found, expected));
        }
        self.drawing
    }
}

/// How far a layer of tiles is moved, in tiles.
#[derive(Clone, Copy)]
struct Moved {
    x: i32,
    y: i32,
    /// False if it was rounded.
    exactly: bool,
}

impl Moved {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of floats stops at the limits of i32, and those are kept far from overflow"
    )]
    fn by(offset: (f64, f64), tile: (i32, i32)) -> Self {
        let far = f64::from(crate::zone::map::SIDE_TILES);
        let axis = |offset: f64, tile: i32| (offset / f64::from(tile)).clamp(-far, far);
        let (x, y) = (axis(offset.0, tile.0), axis(offset.1, tile.1));
        let exactly = (x - x.round()).abs() < 0.01 && (y - y.round()).abs() < 0.01;
        Self { x: x.round() as i32, y: y.round() as i32, exactly }
    }
}
