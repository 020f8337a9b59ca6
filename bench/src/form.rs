//! How much of a bench is run: a look at whether it works, the usual measure, or all that it can measure.

use serde::Serialize;

/// The form of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// Some seconds at a small size. Shows that a bench works; its figures mean nothing.
    Quick,
    /// Minutes. What documents quote.
    Usual,
    /// Also what takes many minutes.
    Full,
}

impl Form {
    /// How often each measurement is repeated. The report has the median, which needs three at least.
    pub(crate) const fn runs(self) -> usize {
        match self {
            Self::Quick => 1,
            Self::Usual | Self::Full => 3,
        }
    }

    /// One of two sizes: the `small` one in the quick form.
    pub(crate) fn size<T>(self, small: T, usual: T) -> T {
        if self == Self::Quick { small } else { usual }
    }

    /// What somebody `asked` for, or else one of two sizes.
    pub(crate) fn asked_or<T>(self, asked: Option<T>, small: T, usual: T) -> T {
        asked.unwrap_or_else(|| self.size(small, usual))
    }
}
