//! A running server takes over what it can, names what it can't, and keeps what it has when the file is wrong.

use super::*;
use crate::config::{Origin, keys};

/// A configuration that was loaded from a file, and the file.
fn running(text: &str) -> (Files, Sources, Loaded) {
    let files = Files::new();
    let sources = Sources::default().file(files.write("server.toml", text));
    let loaded = Loaded::load(&sources).unwrap();
    (files, sources, loaded)
}

#[test]
fn a_reload_applies_live_values_and_names_those_that_need_a_restart() {
    let (files, sources, mut loaded) = running("log.level = 'info'\nworld.tick_rate = 10\n");
    files.write("server.toml", "log.level = 'debug'\nauth.grace = '1m'\nworld.tick_rate = 20\n");
    let report = loaded.reload(&sources).unwrap();
    let lines = |changes: &[crate::config::Change]| -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        lines(&report.applied),
        ["auth.grace: \"30s\" -> \"1m\"", "log.level: \"info\" -> \"debug\""]
    );
    assert_eq!(lines(&report.needs_restart), ["world.tick_rate: 10 -> 20"]);
    assert_eq!(loaded.config.log.level.directives(), "debug");
    assert_eq!(loaded.config.auth.grace.as_secs(), 60);
    assert_eq!(loaded.config.world.tick_rate, 10, "the clock ticks as it was started");
    assert!(matches!(loaded.origin("auth.grace"), Origin::File { line: 2, .. }));
    assert!(matches!(loaded.origin("world.tick_rate"), Origin::File { line: 2, .. }));
}

#[test]
fn a_reload_without_changes_does_nothing() {
    let (_files, sources, mut loaded) = running("log.level = 'debug'\n");
    assert_eq!(loaded.reload(&sources).unwrap(), crate::config::ReloadReport::default());
}

#[test]
fn a_value_that_left_the_file_goes_back_to_its_default() {
    let (files, sources, mut loaded) = running("auth.grace = '1m'\n");
    files.write("server.toml", "");
    assert_eq!(loaded.reload(&sources).unwrap().applied.len(), 1);
    assert_eq!(loaded.config.auth.grace.as_secs(), 30);
    assert_eq!(*loaded.origin("auth.grace"), Origin::Default);
}

#[test]
fn a_bad_file_keeps_the_old_configuration_and_says_why() {
    let (files, sources, mut loaded) = running("auth.grace = '1m'\n");
    let before = (loaded.config.clone(), loaded.to_string());
    for (bad, why) in [
        ("auth.grace = '2m'\nlog.level = 'loud'\n", "2:13: `log.level` is 'loud'"),
        ("auth.grace = '2m'\nlog = =\n", "2:7: not TOML"),
        ("auth.grace = '2m'\nlog.levle = 'info'\n", "2:5: unknown key"),
    ] {
        files.write("server.toml", bad);
        let error = loaded.reload(&sources).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!((loaded.config.clone(), loaded.to_string()), before);
    }
    std::fs::remove_file(files.0.path().join("server.toml")).unwrap();
    assert!(loaded.reload(&sources).is_err());
    assert_eq!((loaded.config.clone(), loaded.to_string()), before);
}

#[test]
fn live_values_that_contradict_what_needs_a_restart_are_refused() {
    let (files, sources, mut loaded) =
        running("[network]\nread_budget_bytes = 32768\nmax_frame_bytes = 32768\n");
    // Fine with the smaller frames of the new file, but those come only with a restart.
    files.write("server.toml", "[network]\nbytes_per_second = 8192\nbyte_burst = 8192\n");
    let before = loaded.config.clone();
    let error = loaded.reload(&sources).unwrap_err();
    assert!(error.to_string().contains("`network.byte_burst` = 8192"), "{error}");
    assert_eq!(loaded.config, before);
}

#[test]
fn a_flag_still_wins_after_a_reload() {
    let (files, sources, _) = running("");
    let sources = sources.flag("--set", "log.level", "warn");
    let mut loaded = Loaded::load(&sources).unwrap();
    files.write("server.toml", "log.level = 'debug'\n");
    assert_eq!(loaded.reload(&sources).unwrap().applied, []);
    assert_eq!(loaded.config.log.level.directives(), "warn");
}

#[test]
fn every_changed_key_is_reported_as_live_or_not_as_the_list_says() {
    let (_files, _, loaded) = running("");
    let changed = "\
        server.name = 'a'\nserver.node = 2\nserver.data_dir = 'a'\nlog.format = 'json'\n\
        network.wait = 'busy'\nshutdown.deadline = '30s'\nworld.zones = ['a']\n";
    let changes = loaded.config.changes(&load(changed).unwrap().config);
    assert_eq!(changes.len(), 7);
    for change in changes {
        let key = keys().find(|key| key.path == change.key).unwrap();
        assert_eq!(change.applies, key.applies);
        assert_eq!(change.from, (key.default)());
    }
}
