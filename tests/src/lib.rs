//! What the tests of the whole system share: the outside programs that they start and stop.

pub mod nats;
