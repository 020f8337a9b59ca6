//! Compiles the messages of a game outside, as such a game does it.

fn main() -> Result<(), protocol_build::Error> {
    protocol_build::compile("proto")
}
