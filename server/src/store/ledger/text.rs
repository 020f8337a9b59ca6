//! Entries, items and owners as a person reads them.

use std::collections::BTreeMap;
use std::fmt;

use game::CharacterId;
use game::record::{ItemRecord, Owner};

use super::entry::{EntryKind, LedgerEntry};

/// Names of characters that are still there.
pub(super) type Names = BTreeMap<CharacterId, String>;

/// An entry in one line.
pub(super) struct Line<'a>(pub(super) &'a LedgerEntry, pub(super) &'a Names);

impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(LedgerEntry { entry, op, at_ms, cause, kind, quantity, template, .. }, names) =
            *self;
        let LedgerEntry { actor, item, from, to, .. } = self.0;
        let time = Utc(*at_ms);
        let actor = Party(Some(&Owner::Character(*actor)), names).to_string();
        let (from, to) = (Party(from.as_ref(), names), Party(to.as_ref(), names));
        write!(out, "{time} {entry} {cause} by {actor}: {} ", kind.name())?;
        match kind {
            EntryKind::Gold => write!(out, "{quantity}")?,
            EntryKind::Create
            | EntryKind::Move
            | EntryKind::Destroy
            | EntryKind::Split
            | EntryKind::Merge => write!(out, "item {item}, {quantity} {template}")?,
        }
        write!(out, ", from {from} to {to} (operation {}/{})", op.epoch, op.sequence)
    }
}

/// Who or what has something.
pub(super) struct Party<'a>(pub(super) Option<&'a Owner>, pub(super) &'a Names);

impl fmt::Display for Party<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => write!(out, "nowhere"),
            Some(Owner::Character(id)) => match self.1.get(id) {
                Some(name) => write!(out, "{name} ({id})"),
                None => write!(out, "character {id}"),
            },
            Some(Owner::Ground { zone, x, y }) => write!(out, "the ground of {zone} at {x},{y}"),
            Some(Owner::Mail(mail)) => write!(out, "letter {mail}"),
        }
    }
}

/// What an item is, and where.
pub(super) struct Stock<'a>(pub(super) &'a ItemRecord);

impl fmt::Display for Stock<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ItemRecord { quantity, template, owner, slot, .. } = self.0;
        let names = Names::new();
        write!(out, "{quantity} {template} with {} in slot {slot}", Party(Some(owner), &names))
    }
}

/// Unix milliseconds as date and time of day in UTC.
struct Utc(u64);

impl fmt::Display for Utc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000;
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Days since 0000-03-01, in eras of 400 years: Howard Hinnant, "chrono-compatible low-level date algorithms".
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let day = day - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399_999, "2000-02-28 23:59:59"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_795_435_200_000, "2026-11-23 12:00:00"),
            (4_107_542_400_000, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(Utc(ms).to_string(), text);
        }
    }
}
