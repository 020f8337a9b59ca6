//! Which crates of others are in `Cargo.lock`. `cargo deny` looks closer, where it is installed; this always runs.

use tests::server::repository;

/// Crates that came in by a feature that nobody uses, or that must not come in, and why.
const FORBIDDEN: [(&str, &str); 12] = [
    (
        "rsa",
        "login tokens are HS256 alone; its signatures leak their key by timing (RUSTSEC-2023-0071)",
    ),
    ("p256", "login tokens are HS256 alone"),
    ("p384", "login tokens are HS256 alone"),
    ("ed25519-dalek", "login tokens are HS256 alone"),
    ("elliptic-curve", "login tokens are HS256 alone"),
    ("num-bigint-dig", "login tokens are HS256 alone"),
    ("serde_nanos", "NATS carries messages; no code uses its JetStream"),
    ("tryhard", "NATS carries messages; no code uses its JetStream"),
    ("tokio-websockets", "NATS is reached over TCP"),
    ("openssl", "the system's OpenSSL would have to be there where the server runs"),
    ("openssl-sys", "the system's OpenSSL would have to be there where the server runs"),
    ("native-tls", "the system's OpenSSL would have to be there where the server runs"),
];
/// Where every crate that isn't ours comes from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// What the server uses of the NATS client: its cryptography for TLS, and names of inboxes.
const NATS_FEATURES: [&str; 2] = ["ring", "nuid"];

fn read(path: &str) -> toml::Table {
    let path = repository().join(path);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn packages() -> Vec<toml::Value> {
    read("Cargo.lock")["package"].as_array().unwrap().clone()
}

#[test]
fn no_crate_is_in_the_tree_that_nobody_uses() {
    let packages = packages();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert!(names.contains(&"mio"), "the lock file isn't what it was");
    for (name, why) in FORBIDDEN {
        assert!(
            !names.contains(&name),
            "{name} is in Cargo.lock, but {why}; `cargo tree --workspace --invert {name}` tells who wants it"
        );
    }
}

#[test]
fn every_crate_of_others_comes_from_the_registry() {
    for package in packages() {
        // Ours have no source.
        if let Some(source) = package.get("source") {
            assert_eq!(source.as_str(), Some(REGISTRY), "{package}");
        }
    }
}

#[test]
fn the_nats_client_has_the_features_that_the_bus_uses() {
    let manifest = read("Cargo.toml");
    let nats = &manifest["workspace"]["dependencies"]["async-nats"];
    assert_eq!(nats["default-features"].as_bool(), Some(false));
    let features: Vec<&str> =
        nats["features"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(features, NATS_FEATURES, "more of async-nats needs code that uses it");
}
