//! A map of the Tiled editor as both of its formats say it.

/// A map with its layers and tilesets.
#[derive(Debug, Default)]
pub(super) struct TiledMap {
    pub(super) columns: i32,
    pub(super) rows: i32,
    /// Width and height of a tile, in pixels.
    pub(super) tile: (i32, i32),
    pub(super) orientation: String,
    pub(super) infinite: bool,
    pub(super) layers: Vec<Layer>,
    pub(super) tilesets: Vec<Tileset>,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    /// The class that Tiled 1.9 and later give a layer; may be empty.
    pub(super) class: String,
    /// In bytes from the file's start.
    pub(super) at: usize,
    /// In pixels, to the right and down.
    pub(super) offset: (f64, f64),
    pub(super) properties: Vec<Property>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Tiles(TileData),
    Objects(Vec<Object>),
    Group(Vec<Layer>),
    /// A picture, or a kind of layer that isn't known.
    Picture,
}

/// The numbers of a tile layer, row by row.
#[derive(Debug)]
pub(super) enum TileData {
    Numbers(Vec<u32>),
    /// Base64, maybe of compressed bytes.
    Packed {
        compression: String,
        base64: String,
    },
    /// Something else, in words.
    Unread(String),
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) name: String,
    /// Its class, called type in some versions.
    pub(super) class: String,
    /// In pixels, as width and height.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Degrees clockwise around (x, y).
    pub(super) rotation: f64,
    /// The number of its tile, if it shows one.
    pub(super) tile: Option<u32>,
    pub(super) shape: Shape,
    /// True if it is an instance of a template, which has what isn't said here.
    pub(super) template: bool,
    pub(super) properties: Vec<Property>,
}

#[derive(Debug, Default)]
pub(super) enum Shape {
    #[default]
    Box,
    Ellipse,
    Point,
    /// Corners relative to the object, in pixels.
    Polygon(Vec<(f64, f64)>),
    Line(Vec<(f64, f64)>),
}

#[derive(Debug, Default)]
pub(super) struct Tileset {
    pub(super) name: String,
    /// The number of its first tile on the map.
    pub(super) first: u32,
    /// The file in which the rest stands.
    pub(super) source: Option<String>,
    /// Width and height of its tiles, in pixels.
    pub(super) tile: (f64, f64),
    /// Which point of an object that shows a tile its position is; empty for the lower left one.
    pub(super) alignment: String,
    pub(super) tiles: Vec<TileKind>,
}

#[derive(Debug, Default)]
pub(super) struct TileKind {
    pub(super) id: u32,
    pub(super) properties: Vec<Property>,
    /// What Tiled's collision editor has drawn on it.
    pub(super) shapes: Vec<Object>,
}

/// A custom property; its value as text, whichever type Tiled gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) value: String,
}
