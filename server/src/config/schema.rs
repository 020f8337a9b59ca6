//! How one list of keys becomes structs, defaults, checks, documentation and reload rules, so that none of them can
//! forget a key.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::layers::{Given, Origin};
use super::problem::{Fault, Problem};
use super::setting::Setting;

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// On a reload (SIGHUP).
    Live,
    /// With the next start.
    Restart,
}

/// One key, as documents and messages need it.
#[derive(Debug)]
pub struct Key {
    /// With its section, such as `network.listen`.
    pub path: &'static str,
    /// What it means, in which unit and why the default is what it is; one line of comment each.
    pub doc: &'static [&'static str],
    /// When a changed value takes effect.
    pub applies: Applies,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What a value must be, as it continues "expected ...".
    pub expected: fn() -> String,
    /// The default as TOML.
    pub default: fn() -> String,
}

impl Key {
    /// Without the section.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }
}

/// One section of the file.
#[derive(Debug)]
pub struct Section {
    /// As in `[network]`.
    pub name: &'static str,
    /// What its keys are about.
    pub doc: &'static [&'static str],
    /// In the order of the list.
    pub keys: &'static [Key],
}

/// Takes the given values one by one, falls back to defaults, and collects what is wrong.
pub(super) struct Reader {
    given: BTreeMap<&'static str, Given>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) const fn new(given: BTreeMap<&'static str, Given>, problems: Vec<Problem>) -> Self {
        Self { given, problems }
    }

    /// The value of a key that has no range.
    pub(super) fn any<T: Setting>(&mut self, path: &'static str, default: T) -> T {
        self.take(path, default, T::expected, |_| true)
    }

    /// The value of a key that must lie within `range`.
    pub(super) fn within<T: Setting + PartialOrd>(
        &mut self,
        path: &'static str,
        default: T,
        range: &RangeInclusive<T>,
    ) -> T {
        self.take(path, default, || expected_within(range), |value| range.contains(value))
    }

    fn take<T: Setting>(
        &mut self,
        path: &'static str,
        default: T,
        expected: impl Fn() -> String,
        accepts: impl Fn(&T) -> bool,
    ) -> T {
        let Some(given) = self.given.get(path) else {
            return default;
        };
        if let Some(value) = given.read::<T>().filter(accepts) {
            return value;
        }
        let fault =
            Fault::WrongValue { key: path, found: given.shown(T::SECRET), expected: expected() };
        self.problems.push(Problem::at(given.origin.clone(), fault));
        default
    }

    /// Where the values that aren't defaults came from, and all problems in the order of their places.
    pub(super) fn finish(self) -> (BTreeMap<&'static str, Origin>, Vec<Problem>) {
        let mut problems = self.problems;
        problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        let origins = self.given.into_iter().map(|(path, given)| (path, given.origin));
        (origins.collect(), problems)
    }
}

/// What a ranged value must be: "an integer from 1 to 1023".
pub(super) fn expected_within<T: Setting>(range: &RangeInclusive<T>) -> String {
    let (low, high) = (range.start().shown(), range.end().shown());
    format!("{} from {low} to {high}", T::expected())
}

/// Turns the list in `keys.rs` into a struct per section, [`Config`](super::Config) and [`SECTIONS`](super::SECTIONS).
///
/// A line of the list reads: when a change applies, the key, its type, its default and, if it has one, its range.
macro_rules! configuration {
    ($(
        $(#[doc = $about:literal])+
        [$section:ident] $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $applies:ident $key:ident: $type:ty = $default:expr $(, in $range:expr)?;
            )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Section {
                $(
                    $(#[doc = $doc])+
                    pub $key: $type,
                )+
            }
        )+

        /// Everything that an operator may set, one struct per section of the file.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $(
                $(#[doc = $about])+
                pub $section: $Section,
            )+
        }

        /// Every section and key, in the order of the list.
        pub const SECTIONS: &[Section] = &[
            $(Section {
                name: stringify!($section),
                doc: &[$($about),+],
                keys: &[
                    $(Key {
                        path: concat!(stringify!($section), ".", stringify!($key)),
                        doc: &[$($doc),+],
                        applies: Applies::$applies,
                        secret: <$type as Setting>::SECRET,
                        expected: || configuration!(@expected $type $(, $range)?),
                        default: || {
                            let default: $type = $default;
                            default.shown().to_string()
                        },
                    },)+
                ],
            },)+
        ];

        impl Config {
            /// Takes each key's value from the reader.
            pub(super) fn read(reader: &mut Reader) -> Self {
                Self {
                    $($section: $Section {
                        $($key: configuration!(
                            @read reader,
                            concat!(stringify!($section), ".", stringify!($key)),
                            $default $(, $range)?
                        ),)+
                    },)+
                }
            }

            /// Each key's value as TOML with secrets masked, in the order of [`SECTIONS`].
            #[must_use]
            pub fn shown(&self) -> Vec<String> {
                vec![$($(self.$section.$key.shown().to_string(),)+)+]
            }

            /// The paths of keys whose values differ, in the order of [`SECTIONS`].
            pub(super) fn differing(&self, other: &Self) -> Vec<&'static str> {
                let mut differing = Vec::new();
                $($(if self.$section.$key != other.$section.$key {
                    differing.push(concat!(stringify!($section), ".", stringify!($key)));
                })+)+
                differing
            }

            /// Takes over the values of `new` that may change while the server runs.
            pub(super) fn adopt_live(&mut self, new: &Self) {
                $($(if Applies::$applies == Applies::Live {
                    self.$section.$key.clone_from(&new.$section.$key);
                })+)+
            }
        }
    };
    (@expected $type:ty) => { <$type as Setting>::expected() };
    (@expected $type:ty, $range:expr) => { expected_within::<$type>(&$range) };
    (@read $reader:ident, $path:expr, $default:expr) => { $reader.any($path, $default) };
    (@read $reader:ident, $path:expr, $default:expr, $range:expr) => {
        $reader.within($path, $default, &$range)
    };
}

pub(super) use configuration;
