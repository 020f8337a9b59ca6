//! Outlines of objects in pixels, and the tiles that they touch.

use super::model::{Object, Shape};
use crate::content::map::Tiles;
use crate::zone::map::SIDE_TILES;

/// Corners of the polygon that an ellipse is read as.
const ELLIPSE_CORNERS: u16 = 32;
/// How far an outline must reach into a tile to touch it, in tiles: less is the rounding of the editor.
const TOUCH: f64 = 0.001;

/// A point, a line or a closed shape.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    corners: Vec<(f64, f64)>,
    closed: bool,
}

impl Outline {
    /// The outline of an object that shows no tile, where the object is.
    pub(super) fn of(object: &Object) -> Self {
        let (width, height) = (object.width, object.height);
        let (corners, closed) = match &object.shape {
            Shape::Polygon(corners) => (corners.clone(), true),
            Shape::Line(corners) => (corners.clone(), false),
            Shape::Point => (vec![(0.0, 0.0)], false),
            Shape::Ellipse => {
                let turn = |corner| f64::from(corner) / f64::from(ELLIPSE_CORNERS);
                let angles =
                    (0..ELLIPSE_CORNERS).map(|corner| turn(corner) * std::f64::consts::TAU);
                let corner = |angle: f64| {
                    (width / 2.0 * (1.0 + angle.cos()), height / 2.0 * (1.0 + angle.sin()))
                };
                (angles.map(corner).collect(), true)
            }
            Shape::Box => (corners_of(0.0, 0.0, width, height), true),
        };
        Self { corners, closed }.turned(object.rotation).moved(object.x, object.y)
    }

    /// The outline of an object that shows a tile: its position is the point of the picture that `alignment` names, the
    /// lower left one if it names none.
    pub(super) fn of_picture(object: &Object, alignment: &str) -> Self {
        let (x, y) = picture_corner(object, alignment);
        let corners = corners_of(x, y, object.width, object.height);
        Self { corners, closed: true }.turned(object.rotation).moved(object.x, object.y)
    }

    /// The outline of a shape drawn on the tile that `object` shows, where it lies on the map. The tile's picture is of
    /// the size `tile`.
    pub(super) fn on_picture(
        shape: &Object,
        object: &Object,
        alignment: &str,
        tile: (f64, f64),
    ) -> Self {
        let scale = |of: f64, from: f64| if from > 0.0 && of > 0.0 { of / from } else { 1.0 };
        let (wide, high) = (scale(object.width, tile.0), scale(object.height, tile.1));
        let (x, y) = picture_corner(object, alignment);
        let mut outline = Self::of(shape);
        for corner in &mut outline.corners {
            *corner = (corner.0 * wide, corner.1 * high);
        }
        outline.moved(x, y).turned(object.rotation).moved(object.x, object.y)
    }

    pub(super) fn moved(mut self, x: f64, y: f64) -> Self {
        for corner in &mut self.corners {
            *corner = (corner.0 + x, corner.1 + y);
        }
        self
    }

