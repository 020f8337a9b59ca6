//! What the tests of the whole system share: the outside programs that they start and stop.

pub mod client;
pub mod nats;
pub mod neighbour;
pub mod server;
pub mod swarm;
