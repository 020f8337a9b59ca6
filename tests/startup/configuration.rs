//! The configuration and the content: checked before anything starts, shown, and read again while the server runs.

use tests::server::{ServerSetup, TOKEN_SECRET, copy_directory, repository};

use super::{WRONG_CONFIGURATION, bare, complaint};

#[test]
fn a_mistake_in_a_file_is_shown_with_its_place_and_what_was_expected() {
    let setup = ServerSetup::new();
    let file = setup.data_dir().join("server.toml");
    for (text, place, words) in [
        ("[network]\nmax_sessions = \"many\"\n", "2:16", "expected an integer from 1"),
        ("[network]\n\n  max_sesions = 5\n", "3:3", "did you mean `network.max_sessions`?"),
        ("[netwrok]\n", "1:2", "did you mean `network`?"),
        ("[world]\ntick_rate = 99\n", "2:13", "expected an integer from 1 to 30"),
        ("[world\n", "1:7", "not TOML"),
    ] {
        std::fs::write(&file, text).unwrap();
        for flags in [&[][..], &["--check-config"], &["--print-config"]] {
            let output = bare().arg("--config").arg(&file).args(flags).output().unwrap();
            let line = complaint(&output, WRONG_CONFIGURATION);
            assert!(line.contains(&format!("server.toml:{place}: ")), "{text:?}: {line}");
            assert!(line.contains(words), "{text:?}: {line}");
        }
    }
    let output = bare().args(["--config", "nowhere.toml"]).output().unwrap();
    let line = complaint(&output, WRONG_CONFIGURATION);
    assert!(line.contains("nowhere.toml"), "{line}");
}

#[test]
fn every_mistake_is_told_at_once() {
    let setup = ServerSetup::new();
    let file = setup.data_dir().join("server.toml");
    std::fs::write(&file, "[world]\ntick_rate = 0\nsead = 5\n[log]\nlevel = 7\n").unwrap();
    let output = bare().arg("--config").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(WRONG_CONFIGURATION));
    let text = String::from_utf8(output.stderr).unwrap();
    for place in ["server.toml:2:13", "server.toml:3:1", "server.toml:5:9"] {
        assert!(text.contains(place), "{place} in {text}");
    }
}

#[test]
fn a_mistake_in_the_content_is_shown_with_its_place_and_what_was_expected() {
    let setup = ServerSetup::new();
    let content = setup.data_dir().join("content");
    copy_directory(&repository().join("tests/arena"), &content);
    let setup = setup.set("world.content", content.display());
    let player = std::fs::read_to_string(content.join("player.toml")).unwrap();
    for (wrong, place, words) in [
        (
            player.replace("hp = 100", "hp = \"lots\""),
            "2:6",
            "expected a whole number from 1 to 1000000",
        ),
        (player.replace("\"arena\"", "\"atlantis\""), "1:14", "arena"),
        (player.replace("hp =", "hq ="), "2:1", "hp"),
    ] {
        std::fs::write(content.join("player.toml"), wrong).unwrap();
        for flags in [&[][..], &["--check-config"]] {
            let line = complaint(&setup.run(flags), WRONG_CONFIGURATION);
            assert!(line.contains(&format!("player.toml:{place}")), "{line}");
            assert!(line.contains(words), "{line}");
        }
    }
    std::fs::remove_file(content.join("player.toml")).unwrap();
    let line = complaint(&setup.run(&[]), WRONG_CONFIGURATION);
    assert!(line.contains("player.toml"), "{line}");
    let nowhere = setup.set("world.content", "/nowhere/at/all");
    let line = complaint(&nowhere.run(&[]), WRONG_CONFIGURATION);
    assert!(line.contains("/nowhere/at/all"), "{line}");
}

