//! What each player sees: the nine cells around its anchor. What happens in a cell is encoded once per tick and
//! copied into the view of everyone who sees it.

mod attention;
mod backlog;
mod columns;
mod crowds;
mod digests;
mod groups;
mod near;
mod private;
mod probes;
mod sight;
mod surroundings;
#[cfg(test)]
mod tests;
mod turns;
mod viewer;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::entity_map::EntityMap;
use crate::ids::{EntityId, SessionId};
use crate::publication::PublicationBuilder;
use crate::zone::entities::Entities;
use crate::zone::grid::Grid;
use attention::Attention;
use backlog::{PART, Pace};
use columns::{Columns, Strike};
use crowds::Crowds;
use digests::Digests;
use groups::Groups;
use private::Private;
use surroundings::Surroundings;
pub use turns::MAX_TURNS;
use turns::Round;
use viewer::{Shown, Viewer};

/// How far, in centimetres, a player walks out of its anchor cell before the anchor follows. Without it, somebody who
/// walks up and down a cell's edge would be sent a row of cells at each step.
pub const DEFAULT_MARGIN: u32 = 400;
/// The budget of views that may have any length.
pub const UNLIMITED: u32 = u32::MAX;
/// The most strikes shown in one publication, so that a module that strikes without end costs a bounded frame. What
/// a strike does to health is shown all the same.
pub const MAX_STRIKES: usize = 1 << 16;

/// Who looks into a zone, and what they have been shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct Visibility {
    /// In centimetres.
    margin: u32,
    /// Bytes that a view may have, but for state.
    budget: u32,
    /// Publications so far.
    round: u64,
    /// Ordered by session.
    viewers: Vec<Viewer>,
    /// By entity that somebody steers: found in one step, since every move sets it.
    acks: EntityMap<u32>,
    /// By entity through whose eyes somebody looks.
    attention: EntityMap<Attention>,
    /// By cell: anchors in it at the last publication. Empty before the first one.
    anchors: Vec<u32>,
    columns: Columns,
    /// Since the last publication.
    strikes: Vec<Strike>,
    /// Cells that somebody needs a snapshot of; empty between publications.
    #[serde(skip)]
    wanted: Wanted,
    #[serde(skip)]
    digests: Digests,
    #[serde(skip)]
    crowds: Crowds,
    #[serde(skip)]
    groups: Groups,
    #[serde(skip)]
    surroundings: Surroundings,
    #[serde(skip)]
    private: Private,
}

impl Default for Visibility {
    fn default() -> Self {
        Self::new(DEFAULT_MARGIN, UNLIMITED)
    }
}

impl Visibility {
    /// A zone into which nobody looks, whose anchors follow past `margin` centimetres. What moves around a client is told in
    /// turns where its view would have more than `budget` bytes, [`UNLIMITED`] for never.
    #[must_use]
    pub const fn new(margin: u32, budget: u32) -> Self {
        Self {
            margin,
            budget,
            round: 0,
            viewers: Vec::new(),
            acks: EntityMap::new(),
            attention: EntityMap::new(),
            anchors: Vec::new(),
            columns: Columns::new(),
            strikes: Vec::new(),
            wanted: Wanted::new(),
            digests: Digests::new(),
            crowds: Crowds::new(),
            groups: Groups::new(),
            surroundings: Surroundings::new(),
            private: Private::new(),
        }
    }

    /// From now on the session sees what is around `entity`, beginning with snapshots of all nine cells. A session
    /// that looked through other eyes looks through these now.
    pub fn add_viewer(&mut self, session: SessionId, entity: EntityId) {
        let viewer = Viewer::new(session, entity);
        // Its client counts its moves anew.
        self.acks.remove(entity);
        self.attention.get_or_insert_with(entity, Attention::default);
        match self.find(session) {
            Ok(index) => self.viewers[index] = viewer,
            Err(index) => self.viewers.insert(index, viewer),
        }
    }

