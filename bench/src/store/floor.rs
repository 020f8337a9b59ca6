//! What any database pays for a commit on this disk.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// A page of a write-ahead log.
const PAGE: [u8; 4096] = [7; 4096];

/// Milliseconds of appending 4 KiB to a file and waiting until they are on disk: p50 and p99.
pub(super) fn fdatasync_ms(directory: &Path, time: Duration) -> anyhow::Result<[f64; 2]> {
    let mut file = tempfile::tempfile_in(directory)?;
    let mut took = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let began = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok([50, 99].map(|hundredths| took[took.len() * hundredths / 100].as_secs_f64() * 1_000.0))
}
