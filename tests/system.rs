//! The whole system from outside; each module is a topic.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod bus;
mod chat_server;
mod cluster;
mod commands;
mod crashes;
mod echo_server;
mod example_process;
mod first_steps;
mod saves;
mod simulation;
mod tidy;
mod world;
