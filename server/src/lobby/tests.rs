//! The lobby, driven by scripted packets and answers: no sockets, no threads, no database.

mod characters;
mod logins;
mod phases;
mod queueing;
mod racing;
mod resuming;
mod rig;
mod trail;
