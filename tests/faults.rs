//! Real faults between server and database: connections that are cut around a COMMIT, databases that are gone or say
//! nothing, ends in the middle of that, a second server that takes over, and disks that are full or fail. PostgreSQL is
//! a private one.

mod cuts;
mod disk;
mod ends;
mod outages;
mod player;
mod syncs;
mod vanished;
mod ways_out;
mod world;
