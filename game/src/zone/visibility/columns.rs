//! The two columns of a cell: its state, which nobody may miss, and its motion, which may be skipped.

use protocol::{MotionColumn, put_cell_state, v1};
use serde::{Deserialize, Serialize};

use super::crowds::Crowds;
use super::groups::Groups;
use super::turns::{MAX_TURNS, Round};
use crate::ids::EntityId;
use crate::publication::PublicationBuilder;
use crate::zone::entities::{Entities, Entity};
use crate::zone::grid::{Cell, Grid};

/// One hit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Strike {
    pub(super) attacker: EntityId,
    pub(super) target: EntityId,
    pub(super) damage: u32,
}

/// Where an entity was when it was last published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Published {
    entity: EntityId,
    cell: u32,
    /// Publications since its motion changed, at most [`MAX_TURNS`]; as many when it was shown complete.
    still: u8,
}

/// Writes cells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Columns {
    /// By slot.
    published: Vec<Option<Published>>,
    /// By cell: the last round in which everybody's turn must come, because somebody wasn't told everything of the cell.
    turns_until: Vec<u64>,
    #[serde(skip)]
    departures: Vec<(u32, v1::Departure)>,
    #[serde(skip)]
    strikes: Vec<(u32, v1::Strike)>,
    #[serde(skip)]
    state: v1::CellState,
    /// Entities that were written, with the memory of their names, for those that are written next.
    #[serde(skip)]
    spare: Vec<v1::Entity>,
    #[serde(skip)]
    motion: MotionColumn,
}

impl Columns {
    pub(super) const fn new() -> Self {
        Self {
            published: Vec::new(),
            turns_until: Vec::new(),
            departures: Vec::new(),
            strikes: Vec::new(),
            state: v1::CellState {
                column: 0,
                row: 0,
                snapshot: false,
                enters: Vec::new(),
                leaves: Vec::new(),
                vitals: Vec::new(),
                strikes: Vec::new(),
            },
            spare: Vec::new(),
            motion: MotionColumn::new(),
        }
    }

    /// Writes what changed since the last publication, an entry for each cell of the grid in row order, so that a
    /// cell's place in the publication is its index. The motion of crowded cells isn't there: [`Groups`] writes it.
    pub(super) fn put_changes(
        &mut self,
        entities: &mut Entities,
        grid: &Grid,
        crowds: &Crowds,
        round: Round,
        out: &mut PublicationBuilder,
    ) {
        self.turns_until.resize(grid.cells() as usize, 0);
        self.find_departures(entities, grid);
        let mut departures = std::mem::take(&mut self.departures);
        let mut hits = std::mem::take(&mut self.strikes);
        let (mut gone, mut hit) = (departures.drain(..).peekable(), hits.drain(..).peekable());
        for index in 0..grid.cells() {
            let start = out.position();
            let members = grid.members_at(index);
            let quiet = members.is_empty()
                && gone.peek().is_none_or(|(cell, _)| *cell != index)
                && hit.peek().is_none_or(|(cell, _)| *cell != index);
            if quiet {
                out.end_cell(start, start);
                continue;
            }
            let cell = grid.cell_at(index);
            self.clear(cell);
            let crowded = crowds.is_crowded(index);
            for &id in members {
                let Some(entity) = entities.in_slot_mut(id.slot()) else { continue };
                self.add_changes(entity, grid, index, cell);
                if !crowded && self.is_told(id, index, round) {
                    self.motion.push(&motion_of(entity, grid, cell));
                }
            }
            while let Some((_, departure)) = gone.next_if(|(cell, _)| *cell == index) {
                self.state.leaves.push(departure);
            }
            while let Some((_, strike)) = hit.next_if(|(cell, _)| *cell == index) {
                self.state.strikes.push(strike);
            }
            let state_end = self.put_state(out);
            if !self.motion.is_empty() {
                self.motion.put(out.bytes());
            }
            out.end_cell(start, state_end);
        }
        drop((gone, hit));
        (self.departures, self.strikes) = (departures, hits);
    }

    /// Writes all that a cell holds. Only after [`Self::put_changes`].
    pub(super) fn put_snapshot(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        index: u32,
        out: &mut PublicationBuilder,
    ) {
        self.put_members((entities, grid), index, grid.members_at(index), true, out);
    }

    /// Writes some of the members of a cell, for a client to which others are told at another time. What it knows of the
    /// cell stays.
    pub(super) fn put_part(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        index: u32,
        members: &[EntityId],
        out: &mut PublicationBuilder,
    ) {
        self.put_members((entities, grid), index, members, false, out);
    }

    fn put_members(
        &mut self,
        (entities, grid): (&Entities, &Grid),
        index: u32,
        members: &[EntityId],
        snapshot: bool,
        out: &mut PublicationBuilder,
    ) {
        let start = out.position();
        let cell = grid.cell_at(index);
        self.clear(cell);
        self.state.snapshot = snapshot;
        for &id in members {
            if let Some(entity) = entities.get(id) {
                self.add_enter(entity, grid, cell);
            }
        }
        put_cell_state(out.bytes(), &self.state);
        let end = out.position();
        out.end_cell(start, end);
    }

    fn clear(&mut self, cell: Cell) {
        let (column, row) = (u32::from(cell.column), u32::from(cell.row));
        let state = &mut self.state;
        (state.column, state.row, state.snapshot) = (column, row, false);
        self.spare.append(&mut state.enters);
        state.leaves.clear();
        state.vitals.clear();
        state.strikes.clear();
        self.motion.begin(column, row);
    }

