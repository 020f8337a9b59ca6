//! The whole system from outside; each module is a topic.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod bad_input;
mod benches;
mod bus;
mod chat_server;
mod cheats;
mod cluster;
mod commands;
mod crashes;
mod docs_protocol;
mod echo_server;
mod example_process;
mod failpoints;
mod faults;
mod first_module;
mod first_steps;
mod io_threads;
mod logins;
mod mail;
mod outside_messages;
mod overload;
mod python_client;
mod saves;
mod simulation;
mod startup;
mod storms;
mod tidy;
mod unknown;
mod worker_server;
mod world;
