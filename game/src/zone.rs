//! A zone: a map and what stands on it.

pub mod map;
