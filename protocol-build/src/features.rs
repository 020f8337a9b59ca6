//! All messages that travel by themselves, of Realmbeat and of folders outside, checked against each other.

use std::path::Path;

use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_reflect::MessageDescriptor;

use crate::options::{MessageOptions, bounds};
use crate::sources::Sources;
use crate::{Direction, Error, FIRST_MODULE_ID, PACKAGE, Place, Problem};

/// Field numbers of the envelope itself; no body may take one.
const ENVELOPE_FIELDS: std::ops::RangeInclusive<u32> = 16..=31;
/// Field numbers that protobuf keeps for itself.
const PROTOBUF_FIELDS: std::ops::RangeInclusive<u32> = 19_000..=19_999;
/// The largest field number that protobuf has.
const LAST_FIELD: u32 = 536_870_911;

/// The messages of a set of `.proto` files that have ids, by direction and id.
#[derive(Debug)]
pub struct Features {
    pub(crate) client: Vec<Body>,
    pub(crate) server: Vec<Body>,
}

/// A message with an id.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) id: u32,
    /// Its name without the package.
    pub(crate) name: String,
    pub(crate) package: String,
    /// Its file, by the name under which others import it.
    pub(crate) file: String,
    /// The value of its phase or lane without the prefix, as `WORLD`.
    pub(crate) choice: String,
    /// Of its repeated fields; none for what the server sends.
    pub(crate) bounds: Vec<Bound>,
}

/// The most elements of a repeated field.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) field: String,
    pub(crate) number: u32,
    pub(crate) most: u32,
    /// A value of `protocol::Packing`.
    pub(crate) packing: &'static str,
}

impl Body {
    /// Its field's name in the packet.
    pub(crate) fn field(&self) -> String {
        self.name.to_snake_case()
    }

    fn place(&self) -> Place {
        Place { message: format!("{}.{}", self.package, self.name), file: self.file.clone() }
    }
}

impl Features {
    /// Reads Realmbeat's own `.proto` files, and all those in the folders `outside`.
    ///
    /// # Errors
    /// When a file can't be read or isn't valid protobuf, when a message lacks an option or has an id of others, when
    /// two messages have one id or one name.
    pub fn read(outside: &[&Path]) -> Result<Self, Error> {
        Self::of(&Sources::open(outside)?)
    }

    pub(crate) fn of(sources: &Sources) -> Result<Self, Error> {
        let pool = sources.pool()?;
        for file in pool.files().filter(|file| sources.is_outside(file.name())) {
            let package = file.package_name();
            if package.is_empty() || package == PACKAGE {
                let (file, package) = (file.name().to_owned(), package.to_owned());
                return Err(Error::Package { file, package });
            }
        }
        let (mut client, mut server) = (Vec::new(), Vec::new());
        for message in pool.all_messages() {
            let outside = sources.is_outside(message.parent_file().name());
            let read = |direction| {
                Body::read(&message, direction, outside)
                    .map_err(|problem| Error::Message { place: place(&message), problem })
            };
            client.extend(read(Direction::Client)?);
            server.extend(read(Direction::Server)?);
        }
        for (direction, bodies) in
            [(Direction::Client, &mut client), (Direction::Server, &mut server)]
        {
            bodies.sort_by(|a, b| (a.id, &a.file).cmp(&(b.id, &b.file)));
            check_distinct(direction, bodies)?;
        }
        Ok(Self { client, server })
    }
}

impl Body {
    /// `None` if `message` doesn't travel in this direction.
    fn read(
        message: &MessageDescriptor,
        direction: Direction,
        outside: bool,
    ) -> Result<Option<Self>, Problem> {
        let Some(options) = MessageOptions::of(message, &direction.to_string()) else {
            return Ok(None);
        };
        let id = options.id();
        check_id(id, outside)?;
        check_name(message)?;
        let (choice, bounds) = match direction {
            Direction::Client => {
                let phase = options.choice("phase").ok_or(Problem::NoPhase)?;
                if outside && phase != "WORLD" {
                    return Err(Problem::NotInWorld);
                }
                (phase, bounds(message)?)
            }
            Direction::Server => (options.choice("lane").ok_or(Problem::NoLane)?, Vec::new()),
        };
        Ok(Some(Self {
            id,
            name: message.name().to_owned(),
            package: message.package_name().to_owned(),
            file: message.parent_file().name().to_owned(),
            choice,
            bounds,
        }))
    }
}

fn check_id(id: u32, outside: bool) -> Result<(), Problem> {
    if !(1..=LAST_FIELD).contains(&id) || PROTOBUF_FIELDS.contains(&id) {
        return Err(Problem::NoFieldNumber(id));
    }
    match (outside, id >= FIRST_MODULE_ID) {
        (true, false) => Err(Problem::OwnId(id)),
        (false, true) => Err(Problem::OutsideId(id)),
        _ if ENVELOPE_FIELDS.contains(&id) => Err(Problem::EnvelopeId(id)),
        _ => Ok(()),
    }
}

/// The generated code is at the top of its module and has the names that prost makes of those in the file.
fn check_name(message: &MessageDescriptor) -> Result<(), Problem> {
    if message.parent_message().is_some() {
        return Err(Problem::Nested);
    }
    let camel = message.name().to_upper_camel_case();
    if camel == message.name() { Ok(()) } else { Err(Problem::Name(camel)) }
}

/// No two of them have one id, or names that become one field of the packet. They are sorted by id.
fn check_distinct(direction: Direction, bodies: &[Body]) -> Result<(), Error> {
    if let Some(pair) = bodies.windows(2).find(|pair| pair[0].id == pair[1].id) {
        let (first, second) = (pair[0].place(), pair[1].place());
        return Err(Error::SameId { direction, id: pair[0].id, first, second });
    }
    for (index, second) in bodies.iter().enumerate() {
        if let Some(first) = bodies[..index].iter().find(|body| body.field() == second.field()) {
            let (first, second) = (first.place(), second.place());
            return Err(Error::SameName { direction, first, second });
        }
    }
    Ok(())
}

fn place(message: &MessageDescriptor) -> Place {
    Place { message: message.full_name().to_owned(), file: message.parent_file().name().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_envelope_and_of_the_other_side_are_refused() {
        assert_eq!(check_id(15, false), Ok(()));
        assert_eq!(check_id(16, false), Err(Problem::EnvelopeId(16)));
        assert_eq!(check_id(31, false), Err(Problem::EnvelopeId(31)));
        assert_eq!(check_id(999, false), Ok(()));
        assert_eq!(check_id(1000, false), Err(Problem::OutsideId(1000)));
        assert_eq!(check_id(999, true), Err(Problem::OwnId(999)));
        assert_eq!(check_id(1000, true), Ok(()));
        assert_eq!(check_id(LAST_FIELD, true), Ok(()));
        assert_eq!(check_id(LAST_FIELD + 1, true), Err(Problem::NoFieldNumber(LAST_FIELD + 1)));
    }
}
