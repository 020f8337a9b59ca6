//! The store's promises, each broken on purpose: kills, full disks, wrong files, repeated operations.

mod audit;
mod batches;
mod disk;
mod fixtures;
mod kill;
mod mail;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod queue;
mod requests;
mod value;
mod world;
