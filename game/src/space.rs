//! Where things are: whole centimetres on a zone's map.

use serde::{Deserialize, Serialize};

/// A place on a zone's map, in centimetres from its north-west corner.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// From the west edge.
    pub x: i32,
    /// From the north edge.
    pub y: i32,
}
