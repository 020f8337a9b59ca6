//! Walks about and remembers where it was at which tick, as the server showed it.

use std::net::SocketAddr;

use anyhow::Result;
use client_bot::bot::sight::{Point, Sight};
use protocol::v1::server_packet::Body;
use protocol::v1::{Goodbye, Move, ServerPacket};
use rand::RngExt as _;
use rand_pcg::Pcg32;

use crate::client::Client;
use crate::database::Database;

/// Views between two changes of direction.
const VIEWS_PER_LEG: u32 = 25;
/// Ticks that a save may be apart from the view that is nearest to it: late ticks are simulated in a row and shown once.
const CATCH_UP_TICKS: u64 = 5;
/// What a character covers in a tick at most, in centimetres; 600 cm/s, 20 ticks per second.
const CM_PER_TICK: f64 = 30.0;

/// Where a walker saw itself.
#[derive(Debug)]
pub struct Trail {
    /// The character.
    pub name: String,
    /// Its id.
    pub id: u64,
    /// Ticks and where it was then, in order.
    pub points: Vec<(u64, Point)>,
    /// How the connection ended, if the server said so.
    pub farewell: Option<Goodbye>,
}

/// Walks until the connection ends. `ready` is called once the walker is in the world.
#[must_use]
pub fn walk(server: SocketAddr, number: usize, rng: &mut Pcg32, ready: impl FnOnce()) -> Trail {
    walk_and(server, number, rng, ready, |_, _, _| None)
}

/// As [`walk`], and `also` is shown each packet, in an order that it must not rely on but after the walker's own look.
/// Where it gives a heading, the walker goes there.
pub(crate) fn walk_and(
    server: SocketAddr,
    number: usize,
    rng: &mut Pcg32,
    ready: impl FnOnce(),
    mut also: impl FnMut(&mut Client, &Sight, &ServerPacket) -> Option<u16>,
) -> Trail {
    let name = format!("Walker{}{}", letter(number / 26), letter(number % 26));
    let (mut client, entered) = Client::enter(server, &format!("walker-{number}"), &name);
    ready();
    let mut sight = Sight::new(&entered);
    let mut trail = Trail { name, id: entered.character, points: Vec::new(), farewell: None };
    let mut views = 0;
    while let Ok(packet) = client.next() {
        if let Some(Body::Goodbye(goodbye)) = &packet.body {
            trail.farewell = Some(goodbye.clone());
        }
        if let Some(Body::View(view)) = &packet.body {
            sight.apply(view, &mut ());
            trail.points.extend(sight.own().map(|own| (view.tick, own.at)));
        }
        let wanted = also(&mut client, &sight, &packet).map(u32::from);
        if matches!(packet.body, Some(Body::View(_))) {
            if views % VIEWS_PER_LEG == 0 {
                let heading = wanted.unwrap_or_else(|| rng.random_range(0..65_536));
                client.send(views + 1, &Move { heading, walking: true, sequence: views + 1 });
            }
            views += 1;
        }
    }
    trail
}

/// Names have letters only.
pub(crate) fn letter(number: usize) -> char {
    (b'a'..=b'z').map(char::from).cycle().nth(number).unwrap_or('a')
}

impl Trail {
    /// How many ticks the saved place is behind the last one seen, or what is wrong with the saved place.
    pub(crate) fn age(&self, database: &mut Database) -> Result<Result<u64, String>> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return Ok(Ok(0));
        };
        let epoch = database.number("SELECT MAX(epoch) FROM epochs")?.cast_unsigned();
        let sql =
            "SELECT x, y, saved_epoch, saved_tick FROM characters WHERE x IS NOT NULL AND id =";
        let rows = database.rows(&format!("{sql} {}", self.id))?;
        let saved = rows.first().filter(|row| row.id(2).is_ok_and(|saved| saved == epoch));
        let Some(saved) = saved else {
            // It had come so shortly before that nothing of it was saved yet.
            return Ok(Ok(last.0 - first.0));
        };
        let place = Point { x: saved.number(0)?, y: saved.number(1)? };
        let saved_tick = saved.id(3)?;
        let seen = self.points.iter().min_by_key(|(tick, _)| tick.abs_diff(saved_tick));
        let (tick, seen) = seen.unwrap_or(last);
        let off = seen.distance(place);
        let possible = CM_PER_TICK * (tick.abs_diff(saved_tick) + CATCH_UP_TICKS) as f64;
        if off > possible {
            let name = &self.name;
            return Ok(Err(format!(
                "{name} was at {seen:?} in tick {tick}, but saved at {place:?} in {saved_tick}"
            )));
        }
        Ok(Ok(last.0.saturating_sub(saved_tick)))
    }
}
