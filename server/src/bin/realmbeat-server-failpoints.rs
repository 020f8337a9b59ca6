//! `realmbeat-server-failpoints`: the server that tests break on purpose. It says so in the first line of its log.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::launch(server::Server::builder())
}
