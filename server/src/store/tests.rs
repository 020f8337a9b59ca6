//! The store's promises, each broken on purpose: kills, full disks, wrong files, repeated operations.

mod audit;
mod batches;
mod figures;
mod kill;
mod open;
mod queue;
mod requests;
mod world;
