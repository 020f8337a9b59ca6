//! The least that the parts of a tick can take: the same work as bare loops over flat arrays, with no game around it.

use std::hint::black_box;
use std::ops::Range;

use prost::Message as _;
use protocol::put_varint;
use protocol::v1::Move;

use super::count;
use super::walkers::mix;
use crate::clock::processor_time;
use crate::field::NEIGHBOURS;

/// Of a cell, in centimetres.
const CELL: u32 = 3_200;
/// Times that each loop runs; the median counts.
const ROUNDS: usize = 101;

/// Nanoseconds for each entity, input or client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floors {
    /// An input: a Move decoded.
    pub(super) decode: f64,
    /// A step of an entity.
    pub(super) step: f64,
    /// An entity sorted into its cell, by counting.
    pub(super) sort: f64,
    /// An entity's motion written in the order of cells.
    pub(super) encode: f64,
    /// A client's three ranges found.
    pub(super) gather: f64,
    /// A client's three ranges copied.
    pub(super) copy: f64,
}

impl Floors {
    /// Measures all of them with so many players as far from each other as in the game.
    pub(super) fn measure(players: usize) -> Self {
        let mut crowd = Crowd::new(players);
        let moves = moves(players);
        let per = |work: &mut dyn FnMut()| nanoseconds(work) / count(players as u64);
        Self {
            decode: per(&mut || decode(&moves)),
            step: per(&mut || crowd.step()),
            sort: per(&mut || crowd.sort()),
            encode: per(&mut || crowd.encode()),
            gather: per(&mut || crowd.gather()),
            copy: per(&mut || crowd.copy()),
        }
    }
}

/// The median of the rounds.
fn nanoseconds(work: &mut dyn FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let began = processor_time();
        work();
        processor_time() - began
    });
    super::median(rounds.collect())
}

fn moves(players: usize) -> Vec<Vec<u8>> {
    let wish = |player: u32| Move { heading: player % 65_536, walking: true, sequence: 1_000 };
    (0..u32::try_from(players).unwrap_or(u32::MAX))
        .map(|player| wish(player).encode_to_vec())
        .collect()
}

fn decode(moves: &[Vec<u8>]) {
    for bytes in moves {
        black_box(Move::decode(bytes.as_slice()).ok());
    }
}

/// Players as columns of numbers.
struct Crowd {
    columns: u32,
    x: Vec<u32>,
    y: Vec<u32>,
    /// What is added to x and y in a step.
    dx: Vec<u32>,
    dy: Vec<u32>,
    /// By cell: where its members start in `members`.
    starts: Vec<u32>,
    /// Players, cell by cell.
    members: Vec<u32>,
    bytes: Vec<u8>,
    /// By cell: where its bytes start.
    offsets: Vec<u32>,
    ranges: Vec<Range<u32>>,
    view: Vec<u8>,
}

impl Crowd {
    fn new(players: usize) -> Self {
        let columns = (3.0 * (count(players as u64) / NEIGHBOURS).sqrt()).ceil().max(3.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some dozens of cells"
        )]
        let columns = columns as u32;
        let side = u64::from(columns * CELL);
        let draw = |salt: u64, below: u64| {
            let numbers = (0..players as u64).map(move |player| mix(player << 8 ^ salt) % below);
            numbers.map(|number| u32::try_from(number).unwrap_or_default()).collect::<Vec<_>>()
        };
        let cells = (columns * columns) as usize + 1;
        let mut crowd = Self {
            columns,
            x: draw(1, side),
            y: draw(2, side),
            dx: draw(3, 60),
            dy: draw(4, 60),
            starts: vec![0; cells],
            members: vec![0; players],
            bytes: Vec::new(),
            offsets: vec![0; cells],
            ranges: Vec::new(),
            view: Vec::new(),
        };
        crowd.sort();
        crowd
    }

    fn cell(&self, player: usize) -> usize {
        (self.y[player] / CELL * self.columns + self.x[player] / CELL) as usize
    }

    fn step(&mut self) {
        let side = self.columns * CELL;
        for (place, step) in [(&mut self.x, &self.dx), (&mut self.y, &self.dy)] {
            for (place, step) in place.iter_mut().zip(step) {
                let to = *place + step;
                *place = if to < side { to } else { to - side };
            }
        }
    }

    fn sort(&mut self) {
        self.starts.fill(0);
        for player in 0..self.x.len() {
            let cell = self.cell(player);
            self.starts[cell] += 1;
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        for player in (0..self.x.len()).rev() {
            let cell = self.cell(player);
            self.starts[cell] -= 1;
            self.members[self.starts[cell] as usize] = u32::try_from(player).unwrap_or_default();
        }
    }

    fn encode(&mut self) {
        self.bytes.clear();
        for cell in 0..self.starts.len() - 1 {
            self.offsets[cell] = u32::try_from(self.bytes.len()).unwrap_or_default();
            for &player in &self.members[self.starts[cell] as usize..self.starts[cell + 1] as usize]
            {
                let (x, y) = (self.x[player as usize] % CELL, self.y[player as usize] % CELL);
                let mut entry = [0; 24];
                let mut rest = &mut entry[..];
                for (key, value) in [(8, player), (16, x), (24, y), (32, x), (40, 600)] {
                    put_varint(&mut rest, key);
                    put_varint(&mut rest, u64::from(value));
                }
                let length = 24 - rest.len();
                self.bytes.extend_from_slice(&[0x1a, u8::try_from(length).unwrap_or_default()]);
                self.bytes.extend_from_slice(&entry[..length]);
            }
        }
        let end = u32::try_from(self.bytes.len()).unwrap_or_default();
        self.offsets.iter_mut().last().into_iter().for_each(|last| *last = end);
    }

    /// The bytes of the three cells around a player in each of three rows.
    fn rows(&self, player: usize) -> impl Iterator<Item = Range<u32>> {
        let (column, row) = (self.x[player] / CELL, self.y[player] / CELL);
        let (first, last) = (column.saturating_sub(1), (column + 1).min(self.columns - 1));
        let rows = row.saturating_sub(1)..=(row + 1).min(self.columns - 1);
        rows.map(move |row| {
            let cell = |column: u32| (row * self.columns + column) as usize;
            self.offsets[cell(first)]..self.offsets[cell(last) + 1]
        })
    }

    fn gather(&mut self) {
        let mut ranges = std::mem::take(&mut self.ranges);
        ranges.clear();
        for player in 0..self.x.len() {
            ranges.extend(self.rows(player));
        }
        self.ranges = black_box(ranges);
    }

    fn copy(&mut self) {
        let mut view = std::mem::take(&mut self.view);
        for player in 0..self.x.len() {
            view.clear();
            for range in self.rows(player) {
                view.extend_from_slice(&self.bytes[range.start as usize..range.end as usize]);
            }
            black_box(&view);
        }
        self.view = view;
    }
}
