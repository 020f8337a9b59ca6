//! Where things stand and how they walk: whole centimetres and 1/65536 turns, so that server, client, journal and
//! every processor agree to the last bit. No floating point.

use std::ops::Sub;

use serde::{Deserialize, Serialize};

/// A place on a zone's map.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// Centimetres from the west edge.
    pub x: i32,
    /// Centimetres from the north edge.
    pub y: i32,
}

impl Position {
    /// The place `x` centimetres from the west and `y` from the north edge.
    #[must_use]
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }

    /// True if `other` is at most `distance` centimetres away.
    #[must_use]
    pub fn is_within(self, distance: u32, other: Self) -> bool {
        let distance = i64::from(distance);
        distance_squared(self, other) <= distance * distance
    }
}

/// The difference of two positions in centimetres, wide enough for any two.
impl Sub for Position {
    type Output = (i64, i64);

    fn sub(self, from: Self) -> (i64, i64) {
        (i64::from(self.x) - i64::from(from.x), i64::from(self.y) - i64::from(from.y))
    }
}

/// What walking leaves over of a centimetre, in 1/65536 cm towards east and south. Without it a slow walker on a
/// short tick would never arrive anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Residue {
    x: u16,
    y: u16,
}

/// A direction: 1/65536 of a turn, 0 is east, growing clockwise on the map (y grows southwards).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Heading(pub u16);

/// The sine of a right angle.
pub const ONE: i32 = 1 << 16;
/// A quarter of a turn.
const QUARTER: u16 = 1 << 14;
/// Steps of the sine table in a quarter turn. Between them it is a straight line, which keeps every sine within
/// 1/65536 of the true one.
const SINE_STEPS: usize = 256;
/// Heading units from one step of the table to the next, as a shift.
const STEP_SHIFT: u32 = 6;

/// The first quarter of a sine wave in 1/2^24, computed by the compiler in whole numbers. Finer than the result, so
/// that rounding happens once.
static SINES: [i32; SINE_STEPS + 1] = sine_table();

impl Heading {
    /// Sine in 1/65536: the part of a step that goes south.
    #[must_use]
    pub fn sin(self) -> i32 {
        let angle = self.0 % QUARTER;
        match self.0 / QUARTER {
            0 => quarter_sine(angle),
            1 => quarter_sine(QUARTER - angle),
            2 => -quarter_sine(angle),
            _ => -quarter_sine(QUARTER - angle),
        }
    }

    /// Cosine in 1/65536: the part of a step that goes east.
    #[must_use]
    pub fn cos(self) -> i32 {
        Self(self.0.wrapping_add(QUARTER)).sin()
    }

    /// The direction turned clockwise by `angle` of 1/65536 turns.
    #[must_use]
    pub const fn turned(self, angle: u16) -> Self {
        Self(self.0.wrapping_add(angle))
    }
}

/// Bits of the table behind those of [`ONE`].
const FINER: u32 = 8;

/// Sine of an angle of 0 to a quarter turn, both included.
fn quarter_sine(angle: u16) -> i32 {
    let index = usize::from(angle >> STEP_SHIFT);
    let part = i32::from(angle % (1 << STEP_SHIFT));
    let here = SINES[index];
    let next = SINES[(index + 1).min(SINE_STEPS)];
    let fine = here + (((next - here) * part) >> STEP_SHIFT);
    (fine + (1 << (FINER - 1))) >> FINER
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "sines are at most 2^24; constant evaluation knows no TryFrom"
)]
const fn sine_table() -> [i32; SINE_STEPS + 1] {
    /// Bits behind the point while computing.
    const POINT: u32 = 48;
    /// Half a turn divided by the diameter, times 2^48.
    const PI: i128 = 884_279_719_003_555;
    let mut table = [0; SINE_STEPS + 1];
    let mut step = 0;
    while step <= SINE_STEPS {
        let angle = PI * step as i128 / (2 * SINE_STEPS as i128);
        let square = (angle * angle) >> POINT;
        // Taylor's series; after ten terms what is left is far below 2^-48.
        let (mut term, mut sum, mut n) = (angle, angle, 1);
        while n <= 10 {
            term = -((term * square) >> POINT) / (2 * n * (2 * n + 1));
            sum += term;
            n += 1;
        }
        let shift = POINT - 16 - FINER;
        table[step] = ((sum + (1 << (shift - 1))) >> shift) as i32;
        step += 1;
    }
    table
}

/// The longest way of one step, in 1/1000 cm: 10 km, far beyond any map's need. It keeps a step in 64 bits.
const MAX_WAY: u64 = 1_000_000_000;

/// Where one tick of `tick_ms` milliseconds takes a walker of `speed` centimetres per second, on a map without walls.
/// What rounding leaves over is carried to the next step. A step of more than 10 km is cut to that.
#[must_use]
pub fn step(
    position: Position,
    residue: Residue,
    heading: Heading,
    speed: u32,
    tick_ms: u32,
) -> (Position, Residue) {
    let way = (u64::from(speed) * u64::from(tick_ms)).min(MAX_WAY);
    let way = way.cast_signed();
    let (x, rest_x) = step_axis(position.x, residue.x, way, heading.cos());
    let (y, rest_y) = step_axis(position.y, residue.y, way, heading.sin());
    let residue = Residue { x: rest_x, y: rest_y };
    (Position { x, y }, residue)
}

