//! Real faults between server and database: connections that are cut around a COMMIT, databases that are gone or say
//! nothing, ends in the middle of that, and a second server that takes over. PostgreSQL is a private one.

mod cuts;
mod ends;
mod outages;
mod player;
mod vanished;
mod ways_out;
mod world;
