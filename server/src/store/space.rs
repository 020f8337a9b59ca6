//! Room on the disk of the database. Value operations are refused before it is used up, so that what was taken can still
//! be put in order, and the log says so long before.

use std::time::Duration;

use tracing::{info, warn};

/// The log warns of a disk that has less room than so many times the reserve.
const WARN_TIMES: u64 = 10;
/// How often the room is looked at while there is too little of it, and nothing is written.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Less than the reserve.
    Short,
    /// Less than an operator should leave.
    Low,
    Plenty,
}

/// Looks at the room.
#[derive(Debug)]
pub(super) struct SpaceWatch {
    /// Bytes below which value operations are refused; zero looks at nothing.
    reserve: u64,
    room: Room,
}

impl SpaceWatch {
    pub(super) const fn new(reserve: u64) -> Self {
        Self { reserve, room: Room::Plenty }
    }

    /// True while there is less room than the reserve.
    pub(super) fn is_short(&self) -> bool {
        self.room == Room::Short
    }

    /// Looks. `free` tells the bytes that are free, where it can. True if [`Self::is_short`] changed.
    pub(super) fn look(&mut self, free: impl FnOnce() -> Option<u64>) -> bool {
        let Some(free) = (self.reserve > 0).then(free).flatten() else { return false };
        let before = self.room;
        self.room = self.judge(free);
        if self.room != before {
            self.say(free);
        }
        (self.room == Room::Short) != (before == Room::Short)
    }

    /// A quarter more than a bound is needed to get over it again, so that the room doesn't flap.
    fn judge(&self, free: u64) -> Room {
        let is_below = |bound: u64, below: Room| {
            let bound = if self.room <= below { bound.saturating_add(bound / 4) } else { bound };
            free < bound
        };
        if is_below(self.reserve, Room::Short) {
            Room::Short
        } else if is_below(self.reserve.saturating_mul(WARN_TIMES), Room::Low) {
            Room::Low
        } else {
            Room::Plenty
        }
    }

    fn say(&self, free: u64) {
        let (free_mib, reserve_mib) = (free >> 20, self.reserve >> 20);
        match self.room {
            Room::Short => warn!(
                free_mib,
                reserve_mib,
                "the database's disk is nearly full: value operations are refused until there is room"
            ),
            Room::Low => warn!(
                free_mib,
                reserve_mib,
                "the database's disk fills up; with less than the reserve, value operations are refused"
            ),
            Room::Plenty => info!(free_mib, "the database's disk has room again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_short_below_the_reserve_and_has_room_again_a_quarter_above_it() {
        let mut watch = SpaceWatch::new(100);
        let mut look = |free| (watch.look(|| Some(free)), watch.room);
        assert_eq!(look(1_000), (false, Room::Plenty));
        assert_eq!(look(999), (false, Room::Low));
        assert_eq!(look(100), (false, Room::Low));
        assert_eq!(look(99), (true, Room::Short));
        assert_eq!(look(124), (false, Room::Short));
        assert_eq!(look(125), (true, Room::Low));
        assert_eq!(look(1_249), (false, Room::Low));
        assert_eq!(look(1_250), (false, Room::Plenty));
    }

    #[test]
    fn without_a_reserve_nothing_is_looked_at() {
        assert!(!SpaceWatch::new(0).look(|| unreachable!("nobody wants to know")));
    }
}
