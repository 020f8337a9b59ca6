//! Realmbeat's messages from `.proto` files: the Rust code of a crate with messages of its own, the packet envelope
//! for a set of features, and what the documentation says of them.
//!
//! A message states its id, phase or lane, and bounds as options in its feature's own file:
//!
//! ```proto
//! syntax = "proto3";
//! package kills;
//!
//! import "realmbeat/v1/options.proto";
//!
//! message AskKills {
//!   option (realmbeat.v1.client) = { id: 1000, phase: PHASE_WORLD };
//! }
//!
//! message Kills {
//!   option (realmbeat.v1.server) = { id: 1000, lane: LANE_WORLD };
//!
//!   uint32 count = 1;
//! }
//! ```
//!
//! A crate outside this repository keeps such files in a folder, here `proto/`, and compiles them in its `build.rs`:
//!
//! ```no_run
//! fn main() -> Result<(), protocol_build::Error> {
//!     protocol_build::compile("proto")
//! }
//! ```
//!
//! It includes the result by its package's name: `include!(concat!(env!("OUT_DIR"), "/kills.rs"));`. The messages there
//! implement `protocol::ClientMessage` and `protocol::ServerMessage`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may end at the first surprise"))]

mod documents;
mod envelope;
mod error;
mod features;
mod options;
mod rust;
mod sources;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use documents::{GeneratedFile, generated_files};
pub use error::{Direction, Error, Place, Problem};
pub use features::Features;
pub use rust::{compile, compile_own};

/// The package of Realmbeat's own messages.
const PACKAGE: &str = "realmbeat.v1";
/// The envelope, by the name under which other `.proto` files import it.
const ENVELOPE: &str = "realmbeat/v1/packet.proto";
/// The first id of messages outside this repository.
const FIRST_MODULE_ID: u32 = 1000;

/// The folder of Realmbeat's own `.proto` files: an include folder for `protoc` and its like.
#[must_use]
pub fn include_dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/proto"))
}

/// The root of this repository.
fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
