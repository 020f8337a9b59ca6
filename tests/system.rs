//! The whole system from outside; each module is a topic.

mod bus;
//! The whole system from outside.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod chat_server;
mod echo_server;
mod example_process;
