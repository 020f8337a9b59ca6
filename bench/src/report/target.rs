//! What a figure should be, and whether it is.

use std::fmt;

use serde::Serialize;

/// From which side a figure is bounded, and whether in its unit or as a ratio to its floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    RatioAtMost,
    RatioAtLeast,
    AtMost,
    AtLeast,
}

impl Bound {
    pub(super) const fn is_ratio(self) -> bool {
        matches!(self, Self::RatioAtMost | Self::RatioAtLeast)
    }

    /// A figure that isn't there keeps no bound.
    fn is_met(self, value: f64, judged: Option<f64>) -> bool {
        judged.is_some_and(|judged| match self {
            Self::RatioAtMost | Self::AtMost => judged <= value,
            Self::RatioAtLeast | Self::AtLeast => judged >= value,
        })
    }
}

/// A target, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Target {
    pub(super) bound: Bound,
    value: f64,
    met: bool,
    stretch: Option<f64>,
    stretch_met: Option<bool>,
}

impl Target {
    /// `judged` is the figure or its ratio, as the bound asks.
    pub(super) fn new(bound: Bound, value: f64, judged: Option<f64>) -> Self {
        let met = bound.is_met(value, judged);
        Self { bound, value, met, stretch: None, stretch_met: None }
    }

    pub(super) fn stretch(self, value: f64, judged: Option<f64>) -> Self {
        let stretch_met = Some(self.bound.is_met(value, judged));
        Self { stretch: Some(value), stretch_met, ..self }
    }

    /// One word for the table.
    pub(super) const fn verdict(&self) -> &'static str {
        match (self.met, self.stretch_met) {
            (_, Some(true)) => "stretch met",
            (true, _) => "met",
            (false, _) => "missed",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.bound {
            Bound::RatioAtMost | Bound::AtMost => "<=",
            Bound::RatioAtLeast | Bound::AtLeast => ">=",
        };
        let value = |value: f64| {
            if self.bound.is_ratio() {
                format!("{value:.2} x")
            } else {
                super::markdown::number(value)
            }
        };
        write!(f, "{sign} {}", value(self.value))?;
        self.stretch.map_or(Ok(()), |stretch| write!(f, " ({})", value(stretch)))
    }
}
