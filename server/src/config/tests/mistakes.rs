//! Each key with a wrong type and with values out of its range; unknown keys, missing files, and files that are no TOML.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::{SECTIONS, keys};

/// Values that no key takes although TOML does; at least one per key that has any, both ends of each range.
const OUT_OF_RANGE: &[(&str, &[&str])] = &[
    (
        "server.name",
        &[
            "''",
            "\"a\\u0007b\"",
            "'   '",
            "\"a\\u202Eb\"",
            "\"a\\u200Bb\"",
            "'123456789 123456789 123456789 123456789 123456789 123456789 12345'",
        ],
    ),
    ("server.node", &["0", "1024", "-1", "99999999999999999999"]),
    ("server.data_dir", &["''"]),
    ("network.listen", &["'7777'", "'localhost:7777'", "'127.0.0.1'", "'127.0.0.1:70000'"]),
    ("network.advertise", &["'play.example.org'", "':7777'", "'a:0'", "'a b:1'", "'0.0.0.0:1'"]),
    ("network.wait", &["''", "'Tick'", "'sleep'"]),
    ("network.max_sessions", &["0", "1000001"]),
    ("network.sessions_per_address", &["0", "1000001"]),
    ("network.io_threads", &["-1", "33"]),
    ("network.backlog", &["0", "65536"]),
    ("network.events_per_poll", &["15", "65537"]),
    ("network.accepts_per_pass", &["0", "65537"]),
    ("network.read_budget_bytes", &["1023", "1048577"]),
    ("network.max_frame_bytes", &["255", "65537"]),
    ("network.max_frame_before_login_bytes", &["255", "65537"]),
    (
        "network.heartbeat_timeout",
        &["'999ms'", "'61m'", "'30'", "'30 s'", "'s'", "'-1s'", "'1.5s'"],
    ),
    ("network.login_deadline", &["'999ms'", "'601s'"]),
    ("network.packets_per_second", &["0", "100001"]),
    ("network.packet_burst", &["0", "1000001"]),
    ("network.bytes_per_second", &["1023", "67108865"]),
    ("network.byte_burst", &["1023", "67108865"]),
    ("network.client_budget", &["-1", "67108865"]),
    ("network.output_soft_limit_bytes", &["4095", "67108865"]),
    ("network.output_hard_limit_bytes", &["8191", "268435457"]),
    ("network.goodbye_timeout", &["'99ms'", "'31s'"]),
    ("auth.workers", &["0", "65"]),
    ("auth.queue", &["0", "65537"]),
    ("auth.argon2_memory_kib", &["7", "1048577"]),
    ("auth.argon2_iterations", &["0", "101"]),
    ("auth.token_secret", &["'1234567890123456789012345678901'", "'********'"]),
    ("auth.token_audience", &["''"]),
    ("auth.grace", &["'3601s'", "'99999999999999999999h'"]),
    ("auth.characters_per_account", &["0", "1001"]),
    ("auth.failed_logins_before_close", &["0", "1001"]),
    ("world.content", &["''"]),
    ("bus.redirect_to", &["['']", "['play.example.org']", "['a b:1']", "[1]", "'a:0'"]),
    ("world.zones", &["['']", "['meadow', 'meadow']", "['realm']", "['a b']", "[1]"]),
    ("auth.guesses_per_account", &["0", "10001"]),
    ("auth.guesses_per_address", &["0", "1000001"]),
    ("auth.reserved_names", &["['']", "['a b']", "['admin', 7]", "'admin'"]),
    ("world.tick_rate", &["0", "31"]),
    ("world.max_catch_up", &["0", "101"]),
    ("world.seed", &["-1", "9223372036854775808"]),
    ("world.cell_size_cm", &["499", "100001"]),
    ("world.cell_margin_cm", &["-1", "50001"]),
    ("overload.steps", &["-1", "4"]),
    ("overload.climb_after", &["'99ms'", "'601s'"]),
    ("overload.descend_after", &["'999ms'", "'61m'"]),
    ("store.url", &["'realmbeat.sqlite3'", "'sqlite:'", "'postgres://'", "'mysql://host/db'"]),
    ("store.queue", &["15", "65537"]),
    ("store.save_interval", &["'0s'", "'11m'"]),
    ("store.ledger_retention", &["'36501d'", "'-1d'"]),
    ("store.account_rows_per_second", &["0", "10001"]),
    ("store.account_row_burst", &["1", "100001"]),
    ("store.disk_reserve_mib", &["-1", "1048577"]),
    ("bus.url", &["''", "'nats:'", "'nats://'", "'nats://host'", "'http://host:4222'"]),
    ("bus.world", &["''", "'a.b'", "'a*'", "'a b'"]),
    ("bus.queue", &["15", "1048577"]),
    ("log.level", &["''", "'inof'", "'server=loud'", "'=info'", "'info,'"]),
    ("log.format", &["'xml'"]),
    ("log.stats_interval", &["'61m'"]),
    ("shutdown.deadline", &["'999ms'", "'11m'"]),
];

