//! The swarm program tells by its exit code whether the run kept what was asked of it.

#![allow(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

use protocol::encode_server_frame;
use protocol::v1::Welcome;

/// Runs one bot against an address where nobody listens.
fn bots(flags: &[&str]) -> Output {
    bots_at("127.0.0.1:9", "100ms", flags)
}

fn bots_at(server: &str, time: &str, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_realmbeat-bots"))
        .args(["--server", server, "--bots", "1", "--ramp", "0", "--for", time, "--quiet"])
        .args(flags)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_in_which_nobody_gets_in_ends_with_1_whatever_it_asserts_and_says_where_to_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/report.json");
    let report = ["--report", path.to_str().unwrap()];
    for assertions in [
        &[][..],
        &["--assert", "errors>0,logged_in=0"],
        &["--assert", "oracle.findings=0"],
        &["--assert", "goodbyes=0,refusals=0,disconnects=0,errors.lost=0"],
        &["--scenario", "connect", "--assert", "lost=0"],
    ] {
        let output = bots(&[&["--password"], &report[..], assertions].concat());
        assert_eq!(output.status.code(), Some(1), "{assertions:?}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("Does a server listen on 127.0.0.1:9?"), "{text}");
    }
    let report = std::fs::read_to_string(path).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["counts"]["logged_in"], 0, "the report is written all the same");
}

/// Greets everybody and then closes.
fn greeter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut frame = Vec::new();
            encode_server_frame(
                &mut frame,
                0,
                &Welcome { protocol_version: 1, ..Welcome::default() },
            );
            // The bot may be gone.
            let _ = stream.write_all(&frame);
        }
    });
    address
}

#[test]
fn a_run_that_keeps_its_assertions_ends_with_0_and_each_breach_is_told_and_ends_with_99() {
    let server = greeter().to_string();
    // Time enough for one greeting, however busy the machine is.
    let run =
        |assertions| bots_at(&server, "2s", &["--scenario", "connect", "--assert", assertions]);
    let kept = run("connected=100%,connect.count>0,logged_in=0");
    assert_eq!(kept.status.code(), Some(0), "{}", stderr(&kept));
    let broken = run("connected=0,logged_in=100%,goodbyes=0,findings=0");
    assert_eq!(broken.status.code(), Some(99));
    let text = stderr(&broken);
    for breach in ["connected=0", "logged_in=100% doesn't hold: 0 of 1", "compared nothing"] {
        assert!(text.contains(breach), "{breach}: {text}");
    }
    assert!(!text.contains("goodbyes"), "{text}");
}

#[test]
fn a_report_that_cant_be_written_is_told_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    // A folder can't be written over, not even by root.
    let report = ["--password", "--report", folder.path().to_str().unwrap()];
    let output = bots_at("127.0.0.1:9", "1h", &report);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("can't write the report"), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "nothing was run");
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
        (&["--assert", "errors.lots=0"], "no such name"),
        (&["--assert", ""], "empty"),
        (&["--oracle", "5"], "no share"),
        (&["--scenario", "dance"], "wander"),
        (&[], "--token-secret-file"),
    ] {
        let output = bots(flags);
        assert_eq!(output.status.code(), Some(64), "{flags:?}");
        assert!(stderr(&output).contains(hint), "{flags:?}: {}", stderr(&output));
    }
}
