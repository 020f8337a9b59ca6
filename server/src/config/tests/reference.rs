//! `config/server.toml` and the files beside it say what is true.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::config::{Config, Origin, keys, reference};

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Each key of a file with its value as written; every one must have a comment right above it.
fn commented_keys(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut section, mut previous) = (String::new(), "");
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
        {
            assert!(previous.starts_with("# "), "{section}.{key} has a comment");
            let again = found.insert(format!("{section}.{key}"), value.to_owned());
            assert_eq!(again, None, "{section}.{key} stands there once");
        }
        previous = line;
    }
    found
}

#[test]
fn server_toml_has_every_key_with_a_comment_and_its_default_and_nothing_else() {
    let text = std::fs::read_to_string(in_repository("config/server.toml")).unwrap();
    let defaults = keys().map(|key| key.path.to_owned()).zip(Config::default().shown());
    assert_eq!(commented_keys(&text), defaults.collect());
    let loaded = Loaded::load(&Sources::default().file(in_repository("config/server.toml")));
    assert_eq!(loaded.unwrap().config, Config::default());
}

#[test]
fn server_toml_is_the_printed_reference() {
    let text = std::fs::read_to_string(in_repository("config/server.toml")).unwrap();
    assert!(
        text == reference(),
        "config/server.toml differs from the list of keys: \
         cargo run --release -p server -- --print-default-config > config/server.toml"
    );
}

#[test]
fn the_defaults_contradict_nothing() {
    assert_eq!(load("").unwrap().config, Config::default());
}

#[cfg(feature = "nats")]
#[test]
fn the_cluster_files_make_two_servers_of_one_world() {
    let load = |name: &str| {
        let sources = Sources::default()
            .file(in_repository("config/server.toml"))
            .file(in_repository(&format!("config/cluster/{name}.toml")));
        Loaded::load(&sources).unwrap().config
    };
    let (east, west) = (load("east"), load("west"));
    assert_eq!((&east.bus.url, &east.bus.world), (&west.bus.url, &west.bus.world));
    assert_ne!(east.server.node, west.server.node);
    assert_ne!(east.server.data_dir, west.server.data_dir);
    assert_ne!(east.network.listen, west.network.listen);
    assert!(east.world.realm != west.world.realm, "one of them has the realm zone");
}

#[test]
fn what_is_printed_names_each_origin_and_can_be_loaded_again() {
    let files = Files::new();
    let path = files.write("server.toml", "[world]\n\ntick_rate = 20\nzones = ['meadow']\n");
    let sources = Sources::default()
        .file(&path)
        .environment(variables(&[("REALMBEAT__LOG__LEVEL", "info,server::net=debug")]))
        .flag("--listen", "network.listen", "127.0.0.1:0");
    let loaded = Loaded::load(&sources).unwrap();
    let printed = loaded.to_string();
    for line in [
        "[network]\nlisten = \"127.0.0.1:0\" # flag --listen\n",
        "\ntick_rate = 20 # ",
        "server.toml:3:13\n",
        "\nzones = [\"meadow\"] # ",
        "\nlevel = \"info,server::net=debug\" # environment REALMBEAT__LOG__LEVEL\n",
        "\nmax_sessions = 10000 # default\n",
    ] {
        assert!(printed.contains(line), "{line} in:\n{printed}");
    }
    assert_eq!(load(&printed).unwrap().config, loaded.config);
    let Origin::File { path: from, line, column, .. } = loaded.origin("world.tick_rate") else {
        panic!("it was in the file");
    };
    assert_eq!((from, *line, *column), (&path, 3, 13));
}