    fn put_state(&mut self, out: &mut PublicationBuilder) -> u32 {
        let state = &self.state;
        let quiet = state.enters.is_empty()
            && state.leaves.is_empty()
            && state.vitals.is_empty()
            && state.strikes.is_empty();
        if !quiet {
            put_cell_state(out.bytes(), state);
        }
        out.position()
    }

    /// Strikes by the cell of who is hit, in the order in which they fell, those in crowded cells to `groups`. Somebody
    /// killed and gone is hit in the cell in which it was last seen, whatever the crowd; somebody who never was seen isn't
    /// hit at all.
    pub(super) fn place_strikes(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        crowds: &Crowds,
        groups: &mut Groups,
        strikes: &mut Vec<Strike>,
    ) {
        groups.clear();
        for strike in strikes.drain(..) {
            let shown = v1::Strike {
                attacker: strike.attacker.0,
                target: strike.target.0,
                damage: strike.damage,
            };
            let cell = match entities.get(strike.target).map(Entity::position) {
                Some(position) if crowds.is_crowded(grid.index_of(position)) => {
                    groups.add_strike(grid, position, shown);
                    None
                }
                Some(position) => Some(grid.index_of(position)),
                None => self.published(strike.target).map(|published| published.cell),
            };
            self.strikes.extend(cell.map(|cell| (cell, shown)));
        }
        self.strikes.sort_by_key(|(cell, _)| *cell);
    }

    fn published(&self, id: EntityId) -> Option<&Published> {
        let published = self.published.get(id.slot())?.as_ref()?;
        (published.entity == id).then_some(published)
    }

    /// Publications since the entity's motion changed, at most [`MAX_TURNS`], as of the last [`Self::put_changes`].
    pub(super) fn still(&self, id: EntityId) -> u8 {
        self.published(id).map_or(MAX_TURNS, |published| published.still)
    }

    /// True if the motion of the entity, which stands in `cell`, is to be told in this round: it has changed, or it is the
    /// turn of who has stopped and somebody may not know yet.
    pub(super) fn is_told(&self, id: EntityId, cell: u32, round: Round) -> bool {
        let takes_turns = round.0 <= self.turns_until[cell as usize];
        self.still(id) < if takes_turns { round.turns(id.slot()) } else { 1 }
    }

    /// Somebody wasn't told everything of the cell in this round: what moves there is told until everybody knows.
    pub(super) fn take_turns(&mut self, cell: u32, round: Round) {
        self.turns_until[cell as usize] = round.0 + u64::from(MAX_TURNS);
    }

    /// Who isn't any more in the cell in which it was published, by that cell.
    fn find_departures(&mut self, entities: &Entities, grid: &Grid) {
        self.published.resize(entities.slots(), None);
        for (slot, published) in self.published.iter_mut().enumerate() {
            let Some(before) = *published else { continue };
            let to = match grid.cell_of_slot(slot) {
                Some(now) if entities.contains(before.entity) => {
                    if now == before.cell {
                        continue;
                    }
                    Some(now)
                }
                _ => None,
            };
            let departure = v1::Departure {
                entity: before.entity.0,
                to: to.map(|cell| wire_cell(grid.cell_at(cell))),
            };
            self.departures.push((before.cell, departure));
            *published = None;
        }
        self.departures.sort_unstable_by_key(|(cell, departure)| (*cell, departure.entity));
    }

    fn add_enter(&mut self, entity: &Entity, grid: &Grid, cell: Cell) {
        let spare = self.spare.pop().map_or_else(room_for_a_name, |entity| entity.name);
        self.state.enters.push(complete(entity, grid, cell, spare));
    }

    fn add_changes(&mut self, entity: &mut Entity, grid: &Grid, index: u32, cell: Cell) {
        let (id, changes) = (entity.id(), entity.take_changes());
        let published = match &mut self.published[id.slot()] {
            Some(published) if !changes.identity => published,
            place => {
                *place = Some(Published { entity: id, cell: index, still: MAX_TURNS });
                return self.add_enter(entity, grid, cell);
            }
        };
        published.still = if changes.motion { 0 } else { (published.still + 1).min(MAX_TURNS) };
        if changes.vitals {
            let vitals = v1::Vitals { entity: id.0, hp: entity.hp(), max_hp: entity.max_hp() };
            self.state.vitals.push(vitals);
        }
    }
}

/// How an entity moves in `cell`, where it stands.
pub(super) fn motion_of(entity: &Entity, grid: &Grid, cell: Cell) -> v1::Motion {
    let (x, y) = grid.offset_in(cell, entity.position());
    let (heading, speed) = (u32::from(entity.heading().0), entity.speed());
    v1::Motion { entity: entity.id().0, x, y, heading, speed }
}

/// Memory for a name: of most players and monsters, so that it need not grow for the next one.
fn room_for_a_name() -> String {
    const MOST_NAMES: usize = 32;
    String::with_capacity(MOST_NAMES)
}

/// All that is shown of an entity; its name is written into the memory of `name`.
pub(super) fn complete(entity: &Entity, grid: &Grid, cell: Cell, mut name: String) -> v1::Entity {
    let (x, y) = grid.offset_in(cell, entity.position());
    name.clear();
    name.push_str(entity.name());
    v1::Entity {
        id: entity.id().0,
        kind: v1::EntityKind::from(entity.kind()).into(),
        name,
        x,
        y,
        heading: u32::from(entity.heading().0),
        speed: entity.speed(),
        hp: entity.hp(),
        max_hp: entity.max_hp(),
        quantity: entity.quantity(),
    }
}

pub(super) fn wire_cell(cell: Cell) -> v1::Cell {
    v1::Cell { column: u32::from(cell.column), row: u32::from(cell.row) }
}
