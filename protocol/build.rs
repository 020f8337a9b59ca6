//! Compiles the messages of `proto/`, with the ids, phases, lanes and bounds that they state as options.

fn main() -> Result<(), protocol_build::Error> {
    protocol_build::compile_own()
}
