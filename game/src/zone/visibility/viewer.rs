//! One player's view: where its anchor is, which cells it has, and what it is told about itself.

use std::ops::Range;

use prost::Message as _;
use protocol::v1;
use serde::{Deserialize, Serialize};

use super::Wanted;
use super::attention::Attention;
use super::backlog::{Backlog, Pace};
use super::columns::{Columns, wire_cell};
use super::crowds::{Crowds, Plan};
use super::digests::Digests;
use super::groups::Groups;
use super::near::Near;
use super::private::Private;
use super::probes::put_probes;
use super::surroundings::{Surroundings, put_cells, rows};
use super::turns::Round;
use crate::entity_map::EntityMap;
use crate::ids::{EntityId, SessionId};
use crate::publication::PublicationBuilder;
use crate::space::Position;
use crate::zone::entities::{Entities, Entity};
use crate::zone::grid::{Cell, Grid, Square};

/// Who sees.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Viewer {
    session: SessionId,
    entity: EntityId,
    /// `None` until its entity was first seen.
    anchor: Option<Cell>,
    /// The anchor whose nine cells the client has, but for its backlog; `None` when it must be shown everything.
    known: Option<Cell>,
    /// What the client hasn't been shown of its nine cells, because it doesn't fit one view.
    backlog: Option<Box<Backlog>>,
    digest: bool,
    ack_told: u32,
}

/// What a publication has to show.
pub(super) struct Shown<'a> {
    pub(super) tick: u64,
    pub(super) round: Round,
    pub(super) entities: &'a Entities,
    pub(super) grid: &'a Grid,
    /// Index in the publication of the grid's first cell.
    pub(super) first: u32,
    pub(super) acks: &'a EntityMap<u32>,
    pub(super) attention: &'a EntityMap<Attention>,
    pub(super) columns: &'a Columns,
    pub(super) crowds: &'a Crowds,
    pub(super) groups: &'a Groups,
    pub(super) wanted: &'a Wanted,
    /// Filled if somebody asked for digests.
    pub(super) digests: &'a Digests,
}

impl Viewer {
    pub(super) const fn new(session: SessionId, entity: EntityId) -> Self {
        Self {
            session,
            entity,
            anchor: None,
            known: None,
            backlog: None,
            digest: false,
            ack_told: 0,
        }
    }

    pub(super) const fn session(&self) -> SessionId {
        self.session
    }

    pub(super) const fn entity(&self) -> EntityId {
        self.entity
    }

    pub(super) const fn anchor(&self) -> Option<Cell> {
        self.anchor
    }

    pub(super) fn mark_stale(&mut self) {
        self.known = None;
        self.backlog = None;
    }

    pub(super) const fn set_digest(&mut self, on: bool) {
        self.digest = on;
    }

    pub(super) const fn wants_digest(&self) -> bool {
        self.digest
    }

    /// Moves the anchor if the entity is more than `margin` cm outside its cell. Whoever's entity is gone goes on
    /// looking at the place where it was.
    pub(super) fn follow(&mut self, entities: &Entities, grid: &Grid, margin: u32) {
        let Some(entity) = entities.get(self.entity) else {
            return;
        };
        let position = entity.position();
        match self.anchor {
            Some(anchor) if is_near(grid, anchor, position, margin) => {}
            _ => self.anchor = Some(grid.cell_of(position)),
        }
    }

    /// Asks for snapshots of the cells that the client doesn't have, or for as much of them as fits a view.
    pub(super) fn want_snapshots(
        &mut self,
        pace: &Pace<'_>,
        entities: &Entities,
        crowds: &Crowds,
        wanted: &mut Wanted,
    ) {
        let Some(anchor) = self.anchor else { return };
        if self.known == Some(anchor) && self.backlog.is_none() {
            return;
        }
        let grid = pace.grid;
        let (seen, known) = (grid.square_around(anchor), self.known_square(grid));
        if self.backlog.is_none() && pace.fits(&seen, &known) {
            for row in rows(grid, &seen, &known) {
                row.before.chain(row.after).for_each(|cell| wanted.want(grid, cell));
            }
            return;
        }
        let eyes = entities.get(self.entity);
        let center = eyes.map_or(anchor, |eyes| grid.cell_of(eyes.position()));
        let backlog = self.backlog.get_or_insert_default();
        backlog.follow(grid, &seen, &known);
        backlog.choose(pace, (&seen, center), crowds.plan_of(grid.index(anchor)), wanted);
    }