    /// Turned around (0, 0), in degrees clockwise.
    fn turned(mut self, degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        for (x, y) in &mut self.corners {
            (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
        }
        self
    }

    /// The same in tiles of `tile` pixels.
    pub(super) fn in_tiles(mut self, tile: (i32, i32)) -> Self {
        for (x, y) in &mut self.corners {
            (*x, *y) = (*x / f64::from(tile.0), *y / f64::from(tile.1));
        }
        self
    }

    /// The rectangle of tiles around it. One beside the map is found to be so where it is used.
    pub(super) fn around(&self) -> Tiles {
        let least = |of: fn(&(f64, f64)) -> f64| {
            self.corners.iter().map(of).reduce(f64::min).unwrap_or_default()
        };
        let most = |of: fn(&(f64, f64)) -> f64| {
            self.corners.iter().map(of).reduce(f64::max).unwrap_or_default()
        };
        let (x, y) = (whole(least(|at| at.0) + TOUCH), whole(least(|at| at.1) + TOUCH));
        // Just before the far edge, so that an object that ends on a tile's edge doesn't touch the next.
        let right = whole((most(|at| at.0) - TOUCH).ceil() - 1.0);
        let bottom = whole((most(|at| at.1) - TOUCH).ceil() - 1.0);
        Tiles { x, y, width: (right - x).max(0) + 1, height: (bottom - y).max(0) + 1 }
    }

    /// The tiles of a map of `columns` x `rows` that it touches; one tile at least, if it isn't beside the map.
    pub(super) fn touched(&self, columns: i32, rows: i32) -> Vec<(i32, i32)> {
        let around = self.around();
        let (left, top) = (around.x.max(0), around.y.max(0));
        let right = (around.x + around.width).min(columns);
        let bottom = (around.y + around.height).min(rows);
        let all = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        let touched: Vec<_> = all.clone().filter(|&(x, y)| self.touches(x, y)).collect();
        // Something so thin that it lies on the edge of tiles.
        if touched.is_empty() { all.collect() } else { touched }
    }

    fn touches(&self, x: i32, y: i32) -> bool {
        // A line on the edge of two tiles is in the eastern or southern one; a shape that ends there is in its own.
        let (inset, size) = if self.closed { (TOUCH, 1.0 - 2.0 * TOUCH) } else { (-TOUCH, 1.0) };
        let (left, top) = (f64::from(x) + inset, f64::from(y) + inset);
        let tile = Frame { left, top, right: left + size, bottom: top + size };
        let next = self.corners.iter().cycle().skip(1);
        let lines = self.corners.iter().zip(next);
        let count = self.corners.len() - usize::from(!self.closed && self.corners.len() > 1);
        let crossed = lines.take(count).any(|(from, to)| tile.meets_line(*from, *to));
        crossed || self.closed && self.contains((left + size / 2.0, top + size / 2.0))
    }

    /// True if the point lies inside: a ray from it crosses an odd number of sides.
    fn contains(&self, (x, y): (f64, f64)) -> bool {
        let next = self.corners.iter().cycle().skip(1);
        let sides = self.corners.iter().zip(next).filter(|(from, to)| {
            (from.1 > y) != (to.1 > y)
                && x < from.0 + (y - from.1) / (to.1 - from.1) * (to.0 - from.0)
        });
        sides.count() % 2 == 1
    }
}

/// The upper left corner of the picture of an object, from its position.
fn picture_corner(object: &Object, alignment: &str) -> (f64, f64) {
    let x = match alignment {
        "top" | "center" | "bottom" => -object.width / 2.0,
        "topright" | "right" | "bottomright" => -object.width,
        _ => 0.0,
    };
    let y = match alignment {
        "topleft" | "top" | "topright" => 0.0,
        "left" | "center" | "right" => -object.height / 2.0,
        _ => -object.height,
    };
    (x, y)
}

fn corners_of(x: f64, y: f64, width: f64, height: f64) -> Vec<(f64, f64)> {
    vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
}

struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Frame {
    /// Liang and Barsky: cuts the line off at each side and sees whether something is left.
    fn meets_line(&self, from: (f64, f64), to: (f64, f64)) -> bool {
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        for (along, room) in [
            (-x, from.0 - self.left),
            (x, self.right - from.0),
            (-y, from.1 - self.top),
            (y, self.bottom - from.1),
        ] {
            if along == 0.0 {
                if room < 0.0 {
                    return false;
                }
            } else if along < 0.0 {
                start = start.max(room / along);
            } else {
                end = end.min(room / along);
            }
        }
        start <= end
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding down to a tile is what is meant, and the bounds fit"
)]
fn whole(at: f64) -> i32 {
    let far = f64::from(2 * SIDE_TILES);
    at.floor().clamp(-far, far) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(shape: Shape, width: f64, height: f64) -> Object {
        Object { x: 16.0, y: 16.0, width, height, shape, ..Object::default() }
    }

    fn touched(object: &Object) -> Vec<(i32, i32)> {
        Outline::of(object).in_tiles((16, 16)).touched(8, 8)
    }

    #[test]
    fn a_shape_touches_the_tiles_that_it_reaches_into() {
        assert_eq!(touched(&object(Shape::Box, 32.0, 16.0)), [(1, 1), (2, 1)]);
        assert_eq!(touched(&object(Shape::Point, 0.0, 0.0)), [(1, 1)]);
        assert_eq!(touched(&object(Shape::Box, 0.0, 0.0)), [(1, 1)]);
        // A wall of two pixels, and one that has no width on the edge of two tiles.
        assert_eq!(touched(&object(Shape::Box, 2.0, 32.0)), [(1, 1), (1, 2)]);
        assert_eq!(touched(&object(Shape::Box, 0.0, 32.0)), [(1, 1), (1, 2)]);
        // The corners of a round pond stay dry.
        let pond = Object { x: 0.0, y: 0.0, ..object(Shape::Ellipse, 128.0, 128.0) };
        let pond = touched(&pond);
        assert_eq!(pond.len(), 60, "{pond:?}");
        assert!(!pond.contains(&(0, 0)) && pond.contains(&(1, 0)));
        let steps = vec![(0.0, 0.0), (40.0, 0.0), (40.0, 40.0)];
        assert_eq!(
            touched(&object(Shape::Line(steps.clone()), 0.0, 0.0)),
            [(1, 1), (2, 1), (3, 1), (3, 2), (3, 3)]
        );
        let half = touched(&object(Shape::Polygon(steps), 0.0, 0.0));
        assert!(half.contains(&(3, 3)) && !half.contains(&(1, 3)), "{half:?}");
    }

    #[test]
    fn a_turned_object_lies_where_tiled_shows_it() {
        let turned = Object { rotation: 90.0, x: 32.0, ..object(Shape::Box, 16.0, 32.0) };
        let around = Outline::of(&turned).in_tiles((16, 16)).around();
        assert_eq!(around, Tiles { x: 0, y: 1, width: 2, height: 1 });
    }

    #[test]
    fn an_object_that_shows_a_tile_stands_on_its_position_unless_its_tileset_says_otherwise() {
        let picture = object(Shape::Box, 16.0, 16.0);
        let around =
            |alignment| Outline::of_picture(&picture, alignment).in_tiles((16, 16)).around();
        assert_eq!(around(""), Tiles::one(1, 0));
        assert_eq!(around("bottomright"), Tiles::one(0, 0));
        assert_eq!(around("topleft"), Tiles::one(1, 1));
        assert_eq!(around("center"), Tiles { x: 0, y: 0, width: 2, height: 2 });
    }

    #[test]
    fn a_shape_on_the_tile_that_an_object_shows_grows_and_turns_with_it() {
        // A tree of 16 x 32 pixels, shown twice as large; its trunk is the lower half.
        let tree = object(Shape::Box, 32.0, 64.0);
        let trunk = Object { y: 16.0, width: 16.0, height: 16.0, ..Object::default() };
        let outline = Outline::on_picture(&trunk, &Object { y: 80.0, ..tree }, "", (16.0, 32.0));
        let around = outline.in_tiles((16, 16)).around();
        assert_eq!(around, Tiles { x: 1, y: 3, width: 2, height: 2 });
    }
}
