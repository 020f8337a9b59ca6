//! Messages between servers: one trait, the in-process bus and NATS.
