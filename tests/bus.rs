//! Letters between zones and servers: the same promises inside one process and over NATS, and what happens when NATS
//! comes late, goes, or floods us.

mod node;
mod outages;
mod promises;