    /// Writes the view, if there is anything to say.
    pub(super) fn put_view(
        &mut self,
        shown: &Shown<'_>,
        surroundings: &mut Surroundings,
        private: &mut Private,
        out: &mut PublicationBuilder,
    ) {
        let Some(anchor) = self.anchor else { return };
        let moved = self.known != Some(anchor);
        let plan = shown.crowds.plan_of(shown.grid.index(anchor));
        private.clear();
        let alone = plan.level > 0 || moved && self.backlog.is_none();
        let shared = if alone { 0..0 } else { surroundings.around(anchor, shown, out) };
        let start = out.next_run();
        if alone {
            self.put_own(shown, anchor, plan, private, out);
        }
        if let Some(backlog) = &mut self.backlog {
            backlog.put(shown.wanted, out);
            if self.known.is_none() {
                private.add_own(shown, self.entity);
            }
        }
        self.backlog.take_if(|backlog| backlog.is_empty());
        if self.digest {
            put_probes(shown, anchor, self.entity, |cell| self.is_pending(cell), out);
        }
        let runs = [shared, start..out.next_run()];
        let ack = shown.acks.get(self.entity).copied().unwrap_or(self.ack_told);
        // Who isn't told everything hears in how many turns, even if nothing is told: else it would take old for new.
        let quiet = runs.iter().all(Range::is_empty)
            && plan.level == 0
            && !moved
            && !self.digest
            && ack == self.ack_told;
        if quiet {
            return;
        }
        let header = out.position();
        let view = v1::View {
            tick: shown.tick,
            ack,
            anchor: moved.then(|| wire_cell(anchor)),
            reset: self.known.is_none(),
            digests: self.digests(shown, anchor),
            turns: plan.turns(),
            pending: self.pending(shown.grid),
            ..v1::View::default()
        };
        view.encode_raw(out.bytes());
        out.bytes().extend_from_slice(private.bytes());
        out.end_view(self.session, header, runs);
        self.known = Some(anchor);
        self.ack_told = ack;
    }

    /// Adds what isn't the same for all with this anchor: snapshots of cells that it doesn't have at all, and turns.
    fn put_own(
        &self,
        shown: &Shown<'_>,
        anchor: Cell,
        plan: Plan,
        private: &mut Private,
        out: &mut PublicationBuilder,
    ) {
        let seen = shown.grid.square_around(anchor);
        // Changes of what is pending are told as those of what the client has.
        let known =
            if self.backlog.is_some() { seen.clone() } else { self.known_square(shown.grid) };
        let crowded = put_cells(shown, &seen, &known, plan.level, out);
        if plan.level > 0 && !crowded.as_slice().is_empty() {
            self.put_private(shown, crowded.as_slice(), plan, private, out);
        }
    }

    /// Adds the motion of crowded cells that doesn't wait for a turn: what is near, and, written for it alone, itself and
    /// whom it fights.
    fn put_private(
        &self,
        shown: &Shown<'_>,
        cells: &[u32],
        plan: Plan,
        private: &mut Private,
        out: &mut PublicationBuilder,
    ) {
        private.add_motions(shown, cells, self.entity);
        let spare = plan.spare.saturating_sub(private.size());
        let position = shown.entities.get(self.entity).map(Entity::position);
        let (grid, crowds, level) = (shown.grid, shown.crowds, plan.level);
        // What is spare goes to the backlog first.
        let position = position.filter(|_| self.backlog.is_none());
        let near = position.and_then(|at| Near::widest(grid, crowds, cells, at, level, spare, out));
        if let Some(near) = &near {
            near.each_run(crowds, cells, |run| out.add_run(run));
        }
        private.add_strikes(shown, cells, self.entity, near.as_ref());
    }

    fn digests(&self, shown: &Shown<'_>, anchor: Cell) -> Vec<v1::CellDigest> {
        if !self.digest {
            return Vec::new();
        }
        let cells = shown.grid.cells_in(&shown.grid.square_around(anchor));
        let told = cells.filter(|cell| !self.is_pending(*cell));
        told.map(|index| shown.digests.of(shown.grid, index)).collect()
    }

    fn pending(&self, grid: &Grid) -> Vec<v1::Cell> {
        let cells = self.backlog.iter().flat_map(|backlog| backlog.cells());
        cells.map(|cell| wire_cell(grid.cell_at(cell))).collect()
    }

    fn is_pending(&self, cell: u32) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.holds(cell))
    }

    /// The cells that the client has; none if it must begin anew.
    fn known_square(&self, grid: &Grid) -> Square {
        self.known.map_or(Square::EMPTY, |known| grid.square_around(known))
    }
}

fn is_near(grid: &Grid, anchor: Cell, position: Position, margin: u32) -> bool {
    let (size, margin) = (i64::from(grid.cell_size()), i64::from(margin));
    let inside = |position: i32, index: u16| {
        let start = i64::from(index) * size;
        (start - margin..start + size + margin).contains(&i64::from(position))
    };
    inside(position.x, anchor.column) && inside(position.y, anchor.row)
}
