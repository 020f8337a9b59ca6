//! Dependencies between the crates point one way, and every crate has the lints of the workspace.

use std::collections::BTreeMap;

use tests::server::repository;

/// Each crate of the workspace, and the crates of the workspace that it may use. `private-postgres` is for tests alone.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("protocol-build", &[]),
    ("protocol", &["protocol-build"]),
    ("game", &["protocol"]),
    ("private-postgres", &[]),
    ("server", &["game", "protocol", "private-postgres"]),
    ("client-bot", &["protocol"]),
    ("tests", &["protocol-build", "protocol", "game", "server", "client-bot", "private-postgres"]),
    ("bench", &["protocol", "game", "server", "private-postgres"]),
    ("gates", &["protocol", "game"]),
    ("xtask", &["protocol-build"]),
];

fn manifest(folder: &str) -> toml::Table {
    let path = repository().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn members() -> Vec<String> {
    let root = manifest("");
    let members = root["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// What a manifest names in any of its tables of dependencies, also those of a target.
fn dependencies(table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        let Some(value) = value.as_table() else {
            continue;
        };
        if key.ends_with("dependencies") {
            found.extend(value.keys().cloned());
        } else if key == "target" || value.values().any(toml::Value::is_table) {
            found.extend(dependencies(value));
        }
    }
    found
}

#[test]
fn each_crate_uses_those_below_it_alone() {
    let may_use = BTreeMap::from(MAY_USE);
    for member in members() {
        // A crate has the name of its folder.
        let name = member.rsplit('/').next().unwrap_or(&member);
        let Some(allowed) = may_use.get(name) else {
            panic!("say in this test which crates {name} may use");
        };
        for used in dependencies(&manifest(&member)) {
            let ours = may_use.contains_key(used.as_str());
            assert!(
                !ours || allowed.contains(&used.as_str()),
                "{member}/Cargo.toml: {member} may not use {used}: dependencies point one way \
                 (protocol <- game <- server, protocol <- client-bot)"
            );
        }
    }
    assert_eq!(members().len(), MAY_USE.len(), "a crate of this test is gone from the workspace");
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    let workspace = manifest("")["workspace"]["lints"].clone();
    for member in members() {
        let lints = &manifest(&member)["lints"];
        if lints.get("workspace").and_then(toml::Value::as_bool) == Some(true) {
            continue;
        }
        assert_eq!(
            member, "server",
            "{member}/Cargo.toml: write `[lints] workspace = true`; the server alone may be unsafe somewhere"
        );
        let mut expected = workspace.clone();
        expected["rust"]["unsafe_code"] = "deny".into();
        assert_eq!(
            *lints, expected,
            "server/Cargo.toml: its lints are those of the workspace but for `unsafe_code = \"deny\"`"
        );
    }
}
