//! A zone: its entities, its map and one instance of each module.

pub mod entities;
pub mod grid;
pub mod map;
pub mod visibility;

pub use entities::{Entities, Entity, EntityKind, MAX_ENTITIES, Spawn, ZoneFull};
pub use grid::{Cell, Grid, GridError};
pub use visibility::Visibility;
