//! What happens in a zone's cells, encoded for everybody who sees it.

use std::hint::black_box;

use game::publication::PublicationBuilder;
use game::zone::{Entities, Grid, Spawn, Visibility};
use game::{Heading, Position, SessionId};

use crate::Work;

/// Side of the map and of a cell, in centimetres: about 50 of [`ENTITIES`] in the nine cells around anybody.
const MAP: u32 = 43_000;
const CELL: u32 = 3_200;
const ENTITIES: u32 = 1000;
const VIEWERS: u32 = 200;

/// Entities, and viewers who have seen everything.
struct Zone {
    entities: Entities,
    grid: Grid,
    visibility: Visibility,
    out: PublicationBuilder,
    tick: u64,
}

impl Zone {
    fn new(viewers: u32) -> anyhow::Result<Self> {
        let mut zone = Self {
            entities: Entities::new(),
            grid: Grid::new(MAP, MAP, CELL)?,
            visibility: Visibility::default(),
            out: PublicationBuilder::new(),
            tick: 0,
        };
        for number in 0..ENTITIES {
            let spawn = Spawn::player(&format!("Walker{number}"), 100, place(number), Heading(0));
            let entity = zone.entities.spawn(spawn)?;
            if number < viewers {
                zone.visibility.add_viewer(SessionId(u64::from(number)), entity);
            }
        }
        for _ in 0..3 {
            zone.walk();
            zone.publish();
        }
        Ok(zone)
    }

    /// Everybody takes a step, few into another cell.
    fn walk(&mut self) {
        for entity in self.entities.iter_mut() {
            let Position { x, y } = entity.position();
            let heading = Heading(entity.heading().0.wrapping_add(4_099));
            entity.advance(Position { x: x + 30, y: y + 30 }, entity.residue());
            entity.set_motion(heading, 600);
        }
    }

    fn publish(&mut self) {
        self.tick += 1;
        let (entities, grid) = (&mut self.entities, &mut self.grid);
        self.visibility.publish(self.tick, entities, grid, &mut self.out);
        let publication = black_box(self.out.finish(self.tick));
        self.out.recycle(publication);
    }
}

/// Spread evenly, and the same in every run.
fn place(number: u32) -> Position {
    let anywhere = |factor: u32| {
        let place = number.wrapping_mul(factor) % (MAP - 1_000);
        i32::try_from(place).unwrap_or_default()
    };
    Position { x: anywhere(2_654_435_761), y: anywhere(40_503_041) }
}

/// A thousand who have walked a step: sorted into cells and each encoded once. Nobody looks.
pub(crate) fn changes() -> anyhow::Result<Work> {
    let mut zone = Zone::new(0)?;
    zone.walk();
    Ok(Box::new(move || zone.publish()))
}

/// Two hundred viewers who must be shown everything anew: complete snapshots of the cells, and their views.
pub(crate) fn snapshots() -> anyhow::Result<Work> {
    let mut zone = Zone::new(VIEWERS)?;
    (0..VIEWERS).for_each(|viewer| zone.visibility.mark_stale(SessionId(u64::from(viewer))));
    Ok(Box::new(move || zone.publish()))
}
