//! What a value of the configuration can be: whole numbers, yes or no, durations, texts and lists, read from TOML or
//! from the plain text of a variable or flag.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use game::ZoneName;
use protocol::PublicAddress;
use toml::Value;

use super::values::is_quoted;

/// A type that a key may have.
pub(super) trait Setting: Clone + PartialEq {
    /// Whether its value is never shown.
    const SECRET: bool = false;

    /// What a value must be, as it continues "expected ...".
    fn expected() -> String;
    /// `None`: the value isn't what was expected.
    fn from_toml(value: &Value) -> Option<Self>;
    /// From a variable or flag: TOML, with the quotes left out where only a text makes sense.
    fn from_text(text: &str) -> Option<Self> {
        Self::from_toml(&text.trim().parse().ok()?)
    }
    /// As TOML, with secrets masked.
    fn shown(&self) -> Value;
}

/// A setting that is a string in TOML.
pub(super) trait Text: Clone + PartialEq {
    /// Whether its value is never shown.
    const SECRET: bool = false;
    /// What a value must be, as it continues "expected ...".
    const EXPECTED: &'static str;

    /// `None`: the text isn't what was expected.
    fn parse(text: &str) -> Option<Self>;
    /// As it was parsed, with secrets masked.
    fn write(&self) -> String;
}

impl<T: Text> Setting for T {
    const SECRET: bool = T::SECRET;

    fn expected() -> String {
        T::EXPECTED.to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn shown(&self) -> Value {
        Value::String(self.write())
    }
}

/// The empty string leaves it out.
impl<T: Text> Setting for Option<T> {
    const SECRET: bool = T::SECRET;

    fn expected() -> String {
        format!("{}, or \"\" for none", T::EXPECTED)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        Self::from_text(value.as_str()?)
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }

    fn shown(&self) -> Value {
        Value::String(self.as_ref().map_or_else(String::new, T::write))
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl Setting for $number {
            fn expected() -> String {
                "an integer".to_owned()
            }

            fn from_toml(value: &Value) -> Option<Self> {
                Self::try_from(value.as_integer()?).ok()
            }

            fn shown(&self) -> Value {
                // TOML's integers end at i64::MAX, and ranges keep every value below that.
                Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        })+
    };
}

whole_numbers!(u8, u16, u32, i32, u64, usize);

impl Setting for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn shown(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl Text for Duration {
    const EXPECTED: &'static str = "a duration in ms, s, m, h or d";

    fn parse(text: &str) -> Option<Self> {
        parse_duration(text)
    }

    fn write(&self) -> String {
        if self.is_zero() {
            return "0s".to_owned();
        }
        let millis = self.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        units.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit)).map_or_else(
            || format!("{millis}ms"),
            |(name, unit)| format!("{}{name}", millis / unit),
        )
    }
}

/// Reads a duration such as `250ms`, `30s`, `5m`, `1h` or `90d`. `None` when it is anything else or would overflow.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_millis)
}

/// Longest text that a setting takes, in characters: it goes into logs, file names and tokens.
const MAX_TEXT_CHARS: usize = 64;

impl Text for String {
    const EXPECTED: &'static str = "a text of 1 to 64 characters that all can be shown";

    fn parse(text: &str) -> Option<Self> {
        let length = text.chars().count();
        let fits = (1..=MAX_TEXT_CHARS).contains(&length) && game::text::check(text).is_ok();
        fits.then(|| text.to_owned())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

impl Text for PathBuf {
    const EXPECTED: &'static str = "a path as it is: quotes, ~ and $ are not expanded here";

    /// What a shell would have taken off or expanded would become part of the name.
    fn parse(text: &str) -> Option<Self> {
        let is_for_shell = is_quoted(text) || text.starts_with('~') || text.contains('$');
        let fits = !text.is_empty() && !is_for_shell && !text.contains(char::is_control);
        fits.then(|| Self::from(text))
    }

    fn write(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl Text for SocketAddr {
    const EXPECTED: &'static str =
        "an IP address and a port, such as \"127.0.0.1:7777\" or \"[::]:7777\"";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// Names of zones, each once. Variables and flags may also write them as `meadow,forest`.
impl Setting for Vec<ZoneName> {
    fn expected() -> String {
        "a list of zone names, each once, such as [\"meadow\", \"forest\"]".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let names: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
        zone_names(names?)
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('[') {
            return Self::from_toml(&text.parse().ok()?);
        }
        zone_names(text.split(',').map(str::trim).filter(|_| !text.is_empty()))
    }

    fn shown(&self) -> Value {
        let names = self.iter().map(|zone| Value::String(zone.as_str().to_owned()));
        Value::Array(names.collect())
    }
}

/// Addresses. Variables and flags may also write them with commas between.
impl Setting for Vec<PublicAddress> {
    fn expected() -> String {
        "a list of hosts with ports, such as [\"play.example.org:7777\"]".to_owned()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(|address| PublicAddress::parse(address.as_str()?)).collect()
    }

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('[') {
            return Self::from_toml(&text.parse().ok()?);
        }
        let addresses = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        addresses.map(PublicAddress::parse).collect()
    }

    fn shown(&self) -> Value {
        Value::Array(self.iter().map(|address| Value::String(address.write())).collect())
    }
}

/// The realm zone isn't among them: `world.realm` speaks of it.
fn zone_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Vec<ZoneName>> {
    let mut zones = Vec::new();
    for name in names {
        let zone = ZoneName::new(name);
        let is_name = !name.is_empty()
            && !name.contains(char::is_whitespace)
            && game::text::check(name).is_ok();
        if !is_name || zone == ZoneName::realm() || zones.contains(&zone) {
            return None;
        }
        zones.push(zone);
    }
    Some(zones)
}
