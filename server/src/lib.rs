//! The server around the game: one loop over sockets and ticks, sessions, the lobby, the store and the bus.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may end at the first surprise"))]

pub mod auth;
pub mod bus;
pub mod cli;
pub mod config;
pub mod content_files;
mod event_loop;
pub mod failpoints;
mod launch;
pub mod lobby;
pub mod net;
mod operator;
mod overload;
mod priority;
pub mod server;
mod service_clock;
mod signals;
pub mod store;
pub mod suspects;
pub mod telemetry;
mod throttle;
mod tick_clock;
mod value_lane;

pub use event_loop::RunError;
pub use launch::launch;
pub use server::{Server, ServerBuilder, StartError};
