//! How long things took, as HDR histograms of microseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::bot::event::Metric;

/// The longest time that a histogram tells apart, in microseconds: ten minutes. What took longer counts as this.
const LONGEST_US: u64 = 600_000_000;
/// Significant decimal digits of a recorded time: 0.1 % of its value.
const DIGITS: u8 = 3;

/// A histogram per metric.
#[derive(Debug)]
pub struct Latencies {
    histograms: [Histogram<u64>; Metric::ALL.len()],
}

/// What a report says about one metric. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Default)]
pub struct Percentiles {
    /// How many samples; the rest is 0 if there are none.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// Half took at most this.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { histograms: Metric::ALL.map(|_| empty()) }
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants, which a test tries")]
fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("constant bounds are valid")
}

impl Latencies {
    /// Records one sample.
    pub fn record(&mut self, metric: Metric, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(LONGEST_US);
        self.histograms[metric as usize].saturating_record(micros.max(1));
    }

    /// The percentiles of `metric` so far.
    #[must_use]
    pub fn percentiles(&self, metric: Metric) -> Percentiles {
        let histogram = &self.histograms[metric as usize];
        if histogram.is_empty() {
            return Percentiles::default();
        }
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles {
            count: histogram.len(),
            mean: histogram.mean() / 1000.0,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_milliseconds_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for millis in 1..=1000 {
            latencies.record(Metric::Move, Duration::from_millis(millis));
        }
        let seen = latencies.percentiles(Metric::Move);
        assert_eq!(seen.count, 1000);
        for (value, expected) in [(seen.p50, 500.0), (seen.p99, 990.0), (seen.max, 1000.0)] {
            assert!((value - expected).abs() <= expected / 500.0, "{value} for {expected}");
        }
        assert_eq!(latencies.percentiles(Metric::Ping), Percentiles::default());
    }
}
