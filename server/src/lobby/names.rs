//! The rules for names and passwords. Broken ones are refused in words that say which rule it was.

use std::ops::RangeInclusive;

/// Characters of an account name.
const ACCOUNT_LENGTH: RangeInclusive<usize> = 3..=24;
/// Letters of a character name.
const CHARACTER_LENGTH: RangeInclusive<usize> = 3..=16;
/// Bytes of a password. The lower bound is NIST SP 800-63B's; the upper one bounds what is hashed.
const PASSWORD_LENGTH: RangeInclusive<usize> = 8..=128;

/// The account name in lower case.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn account(name: &str) -> Result<String, &'static str> {
    if !ACCOUNT_LENGTH.contains(&name.len()) {
        return Err("an account name has 3 to 24 characters");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.bytes().all(allowed) {
        return Err("an account name is made of letters a to z, digits, '_' and '-'");
    }
    Ok(name.to_ascii_lowercase())
}

/// The character name with a capital first letter and small ones after it, so that no two names differ in case alone.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn character(name: &str) -> Result<String, &'static str> {
    if !CHARACTER_LENGTH.contains(&name.len()) {
        return Err("a character's name has 3 to 16 letters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err("a character's name is made of the letters a to z");
    }
    let (first, rest) = name.split_at(1);
    Ok(first.to_ascii_uppercase() + &rest.to_ascii_lowercase())
}

/// Letters that are taken for another one, and what they are compared as. Pairs that look like one letter come first.
const LOOK_ALIKES: &[(&str, &str)] = &[
    ("rn", "m"),
    ("nn", "m"),
    ("vv", "w"),
    ("cl", "d"),
    ("0", "o"),
    ("1", "i"),
    ("l", "i"),
    ("j", "i"),
    ("3", "e"),
    ("4", "a"),
    ("5", "s"),
    ("7", "t"),
    ("8", "b"),
    ("q", "g"),
    ("9", "g"),
    ("6", "b"),
];

/// Whether a name is, or at a glance looks like, one of the reserved ones.
pub(super) fn is_reserved(name: &str, reserved: &[String]) -> bool {
    let seen = at_a_glance(name);
    reserved.iter().any(|reserved| at_a_glance(reserved) == seen)
}

/// A name without what isn't noticed: capitals, '_' and '-', look-alikes.
fn at_a_glance(name: &str) -> String {
    let letters: String = name.chars().filter(|letter| !matches!(letter, '_' | '-')).collect();
    LOOK_ALIKES.iter().fold(letters.to_ascii_lowercase(), |name, (from, to)| name.replace(from, to))
}

/// Whether a new password will do.
///
/// # Errors
/// The rule that it breaks.
pub(super) fn password(password: &str) -> Result<(), &'static str> {
    if PASSWORD_LENGTH.contains(&password.len()) {
        Ok(())
    } else {
        Err("a password has 8 to 128 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_folded_and_checked() {
        assert_eq!(account("Anna_the-2nd").unwrap(), "anna_the-2nd");
        assert!(account(&"a".repeat(24)).is_ok());
        for name in ["", "ab", "anna!", "an na", "änna", "anna\0", &"a".repeat(25)] {
            assert!(account(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn character_names_are_letters_with_one_capital() {
        for name in ["mira", "Mira", "mIRA"] {
            assert_eq!(character(name).unwrap(), "Mira");
        }
        for name in ["", "Mi", "Mira2", "Mi ra", "Míra", &"M".repeat(17)] {
            assert!(character(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_reserved_name_is_known_by_its_looks() {
        let reserved = ["admin", "server", "gamemaster", "support"].map(str::to_owned);
        for name in [
            "Admin",
            "ADMIN",
            "adm1n",
            "Adrnin",
            "Admln",
            "a-d_m_i-n",
            "s3rver",
            "Garnemaster",
            "gam3ma5ter",
            "5upp0rt",
        ] {
            assert!(is_reserved(name, &reserved), "{name}");
        }
        for name in ["Adam", "Minna", "Severin", "Admina", "Supporter", "Master"] {
            assert!(!is_reserved(name, &reserved), "{name}");
        }
        assert!(!is_reserved("Admin", &[]));
    }

    #[test]
    fn passwords_are_counted_in_bytes() {
        for (length, fits) in [(7, false), (8, true), (128, true), (129, false)] {
            assert_eq!(password(&"x".repeat(length)).is_ok(), fits, "{length} bytes");
        }
    }
}
