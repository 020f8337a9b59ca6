//! The swarm program tells by its exit code whether the run kept what was asked of it.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::process::{Command, Output};

/// Runs against an address where nobody listens.
fn bots(flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_realmbeat-bots"))
        .args([
            "--server",
            "127.0.0.1:9",
            "--bots",
            "1",
            "--ramp",
            "0",
            "--for",
            "100ms",
            "--quiet",
        ])
        .args(flags)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_that_keeps_its_assertions_ends_with_0_and_writes_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/report.json");
    let output = bots(&[
        "--password",
        "--report",
        path.to_str().unwrap(),
        "--assert",
        "errors>0,logged_in=0",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = std::fs::read_to_string(path).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["counts"]["logged_in"], 0);
}

#[test]
fn a_run_in_which_nobody_gets_in_ends_with_1_and_says_where_to_look() {
    let output = bots(&["--password"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("Does a server listen on 127.0.0.1:9?"), "{text}");
}

#[test]
fn each_breach_is_told_and_ends_with_99() {
    let output = bots(&["--password", "--assert", "errors=0,logged_in=100%,findings=0"]);
    assert_eq!(output.status.code(), Some(99));
    let text = stderr(&output);
    assert!(
        text.contains("errors=0") && text.contains("logged_in=100% doesn't hold: 0 of 1"),
        "{text}"
    );
    assert!(!text.contains("findings"), "{text}");
}

#[test]
fn a_secret_in_quotes_and_one_in_the_servers_variable_are_told() {
    let run = |variable: &str, secret: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_realmbeat-bots"));
        command.env_remove("REALMBEAT_TOKEN_SECRET").env_remove("REALMBEAT__AUTH__TOKEN_SECRET");
        command.args(["--server", "127.0.0.1:9", "--bots", "1", "--for", "100ms", "--quiet"]);
        command.env(variable, secret).output().unwrap()
    };
    let secret = "hush hush hush hush hush hush hush";
    let output = run("REALMBEAT__AUTH__TOKEN_SECRET", secret);
    assert_eq!(output.status.code(), Some(64));
    let text = stderr(&output);
    assert!(text.contains("the bots read REALMBEAT_TOKEN_SECRET"), "{text}");
    let output = run("REALMBEAT_TOKEN_SECRET", &format!("\"{secret}\""));
    assert_eq!(output.status.code(), Some(64));
    let text = stderr(&output);
    assert!(text.contains("quotes") && !text.contains("hush"), "{text}");
    let output = run("REALMBEAT_TOKEN_SECRET", &format!("{secret}\r\n"));
    assert_eq!(output.status.code(), Some(1), "nobody listens, but it got so far");
}

#[test]
fn what_cant_be_understood_ends_with_64_and_says_what_would_be() {
    for (flags, hint) in [
        (&["--assert", "erors=0"][..], "no figure"),
        (&["--oracle", "5"], "no share"),
        (&["--scenario", "dance"], "wander"),
        (&[], "--token-secret-file"),
    ] {
        let output = bots(flags);
        assert_eq!(output.status.code(), Some(64), "{flags:?}");
        assert!(stderr(&output).contains(hint), "{flags:?}: {}", stderr(&output));
    }
}
