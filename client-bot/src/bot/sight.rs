//! What a bot's character sees: the entities of the nine cells around its anchor, kept up to date by views.

use std::collections::{BTreeMap, HashMap};

use protocol::v1::{self, CellMotion, CellState, Entered, Entity, EntityKind, Probe, View};

use patience::Patience;

mod patience;

/// A cell of the zone: column and row.
pub type CellId = (u32, u32);

/// A point of the zone, in centimetres from its west and north edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Eastwards.
    pub x: i64,
    /// Southwards.
    pub y: i64,
}

impl Point {
    /// The distance to `other` in centimetres.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let (dx, dy) = ((other.x - self.x) as f64, (other.y - self.y) as f64);
        // Centimetres of a map are far from overflow, so the careful and slow `hypot` isn't needed.
        (dx * dx + dy * dy).sqrt()
    }

    /// The heading from here to `other` in 1/65536 of a turn; 0 is east, clockwise as y grows southwards.
    #[must_use]
    pub fn heading_to(self, other: Self) -> u16 {
        let turns =
            ((other.y - self.y) as f64).atan2((other.x - self.x) as f64) / std::f64::consts::TAU;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0..65536"
        )]
        let heading = (turns.rem_euclid(1.0) * 65536.0) as u32 as u16;
        heading
    }
}

/// What is known of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: EntityKind,
    /// The cell it stands in.
    pub cell: CellId,
    /// Where.
    pub at: Point,
    /// Its hit points; 0 for the dead and for what has none.
    pub hp: u32,
    /// The tick of the view that told where it is.
    told: u64,
}

/// The number and the hash of the ids in a cell, as a digest has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub entities: u32,
    /// Each id times a constant, xor-ed.
    pub hash: u64,
}

/// Something that a view says which can't be. Told to a [`Witness`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Oddity {
    /// State or motion of a cell that isn't among the nine.
    #[error("cell {0:?} is told, but isn't among the nine")]
    CellOutside(CellId),
    /// A motion of an entity that never entered.
    #[error("entity {0} moves, but isn't known")]
    UnknownMoves(u64),
    /// A motion of an entity in a cell where it isn't.
    #[error("entity {entity} moves in cell {told:?}, but stands in {known:?}")]
    MovesElsewhere {
        /// Which.
        entity: u64,
        /// Where the view has it.
        told: CellId,
        /// Where it was known to be.
        known: CellId,
    },
    /// A position that isn't in its cell.
    #[error("entity {entity} at {x},{y} in a cell with a side of {side} cm")]
    OffCell {
        /// Which.
        entity: u64,
        /// Centimetres from the cell's west edge.
        x: u32,
        /// Centimetres from the cell's north edge.
        y: u32,
        /// The side of a cell in centimetres.
        side: u32,
    },
    /// It went further than anything can in that time.
    #[error(
        "entity {entity} went {distance:.0} cm in {ticks} ticks, at most {limit:.0} are possible"
    )]
    TooFast {
        /// Which.
        entity: u64,
        /// Straight, in centimetres.
        distance: f64,
        /// Since it was known to be where it was.
        ticks: u64,
        /// The most that is possible, in centimetres.
        limit: f64,
    },
    /// An entity of which a spot check tells isn't known in the cell where it stands.
    #[error("entity {0} isn't known to be in cell {1:?}, where it stands")]
    Unseen(u64, CellId),
    /// A position that is older than the number of turns allows.
    #[error(
        "entity {entity} is {distance:.0} cm away from where it is known, {still} publications after it last moved; \
         positions may be {behind} publications behind"
    )]
    Outdated {
        /// Which.
        entity: u64,
        /// From where it is known to where it is, in centimetres.
        distance: f64,
        /// Publications since it moved.
        still: u32,
        /// The most publications that the position may be behind.
        behind: usize,
    },
}

/// Who is told of oddities while a view is applied. `()` doesn't care.
pub trait Witness {
    /// A view says what can't be.
    fn odd(&mut self, oddity: Oddity);
}

impl Witness for () {
    fn odd(&mut self, _: Oddity) {}
}

impl Witness for Vec<Oddity> {
    fn odd(&mut self, oddity: Oddity) {
        self.push(oddity);
    }
}

/// How much faster than a character anything may be: monsters that chase are faster than who they chase.
const SPEED_MARGIN: f64 = 1.5;
/// Rounding of positions to centimetres and of a tick's end, in centimetres.
const SPEED_SLACK_CM: f64 = 50.0;

