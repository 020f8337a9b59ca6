//! What the log says of logins.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use protocol::v1::{Login, Resume, TokenLogin};
use serde_json::Value;

use super::rig::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `run` logs, as JSON.
fn logged(run: impl FnOnce()) -> Vec<Value> {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(log, run);
    let bytes = lines.0.lock().unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_login_entry_and_refusal_is_in_the_log_with_account_character_and_address() {
    let lines = logged(|| {
        let mut rig = Rig::new();
        let mira = rig.character("anna", "Mira");
        rig.log_in(ONE, "anna");
        rig.enter(ONE, mira);
        rig.greet(TWO, HERE);
        let (account, password) = ("bert".to_owned(), "very secret guess".to_owned());
        rig.send(TWO, 1, &Login { account, password });
        rig.settle();
        rig.send(TWO, 2, &Login { account: "no name!".into(), password: "long enough".into() });
        rig.send(TWO, 3, &TokenLogin { token: "expired:secret".into() });
        rig.settle();
        rig.send(TWO, 4, &Resume { token: vec![7; 16] });
    });
    let told = |message: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| line["message"] == message);
        let parts = ["account", "character", "address", "how", "why"];
        let told = lines.map(|line| parts.map(|part| line[part].as_str().unwrap_or("-")));
        told.map(|parts| parts.join(" | ")).collect()
    };
    assert_eq!(told("logged in"), [format!("anna | - | {ELSEWHERE} | login token | -")]);
    assert_eq!(told("enters the world"), [format!("anna | Mira | {ELSEWHERE} | - | -")]);
    let refused = told("login refused");
    let begins = [
        format!("bert | - | {HERE} | password | the account name or the password is wrong"),
        format!("- | - | {HERE} | password | the account name or the password is wrong"),
        format!("- | - | {HERE} | login token | the login token expired"),
        format!("- | - | {HERE} | session token | the session token isn't valid here"),
    ];
    assert_eq!(refused.len(), begins.len(), "{refused:?}");
    for (line, begin) in refused.iter().zip(begins) {
        assert!(line.starts_with(&begin), "{line}");
    }
    assert!(!format!("{lines:?}").contains("secret"), "{lines:?}");
}