#[test]
fn a_name_that_leads_nowhere_is_refused_where_it_was_written_before_anything_is_made() {
    let setup = ServerSetup::new();
    let file = setup.data_dir().join("server.toml");
    for (text, place, words) in [
        (
            "[world]\nzones = [\"nowhere\"]\n",
            "2:9",
            "the content has no zone nowhere; it has cave, meadow, village",
        ),
        (
            "[world]\ncontent = \"/nowhere/at/all\"\n",
            "2:11",
            "can't read content at /nowhere/at/all",
        ),
        ("[world]\ncell_size_cm = 500\ncell_margin_cm = 200\n", "2:16", "make the cells larger"),
        ("[store]\nurl = \"postgres://u:p@h:notaport/d\"\n", "2:7", "option `port`"),
        ("[store]\nurl = \"postgres://u:p@/d\"\n", "2:7", "it names no host"),
        ("[store]\nurl = \"sqlite:..\"\n", "2:7", "name a file in it"),
        ("[store]\nurl = \"postgres://u:p@h/d?sslmode=require\"\n", "2:7", "no TLS"),
    ] {
        std::fs::write(&file, text).unwrap();
        for flags in [&[][..], &["--check-config"]] {
            let mut command = bare();
            command.current_dir(repository());
            command.arg("--config").arg(&file).arg("--data-dir").arg(setup.data_dir().join("new"));
            let line = complaint(&command.args(flags).output().unwrap(), WRONG_CONFIGURATION);
            assert!(line.contains(&format!("server.toml:{place}: ")), "{text:?}: {line}");
            assert!(line.contains(words), "{text:?}: {line}");
            assert!(!line.contains("u:p@"), "{line}");
        }
    }
    // The last one is nothing to look after, either.
    let mut audit = bare();
    audit.arg("--config").arg(&file).arg("audit");
    let line = complaint(&audit.output().unwrap(), WRONG_CONFIGURATION);
    assert!(line.contains("server.toml:2:7: `store.url`"), "{line}");
    assert!(!setup.data_dir().join("new").exists());
}

#[test]
fn what_isnt_text_is_said_so_with_what_to_do() {
    let setup = ServerSetup::new();
    let file = setup.data_dir().join("server.toml");
    std::fs::write(&file, [0xff]).unwrap();
    let output = bare().arg("--config").arg(&file).output().unwrap();
    let line = complaint(&output, WRONG_CONFIGURATION);
    assert!(line.contains("save it as UTF-8"), "{line}");
}

#[test]
fn a_command_without_a_server_to_be_about_says_which_flag_to_look_at() {
    let nowhere = |command: &[&str]| {
        bare().args(["--data-dir", "/nowhere/at/all"]).args(command).output().unwrap()
    };
    for command in [&["audit"][..], &["lift"], &["lift", "7"]] {
        let line = complaint(&nowhere(command), 1);
        assert!(line.contains("--data-dir"), "{command:?}: {line}");
    }
    let setup = ServerSetup::new();
    let output = setup.run(&["lift"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"no message is refused"), "{output:?}");
    let line = complaint(&setup.run(&["token", ""]), 1);
    assert!(line.contains("3 to 24 characters"), "{line}");
}