/// The entities around a character, by id and by cell.
#[derive(Debug)]
pub struct Sight {
    own: u64,
    /// A departure said that the own entity is gone from the zone: through a portal, or on the way out.
    own_left: bool,
    side: u32,
    /// Centimetres that an entity covers in a tick at the most.
    reach_per_tick: f64,
    anchor: Option<CellId>,
    patience: Patience,
    entities: HashMap<u64, Seen>,
    cells: BTreeMap<CellId, Sum>,
    /// Cells among the nine of which the views haven't told everything yet.
    pending: Vec<CellId>,
}

impl Sight {
    /// Knows nothing yet of the zone that the character has entered.
    #[must_use]
    pub fn new(entered: &Entered) -> Self {
        let tick_s = f64::from(entered.tick_ms) / 1000.0;
        Self {
            own: entered.entity,
            own_left: false,
            side: entered.cell_size,
            reach_per_tick: f64::from(entered.max_speed) * tick_s * SPEED_MARGIN,
            anchor: None,
            patience: Patience::default(),
            entities: HashMap::new(),
            cells: BTreeMap::new(),
            pending: Vec::new(),
        }
    }

    /// The character's own entity, once a view has shown it.
    #[must_use]
    pub fn own(&self) -> Option<&Seen> {
        self.entities.get(&self.own)
    }

    /// Whether the character must be in sight: there was a view, and none has told that it left the zone.
    #[must_use]
    pub fn must_see_itself(&self) -> bool {
        self.anchor.is_some() && !self.own_left
    }

    /// Every entity in sight with its id, the own one included, in no order.
    pub fn entities(&self) -> impl Iterator<Item = (u64, &Seen)> {
        self.entities.iter().map(|(id, seen)| (*id, seen))
    }

    /// One entity in sight.
    #[must_use]
    pub fn entity(&self, id: u64) -> Option<&Seen> {
        self.entities.get(&id)
    }

    /// The cell around which the nine lie, once a view has named it.
    #[must_use]
    pub fn anchor(&self) -> Option<CellId> {
        self.anchor
    }

    /// The cells that hold something, and its sum.
    pub fn cells(&self) -> impl Iterator<Item = (CellId, Sum)> {
        self.cells.iter().map(|(cell, sum)| (*cell, *sum))
    }

    /// Number and hash of the ids that `cell` holds.
    #[must_use]
    pub fn sum(&self, cell: CellId) -> Sum {
        self.cells.get(&cell).copied().unwrap_or_default()
    }

    /// Whether the last view said that not everything of `cell` was told yet.
    #[must_use]
    pub fn is_pending(&self, cell: CellId) -> bool {
        self.pending.contains(&cell)
    }

    /// The cells of which not everything was told yet, as the last view has them.
    #[must_use]
    pub fn pending(&self) -> &[CellId] {
        &self.pending
    }

    /// Whether `cell` is one of the nine.
    #[must_use]
    pub fn sees(&self, cell: CellId) -> bool {
        self.anchor
            .is_some_and(|anchor| anchor.0.abs_diff(cell.0) <= 1 && anchor.1.abs_diff(cell.1) <= 1)
    }

    /// Applies a view in the order that the protocol gives: reset, anchor, then the cells as they come.
    pub fn apply(&mut self, view: &View, witness: &mut impl Witness) {
        if view.reset {
            self.entities.clear();
            self.cells.clear();
        }
        if let Some(v1::Cell { column, row }) = view.anchor {
            self.anchor = Some((column, row));
            self.forget_outside();
        }
        for state in &view.states {
            self.apply_state(state, view.tick, witness);
        }
        self.pending.clear();
        self.pending.extend(view.pending.iter().map(|cell| (cell.column, cell.row)));
        for motion in &view.motions {
            self.apply_motions(motion, view.tick, witness);
        }
        self.patience.begin(view.tick, view.turns);
        for probe in &view.probes {
            self.check_probe(probe, view.tick, witness);
        }
    }

    fn forget_outside(&mut self) {
        let outside: Vec<CellId> =
            self.cells.keys().copied().filter(|cell| !self.sees(*cell)).collect();
        for cell in outside {
            self.forget_cell(cell);
        }
    }

    fn forget_cell(&mut self, cell: CellId) {
        if self.cells.remove(&cell).is_some() {
            self.entities.retain(|_, seen| seen.cell != cell);
        }
    }

