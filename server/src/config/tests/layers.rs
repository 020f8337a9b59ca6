//! Later layers win, and variables and flags are as easy to write as TOML.

use std::time::Duration;

use game::ZoneName;

use super::*;
use crate::config::{Origin, keys};
use crate::store::Location;

#[test]
fn later_layers_win() {
    let files = Files::new();
    let first = files.write(
        "first.toml",
        "[world]\ntick_rate = 2\nseed = 2\nmax_catch_up = 2\ncell_size_cm = 2000\n",
    );
    let second = files.write("second.toml", "[world]\ntick_rate = 3\nseed = 3\nmax_catch_up = 3\n");
    let sources = Sources::default()
        .flag("--set world.tick_rate", "world.tick_rate", "5")
        .environment(variables(&[
            ("REALMBEAT__WORLD__TICK_RATE", "4"),
            ("REALMBEAT__WORLD__SEED", "4"),
        ]))
        .file(first)
        .file(second);
    let loaded = Loaded::load(&sources).unwrap();
    let world = &loaded.config.world;
    assert_eq!((world.tick_rate, world.seed, world.max_catch_up), (5, 4, 3));
    assert_eq!((world.cell_size_cm, world.cell_margin_cm), (2000, 400));
    let variable = "REALMBEAT__WORLD__SEED".to_owned();
    assert_eq!(*loaded.origin("world.seed"), Origin::Environment(variable));
    assert_eq!(*loaded.origin("world.cell_margin_cm"), Origin::Default);
}

#[test]
fn every_key_can_be_set_by_file_variable_and_flag_to_its_own_default() {
    for key in keys() {
        let default = (key.default)();
        let (section, name) = key.path.split_once('.').unwrap();
        let in_file = load(&format!("[{section}]\n{name} = {default}\n")).unwrap();
        assert!(matches!(in_file.origin(key.path), Origin::File { line: 2, .. }), "{}", key.path);

        let bare = default.trim_matches('"');
        let variable = format!("REALMBEAT__{}", key.path.replace('.', "__").to_uppercase());
        let sources = Sources::default().environment(variables(&[(&variable, bare)]));
        let in_environment = Loaded::load(&sources).unwrap();
        assert_eq!(*in_environment.origin(key.path), Origin::Environment(variable));

        let in_flag = Loaded::load(&Sources::default().flag("--set", key.path, bare)).unwrap();
        assert_eq!(*in_flag.origin(key.path), Origin::Flag("--set".to_owned()));

        assert_eq!(in_file.config, in_environment.config);
        assert_eq!(in_file.config, in_flag.config);
    }
}

#[test]
fn a_list_in_a_variable_may_be_written_either_way() {
    let zones = |text: &str| {
        Loaded::load(&Sources::default().flag("--set", "world.zones", text))
            .unwrap()
            .config
            .world
            .zones
    };
    let both = [ZoneName::new("meadow"), ZoneName::new("forest")];
    assert_eq!(zones("meadow, forest"), both);
    assert_eq!(zones("[\"meadow\", \"forest\"]"), both);
    assert_eq!(zones(""), []);
    assert_eq!(zones("[]"), []);
    let addresses = |text: &str| {
        let loaded = Loaded::load(&Sources::default().flag("--set", "bus.redirect_to", text));
        loaded.unwrap().config.bus.redirect_to.len()
    };
    assert_eq!(["", "a:1", "a:1, b:2", "[\"a:1\", \"b:2\"]"].map(addresses), [0, 1, 2, 2]);
}

#[test]
fn durations_are_read_in_each_unit() {
    let grace = |text: &str| load(&format!("auth.grace = '{text}'")).unwrap().config.auth.grace;
    assert_eq!(grace("250ms"), Duration::from_millis(250));
    assert_eq!(grace("30s"), Duration::from_secs(30));
    assert_eq!(grace("5m"), Duration::from_secs(300));
    assert_eq!(grace("1h"), Duration::from_secs(3600));
    assert_eq!(grace("0s"), Duration::ZERO);
    let days = load("store.ledger_retention = '7d'").unwrap().config.store.ledger_retention;
    assert_eq!(days, Duration::from_hours(7 * 24));
}

