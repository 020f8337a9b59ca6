//! Names that people read: each is sent with every sight of the thing, so it is short, and it shows something.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::text;

/// Characters of a name at most: three times the longest that reads well over a head. A view of a thousand monsters with
/// such names stays within what a client is sent at once.
pub const NAME_CHARS: usize = 64;

/// A name of 1 to [`NAME_CHARS`] printable characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Printable;

        impl Visitor<'_> for Printable {
            type Value = Name;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "a name of 1 to {NAME_CHARS} printable characters")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                let wrong = |found: String| {
                    Err(E::custom(format_args!(
                        "{found}, expected {}",
                        &self as &dyn serde::de::Expected
                    )))
                };
                let chars = name.chars().count();
                match text::check(name) {
                    Err(text::TextError::Unprintable(character)) => {
                        wrong(format!("a name with the character U+{:04X}", u32::from(character)))
                    }
                    Err(text::TextError::Blank) => wrong("a name of spaces".to_owned()),
                    Ok(()) if name.is_empty() => wrong("an empty name".to_owned()),
                    Ok(()) if chars > NAME_CHARS => wrong(format!("a name of {chars} characters")),
                    Ok(()) => Ok(Name(name.to_owned())),
                }
            }
        }

        input.deserialize_str(Printable)
    }
}
