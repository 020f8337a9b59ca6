//! Which part of a tick is running, told to whoever wants to know how long each takes. The game reads no clock: a
//! server's watch does.

/// A part of a tick, in the order in which they come. With several zones the modules' parts come once for each zone,
/// and when late ticks are made up for all but the last three come once for each of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What came in: packets, letters, loads, whoever enters and leaves.
    Inputs,
    /// A module's own work in one zone, with what the events that it set off made others do.
    Module(&'static str),
    /// Journeys between zones, and who is online.
    Travel,
    /// Saves that are due.
    Saves,
    /// The commit: value operations and the characters they concern.
    Commit,
    /// What changed around whom, encoded.
    Visibility,
    /// Who gets which frames.
    Publication,
}

impl Part {
    /// As the log calls it; a module goes by its own name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Module(name) => name,
            Self::Travel => "travel",
            Self::Saves => "saves",
            Self::Commit => "commit",
            Self::Visibility => "visibility",
            Self::Publication => "publication",
        }
    }
}

/// Told when a part of a tick begins. It must be quick, and can change nothing: no more of the tick is in its reach.
pub trait Watch {
    /// The part before has ended, if there was one, and `part` begins.
    fn enter(&mut self, part: Part);
}

/// Nobody watches.
impl Watch for () {
    fn enter(&mut self, _: Part) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Part, Watch};
    use crate::game::Game;
    use crate::ids::ZoneName;
    use crate::settings::Settings;

    /// Writes down the parts.
    #[derive(Default)]
    struct Diary(Vec<Part>);

    impl Watch for Diary {
        fn enter(&mut self, part: Part) {
            self.0.push(part);
        }
    }

    fn parts_of(steps: u32) -> Vec<&'static str> {
        let settings = Settings { zones: vec![ZoneName::new("field")], ..Settings::default() };
        let table = Arc::new(crate::modules::all().check().unwrap());
        let mut game = Game::new(settings, Arc::new(crate::testing::small_world()), table).unwrap();
        let mut diary = Diary::default();
        game.tick_watched(Vec::new(), steps, &mut diary);
        diary.0.into_iter().map(Part::name).collect()
    }

    #[test]
    fn a_watch_hears_of_each_part_in_order_and_of_the_modules_by_name() {
        let table = crate::modules::all().check().unwrap();
        let step: Vec<_> = ["inputs"]
            .into_iter()
            .chain(table.names(false))
            .chain(table.names(true))
            .chain(["travel", "saves"])
            .collect();
        let end = ["commit", "visibility", "publication"];
        assert_eq!(parts_of(1), [&step[..], &end].concat());
        assert_eq!(parts_of(2), [&step[..], &step, &end].concat());
    }
}
