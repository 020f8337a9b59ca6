//! A port that stays ours while the server is stopped for a moment.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// The first of them. They lie below those that Linux gives to outgoing connections (from 32,768 on): such a connection
/// could take the port while the server is down, and a test that starts it again would fail.
const FIRST: u32 = 20_000;
/// How many there are.
const COUNT: u32 = 12_000;

/// One that nobody listens on. Processes and calls each look from a place of their own on.
pub(crate) fn free() -> Result<u16> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    // Some way apart, so that processes that were started one after the other don't meet.
    let own =
        std::process::id().wrapping_mul(101).wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed));
    (0..COUNT)
        .filter_map(|step| u16::try_from(FIRST + own.wrapping_add(step) % COUNT).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no free port for PostgreSQL")
}
