//! Where a server stands on the bus: its node name and the zones it hosts, and which names can exist at all.

use std::collections::BTreeSet;

use game::ZoneName;
use game::post::{Address, Envelope, Route};

use super::{OpenError, Refused, Settings};

/// The longest name, in bytes: a subject of three names stays readable in an operator's terminal.
const NAME_BYTES: usize = 64;

/// Who we are.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) node: String,
    pub(super) zones: BTreeSet<ZoneName>,
}

impl Place {
    /// Checks the names of world, node and zones.
    pub(super) fn new(settings: &Settings) -> Result<Self, OpenError> {
        check("world", &settings.world)?;
        check("node", &settings.node)?;
        for zone in &settings.zones {
            check("zone", zone.as_str())?;
        }
        Ok(Self { node: settings.node.clone(), zones: settings.zones.iter().cloned().collect() })
    }

    /// Whether a letter on this route is for this process.
    pub(super) fn is_here(&self, route: &Route) -> bool {
        match route {
            Route::Zone(zone) => self.zones.contains(zone),
            Route::Node(node) => *node == self.node,
            Route::Everyone => true,
        }
    }
}

/// Whether the names on a letter could exist. One with a dot, a star or a space would be another subject than it looks.
pub(super) fn check_names(letter: &Envelope) -> Result<(), Refused> {
    let route = match &letter.route {
        Route::Zone(zone) => Some(zone.as_str()),
        Route::Node(node) => Some(node.as_str()),
        Route::Everyone => None,
    };
    let to = match &letter.to {
        Address::Zone(zone) => Some(zone.as_str()),
        Address::Character(_) | Address::Everyone => None,
    };
    match [route, to].into_iter().flatten().find(|name| !is_name(name)) {
        Some(name) => Err(Refused::Name(name.to_owned())),
        None => Ok(()),
    }
}

/// A url as it may be logged: what stands before an `@` is a user and a password.
pub(super) fn without_password(url: &str) -> String {
    let mask = |part: &str| match (part.split_once("://"), part.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        (None, Some((_, host))) => format!("***@{host}"),
        (_, None) => part.to_owned(),
    };
    url.split(',').map(mask).collect::<Vec<_>>().join(",")
}

fn check(what: &'static str, name: &str) -> Result<(), OpenError> {
    if is_name(name) {
        return Ok(());
    }
    Err(OpenError::Name { what, name: name.to_owned() })
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters_with(name: &str) -> [Envelope; 3] {
        let zone = ZoneName::new(name);
        [
            (Route::Zone(zone.clone()), Address::Everyone),
            (Route::Node(name.to_owned()), Address::Everyone),
            (Route::Everyone, Address::Zone(zone)),
        ]
        .map(|(route, to)| Envelope {
            route,
            to,
            kind: "test.names".to_owned(),
            body: Default::default(),
        })
    }

    #[test]
    fn names_that_would_be_other_subjects_are_refused() {
        for name in ["", "a.b", "*", ">", "a b", "a\r\nPUB x", "höhle", &"x".repeat(65)] {
            for letter in letters_with(name) {
                assert_eq!(check_names(&letter), Err(Refused::Name(name.to_owned())));
            }
        }
        for name in ["meadow", "Old-Mine_2", "7", &"x".repeat(64)] {
            for letter in letters_with(name) {
                assert_eq!(check_names(&letter), Ok(()));
            }
        }
    }

    #[test]
    fn a_logged_url_shows_no_password() {
        assert_eq!(
            without_password("nats://ann:p@ss@a:4222,nats://b:4222"),
            "nats://***@a:4222,nats://b:4222"
        );
        assert_eq!(without_password("ann:pass@a"), "***@a");
    }
}
