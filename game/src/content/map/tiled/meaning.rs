//! What names and properties of a map say about walls, and what they may mean and isn't read.

use std::collections::BTreeMap;

use super::model::Property;

/// The name of layers, groups, objects and classes that are walls; case doesn't matter.
const COLLISION: &str = "collision";
/// Parts of names with which people speak of walls.
const SOUNDS: [&str; 9] =
    ["colli", "wall", "block", "solid", "passab", "walk", "obstac", "barrier", "imperm"];

/// What the properties of one thing say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether it is a wall, and the property that says so.
    pub(super) wall: Option<(bool, String)>,
    /// Properties about walls with a value that is neither true nor false.
    pub(super) unclear: Vec<Property>,
    /// Properties that may mean walls and aren't read.
    pub(super) unread: Vec<String>,
}

/// Reads the properties `collides` and `walkable`; case doesn't matter, and neither does the type of the value.
pub(super) fn said(properties: &[Property]) -> Said {
    let mut said = Said::default();
    for property in properties {
        let name = property.name.trim().to_lowercase();
        let wall_if = match name.as_str() {
            "collides" => true,
            "walkable" => false,
            _ => {
                if truth(&property.value).is_some_and(|_| is_word(&property.value))
                    || sounds_like_walls(&name)
                {
                    said.unread.push(property.name.clone());
                }
                continue;
            }
        };
        match truth(&property.value) {
            // Of two that disagree the wall counts.
            Some(value) if said.wall.as_ref().is_none_or(|(wall, _)| !wall) => {
                said.wall = Some((value == wall_if, name));
            }
            Some(_) => {}
            None => said.unclear.push(property.clone()),
        }
    }
    said
}

/// True if a layer, group, object or class of that name is made of walls.
pub(super) fn is_collision(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(COLLISION)
}

/// True if a name speaks of walls, as far as a program can tell.
pub(super) fn sounds_like_walls(name: &str) -> bool {
    let name = name.to_lowercase();
    SOUNDS.iter().any(|sound| name.contains(sound))
}

fn truth(value: &str) -> Option<bool> {
    match value.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn is_word(value: &str) -> bool {
    value.parse::<f64>().is_err()
}

/// Something that is told once, however often it is met.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By property: how often, and where first.
    met: BTreeMap<String, (usize, String)>,
}

impl Tally {
    pub(super) fn add(&mut self, names: Vec<String>, place: &dyn Fn() -> String) {
        for name in names {
            self.met.entry(name).or_insert_with(|| (0, place())).0 += 1;
        }
    }

    /// Name, how often and where first.
    pub(super) fn into_lines(self) -> impl Iterator<Item = (String, usize, String)> {
        self.met.into_iter().map(|(name, (count, place))| (name, count, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(name: &str, value: &str) -> Property {
        Property { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn both_properties_are_read_whatever_their_case_and_type() {
        for (name, value, wall) in [
            ("collides", "true", true),
            ("Collides", "True", true),
            ("collides", "1", true),
            ("collides", "0", false),
            ("walkable", "false", true),
            ("WALKABLE", "yes", false),
        ] {
            let said = said(&[property(name, value)]);
            assert_eq!(said.wall.map(|(wall, _)| wall), Some(wall), "{name} = {value}");
        }
    }

    #[test]
    fn a_property_that_may_mean_walls_is_never_passed_over_in_silence() {
        let said = said(&[
            property("collides", "sometimes"),
            property("solid", "3"),
            property("x", "true"),
        ]);
        assert_eq!(said.wall, None);
        assert_eq!(said.unclear, [property("collides", "sometimes")]);
        assert_eq!(said.unread, ["solid", "x"]);
        let plain = [property("sound", "grass.ogg"), property("cost", "2"), property("x", "1")];
        assert_eq!(super::said(&plain), Said::default());
    }
}