    /// Bytes that a view may have from now on, but for state: less of them means more turns, so this is the one number for who
    /// wants to save work or bandwidth. Nobody misses anything for a change of it.
    pub fn set_budget(&mut self, budget: u32) {
        self.budget = budget;
    }

    /// The session sees nothing any more. It isn't told: what it gets next says where it is.
    pub fn remove_viewer(&mut self, session: SessionId) {
        if let Ok(index) = self.find(session) {
            self.viewers.remove(index);
        }
    }

    /// What `old` saw is shown to `new` from the next publication on, beginning with snapshots.
    pub fn rebind(&mut self, old: SessionId, new: SessionId) {
        if let Ok(index) = self.find(old) {
            let viewer = self.viewers.remove(index);
            self.add_viewer(new, viewer.entity());
        }
    }

    /// Something was withheld from the session: its next view forgets everything and brings complete snapshots.
    pub fn mark_stale(&mut self, session: SessionId) {
        self.with(session, Viewer::mark_stale);
    }

    /// Whether each publication tells the session a digest of the cells it sees.
    pub fn set_digest(&mut self, session: SessionId, on: bool) {
        self.with(session, |viewer| viewer.set_digest(on));
    }

    /// The sequence number of the last move that the position of `entity` includes, for who looks through its eyes.
    pub fn set_ack(&mut self, entity: EntityId, sequence: u32) {
        self.acks.insert(entity, sequence);
    }

    /// The sessions that look into the zone, in order, with the entities through whose eyes they look.
    pub fn viewers(&self) -> impl Iterator<Item = (SessionId, EntityId)> {
        self.viewers.iter().map(|viewer| (viewer.session(), viewer.entity()))
    }

    /// Shows that `attacker` hit `target` for `damage`, to all around the target as it stands at the end of the tick.
    pub fn strike(&mut self, attacker: EntityId, target: EntityId, damage: u32) {
        if self.strikes.len() < MAX_STRIKES {
            self.strikes.push(Strike { attacker, target, damage });
        }
        for (one, other) in [(attacker, target), (target, attacker)] {
            if let Some(attention) = self.attention.get_mut(one) {
                attention.turn_to(other, Round(self.round));
            }
        }
    }

    /// Writes what every viewer is shown at the end of `tick`. Fills `grid` with where everyone stands, and the
    /// changes of `entities` count from here on.
    pub fn publish(
        &mut self,
        tick: u64,
        entities: &mut Entities,
        grid: &mut Grid,
        out: &mut PublicationBuilder,
    ) {
        grid.rebuild(entities);
        self.round += 1;
        let (first, round) = (out.next_cell(), Round(self.round));
        self.find_anchors(entities, grid);
        self.crowds.find(grid, &self.anchors, self.budget);
        self.put_changes(entities, grid, first, out);
        let pace = Pace { grid, budget: self.budget, first, out };
        for viewer in &mut self.viewers {
            viewer.want_snapshots(&pace, entities, &self.crowds, &mut self.wanted);
        }
        self.wanted.put_snapshots(entities, grid, &mut self.columns, out);
        if self.viewers.iter().any(Viewer::wants_digest) {
            self.digests.fill(entities, grid);
        }
        let shown = Shown {
            tick,
            round,
            entities,
            grid,
            first,
            acks: &self.acks,
            attention: &self.attention,
            columns: &self.columns,
            crowds: &self.crowds,
            groups: &self.groups,
            wanted: &self.wanted,
            digests: &self.digests,
        };
        self.surroundings.clear(grid);
        for viewer in &mut self.viewers {
            viewer.put_view(&shown, &mut self.surroundings, &mut self.private, out);
        }
    }

    fn find_anchors(&mut self, entities: &Entities, grid: &Grid) {
        self.wanted.clear(grid.cells());
        self.anchors.clear();
        self.anchors.resize(grid.cells() as usize, 0);
        for viewer in &mut self.viewers {
            viewer.follow(entities, grid, self.margin);
            if let Some(anchor) = viewer.anchor() {
                self.anchors[grid.index(anchor) as usize] += 1;
            }
        }
    }

