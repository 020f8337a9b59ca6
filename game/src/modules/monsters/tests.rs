//! What monsters do, by example.
