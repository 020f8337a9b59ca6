//! The motion of a cell, written field by field: it is what most of a tick's bytes are, so it is worth not building
//! messages first. The bytes are those of a [`CellMotion`](crate::v1::CellMotion) in `View.motions`.

use bytes::BufMut;

use crate::v1::Motion;
use crate::varint::{put_varint, varint_len};
use crate::view::LENGTH_DELIMITED;

const MOTIONS_FIELD: u64 = 7;
/// Key of `CellMotion.motions`.
const MOTION_KEY: u8 = 3 << 3 | 2;
/// The most bytes of a motion: five keys, one varint of 64 and four of 32 bits.
const MAX_MOTION: usize = 5 + 10 + 4 * 5;

/// One cell's motion in the making; used again for the next.
#[derive(Debug, Default)]
pub struct MotionColumn {
    column: u32,
    row: u32,
    motions: Vec<u8>,
}

impl MotionColumn {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { column: 0, row: 0, motions: Vec::new() }
    }

    /// Begins a cell, forgetting what was there.
    pub fn begin(&mut self, column: u32, row: u32) {
        (self.column, self.row) = (column, row);
        self.motions.clear();
    }

    /// Adds the motion of one entity.
    pub fn push(&mut self, motion: &Motion) {
        // Two bytes for key and length: a motion is shorter than 128 bytes, so its length takes one.
        let mut entry = [0; 2 + MAX_MOTION];
        let mut end = 2;
        let fields = [
            motion.entity,
            motion.x.into(),
            motion.y.into(),
            motion.heading.into(),
            motion.speed.into(),
        ];
        for (key, value) in (1_u8..).map(|field| field << 3).zip(fields) {
            if value != 0 {
                entry[end] = key;
                end = put_short_varint(&mut entry, end + 1, value);
            }
        }
        entry[0] = MOTION_KEY;
        entry[1] = u8::try_from(end - 2).unwrap_or(u8::MAX);
        self.motions.extend_from_slice(&entry[..end]);
    }

    /// True if nothing in the cell moves.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.motions.is_empty()
    }

    /// Appends the cell as an entry of `View.motions`.
    pub fn put(&self, out: &mut impl BufMut) {
        let cell = [(1_u64 << 3, self.column), (2 << 3, self.row)];
        let cell = cell.iter().filter(|(_, value)| *value != 0);
        let length: usize = cell.clone().map(|(_, value)| 1 + varint_len(u64::from(*value))).sum();
        put_varint(out, MOTIONS_FIELD << 3 | LENGTH_DELIMITED);
        put_varint(out, (length + self.motions.len()) as u64);
        for (key, value) in cell {
            put_varint(out, *key);
            put_varint(out, u64::from(*value));
        }
        out.put_slice(&self.motions);
    }
}

/// Writes `value` at `at` and returns where it ends.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low seven or eight bits are what is meant"
)]
fn put_short_varint(out: &mut [u8; 2 + MAX_MOTION], mut at: usize, mut value: u64) -> usize {
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{CellMotion, View};
    use proptest::prelude::*;
    use prost::Message as _;

    proptest! {
        #[test]
        fn a_column_is_byte_for_byte_what_prost_writes(
            cell in (0..70_000_u32, 0..70_000_u32),
            motions in proptest::collection::vec(
                (any::<u64>(), 0..3200_u32, any::<u32>(), 0..65_536_u32, 0..900_u32), 0..40,
            ),
        ) {
            let motions: Vec<_> = motions
                .into_iter()
                .map(|(entity, x, y, heading, speed)| Motion { entity, x, y, heading, speed })
                .collect();
            let mut column = MotionColumn::new();
            column.begin(cell.0, cell.1);
            motions.iter().for_each(|motion| column.push(motion));
            let mut bytes = Vec::new();
            column.put(&mut bytes);
            let motion = CellMotion { column: cell.0, row: cell.1, motions };
            let view = View { motions: vec![motion], ..View::default() };
            prop_assert_eq!(bytes, view.encode_to_vec());
        }
    }

    #[test]
    fn the_longest_motion_fits() {
        let motion = Motion {
            entity: u64::MAX,
            x: u32::MAX,
            y: u32::MAX,
            heading: u32::MAX,
            speed: u32::MAX,
        };
        let mut column = MotionColumn::new();
        column.push(&motion);
        assert_eq!(column.motions.len(), 2 + MAX_MOTION);
    }
}
