//! How settings write time and shares: `80ms`, `30s`, `2m`; `1%`.

use std::time::Duration;

/// A text that is no length of time or share; says what would be one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpanError {
    /// Not a length of time.
    #[error(
        "{0:?} is no length of time: write a number and us, ms, s, m or h, such as \"80ms\" or \"2m\""
    )]
    Time(String),
    /// Not a share.
    #[error("{0:?} is no share: write a percentage from \"0%\" to \"100%\"")]
    Share(String),
}

/// Reads a length of time: a number that isn't negative and its unit; a bare `0` needs none.
///
/// # Errors
/// When the text is anything else or longer than about a century.
pub fn parse_time(text: &str) -> Result<Duration, SpanError> {
    let wrong = || SpanError::Time(text.to_owned());
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    const CENTURY_S: f64 = 3.2e9;
    let total = number * seconds;
    if (0.0..CENTURY_S).contains(&total) {
        Ok(Duration::from_secs_f64(total))
    } else {
        Err(wrong())
    }
}

/// Reads a share such as `1%` as a number from 0 to 1.
///
/// # Errors
/// When the text is no percentage in that range.
pub fn parse_share(text: &str) -> Result<f64, SpanError> {
    let wrong = || SpanError::Share(text.to_owned());
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?;
    let percent: f64 = number.trim().parse().map_err(|_| wrong())?;
    if (0.0..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err(wrong()) }
}

/// Times in settings files are texts; in reports they are seconds. For `#[serde(with)]`.
pub(crate) mod time {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        super::parse_time(&text).map_err(serde::de::Error::custom)
    }

    pub(crate) fn serialize<S: Serializer>(time: &Duration, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_f64(time.as_secs_f64())
    }
}

/// Shares in settings files are percentages; in reports they are numbers from 0 to 1. For `#[serde(with)]`.
pub(crate) mod share {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let text = String::deserialize(from)?;
        super::parse_share(&text).map_err(serde::de::Error::custom)
    }

    pub(crate) fn serialize<S: Serializer>(share: &f64, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_f64(*share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        for (text, millis) in
            [("80ms", 80), ("1.5s", 1500), ("2m", 120_000), ("0", 0), ("1h", 3_600_000)]
        {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "-1s", "1d", "s", "nans", "1e300s"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(parse_share("1%"), Ok(0.01));
        for text in ["1", "101%", "-1%", "%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }
}
