//! The store's promises, each broken on purpose: kills, full disks, wrong files, repeated operations.

mod audit;
mod batches;
mod disk;
mod files;
mod fixtures;
mod folding;
mod history;
mod kill;
mod log_mark;
mod mail;
mod open;
mod operator;
#[cfg(feature = "postgres")]
mod postgres;
mod queue;
mod requests;
mod said;
mod transfer;
mod value;
mod world;
