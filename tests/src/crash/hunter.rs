//! A walker that strikes the monsters that it meets: what it is told of its place and of its progress is held against
//! what was saved.

use std::net::SocketAddr;

use client_bot::bot::sight::Sight;
use protocol::v1::server_packet::Body;
use protocol::v1::{Attack, EntityKind};
use rand_pcg::Pcg32;

use super::progress::Diary;
use crate::walker::{Trail, walk_and};

/// How near a monster must be to be struck, in centimetres; below the content's attack_range_cm.
const REACH_CM: f64 = 330.0;

/// Hunts until the connection ends. `ready` is called once the hunter is in the world.
pub(super) fn hunt(
    server: SocketAddr,
    number: usize,
    rng: &mut Pcg32,
    ready: impl FnOnce(),
) -> (Trail, Diary) {
    let mut diary = Diary::default();
    let trail = walk_and(server, number, rng, ready, |client, sight, packet| {
        diary.read(packet);
        let (monster, distance, heading) = nearest_monster(sight)?;
        if matches!(packet.body, Some(Body::View(_))) && distance < REACH_CM {
            client.send(0, &Attack { target: monster });
        }
        Some(heading)
    });
    (diary.name, diary.character) = (trail.name.clone(), trail.id);
    (trail, diary)
}

/// Its id, how far it is in centimetres, and the heading to it.
fn nearest_monster(sight: &Sight) -> Option<(u64, f64, u16)> {
    let here = sight.own()?.at;
    let alive =
        sight.entities().filter(|(_, seen)| seen.kind == EntityKind::Monster && seen.hp > 0);
    let by_distance =
        alive.map(|(id, seen)| (id, here.distance(seen.at), here.heading_to(seen.at)));
    by_distance.min_by(|one, other| one.1.total_cmp(&other.1))
}
