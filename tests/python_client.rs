//! A client in another language, with nothing but the `.proto` files and docs/protocol.md: it logs in, walks, talks,
//! fights and takes what falls.

use std::process::Command;

use tests::client::{Client, mint};
use tests::server::{ServerSetup, repository};

/// What it takes to run it, as Debian calls it.
const PACKAGES: &str =
    "install the packages `protobuf-compiler`, `libprotobuf-dev` and `python3-protobuf`";
/// The interpreter that those packages belong to; another one in the path has packages of its own.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn a_client_of_googles_python_protobuf_logs_in_walks_talks_fights_and_loots() {
    let generated = tempfile::tempdir().unwrap();
    let proto = repository().join("protocol/proto");
    let sources = std::fs::read_dir(proto.join("realmbeat/v1")).unwrap();
    let sources = sources.map(|file| file.unwrap().path());
    let compiled = Command::new("protoc")
        .arg("-I")
        .arg(&proto)
        .arg("--python_out")
        .arg(generated.path())
        .args(sources)
        .output()
        .unwrap_or_else(|error| panic!("protoc can't be run ({error}): {PACKAGES}"));
    assert!(compiled.status.success(), "{compiled:?}");

    let server = ServerSetup::new().arena().start();
    // Somebody to talk to.
    let (mut listener, _) = Client::enter(server.address, "rust", "Rusty");
    let client = repository().join("tests/python/client.py");
    let output = Command::new(PYTHON)
        .arg(client)
        .args([server.address.to_string(), mint("snake")])
        .env("PYTHONPATH", generated.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{PYTHON} can't be run ({error}): {PACKAGES}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("ModuleNotFoundError"), "{PACKAGES}:\n{errors}");
    assert!(output.status.success(), "{errors}\n{}", server.log.text());
    let said = String::from_utf8_lossy(&output.stdout);
    for step in ["logged in", "in the world", "walked", "heard", "killed", "owns whisker", "left"] {
        assert!(said.lines().any(|line| line.starts_with(step)), "{step}: {said}");
    }
    let line: protocol::v1::ChatLine = listener.expect();
    assert_eq!((line.from.as_str(), line.text.as_str()), ("Monty", "ssss"));
}
