//! What every player starts with: `player.toml`.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::Mistakes;
use super::source::Source;
use super::whole::Whole;
use super::{ZoneIndex, index_of};

/// What a player's character can do before levels and equipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerDefaults {
    /// Where a new character enters the world, in that zone's start area.
    pub start_zone: ZoneIndex,
    /// Hit points.
    pub hp: u32,
    /// Running, in centimetres per second.
    pub speed_cm_s: i32,
    /// Hit points that a basic attack takes.
    pub damage: u32,
    /// How far a basic attack reaches, in centimetres.
    pub attack_range_cm: i32,
    /// From one basic attack to the next, in milliseconds.
    pub attack_cooldown_ms: u32,
    /// Slots of the inventory.
    pub inventory_slots: u32,
    /// How far one can reach for what lies on the ground, in centimetres.
    pub pick_up_cm: i32,
    /// From death to standing at the graveyard, in seconds.
    pub respawn_s: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    start_zone: Spanned<String>,
    hp: Whole<1, 1_000_000>,
    speed_cm_s: Whole<1, 5_000>,
    damage: Whole<0, 1_000_000>,
    attack_range_cm: Whole<1, 5_000>,
    attack_cooldown_ms: Whole<100, 600_000>,
    inventory_slots: Whole<1, 256>,
    pick_up_cm: Whole<1, 5_000>,
    respawn_s: Whole<0, 3_600>,
}

/// Reads the file; `zones` are the names of all zones, in order.
pub(super) fn read(
    source: Source<'_>,
    zones: &[&str],
    errors: &mut Mistakes,
) -> Option<PlayerDefaults> {
    let written: Written = source.value(errors)?;
    let start = written.start_zone.get_ref();
    let Some(start_zone) = index_of(zones, start).map(ZoneIndex) else {
        let at = (source, written.start_zone.span().start);
        let found = format!("an unknown zone `{start}`");
        errors.unknown(at, found, ("the zones", start), zones.iter().copied());
        return None;
    };
    Some(PlayerDefaults {
        start_zone,
        hp: written.hp.0,
        speed_cm_s: written.speed_cm_s.signed(),
        damage: written.damage.0,
        attack_range_cm: written.attack_range_cm.signed(),
        attack_cooldown_ms: written.attack_cooldown_ms.0,
        inventory_slots: written.inventory_slots.0,
        pick_up_cm: written.pick_up_cm.signed(),
        respawn_s: written.respawn_s.0,
    })
}