#[test]
fn a_good_configuration_is_called_valid_and_nothing_is_started_or_written() {
    let setup = ServerSetup::new();
    let output = setup.run(&["--check-config"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("\nthe configuration and the content are valid\n"), "{text}");
    assert!(!setup.database().exists());
}

#[test]
fn a_check_says_how_each_zone_was_read_which_portals_are_closed_and_what_may_be_meant_otherwise() {
    let setup = ServerSetup::new().set("world.zones", "[\"village\"]");
    let setup = setup.edit_content("maps/village.json", "\"walkable\"", "\"passable\"");
    let output = setup.run(&["--check-config"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "zone village: maps/village.json, 28 x 22 tiles of 200 cm, 616 of 616 walkable",
        "  walls: none",
        "  the portal to meadow is closed: it doesn't run here",
        "warning: maps/village.json:1:1: found a map on which nothing is a wall, \
         expected a layer called `collision`, or tiles with the property `collides = true`",
        "warning: maps/village.json:125:16: found `passable` 2 times, first at the tile 2 of the tileset `village`, \
         which isn't read, expected `collides = true` or `walkable = false`, if it means a wall",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} in\n{text}");
    }
}

#[test]
fn a_shop_whose_list_is_longer_than_a_client_may_be_sent_is_told_before_the_start() {
    let setup = ServerSetup::new()
        .set("network.client_budget", 16_384)
        .set("network.output_soft_limit_bytes", 4_096);
    let goods: String = (0..200)
        .map(|item| format!("[spare_part_{item}]\nname = \"Spare part\"\nstack = 1\n"))
        .collect();
    let sold: String =
        (0..200).map(|item| format!("{{ item = \"spare_part_{item}\", price = 1 }},\n")).collect();
    let setup = setup.set("network.output_hard_limit_bytes", 8_192).arena();
    let content = setup.data_dir().join("content");
    copy_directory(&repository().join("tests/arena"), &content);
    let items = std::fs::read_to_string(content.join("items.toml")).unwrap();
    std::fs::write(content.join("items.toml"), items + &goods).unwrap();
    let stall = format!(
        "[stall]\nname = \"Stall\"\nzone = \"arena\"\nplace = [4, 4]\nbuys_percent = 0\nsells = [\n{sold}]\n"
    );
    std::fs::write(content.join("shops.toml"), stall).unwrap();
    let setup = setup.set("world.content", content.display());
    for flags in [&[][..], &["--check-config"]] {
        let line = complaint(&setup.run(flags), WRONG_CONFIGURATION);
        assert!(line.contains("output_hard_limit_bytes"), "{line}");
        assert!(line.contains("the list of the shop stall takes up to"), "{line}");
    }
}

#[test]
fn what_is_in_force_is_shown_with_its_origin_and_without_secrets() {
    let setup = ServerSetup::new().set("world.tick_rate", 20);
    let mut command = setup.command();
    command.env("REALMBEAT__AUTH__GRACE", "7s");
    let output = command.arg("--print-config").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "tick_rate = 20 # flag --set world.tick_rate",
        "grace = \"7s\" # environment REALMBEAT__AUTH__GRACE",
        "max_sessions = 10000 # default",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
    }
    assert!(!text.contains(TOKEN_SECRET), "{text}");
    assert!(text.contains("token_secret = "), "{text}");
}

#[test]
fn the_file_in_the_working_directory_is_found_without_being_named() {
    let setup = ServerSetup::new();
    let home = setup.data_dir();
    std::fs::create_dir(home.join("config")).unwrap();
    std::fs::write(home.join("config/server.toml"), "[world]\ntick_rate = 25\n").unwrap();
    let output = bare().current_dir(home).arg("--print-config").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = "tick_rate = 25 # config/server.toml:2:13";
    assert!(text.lines().any(|shown| shown == line), "{text}");

    // And without it there are the defaults.
    std::fs::remove_dir_all(home.join("config")).unwrap();
    let output = bare().current_dir(home).arg("--print-config").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("tick_rate = 10 # default"), "{text}");
}

#[test]
fn a_signal_reads_the_file_again_applies_what_is_live_and_names_what_is_not() {
    let setup = ServerSetup::new();
    let server = setup.start();
    let write = |text: &str| std::fs::write(setup.configuration(), text).unwrap();
    let reload = |expected: &str| {
        server.signal(rustix::process::Signal::HUP);
        server.log.wait_for(expected);
    };
    let register =
        protocol::v1::Register { account: "zoe".into(), password: "correct horse".into() };
    let refusal =
        |request| tests::client::Client::greet(server.address).refusal(request, &register);

    write("[auth]\nnew_accounts = false\n[world]\ntick_rate = 20\n");
    reload("world.tick_rate: 10 -> 20 needs a restart");
    let log = server.log.text();
    assert!(log.contains("configuration: auth.new_accounts: true -> false"), "{log}");
    assert_eq!(refusal(1), protocol::v1::Refusal::NotAllowed);

    write("[auth]\nnew_accounts = perhaps\n");
    // The second line of what is logged; the first may be there before it.
    reload("test.toml:2:16");
    let log = server.log.text();
    assert!(log.contains("the configuration stays as it is:"), "{log}");
    assert_eq!(refusal(2), protocol::v1::Refusal::NotAllowed);

    write("");
    reload("configuration: auth.new_accounts: false -> true");
    let _: protocol::v1::LoggedIn = tests::client::Client::greet(server.address).ask(3, &register);
}
