//! How often clients were refused or sent away, by the reason that they were told.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by reason. Shown as `REASON=COUNT`, with spaces between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reasons(BTreeMap<&'static str, u64>);

impl Reasons {
    /// What has come since `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |reason| before.0.get(reason).copied().unwrap_or(0);
        let new = |(reason, count): (&&'static str, &u64)| (*reason, count - earlier(*reason));
        self.0.iter().map(new).collect()
    }
}

/// Counts of the same reason are added up; those of zero are left out.
impl FromIterator<(&'static str, u64)> for Reasons {
    fn from_iter<I: IntoIterator<Item = (&'static str, u64)>>(counts: I) -> Self {
        let mut sums = BTreeMap::new();
        for (reason, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            *sums.entry(reason).or_default() += count;
        }
        Self(sums)
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (reason, count)) in self.0.iter().enumerate() {
            let gap = if place > 0 { " " } else { "" };
            write!(out, "{gap}{reason}={count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_one_reason_add_up_and_a_stretch_shows_what_is_new() {
        let before = Reasons::from_iter([("BUSY", 1), ("SILENT", 0)]);
        let after = Reasons::from_iter([("BUSY", 1), ("SILENT", 2), ("BUSY", 3)]);
        assert_eq!(after.to_string(), "BUSY=4 SILENT=2");
        assert_eq!(after.since(&before).to_string(), "BUSY=3 SILENT=2");
        assert_eq!(after.since(&after).to_string(), "");
    }
}