/// `way` is in 1/1000 cm. Ends where the numbers end, where no map reaches.
fn step_axis(from: i32, residue: u16, way: i64, share: i32) -> (i32, u16) {
    let moved = way * i64::from(share) / 1000;
    let total = (i64::from(from) << 16) + i64::from(residue) + moved;
    let total = total.clamp(i64::from(i32::MIN) << 16, (i64::from(i32::MAX) << 16) + 0xffff);
    let whole = i32::try_from(total >> 16).unwrap_or(i32::MAX);
    (whole, u16::try_from(total & 0xffff).unwrap_or(u16::MAX))
}

/// The square of the distance in square centimetres; compare squares rather than taking roots.
#[must_use]
pub fn distance_squared(a: Position, b: Position) -> i64 {
    let (x, y) = a - b;
    x.saturating_mul(x).saturating_add(y.saturating_mul(y))
}

/// The direction from one place to another, to 1/65536 of a turn; `None` when they are the same.
#[must_use]
pub fn heading_towards(from: Position, to: Position) -> Option<Heading> {
    let (x, y) = to - from;
    if x == 0 && y == 0 {
        return None;
    }
    // In the first eighth of a turn, the angle is found by halving: the sine table alone decides.
    let (long, short) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    let (mut low, mut high) = (0_u16, QUARTER / 2);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let angle = Heading(middle);
        if long * i64::from(angle.sin()) <= short * i64::from(angle.cos()) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let in_quarter = if x.abs() >= y.abs() { low } else { QUARTER - low };
    let half = QUARTER * 2;
    let eastern = if x >= 0 { in_quarter } else { half - in_quarter };
    Some(Heading(if y >= 0 { eastern } else { eastern.wrapping_neg() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Far enough from the ends of the numbers that nothing is cut.
    fn place() -> impl Strategy<Value = Position> {
        (-20_000_000..20_000_000, -20_000_000..20_000_000).prop_map(|(x, y)| Position { x, y })
    }

    #[test]
    fn quarter_turns_are_exact() {
        let turns = [0, 1, 2, 3].map(|quarter| Heading(quarter * QUARTER));
        assert_eq!(turns.map(Heading::cos), [ONE, 0, -ONE, 0]);
        assert_eq!(turns.map(Heading::sin), [0, ONE, 0, -ONE]);
    }

    #[test]
    fn the_sine_is_within_one_part_in_65536_of_the_true_one_at_every_heading() {
        for heading in 0..=u16::MAX {
            let angle = f64::from(heading) / 65_536.0 * std::f64::consts::TAU;
            let off = f64::from(Heading(heading).sin()) - angle.sin() * f64::from(ONE);
            assert!(off.abs() <= 1.0, "heading {heading} is off by {off}");
        }
    }

    #[test]
    fn a_slow_walker_arrives_where_a_fast_one_does() {
        // 1 cm/s at 30 ticks a second is a thirtieth of a centimetre per tick.
        let (mut at, mut residue) = (Position::default(), Residue::default());
        for _ in 0..30_000 {
            (at, residue) = step(at, residue, Heading(0), 1, 33);
        }
        assert!((at.x - 990).abs() <= 1, "{at:?}");
        assert_eq!(at.y, 0);
    }

    proptest! {
        #[test]
        fn a_walk_covers_speed_times_time(
            heading in any::<u16>(), speed in 0..3000_u32, tick_ms in 10..200_u32, ticks in 1..600_u32,
        ) {
            let (mut at, mut residue) = (Position::default(), Residue::default());
            for _ in 0..ticks {
                (at, residue) = step(at, residue, Heading(heading), speed, tick_ms);
            }
            let way = f64::from(speed) * f64::from(tick_ms) * f64::from(ticks) / 1000.0;
            let walked = f64::from(i32::try_from(distance_squared(Position::default(), at)
                .isqrt()).unwrap());
            prop_assert!((way - walked).abs() <= 3.0 + way / 20_000.0, "{walked} of {way} cm");
        }

        #[test]
        fn a_heading_leads_to_where_it_was_taken_for(from in place(), to in place()) {
            let (x, y) = to - from;
            match heading_towards(from, to) {
                None => prop_assert_eq!(from, to),
                Some(heading) => {
                    let (x, y) = (f64::from(i32::try_from(x).unwrap()), f64::from(i32::try_from(y).unwrap()));
                    let turns = y.atan2(x) / std::f64::consts::TAU * 65_536.0;
                    let off = (f64::from(heading.0) - turns).rem_euclid(65_536.0);
                    prop_assert!(off.min(65_536.0 - off) <= 2.0, "{heading:?} for {turns}");
                }
            }
        }

        #[test]
        fn no_input_overflows(
            from in any::<(i32, i32)>(), to in any::<(i32, i32)>(), heading in any::<u16>(),
            speed in any::<u32>(), tick_ms in any::<u32>(),
        ) {
            let (from, to) = (Position::new(from.0, from.1), Position::new(to.0, to.1));
            let _ = step(from, Residue { x: u16::MAX, y: u16::MAX }, Heading(heading), speed, tick_ms);
            prop_assert!(distance_squared(from, to) >= 0);
            let _ = heading_towards(from, to);
        }
    }
}