/// Keys that take every value of their type.
const WITHOUT_RANGE: &[&str] = &["network.limit_loopback", "auth.new_accounts", "world.realm"];

/// The one problem of a file whose third line gives `value` to `path`.
fn mistake(path: &str, value: &str) -> String {
    let (section, key) = path.split_once('.').unwrap();
    let found = problems(&format!("# comment\n[{section}]\n{key} = {value}\n"));
    assert_eq!(found.len(), 1, "{path} = {value}: {found:?}");
    found[0].clone()
}

/// Line and column of the value of `path` in such a file.
fn place_of_value(path: &str) -> String {
    format!("3:{}: ", path.split_once('.').unwrap().1.len() + " = ".len() + 1)
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_place_and_what_belongs_there() {
    // A date is a type that no key has.
    for key in keys() {
        let found = if key.secret { "not shown" } else { "1979-05-27" };
        let expected = format!("`{}` is {found}; expected {}", key.path, (key.expected)());
        assert_eq!(mistake(key.path, "1979-05-27"), place_of_value(key.path) + &expected);
    }
}

#[test]
fn a_table_in_the_place_of_a_value_is_refused() {
    for key in keys() {
        let found = mistake(key.path, "{ a = 1 }");
        assert!(found.starts_with(&place_of_value(key.path)), "{found}");
    }
}

#[test]
fn a_value_out_of_range_is_named_with_its_place_and_the_range() {
    let tried: BTreeSet<&str> =
        OUT_OF_RANGE.iter().map(|(path, _)| *path).chain(WITHOUT_RANGE.iter().copied()).collect();
    assert_eq!(tried, keys().map(|key| key.path).collect(), "every key is tried");
    for (path, values) in OUT_OF_RANGE {
        let key = keys().find(|key| key.path == *path).unwrap();
        for value in *values {
            let found = mistake(path, value);
            assert!(found.starts_with(&place_of_value(path)), "{found}");
            assert!(found.ends_with(&format!("; expected {}", (key.expected)())), "{found}");
        }
    }
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    for key in keys().filter(|key| !WITHOUT_RANGE.contains(&key.path)) {
        let variable = format!("REALMBEAT__{}", key.path.replace('.', "__").to_uppercase());
        let sources = Sources::default().environment(variables(&[(&variable, "\u{1}")]));
        // Nothing takes a lone control character but a path.
        if key.path.ends_with("_dir") || key.path.ends_with("content") {
            continue;
        }
        let text = Loaded::load(&sources).unwrap_err().to_string();
        assert!(text.starts_with(&format!("environment {variable}: `{}` is ", key.path)), "{text}");
        let sources = Sources::default().flag("--some", key.path, "\u{1}");
        let text = Loaded::load(&sources).unwrap_err().to_string();
        assert!(text.starts_with(&format!("flag --some: `{}` is ", key.path)), "{text}");
    }
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    for key in keys() {
        let (section, name) = key.path.split_once('.').unwrap();
        let slip = format!("{name}x");
        let found = problems(&format!("[{section}]\n{slip} = 1\n"));
        let expected = format!("2:1: unknown key `{section}.{slip}`; did you mean `{}`?", key.path);
        assert_eq!(found, [expected]);
    }
    assert_eq!(
        problems("[network]\ncolour = 1\n"),
        ["2:1: unknown key `network.colour`; --print-config lists all keys"]
    );
}

#[test]
fn a_key_in_the_wrong_section_is_sent_to_the_right_one() {
    assert_eq!(
        problems("[server]\ntick_rate = 10\n"),
        ["2:1: unknown key `server.tick_rate`; did you mean `world.tick_rate`?"]
    );
    assert_eq!(
        problems("tick_rate = 10\n"),
        ["1:1: unknown section `tick_rate`; did you mean `world.tick_rate`?"]
    );
}

#[test]
fn an_unknown_or_misused_section_is_named() {
    assert_eq!(
        problems("[netwrok]\n"),
        ["1:2: unknown section `netwrok`; did you mean `network`?"]
    );
    for section in SECTIONS {
        let name = section.name;
        let expected =
            format!("1:1: `{name}` is a section; expected `[{name}]` and its keys below it");
        assert_eq!(problems(&format!("{name} = 1\n")), [expected]);
    }
}

#[test]
fn an_unknown_variable_or_flag_is_named() {
    let sources = Sources::default()
        .environment(variables(&[("REALMBEAT__NETWORK__LISTN", "x"), ("REALMBEAT_OTHER", "x")]))
        .flag("--set wrold.seed", "wrold.seed", "1");
    assert_eq!(
        Loaded::load(&sources).unwrap_err().to_string(),
        "environment REALMBEAT__NETWORK__LISTN: unknown key `network.listn`; did you mean `network.listen`?\n\
         flag --set wrold.seed: unknown key `wrold.seed`; did you mean `world.seed`?"
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let variable = ("REALMBEAT__SERVER__NAME".into(), OsString::from_vec(vec![0xff]));
    let error = Loaded::load(&Sources::default().environment([variable])).unwrap_err();
    assert_eq!(error.problems[0].fault, Fault::NotText);
}

#[test]
fn a_missing_file_is_named() {
    let files = Files::new();
    let path = files.0.path().join("nowhere.toml");
    let text = Loaded::load(&Sources::default().file(&path)).unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("can't read the configuration file {}: ", path.display())),
        "{text}"
    );
}

