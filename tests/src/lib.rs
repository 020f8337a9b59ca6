//! What the tests of the whole system share: the outside programs that they start and stop.

pub mod cargo;
pub mod client;
pub mod crash;
pub mod database;
pub mod database_proxy;
pub mod failpoints;
pub mod nats;
pub mod neighbour;
pub mod server;
pub mod swarm;
pub mod walker;
