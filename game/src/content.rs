//! What the world is made of, read from text files.