    /// Writes what changed in all cells, and decides how often the clients in a crowd are told of it.
    fn put_changes(
        &mut self,
        entities: &mut Entities,
        grid: &Grid,
        first: u32,
        out: &mut PublicationBuilder,
    ) {
        let (columns, crowds, groups) = (&mut self.columns, &mut self.crowds, &mut self.groups);
        let round = Round(self.round);
        columns.place_strikes(entities, grid, crowds, groups, &mut self.strikes);
        columns.put_changes(entities, grid, crowds, round, out);
        groups.put(entities, grid, columns, crowds, round, out);
        crowds.plan(grid, first, self.budget, out, |cell| columns.take_turns(cell, round));
    }

    fn find(&self, session: SessionId) -> Result<usize, usize> {
        self.viewers.binary_search_by_key(&session, Viewer::session)
    }

    fn with(&mut self, session: SessionId, change: impl FnOnce(&mut Viewer)) {
        if let Ok(index) = self.find(session) {
            change(&mut self.viewers[index]);
        }
    }
}

/// Which parts of which cells' snapshots are needed in this publication, and where they are.
#[derive(Debug, Default)]
struct Wanted {
    /// By cell of the grid: where its parts begin in `parts`, or [`Wanted::NOT`].
    starts: Vec<u32>,
    /// By part: its index in the publication, [`Wanted::NOT`], or [`Wanted::YES`] until it is written.
    parts: Vec<u32>,
    cells: Vec<u32>,
}

impl Wanted {
    const NOT: u32 = u32::MAX;
    const YES: u32 = u32::MAX - 1;

    const fn new() -> Self {
        Self { starts: Vec::new(), parts: Vec::new(), cells: Vec::new() }
    }

    fn clear(&mut self, cells: u32) {
        self.starts.resize(cells as usize, Self::NOT);
        for cell in self.cells.drain(..) {
            self.starts[cell as usize] = Self::NOT;
        }
        self.parts.clear();
    }

    /// The whole cell is needed.
    fn want(&mut self, grid: &Grid, cell: u32) {
        self.places(grid, cell).fill(Self::YES);
    }

    fn want_part(&mut self, grid: &Grid, cell: u32, part: usize) {
        self.places(grid, cell)[part] = Self::YES;
    }

    fn places(&mut self, grid: &Grid, cell: u32) -> &mut [u32] {
        let count = backlog::parts(grid.members_at(cell));
        let start = &mut self.starts[cell as usize];
        if *start == Self::NOT {
            *start = u32::try_from(self.parts.len()).unwrap_or(Self::NOT);
            self.parts.resize(self.parts.len() + count, Self::NOT);
            self.cells.push(cell);
        }
        let start = *start as usize;
        &mut self.parts[start..start + count]
    }

    /// Where a part is that was needed, as an index in the publication.
    fn part(&self, cell: u32, part: usize) -> u32 {
        self.parts[self.starts[cell as usize] as usize + part]
    }

    /// Where the snapshots of adjacent cells are that were needed as a whole, as indices in the publication.
    fn whole(&self, grid: &Grid, cells: &Range<u32>) -> Range<u32> {
        let last = cells.end - 1;
        let parts = backlog::parts(grid.members_at(last));
        self.part(cells.start, 0)..self.part(last, parts - 1) + 1
    }

    /// Writes the parts in row order, so that neighbours in a row lie next to each other.
    fn put_snapshots(
        &mut self,
        entities: &Entities,
        grid: &Grid,
        columns: &mut Columns,
        out: &mut PublicationBuilder,
    ) {
        self.cells.sort_unstable();
        for &cell in &self.cells {
            let start = self.starts[cell as usize] as usize;
            let members = grid.members_at(cell);
            if members.len() <= PART {
                self.parts[start] = out.next_cell();
                columns.put_snapshot(entities, grid, cell, out);
                continue;
            }
            for (index, part) in self.parts[start..].iter_mut().zip(members.chunks(PART)) {
                if *index == Self::YES {
                    *index = out.next_cell();
                    columns.put_part(entities, grid, cell, part, out);
                }
            }
        }
    }
}