    fn apply_state(&mut self, state: &CellState, tick: u64, witness: &mut impl Witness) {
        let cell = (state.column, state.row);
        if !self.sees(cell) {
            witness.odd(Oddity::CellOutside(cell));
        }
        if state.snapshot {
            self.forget_cell(cell);
        }
        for entity in &state.enters {
            self.enter(cell, entity, tick, witness);
        }
        for departure in &state.leaves {
            let stays = departure.to.is_some_and(|to| self.sees((to.column, to.row)));
            if !stays {
                self.remove(departure.entity);
            }
            self.own_left |= departure.entity == self.own && departure.to.is_none();
        }
        for vitals in &state.vitals {
            if let Some(seen) = self.entities.get_mut(&vitals.entity) {
                seen.hp = vitals.hp;
            }
        }
    }

    fn apply_motions(&mut self, told: &CellMotion, tick: u64, witness: &mut impl Witness) {
        let cell = (told.column, told.row);
        if !self.sees(cell) {
            witness.odd(Oddity::CellOutside(cell));
        }
        for motion in &told.motions {
            self.check_place(motion.entity, motion.x, motion.y, witness);
            let at = self.point(cell, motion.x, motion.y);
            let Some(seen) = self.entities.get_mut(&motion.entity) else {
                // Somebody who is still to come may move.
                if !self.pending.contains(&cell) {
                    witness.odd(Oddity::UnknownMoves(motion.entity));
                }
                continue;
            };
            if seen.cell != cell {
                witness.odd(Oddity::MovesElsewhere {
                    entity: motion.entity,
                    told: cell,
                    known: seen.cell,
                });
                continue;
            }
            // Where it was known to be it was when that was told, or later as it stood there.
            let since = self.patience.tick(self.patience.publications()).max(seen.told);
            let ticks = tick.saturating_sub(since);
            let limit = self.reach_per_tick * ticks as f64 + SPEED_SLACK_CM;
            let distance = seen.at.distance(at);
            if distance > limit {
                witness.odd(Oddity::TooFast { entity: motion.entity, distance, ticks, limit });
            }
            (seen.at, seen.told) = (at, tick);
        }
    }

    /// Compares where an entity is with where it is known to be. The own one is where it is known to be; another was there at
    /// most as many publications ago as there are turns.
    fn check_probe(&self, probe: &Probe, tick: u64, witness: &mut impl Witness) {
        let cell = (probe.column, probe.row);
        let Some(seen) = self.entities.get(&probe.entity).filter(|seen| seen.cell == cell) else {
            return witness.odd(Oddity::Unseen(probe.entity, cell));
        };
        let behind = if probe.entity == self.own { 0 } else { self.patience.publications() };
        let distance = seen.at.distance(self.point(cell, probe.x, probe.y));
        let has_stood = usize::try_from(probe.still).is_ok_and(|still| still >= behind);
        let ticks = tick.saturating_sub(self.patience.tick(behind));
        let limit =
            if has_stood { 0.0 } else { self.reach_per_tick * ticks as f64 + SPEED_SLACK_CM };
        if distance > limit {
            let (entity, still) = (probe.entity, probe.still);
            witness.odd(Oddity::Outdated { entity, distance, still, behind });
        }
    }

    fn enter(&mut self, cell: CellId, entity: &Entity, tick: u64, witness: &mut impl Witness) {
        self.check_place(entity.id, entity.x, entity.y, witness);
        let seen = Seen {
            kind: entity.kind(),
            cell,
            at: self.point(cell, entity.x, entity.y),
            hp: entity.hp,
            told: tick,
        };
        self.remove(entity.id);
        self.own_left &= entity.id != self.own;
        self.entities.insert(entity.id, seen);
        let sum = self.cells.entry(cell).or_default();
        sum.entities += 1;
        sum.hash ^= id_hash(entity.id);
    }

    fn remove(&mut self, id: u64) {
        let Some(seen) = self.entities.remove(&id) else {
            return;
        };
        if let Some(sum) = self.cells.get_mut(&seen.cell) {
            sum.entities -= 1;
            sum.hash ^= id_hash(id);
        }
    }

    fn check_place(&self, entity: u64, x: u32, y: u32, witness: &mut impl Witness) {
        if x >= self.side || y >= self.side {
            witness.odd(Oddity::OffCell { entity, x, y, side: self.side });
        }
    }

    fn point(&self, cell: CellId, x: u32, y: u32) -> Point {
        let side = i64::from(self.side);
        Point {
            x: i64::from(cell.0) * side + i64::from(x),
            y: i64::from(cell.1) * side + i64::from(y),
        }
    }
}

/// The multiplier of a digest, from the protocol.
const DIGEST_MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// What one id adds (by xor) to its cell's digest.
#[must_use]
pub fn id_hash(id: u64) -> u64 {
    id.wrapping_mul(DIGEST_MULTIPLIER)
}

#[cfg(test)]
mod tests;