#[test]
fn a_directory_or_binary_file_is_refused() {
    let files = Files::new();
    let binary = files.0.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let fault = |path: &Path| {
        let mut error = Loaded::load(&Sources::default().file(path)).unwrap_err();
        error.problems.remove(0).fault
    };
    assert!(matches!(fault(files.0.path()), Fault::Unreadable { .. }));
    assert!(matches!(fault(&binary), Fault::FileNotText(_)));
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_line_and_column() {
    let found = problems("[server]\nname = \"a\"\nnode = = 2\n");
    assert!(found[0].starts_with("3:8: not TOML: "), "{found:?}");
    let found = problems("[server]\nnode = 1\nnode = 2\n");
    assert!(found[0].starts_with("3:1: not TOML: duplicate key"), "{found:?}");
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_their_places() {
    let files = Files::new();
    let first = files.write("first.toml", "[world]\ntick_rate = 31\n[network]\nbacklog = 0\n");
    let second = files.write("second.toml", "[auth]\nworkers = 'two'\nqeue = 1\n");
    let sources = Sources::default()
        .file(first)
        .file(second)
        .environment(variables(&[("REALMBEAT__BUS__QUEUE", "many")]))
        .flag("--listen", "network.listen", "here");
    let error = Loaded::load(&sources).unwrap_err();
    assert_eq!(
        wrong_keys(&error),
        ["world.tick_rate", "network.backlog", "auth.workers", "bus.queue", "network.listen"]
    );
    assert_eq!(error.problems.len(), 6, "{error}");
}

#[test]
fn values_that_contradict_each_other_are_refused_with_both_places() {
    let found =
        problems("[network]\noutput_soft_limit_bytes = 8192\noutput_hard_limit_bytes = 8192\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("3:27): the first must be below the second"), "{found:?}");
    for (contradiction, second) in [
        ("[network]\nclient_budget = 1000000", "network.output_soft_limit_bytes"),
        ("[network]\nmax_frame_bytes = 512", "network.max_frame_bytes"),
        ("[network]\nread_budget_bytes = 2048", "network.read_budget_bytes"),
        ("[network]\nbyte_burst = 2048\nbytes_per_second = 2048", "network.byte_burst"),
        ("[network]\npacket_burst = 59", "network.packet_burst"),
        ("[network]\nbyte_burst = 32767", "network.byte_burst"),
        ("[network]\ngoodbye_timeout = '30s'", "shutdown.deadline"),
        ("[world]\ncell_size_cm = 799", "world.cell_size_cm"),
        ("[world]\nrealm = false", "bus.url"),
        ("[store]\nledger_retention = '59m'", "store.url"),
    ] {
        let error = load(contradiction).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{contradiction}: {error}");
        assert!(error.to_string().contains(&format!("and `{second}` = ")), "{error}");
    }
}

#[cfg(feature = "nats")]
#[test]
fn one_of_several_servers_must_have_an_address_that_clients_can_be_told() {
    let several = "bus.url = 'nats://h:1'\nnetwork.listen = '0.0.0.0:1'\n";
    let error = load(several).unwrap_err();
    assert!(error.to_string().contains("set network.advertise"), "{error}");
    assert!(load(&format!("{several}network.advertise = 'play.example.org:1'")).is_ok());
}

#[cfg(not(feature = "nats"))]
#[test]
fn a_nats_server_is_refused_by_a_build_that_cannot_speak_to_it() {
    let error = load("bus.url = 'nats://h:1'").unwrap_err();
    assert!(error.to_string().contains("built without the `nats` feature"), "{error}");
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_postgres_database_is_refused_by_a_build_that_cannot_use_it() {
    let error = load("store.url = 'postgres://h/world'").unwrap_err();
    assert!(error.to_string().contains("built without the `postgres` feature"), "{error}");
}
