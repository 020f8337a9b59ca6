//! What costs nothing but time: a world in which players walk about, and a network that reads and answers, allocate no
//! memory once they have seen their busiest moment. The allocator of this program counts, by thread.
//!
//! What leaves the game as a thing of its own is allocated and isn't counted here: saves, commits, letters.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

#[path = "allocations/net.rs"]
mod net;
#[path = "allocations/world.rs"]
mod world;
