//! `realmbeat-server`: a world with the modules of [`game::modules`], or a look after one that isn't running.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::launch(server::Server::builder())
}