#[cfg(feature = "nats")]
#[test]
fn a_nats_address_is_read() {
    use crate::config::BusUrl;
    let config = load("bus.url = 'nats://127.0.0.1:4222'").unwrap().config;
    let BusUrl::Nats(url) = config.bus.url else {
        panic!("it is NATS");
    };
    assert_eq!(url.as_str(), "nats://127.0.0.1:4222");
}

#[test]
fn a_relative_database_lies_in_the_data_directory() {
    let file = |url: &str| {
        let config = load(&format!("server.data_dir = 'd'\nstore.url = '{url}'")).unwrap().config;
        config.store.url.place(&config.server.data_dir)
    };
    assert_eq!(file("sqlite:world.sqlite3"), Location::File("d/world.sqlite3".into()));
    assert_eq!(file("sqlite:/srv/world.sqlite3"), Location::File("/srv/world.sqlite3".into()));
}

#[test]
fn a_variable_with_too_few_underscores_is_a_mistake_and_others_are_not_ours() {
    let load =
        |name: &str| Loaded::load(&Sources::default().environment(variables(&[(name, "meadow")])));
    for name in
        ["REALMBEAT_SERVER__DATA_DIR", "REALMBEAT_SERVER_DATA_DIR", "REALMBEAT_server__data__dir"]
    {
        let error = load(name).unwrap_err().to_string();
        let meant = error.contains("REALMBEAT__SERVER__DATA_DIR") && error.contains(name);
        assert!(meant, "{name}: {error}");
    }
    for name in ["REALMBEAT_TOKEN_SECRET", "REALMBEAT_FAILPOINTS", "SERVER__DATA_DIR"] {
        assert!(load(name).is_ok(), "{name}");
    }
}

#[test]
fn the_end_of_a_line_is_no_part_of_a_variable_and_what_is_for_a_shell_is_refused() {
    let load = |path: &str, value: &str| {
        Loaded::load(&Sources::default().flag("--set", path, value)).map(|loaded| loaded.config)
    };
    let folder = load("server.data_dir", "/srv/realm\r").unwrap().server.data_dir;
    assert_eq!(folder, std::path::Path::new("/srv/realm"));
    let secret = "0123456789abcdef0123456789abcdef";
    let read = load("auth.token_secret", &format!(" {secret}\r\n")).unwrap().auth.token_secret;
    assert_eq!(read.unwrap().expose(), secret);
    for (path, value) in [
        ("server.data_dir", "\"/srv/realm\""),
        ("server.data_dir", "'/srv/realm'"),
        ("server.data_dir", "~/realm"),
        ("world.content", "$HOME/content"),
        ("store.url", "sqlite:~/realm.sqlite3"),
        ("auth.token_secret", &format!("\"{secret}\"")),
        ("auth.token_secret", &format!("{} ", &secret[1..])),
    ] {
        let error = load(path, value).unwrap_err();
        assert_eq!(wrong_keys(&error), [path], "{value}");
    }
    assert!(super::load("server.data_dir = \"a\\rb\"").is_err(), "in a file it is told");
}

#[test]
fn a_configuration_tells_which_files_it_was_read_from() {
    let files = Files::new();
    let [first, second] =
        ["a.toml", "b.toml"].map(|name| files.write(name, "[world]\ntick_rate = 2\n"));
    let loaded = Loaded::load(&Sources::default().file(&first).file(&second)).unwrap();
    assert_eq!(loaded.files(), format!("{}, {}", first.display(), second.display()));
    let none = Loaded::load(&Sources::default()).unwrap().files();
    assert!(none.contains("no file") && none.contains("config/server.toml"), "{none}");
}
