//! Monsters.

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ids::ZoneName;
use crate::module::{Module, Routes};

/// Monsters of a zone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Monsters;

impl Module for Monsters {
    const NAME: &'static str = "monsters";

    fn new(_zone: &ZoneName, _content: &Content) -> Self {
        Self
    }

    fn routes(_routes: &mut Routes<Self>) {}
}
