//! Realmbeat's swarm: thousands of client bots on one thread, with latency histograms and an oracle.
//!
//! [`Bot`] is a client's brain without I/O; it runs over sockets in a [`Swarm`], and by bytes alone in tests and
//! simulation. A swarm in a process of one's own:
//!
//! ```no_run
//! use client_bot::{Settings, Swarm};
//! use std::sync::atomic::AtomicBool;
//!
//! # fn main() -> Result<(), client_bot::SwarmError> {
//! let mut settings = Settings { bots: 200, ..Settings::default() };
//! settings.login.token_secret = "what the server checks tokens with".to_owned();
//! let report = Swarm::new(settings)?.run(&AtomicBool::new(false))?;
//! assert_eq!(report.counts.findings, 0);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::wildcard_enum_match_arm,
        reason = "a test may end at the first surprise, and looks at what it waits for"
    )
)]

pub mod bot;
pub mod confirmations;
pub mod latency;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod span;
pub mod swarm;
pub mod tally;

pub use bot::Bot;
pub use report::{Assertion, Report};
pub use scenario::Scenario;
pub use settings::Settings;
pub use swarm::{Progress, Swarm, SwarmError};
pub use tally::Counts;
